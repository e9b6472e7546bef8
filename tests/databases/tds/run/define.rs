//! Making, changing and dropping tables and the like.

use std::sync::Arc;

use super::super::sql::ast::{Alter, ColumnText, IndexText, Name, Query, Statement};
use super::super::store::collation::Collation;
use super::super::store::kind::{Kind, Type};
use super::super::store::table::{Body, Column, Database, Index, Table};
use super::super::store::value::Value;
use super::Failure;
use super::bind::{Binder, Context, Scope};
use super::eval::Env;
use super::plan::plan;
use super::source::of_table;
use super::world::World;

/// Does what a statement defines to a database; `id` is the number of a new object.
pub(crate) fn define(
    database: &mut Database,
    statement: &Statement,
    world: &World,
    id: i32,
) -> Result<(), Failure> {
    match statement {
        Statement::CreateTable { name, columns, indexes, options } => {
            let made = table(database, name, columns, indexes, options, world, id)?;
            add(database, made)
        }
        Statement::CreateView { name, columns, query, text, options } => {
            let made = view(database, name, columns, query, text, options, world, id)?;
            database.tables.remove(&database.key(name));
            add(database, made)
        }
        Statement::CreateSynonym(name, target) => {
            let body = Body::Synonym(target.clone());
            let made = bare(name, body, id);
            add(database, made)
        }
        Statement::CreateIndex(name, index) => edit(database, name, |table| {
            add_index(table, index);
            Ok(())
        }),
        Statement::AlterTable(name, change) => alter(database, name, change, world),
        Statement::Drop { what, names, if_exists } => drop_all(database, what, names, *if_exists),
        _ => Err(Failure::unsupported("such a definition")),
    }
}

fn add(database: &mut Database, table: Table) -> Result<(), Failure> {
    let key = (database.fold(&table.schema), database.fold(&table.name));
    if database.schema_id(&table.schema) == 0 {
        let text = format!(
            "The specified schema name \"{}\" either does not exist or you do not have permission to use it.",
            table.schema
        );
        return Err(Failure::new(2760, &text));
    }
    if database.tables.contains_key(&key) {
        let text = format!("There is already an object named '{}' in the database.", table.name);
        return Err(Failure::new(2714, &text));
    }
    database.tables.insert(key, Arc::new(table));
    Ok(())
}

/// Changes a table in place.
fn edit(
    database: &mut Database,
    name: &Name,
    change: impl FnOnce(&mut Table) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let key = database.key(name);
    let table = database.tables.get_mut(&key).ok_or_else(|| Failure::no_object(name))?;
    change(Arc::make_mut(table))
}

fn bare(name: &Name, body: Body, id: i32) -> Table {
    let schema = match name.as_slice() {
        [.., schema, _] if !schema.is_empty() => schema.clone(),
        _ => "dbo".to_owned(),
    };
    Table {
        id,
        schema,
        name: name.last().cloned().unwrap_or_default(),
        body,
        columns: Vec::new(),
        indexes: Vec::new(),
        rows: Arc::default(),
        next_identity: None,
        next_node: 0,
        options: Vec::new(),
        denied: Vec::new(),
    }
}

fn table(
    database: &Database,
    name: &Name,
    columns: &[ColumnText],
    indexes: &[IndexText],
    options: &[String],
    world: &World,
    id: i32,
) -> Result<Table, Failure> {
    let mut made = bare(name, Body::Table, id);
    options.clone_into(&mut made.options);
    graph_columns(&mut made, database);
    let primary: Vec<&String> = indexes
        .iter()
        .filter(|i| i.primary)
        .flat_map(|i| i.columns.iter().map(|(name, _)| name))
        .collect();
    for text in columns {
        let mut column =
            column(database, text, i32::try_from(made.columns.len()).unwrap_or(0) + 1)?;
        let is_key = primary.iter().any(|key| key.eq_ignore_ascii_case(&text.name));
        column.of.nullable &= !is_key;
        if made.column(&text.name).is_some() {
            let told = format!(
                "Column names in each table must be unique. Column name '{}' is specified more than once.",
                text.name
            );
            return Err(Failure::new(2705, &told));
        }
        made.next_identity = made.next_identity.or(text.identity.map(|(first, _)| first));
        made.columns.push(column);
    }
    type_computed(&mut made, world)?;
    for index in indexes {
        add_index(&mut made, index);
    }
    Ok(made)
}

