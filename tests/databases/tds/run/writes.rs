//! INSERT, UPDATE, DELETE and TRUNCATE.

use std::collections::HashSet;
use std::sync::Arc;

use super::super::sql::ast::{Body as QueryBody, Expr, Name, Query, Source, Statement};
use super::super::store::day;
use super::super::store::kind::{Kind, Type};
use super::super::store::table::{Column, Database, Row, Table};
use super::super::store::value::{Key, Value};
use super::Failure;
use super::bind::{Binder, Context, Scope};
use super::convert::convert;
use super::eval::{Bound, Env};
use super::plan::plan;
use super::source::of_table;
use super::world::World;

/// What a statement that writes needs besides its database.
pub(crate) struct Write<'a> {
    pub(crate) world: &'a World,
    pub(crate) next_version: &'a mut dyn FnMut() -> u64,
    /// `set identity_insert` is on for the table.
    pub(crate) own_identity: bool,
    pub(crate) last_identity: Option<i64>,
}

/// Runs the statement; answers how many rows it changed.
pub(crate) fn write(
    database: &mut Database,
    statement: &Statement,
    with: &mut Write<'_>,
) -> Result<u64, Failure> {
    match statement {
        Statement::Insert { into, columns, rows } => {
            insert(database, into, columns, rows.as_ref(), with)
        }
        Statement::Update { what, set, from, filter } => {
            let name = target(what, from)?;
            update(database, &name, set, filter.as_ref(), with)
        }
        Statement::Delete { what, from, filter } => {
            let name = target(what, from)?;
            delete(database, &name, filter.as_ref(), with.world)
        }
        Statement::Truncate(name) => {
            let table = table_mut(database, name)?;
            table.rows = Arc::default();
            table.next_identity =
                table.columns.iter().find_map(|c| c.identity).map(|(first, _)| first);
            Ok(0)
        }
        _ => Err(Failure::unsupported("such a statement")),
    }
}

/// The table that a statement writes to.
pub(crate) fn target(what: &Name, from: &[Source]) -> Result<Name, Failure> {
    match from {
        [] => Ok(what.clone()),
        [Source::Table(name, alias, _)] => {
            let is_alias =
                alias.as_ref().zip(what.last()).is_some_and(|(a, b)| a.eq_ignore_ascii_case(b));
            Ok(if is_alias { name.clone() } else { what.clone() })
        }
        _ => Err(Failure::unsupported("joins in update and delete")),
    }
}

fn table_mut<'d>(database: &'d mut Database, name: &Name) -> Result<&'d mut Table, Failure> {
    let key = database.key(name);
    let found = database.tables.get_mut(&key).ok_or_else(|| Failure::no_object(name))?;
    Ok(Arc::make_mut(found))
}

fn insert(
    database: &mut Database,
    into: &Name,
    names: &[String],
    rows: Option<&Query>,
    with: &mut Write<'_>,
) -> Result<u64, Failure> {
    let table = table_mut(database, into)?;
    let places = places(table, names, with.own_identity)?;
    let (values, types) = new_rows(rows, &places, with.world)?;
    if values.iter().any(|row| row.len() != places.len()) {
        return Err(Failure::new(
            213,
            "Column name or number of supplied values does not match table definition.",
        ));
    }
    let computed = computed(table, with.world)?;
    let mut added = Vec::with_capacity(values.len());
    for row in &values {
        added.push(fill(table, &places, row, &types, &computed, with)?);
    }
    let count = added.len();
    let rows = Arc::make_mut(&mut table.rows);
    rows.extend(added);
    unique(table)?;
    u64::try_from(count).map_err(|_| Failure::overflow("bigint"))
}

/// Which columns are given values.
fn places(table: &Table, names: &[String], own_identity: bool) -> Result<Vec<usize>, Failure> {
    if names.is_empty() {
        let given = |column: &Column| {
            let automatic = column.computed.is_some()
                || column.of.kind == Kind::RowVersion
                || column.generated > 0
                || [1, 2].contains(&column.graph)
                || column.column_set;
            !automatic && (column.identity.is_none() || own_identity)
        };
        return Ok((0..table.columns.len()).filter(|at| given(&table.columns[*at])).collect());
    }
    let mut found = Vec::new();
    for name in names {
        let at = table.column(name).ok_or_else(|| Failure::no_column(name))?;
        let column = &table.columns[at];
        if column.identity.is_some() && !own_identity {
            let text = format!(
                "Cannot insert explicit value for identity column in table '{}' when IDENTITY_INSERT is set to OFF.",
                table.name
            );
            return Err(Failure::new(544, &text));
        }
        if column.of.kind == Kind::RowVersion {
            return Err(Failure::new(
                273,
                "Cannot insert an explicit value into a timestamp column.",
            ));
        }
        if column.computed.is_some() {
            return Err(Failure::new(
                271,
                &format!(
                    "The column \"{name}\" cannot be modified because it is either a computed column or is the result of a UNION operator."
                ),
            ));
        }
        found.push(at);
    }
    Ok(found)
}

