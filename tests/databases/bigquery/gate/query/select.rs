//! SELECT and ASSERT.

use rusqlite::types::Value as Cell;
use sqlparser::ast::{Expr, Ident, Query, Select, SelectItem, SetExpr};

use super::super::answer::{Outcome, Refusal};
use super::super::results::Results;
use super::super::schema::{Field, Type};
use super::super::store;
use super::super::world::World;
use super::Setting;
use super::infer::Known;
use super::translate::{Translator, last_name};

/// What SQLite answered: the names of the columns, and cells.
pub(crate) struct Found {
    pub(crate) names: Vec<String>,
    pub(crate) rows: Vec<Vec<Cell>>,
}

pub(crate) fn run(world: &World, setting: &Setting, mut query: Query) -> Outcome<Results> {
    let mut translator = Translator::new(world, setting, &query)?;
    let heads = heads(&translator, &mut query);
    translator.translate(&mut query)?;
    let found = execute(world, &query.to_string(), &translator.cells)?;
    let fields: Vec<Field> =
        (0..found.names.len()).map(|at| field(&translator, &found, heads.as_deref(), at)).collect();
    let mut names: Vec<String> = fields.iter().map(|field| field.name.to_lowercase()).collect();
    names.sort();
    if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(Refusal::invalid_query(format!(
            "Duplicate column names in the result are not supported. Found duplicate(s): {}",
            pair[0]
        )));
    }
    let row = |cells: &Vec<Cell>| {
        fields.iter().zip(cells).map(|(field, cell)| store::value(field, cell.into())).collect()
    };
    let rows = found.rows.iter().map(row).collect();
    Ok(Results {
        rows,
        fields,
        changed: None,
        statement: "SELECT".to_owned(),
        bytes: translator.bytes(),
    })
}

pub(crate) fn assert(
    world: &World,
    setting: &Setting,
    mut condition: Expr,
    message: Option<Expr>,
) -> Outcome<Results> {
    let mut translator = Translator::new(world, setting, &condition)?;
    translator.translate(&mut condition)?;
    let found = execute(world, &format!("SELECT {condition}"), &translator.cells)?;
    match found.rows.first().and_then(|row| row.first()) {
        Some(Cell::Integer(truth)) if *truth != 0 => Ok(Results {
            statement: "ASSERT".to_owned(),
            bytes: translator.bytes(),
            ..Results::default()
        }),
        _ => {
            let said = message.map_or("Assertion failed".to_owned(), |message| message.to_string());
            Err(Refusal::invalid_query(said.trim_matches(['\'', '"'])))
        }
    }
}

/// Asks SQLite.
pub(crate) fn execute(world: &World, sql: &str, cells: &[Cell]) -> Outcome<Found> {
    let mut statement = world.store.0.prepare(sql).map_err(store::refusal)?;
    let names: Vec<String> = statement.column_names().into_iter().map(str::to_owned).collect();
    for at in 1..=statement.parameter_count() {
        let cell =
            cells.get(at - 1).ok_or_else(|| Refusal::invalid_query("Query parameter not found"))?;
        statement.raw_bind_parameter(at, cell).map_err(store::refusal)?;
    }
    let mut found = statement.raw_query();
    let mut rows = Vec::new();
    while let Some(row) = found.next().map_err(store::refusal)? {
        rows.push(
            (0..names.len())
                .map(|at| row.get(at))
                .collect::<rusqlite::Result<_>>()
                .map_err(store::refusal)?,
        );
    }
    Ok(Found { names, rows })
}

/// The types of the first SELECT's columns, unless there is a `*` among them. Columns without a
/// name get the one that BigQuery gives.
pub(crate) fn heads(translator: &Translator<'_>, query: &mut Query) -> Option<Vec<Option<Known>>> {
    let select = first(&mut query.body)?;
    let mut heads = Vec::new();
    for (at, item) in select.projection.iter_mut().enumerate() {
        let known = match item {
            SelectItem::UnnamedExpr(expr) => {
                let known = translator.scope.infer(expr);
                if last_name(expr).is_none() {
                    let alias = Ident::new(format!("f{at}_"));
                    *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias };
                }
                known
            }
            SelectItem::ExprWithAlias { expr, .. } => translator.scope.infer(expr),
            _ => return None,
        };
        heads.push(known);
    }
    Some(heads)
}

fn first(body: &mut SetExpr) -> Option<&mut Select> {
    match body {
        SetExpr::Select(select) => Some(select),
        SetExpr::SetOperation { left, .. } => first(left),
        SetExpr::Query(query) => first(&mut query.body),
        _ => None,
    }
}

fn field(
    translator: &Translator<'_>,
    found: &Found,
    heads: Option<&[Option<Known>]>,
    at: usize,
) -> Field {
    let name = &found.names[at];
    let known = match heads {
        Some(heads) => heads.get(at).cloned().flatten().map(|known| known.field),
        None => translator.scope.column(name).cloned(),
    };
    let kind = || {
        let cells = found.rows.iter().map(|row| &row[at]);
        match cells.into_iter().find(|cell| **cell != Cell::Null) {
            Some(Cell::Integer(_)) | None => Type::Int64,
            Some(Cell::Real(_)) => Type::Float64,
            Some(Cell::Blob(_)) => Type::Bytes,
            _ => Type::String,
        }
    };
    let mut field = known.unwrap_or_else(|| Field::new("", kind()));
    field.name.clone_from(name);
    if field.mode == super::super::schema::Mode::Required {
        field.mode = super::super::schema::Mode::Nullable;
    }
    field
}
