//! CREATE, ALTER, DROP and TRUNCATE of tables.

use serde_json::{Map, Value, json};
use sqlparser::ast::{
    AlterColumnOperation, AlterTable, AlterTableOperation, ColumnDef, ColumnOption, CreateTable,
    CreateTableOptions, DataType, ObjectName, Truncate, WrappedCollection,
};

use super::super::answer::{Outcome, Refusal};
use super::super::results::Results;
use super::super::schema::{self, Field, Mode, Type};
use super::super::values;
use super::super::world::World;
use super::Setting;
use super::dml::{changed, writable};
use super::infer::kind_of;
use super::select;
use super::translate::{named, resolve, unknown};

fn done(statement: &str) -> Results {
    Results { statement: statement.to_owned(), ..Results::default() }
}

pub(crate) fn create(
    world: &mut World,
    setting: &Setting,
    create: CreateTable,
) -> Outcome<Results> {
    let name = named(setting, &create.name)?;
    world.located(&name, &setting.location)?;
    world
        .permit("bigquery.tables.create", &format!("Dataset {}:{}", name.project, name.dataset))?;
    if world.tables.contains_key(&name) && !create.or_replace {
        return match create.if_not_exists {
            true => Ok(done("CREATE_TABLE")),
            false => Err(Refusal::duplicate(name.to_string())),
        };
    }
    if create.temporary
        || create.like.is_some()
        || create.clone.is_some()
        || !matches!(create.table_options, CreateTableOptions::None)
    {
        return Err(unknown("CREATE TABLE with TEMP, LIKE, CLONE or OPTIONS"));
    }
    let mut set = Map::new();
    if let Some(column) = &create.partition_by {
        set.insert(
            "timePartitioning".to_owned(),
            json!({ "type": "DAY", "field": column.to_string().trim_matches('`') }),
        );
    }
    if let Some(WrappedCollection::NoWrapping(columns) | WrappedCollection::Parentheses(columns)) =
        &create.cluster_by
    {
        let columns: Vec<String> =
            columns.iter().map(|column| column.to_string().trim_matches('`').to_owned()).collect();
        set.insert("clustering".to_owned(), json!({ "fields": columns }));
    }
    let (fields, rows) = match create.query {
        Some(query) => {
            let found = select::run(world, setting, *query)?;
            let row = |values: Vec<Value>| {
                found.fields.iter().map(|field| field.name.clone()).zip(values).collect()
            };
            (found.fields.clone(), found.rows.clone().into_iter().map(row).collect())
        }
        None => (checked(create.columns.iter().map(column).collect::<Outcome<_>>()?)?, Vec::new()),
    };
    let set = world.kept(&set, &fields)?;
    world.create(&name, fields, set)?;
    world.append(&name, rows)?;
    Ok(done("CREATE_TABLE"))
}

/// The rules of names, which the REST API checks too.
fn checked(fields: Vec<Field>) -> Outcome<Vec<Field>> {
    schema::fields(&json!({ "fields": fields.iter().map(Field::json).collect::<Vec<_>>() }))
}

fn column(column: &ColumnDef) -> Outcome<Field> {
    let mut field = typed(&column.name.value, &column.data_type)?;
    if column.options.iter().any(|option| option.option == ColumnOption::NotNull) {
        field.mode = Mode::Required;
    }
    Ok(field)
}

/// A column of a simple type.
fn typed(name: &str, data_type: &DataType) -> Outcome<Field> {
    let kind = kind_of(data_type).filter(|kind| *kind != Type::Record);
    let kind = kind.ok_or_else(|| unknown(&format!("columns of type {data_type} in DDL")))?;
    let text = data_type.to_string();
    let digits = text.split_once('(').map(|(_, digits)| digits.trim_end_matches(')'));
    let mut json = json!({ "name": name, "type": kind.name() });
    if let Some(digits) = digits.filter(|_| matches!(kind, Type::Numeric | Type::BigNumeric)) {
        let (precision, scale) = digits.split_once(',').unwrap_or((digits, "0"));
        (json["precision"], json["scale"]) = (precision.trim().into(), scale.trim().into());
    }
    let mut fields = schema::fields(&json!({ "fields": [json] }))?;
    Ok(fields.remove(0))
}