fn column(database: &Database, text: &ColumnText, id: i32) -> Result<Column, Failure> {
    let kind = text.kind.unwrap_or(Kind::Int);
    let collation = match &text.collation {
        None => database.collation,
        Some(name) => Collation::named(name)
            .ok_or_else(|| Failure::new(448, &format!("Invalid collation '{name}'.")))?,
    };
    let automatic = text.identity.is_some() || kind == Kind::RowVersion || text.generated > 0;
    let nullable = text.nullable.unwrap_or(!automatic);
    Ok(Column {
        id,
        name: text.name.clone(),
        of: Type { kind, collation, nullable },
        identity: text.identity,
        default: text.default.clone(),
        computed: text
            .computed
            .clone()
            .map(|expr| (expr, text.computed_text.clone(), text.persisted)),
        sparse: text.sparse,
        hidden: text.hidden,
        generated: text.generated,
        mask: text.mask.clone(),
        encrypted: text.encrypted,
        column_set: text.column_set,
        file_stream: text.file_stream,
        graph: 0,
    })
}

/// The columns that the server adds to a node or an edge of a graph, before all others.
fn graph_columns(made: &mut Table, database: &Database) {
    let digits = format!("{:08X}{:024X}", made.id, 0xD0);
    let text = Kind::NVarChar(Some(1000));
    let added: &[(&str, Kind, u8)] = if made.has("node") {
        &[("graph_id", Kind::BigInt, 1), ("$node_id", text, 2)]
    } else if made.has("edge") {
        &[
            ("graph_id", Kind::BigInt, 1),
            ("$edge_id", text, 2),
            ("from_obj_id", Kind::Int, 1),
            ("from_id", Kind::BigInt, 1),
            ("$from_id", text, 5),
            ("to_obj_id", Kind::Int, 1),
            ("to_id", Kind::BigInt, 1),
            ("$to_id", text, 8),
        ]
    } else {
        &[]
    };
    if !added.is_empty() {
        let columns = vec![(format!("graph_id_{digits}"), false)];
        let name = Some(format!("GRAPH_UNIQUE_INDEX_{digits}"));
        add_index(made, &IndexText { name, columns, unique: true, ..IndexText::default() });
    }
    for (name, kind, graph) in added {
        let of = Type { collation: database.collation, ..Type::of(*kind) };
        let id = i32::try_from(made.columns.len()).unwrap_or(0) + 1;
        made.columns.push(Column {
            id,
            name: format!("{name}_{digits}"),
            of,
            identity: None,
            default: None,
            computed: None,
            sparse: false,
            hidden: *graph == 1,
            generated: 0,
            mask: None,
            encrypted: false,
            column_set: false,
            file_stream: false,
            graph: *graph,
        });
    }
}

/// Finds the types of computed columns.
fn type_computed(table: &mut Table, world: &World) -> Result<(), Failure> {
    let context = Context { world, with: Vec::new(), outer: None, depth: 0 };
    let owner = World { is_owner: true, ..world.clone() };
    let scope = Scope { columns: of_table(table, "", &owner), outer: None };
    let binder = Binder::new(&context, &scope);
    let mut found = Vec::new();
    for (at, column) in table.columns.iter().enumerate() {
        if let Some((expr, ..)) = &column.computed {
            found.push((at, binder.bind(expr)?.of, column.of.nullable));
        }
    }
    for (at, of, nullable) in found {
        table.columns[at].of = Type { nullable, ..of };
    }
    Ok(())
}

fn add_index(table: &mut Table, text: &IndexText) {
    let clustered =
        text.clustered.unwrap_or(text.primary) && !table.indexes.iter().any(|index| index.id == 1);
    let last = table.indexes.iter().map(|index| index.id).max().unwrap_or(1).max(1);
    let id = if clustered { 1 } else { last + 1 };
    let prefix = if text.primary { "PK" } else { "UQ" };
    let name = text.name.clone().unwrap_or_else(|| format!("{prefix}__{}__{id}", table.name));
    table.indexes.push(Index { id, name, of: text.clone() });
    table.indexes.sort_by_key(|index| index.id);
}

#[allow(clippy::too_many_arguments)]
fn view(
    database: &Database,
    name: &Name,
    names: &[String],
    query: &Query,
    text: &str,
    options: &[String],
    world: &World,
    id: i32,
) -> Result<Table, Failure> {
    let body = Body::View(query.clone(), text.to_owned(), options.to_vec());
    let mut made = bare(name, body, id);
    let context = Context { world, with: Vec::new(), outer: None, depth: 0 };
    for (at, head) in plan(query, &context)?.heads.iter().enumerate() {
        let told = ColumnText {
            name: names.get(at).unwrap_or(&head.name).clone(),
            kind: Some(head.of.kind),
            nullable: Some(head.of.nullable),
            ..ColumnText::default()
        };
        let mut column = column(database, &told, i32::try_from(at).unwrap_or(0) + 1)?;
        column.of.collation = head.of.collation;
        made.columns.push(column);
    }
    Ok(made)
}