type NewRows = (Vec<Vec<Option<Value>>>, Vec<Vec<Type>>);

/// The values of an INSERT, `None` where the default is asked for, and their types.
fn new_rows(rows: Option<&Query>, places: &[usize], world: &World) -> Result<NewRows, Failure> {
    let Some(query) = rows else {
        return Ok((vec![vec![None; places.len()]], vec![Vec::new()]));
    };
    let context = Context { world, with: Vec::new(), outer: None, depth: 0 };
    if let QueryBody::Values(rows) = &query.body {
        // Each value is converted on its own: a list may mix types that have no common one.
        let scope = Scope { columns: Vec::new(), outer: None };
        let binder = Binder::new(&context, &scope);
        let env = Env { row: &[], outer: None, world };
        let (mut values, mut types) = (Vec::new(), Vec::new());
        for row in rows {
            let (mut cells, mut kinds) = (Vec::new(), Vec::new());
            for expr in row {
                if *expr == Expr::Column(vec!["default".to_owned()]) {
                    cells.push(None);
                    kinds.push(Type::of(Kind::Int));
                } else {
                    let bound = binder.bind(expr)?;
                    cells.push(Some(bound.eval(&env)?));
                    kinds.push(bound.of);
                }
            }
            values.push(cells);
            types.push(kinds);
        }
        return Ok((values, types));
    }
    let found = plan(query, &context)?;
    let types: Vec<Type> = found.heads.iter().map(|head| head.of).collect();
    let rows = found.run(world, None)?;
    let values = rows.iter().map(|row| row.iter().cloned().map(Some).collect()).collect();
    Ok((values, vec![types]))
}

fn fill(
    table: &mut Table,
    places: &[usize],
    given: &[Option<Value>],
    types: &[Vec<Type>],
    computed: &[(usize, Bound)],
    with: &mut Write<'_>,
) -> Result<Row, Failure> {
    let mut row = vec![Value::Null; table.columns.len()];
    let context = Context { world: with.world, with: Vec::new(), outer: None, depth: 0 };
    let scope = Scope { columns: Vec::new(), outer: None };
    let binder = Binder::new(&context, &scope);
    // One list of types for all rows of a query; the types of a list of values are found again.
    for (at, cell) in row.iter_mut().enumerate() {
        let place = places.iter().position(|place| *place == at);
        let value = place.and_then(|place| given.get(place).cloned().flatten().map(|v| (place, v)));
        *cell = match (value, &table.columns[at]) {
            (Some((place, value)), column) => {
                let of =
                    types.first().filter(|_| types.len() == 1).and_then(|t| t.get(place)).copied();
                let from = of.unwrap_or_else(|| type_of(&value, &column.of));
                let value = assign(&value, &from, column, table)?;
                if let Some((first, step)) = column.identity {
                    let own = value.int().unwrap_or(first);
                    table.next_identity = table.next_identity.map(|next| next.max(own + step));
                }
                value
            }
            (None, column) => match (column.identity, &column.default) {
                (Some((first, step)), _) => {
                    let next = table.next_identity.unwrap_or(first);
                    table.next_identity = Some(next + step);
                    with.last_identity = Some(next);
                    Value::Int(next)
                }
                (None, _) if column.of.kind == Kind::RowVersion => {
                    Value::bytes((with.next_version)().to_be_bytes())
                }
                (None, _) if column.generated >= 7 => Value::Int(i64::from(column.generated)),
                (None, _) if column.graph == 1 => Value::Int(table.next_node),
                (None, _) if column.graph == 2 => Value::text(&node_id(table)),
                (None, _) if column.generated == 2 => Value::Stamp(day::LAST, day::DAY - 1),
                (None, _) if column.generated == 1 => Value::Stamp(day::EPOCH_1970 + 20_000, 0),
                (None, Some(expr))
                    if place.is_none() || given.get(place.unwrap_or(0)) == Some(&None) =>
                {
                    let bound = binder.bind(expr)?;
                    let value = bound.eval(&Env { row: &[], outer: None, world: with.world })?;
                    assign(&value, &bound.of, column, table)?
                }
                _ => Value::Null,
            },
        };
    }
    table.next_node += 1;
    finish(table, row, computed, with.world)
}