pub(crate) fn alter(world: &mut World, setting: &Setting, alter: &AlterTable) -> Outcome<Results> {
    let name = match resolve(world, setting, &alter.name) {
        Err(_) if alter.if_exists => return Ok(done("ALTER_TABLE")),
        name => name?,
    };
    world.permit("bigquery.tables.update", &name.to_string())?;
    for operation in &alter.operations {
        let mut fields = world.table(&name)?.fields.clone();
        match operation {
            AlterTableOperation::AddColumn { if_not_exists, column_def, .. } => {
                let new = column(column_def)?;
                if fields.iter().any(|field| field.is(&new.name)) {
                    if *if_not_exists {
                        continue;
                    }
                    return Err(Refusal::invalid_query(format!(
                        "Column already exists: {}",
                        new.name
                    )));
                }
                if new.mode == Mode::Required {
                    return Err(Refusal::invalid_query(format!(
                        "Cannot add required column {} to an existing table",
                        new.name
                    )));
                }
                fields.push(new);
                let fields = checked(fields)?;
                world.reshape(&name, fields)?;
            }
            AlterTableOperation::AlterColumn { column_name, op } => {
                let at = fields.iter().position(|field| field.is(&column_name.value));
                let at = at.ok_or_else(|| {
                    Refusal::invalid_query(format!("Column not found: {column_name}"))
                })?;
                fields[at] = altered(&fields[at], op)?;
                widen(world, &name, fields)?;
            }
            other => return Err(unknown(&format!("ALTER TABLE … {other}"))),
        }
    }
    Ok(done("ALTER_TABLE"))
}

fn altered(old: &Field, operation: &AlterColumnOperation) -> Outcome<Field> {
    match operation {
        AlterColumnOperation::DropNotNull => Ok(Field { mode: Mode::Nullable, ..old.clone() }),
        AlterColumnOperation::SetDataType { data_type, .. } => {
            let new = Field { mode: old.mode, ..typed(&old.name, data_type)? };
            let digits = |field: &Field| {
                field.digits.map_or((29, 9), |(precision, scale)| (precision - scale, scale))
            };
            let is_wider = match (old.kind, new.kind) {
                (Type::Int64, Type::Numeric | Type::BigNumeric | Type::Float64)
                | (Type::Numeric, Type::BigNumeric | Type::Float64)
                | (Type::BigNumeric, Type::Float64) => true,
                (a, b) if a == b => {
                    digits(&new).0 >= digits(old).0 && digits(&new).1 >= digits(old).1
                }
                _ => false,
            };
            match is_wider {
                true => Ok(new),
                false => Err(Refusal::invalid_query(format!(
                    "ALTER TABLE ALTER COLUMN SET DATA TYPE requires that the existing column type ({}) is assignable to the new type ({data_type})",
                    old.kind.name()
                ))),
            }
        }
        other => Err(unknown(&format!("ALTER COLUMN … {other}"))),
    }
}

/// Writes all rows again with columns of wider types.
fn widen(
    world: &mut World,
    name: &super::super::world::TableName,
    fields: Vec<Field>,
) -> Outcome<()> {
    let mut rows = world.rows_of(name)?;
    for row in &mut rows {
        for field in &fields {
            let value = values::column(field, row.get(&field.name), false)
                .map_err(Refusal::invalid_query)?;
            row.insert(field.name.clone(), value);
        }
    }
    let set = world.table(name)?.set.clone();
    world.create(name, fields, set)?;
    world.append(name, rows)
}

pub(crate) fn drop(
    world: &mut World,
    setting: &Setting,
    names: &[ObjectName],
    if_exists: bool,
) -> Outcome<Results> {
    for name in names {
        let name = named(setting, name)?;
        world.located(&name, &setting.location)?;
        world.permit("bigquery.tables.delete", &name.to_string())?;
        match world.remove(&name) {
            Err(_) if if_exists => {}
            removed => removed?,
        }
    }
    Ok(done("DROP_TABLE"))
}

pub(crate) fn truncate(
    world: &mut World,
    setting: &Setting,
    truncate: &Truncate,
) -> Outcome<Results> {
    let mut count = 0;
    for target in &truncate.table_names {
        let name = writable(world, setting, &target.name)?;
        let id = world.table(&name)?.id;
        count += world.store.count(id);
        world.store.clear(id)?;
        world.touch(&name)?;
    }
    Ok(changed("TRUNCATE_TABLE", (0, 0, count), 0))
}