fn alter(
    database: &mut Database,
    name: &Name,
    change: &Alter,
    world: &World,
) -> Result<(), Failure> {
    let fresh = |database: &Database, text: &ColumnText, id: i32| column(database, text, id);
    match change {
        Alter::Add(texts) => {
            for text in texts {
                let last = database.table(name)?.columns.iter().map(|c| c.id).max().unwrap_or(0);
                let made = fresh(database, text, last + 1)?;
                let empty = World { is_owner: true, ..world.clone() };
                let value = match (&text.default, made.of.nullable) {
                    (Some(expr), _) => {
                        let context =
                            Context { world: &empty, with: Vec::new(), outer: None, depth: 0 };
                        let scope = Scope { columns: Vec::new(), outer: None };
                        let bound = Binder::new(&context, &scope).bind(expr)?;
                        let value = bound.eval(&Env { row: &[], outer: None, world })?;
                        super::convert::convert(&value, &bound.of, &made.of, 0)?
                    }
                    _ => Value::Null,
                };
                edit(database, name, |table| {
                    let wide = |row: &super::super::store::table::Row| {
                        row.iter().cloned().chain([value.clone()]).collect()
                    };
                    table.rows = Arc::new(table.rows.iter().map(wide).collect());
                    table.columns.push(made);
                    type_computed(table, world)?;
                    super::writes::compute_all(table, world)
                })?;
            }
            Ok(())
        }
        Alter::AddIndex(index) => edit(database, name, |table| {
            for (key, _) in index.columns.iter().filter(|_| index.primary) {
                if let Some(at) = table.column(key) {
                    table.columns[at].of.nullable = false;
                }
            }
            add_index(table, index);
            Ok(())
        }),
        Alter::DropColumn(names) => edit(database, name, |table| {
            for gone in names {
                let at = table.column(gone).ok_or_else(|| Failure::no_column(gone))?;
                table.columns.remove(at);
                let narrow = |row: &super::super::store::table::Row| {
                    row.iter()
                        .enumerate()
                        .filter(|(n, _)| *n != at)
                        .map(|(_, value)| value.clone())
                        .collect()
                };
                table.rows = Arc::new(table.rows.iter().map(narrow).collect());
            }
            Ok(())
        }),
        Alter::Retype(text) => {
            let made = fresh(database, text, 0)?;
            edit(database, name, |table| retype(table, &text.name, made.of))
        }
        Alter::DropConstraint(gone) => edit(database, name, |table| {
            table.indexes.retain(|index| !index.name.eq_ignore_ascii_case(gone));
            Ok(())
        }),
    }
}

fn retype(table: &mut Table, name: &str, of: Type) -> Result<(), Failure> {
    let at = table.column(name).ok_or_else(|| Failure::no_column(name))?;
    let from = table.columns[at].of;
    let mut rows = Vec::with_capacity(table.rows.len());
    for row in table.rows.iter() {
        let mut row = row.to_vec();
        row[at] = super::convert::convert(&row[at], &from, &of, 0)?;
        rows.push(row.into());
    }
    table.rows = Arc::new(rows);
    table.columns[at].of = of;
    Ok(())
}

fn drop_all(
    database: &mut Database,
    what: &str,
    names: &[Name],
    if_exists: bool,
) -> Result<(), Failure> {
    if what == "index" {
        let [index, table] = names else { return Err(Failure::syntax("drop index")) };
        let gone = index.last().cloned().unwrap_or_default();
        return edit(database, table, |table| {
            table.indexes.retain(|index| !index.name.eq_ignore_ascii_case(&gone));
            Ok(())
        });
    }
    for name in names {
        if what == "policy" {
            let gone = name.last().cloned().unwrap_or_default();
            database.policies.retain(|(own, _)| !own.eq_ignore_ascii_case(&gone));
            continue;
        }
        let key = database.key(name);
        if database.tables.remove(&key).is_none() && !if_exists {
            let text = format!(
                "Cannot drop the {what} '{}', because it does not exist or you do not have permission.",
                name.join(".")
            );
            return Err(Failure::new(3701, &text));
        }
    }
    Ok(())
}