/// What stands in `$node_id` and `$edge_id`.
fn node_id(table: &Table) -> String {
    let what = if table.has("node") { "node" } else { "edge" };
    let (schema, name, id) = (&table.schema, &table.name, table.next_node);
    format!("{{\"type\":\"{what}\",\"schema\":\"{schema}\",\"table\":\"{name}\",\"id\":{id}}}")
}

/// The type of a value that was written in a list.
fn type_of(value: &Value, column: &Type) -> Type {
    let kind = match value {
        Value::Int(_) => Kind::BigInt,
        Value::Real(_) => Kind::Real,
        Value::Float(_) => Kind::Float,
        Value::Money(_) => Kind::Money,
        Value::Decimal(digits, scale) => {
            let count = digits.unsigned_abs().checked_ilog10().map_or(1, |log| log + 1);
            Kind::Decimal(u8::try_from(count).unwrap_or(38).max(*scale).max(1), *scale)
        }
        Value::Date(_) => Kind::Date,
        Value::Time(_) => Kind::Time(7),
        Value::Stamp(..) if matches!(column.kind, Kind::Variant) => Kind::DateTime,
        Value::Stamp(..) => Kind::DateTime2(7),
        Value::Offset(..) => Kind::DateTimeOffset(7),
        Value::Text(_) => Kind::NVarChar(None),
        Value::Bytes(_) => Kind::VarBinary(None),
        Value::Guid(_) => Kind::Guid,
        Value::Null | Value::Variant(_) => column.kind,
    };
    Type { kind, ..*column }
}

/// A value as a column keeps it; what is too long is refused.
fn assign(value: &Value, from: &Type, column: &Column, table: &Table) -> Result<Value, Failure> {
    let kind = column.of.kind;
    let length = match value {
        Value::Text(units) if kind.is_ansi() => column.of.collation.page().encode(units).len(),
        Value::Text(units) => units.iter().rposition(|unit| *unit != 32).map_or(0, |at| at + 1),
        Value::Bytes(bytes) => bytes.len(),
        _ => 0,
    };
    if (kind.is_text() || kind.is_bytes())
        && kind.units().is_some_and(|most| length > usize::from(most))
    {
        let text = format!(
            "String or binary data would be truncated in table '{}', column '{}'. Truncated value: ''.",
            table.name, column.name
        );
        return Err(Failure::new(2628, &text));
    }
    convert(value, from, &column.of, 0)
}

/// Computed columns, and what may not be NULL.
fn finish(
    table: &Table,
    mut row: Vec<Value>,
    computed: &[(usize, Bound)],
    world: &World,
) -> Result<Row, Failure> {
    for (at, bound) in computed {
        let value = bound.eval(&Env { row: &row, outer: None, world })?;
        row[*at] = value;
    }
    if let Some(at) = table.columns.iter().position(|column| column.column_set) {
        let sparse =
            row.iter().zip(&table.columns).filter(|(value, c)| c.sparse && !value.is_null());
        let set: String = sparse
            .map(|(value, c)| {
                let text = super::convert::display(value, c.of.kind, 121);
                let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
                format!("<{0}>{text}</{0}>", c.name)
            })
            .collect();
        row[at] = if set.is_empty() { Value::Null } else { Value::text(&set) };
    }
    for (value, column) in row.iter().zip(&table.columns) {
        if value.is_null() && !column.of.nullable && column.computed.is_none() {
            let text = format!(
                "Cannot insert the value NULL into column '{}', table '{}'; column does not allow nulls. INSERT fails.",
                column.name, table.name
            );
            return Err(Failure::new(515, &text));
        }
    }
    Ok(row.into())
}

