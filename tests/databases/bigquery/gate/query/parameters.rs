//! Query parameters, named or by position.

use rusqlite::types::Value as Cell;
use serde_json::Value;

use super::super::answer::{Outcome, Refusal};
use super::super::schema::{Field, Type};
use super::super::{store, values};

/// A parameter in the form that SQLite is given.
#[derive(Debug, Clone)]
pub(crate) struct Parameter {
    pub(crate) name: String,
    pub(crate) field: Field,
    /// One cell, or those of an array.
    pub(crate) cells: Vec<Cell>,
    pub(crate) is_array: bool,
}

pub(crate) fn of(query: &Value) -> Outcome<Vec<Parameter>> {
    let given = query["queryParameters"].as_array().into_iter().flatten();
    let is_named =
        query["parameterMode"].as_str().is_some_and(|mode| mode.eq_ignore_ascii_case("named"));
    given.map(|parameter| one(parameter, is_named)).collect()
}

fn one(parameter: &Value, is_named: bool) -> Outcome<Parameter> {
    let name = parameter["name"].as_str().unwrap_or("").to_owned();
    if is_named == name.is_empty() {
        return Err(Refusal::invalid(
            "parameters are named, or none of them is: see parameterMode",
        ));
    }
    let kind = &parameter["parameterType"];
    let is_array = kind["type"] == "ARRAY";
    let item = if is_array { &kind["arrayType"]["type"] } else { &kind["type"] };
    let found = item.as_str().and_then(Type::of).filter(|kind| *kind != Type::Record);
    let found = found.ok_or_else(|| {
        Refusal::invalid(format!("the gate does not know parameters of type {kind}"))
    })?;
    let field = Field::new(&name, found);
    let value = &parameter["parameterValue"];
    let cells = match is_array {
        false => vec![cell(&field, value)?],
        true => value["arrayValues"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|item| cell(&field, item))
            .collect::<Outcome<_>>()?,
    };
    Ok(Parameter { name, field, cells, is_array })
}

/// The text of a value, in its form.
fn cell(field: &Field, value: &Value) -> Outcome<Cell> {
    let given = &value["value"];
    if given.is_null() {
        return Ok(Cell::Null);
    }
    let parsed = match field.kind {
        Type::Json => given.as_str().and_then(|text| serde_json::from_str(text).ok()),
        _ => values::scalar(field, given),
    };
    let parsed = parsed.ok_or_else(|| {
        let kind = field.kind.name();
        Refusal::invalid(format!(
            "Invalid value for the parameter `{}` of type {kind}: {given}",
            field.name
        ))
    })?;
    Ok(store::cell(field, parsed))
}