/// The expressions of computed columns.
fn computed(table: &Table, world: &World) -> Result<Vec<(usize, Bound)>, Failure> {
    let context = Context { world, with: Vec::new(), outer: None, depth: 0 };
    let scope = Scope { columns: of_table(table, "", world), outer: None };
    let binder = Binder::new(&context, &scope);
    let mut found = Vec::new();
    for (at, column) in table.columns.iter().enumerate() {
        if let Some((expr, ..)) = &column.computed {
            found.push((at, binder.bind(expr)?));
        }
    }
    Ok(found)
}

/// Computes the computed columns of all rows again.
pub(crate) fn compute_all(table: &mut Table, world: &World) -> Result<(), Failure> {
    let computed = computed(table, world)?;
    if computed.is_empty() {
        return Ok(());
    }
    let rows = table.rows.iter().map(|row| finish(table, row.to_vec(), &computed, world));
    table.rows = Arc::new(rows.collect::<Result<_, _>>()?);
    Ok(())
}

/// Refuses rows that are there twice.
fn unique(table: &Table) -> Result<(), Failure> {
    for index in table.indexes.iter().filter(|index| index.of.unique && index.of.filter.is_none()) {
        let places: Vec<usize> =
            index.of.columns.iter().filter_map(|(name, _)| table.column(name)).collect();
        let mut seen: HashSet<Vec<Key>> = HashSet::with_capacity(table.rows.len());
        for row in table.rows.iter() {
            let key = places.iter().map(|at| row[*at].key(&table.columns[*at].of)).collect();
            if !seen.insert(key) {
                let (number, what) =
                    if index.of.constraint { (2627, "constraint") } else { (2601, "index") };
                let text = format!(
                    "Violation of unique {what} '{}'. Cannot insert duplicate key in object '{}.{}'.",
                    index.name, table.schema, table.name
                );
                return Err(Failure::new(number, &text));
            }
        }
    }
    Ok(())
}

fn update(
    database: &mut Database,
    name: &Name,
    set: &[(String, Expr)],
    filter: Option<&Expr>,
    with: &mut Write<'_>,
) -> Result<u64, Failure> {
    let table = table_mut(database, name)?;
    let world = with.world;
    let context = Context { world, with: Vec::new(), outer: None, depth: 0 };
    let scope = Scope { columns: of_table(table, &table.name, world), outer: None };
    let binder = Binder::new(&context, &scope);
    let filter = filter.map(|expr| binder.bind(expr)).transpose()?;
    let mut changes = Vec::new();
    for (column, expr) in set {
        let at = table.column(column).ok_or_else(|| Failure::no_column(column))?;
        changes.push((at, binder.bind(expr)?));
    }
    let computed = computed(table, world)?;
    let version = table.columns.iter().position(|column| column.of.kind == Kind::RowVersion);
    let mut rows = Vec::with_capacity(table.rows.len());
    let mut count = 0;
    for row in table.rows.iter() {
        let env = Env { row, outer: None, world };
        let meant = filter.as_ref().map_or(Ok(true), |filter| Ok(filter.eval(&env)?.holds()))?;
        if !meant {
            rows.push(Row::clone(row));
            continue;
        }
        let mut new = row.to_vec();
        for (at, bound) in &changes {
            new[*at] = assign(&bound.eval(&env)?, &bound.of, &table.columns[*at], table)?;
        }
        if let Some(at) = version {
            new[at] = Value::bytes((with.next_version)().to_be_bytes());
        }
        rows.push(finish(table, new, &computed, world)?);
        count += 1;
    }
    table.rows = Arc::new(rows);
    unique(table)?;
    Ok(count)
}

fn delete(
    database: &mut Database,
    name: &Name,
    filter: Option<&Expr>,
    world: &World,
) -> Result<u64, Failure> {
    let table = table_mut(database, name)?;
    let context = Context { world, with: Vec::new(), outer: None, depth: 0 };
    let scope = Scope { columns: of_table(table, &table.name, world), outer: None };
    let filter = filter.map(|expr| Binder::new(&context, &scope).bind(expr)).transpose()?;
    let mut rows = Vec::new();
    for row in table.rows.iter() {
        let env = Env { row, outer: None, world };
        let gone = filter.as_ref().map_or(Ok(true), |filter| Ok(filter.eval(&env)?.holds()))?;
        if !gone {
            rows.push(Row::clone(row));
        }
    }
    let count = u64::try_from(table.rows.len() - rows.len()).unwrap_or(0);
    table.rows = Arc::new(rows);
    Ok(count)
}
