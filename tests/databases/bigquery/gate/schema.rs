//! Columns of a table, and the rules that BigQuery has for them.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::answer::{Outcome, Refusal};

/// Most columns that a table can have, nested ones counted.
pub(crate) const COLUMNS: usize = 10_000;

/// The type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    String,
    Bytes,
    Int64,
    Float64,
    Numeric,
    BigNumeric,
    Bool,
    Date,
    Time,
    DateTime,
    Timestamp,
    Json,
    Geography,
    Interval,
    Record,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Nullable,
    Required,
    Repeated,
}

/// A column, or a field of one.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) kind: Type,
    pub(crate) mode: Mode,
    pub(crate) fields: Vec<Field>,
    /// All digits and those behind the point, where the type says how many.
    pub(crate) digits: Option<(u32, u32)>,
    pub(crate) max_length: Option<usize>,
    /// Description, rounding mode and whatever else is only kept.
    pub(crate) rest: Map<String, Value>,
}

impl Type {
    /// By either of its names.
    pub(crate) fn of(name: &str) -> Option<Type> {
        Some(match name.to_uppercase().as_str() {
            "STRING" => Type::String,
            "BYTES" => Type::Bytes,
            "INTEGER" | "INT64" | "INT" | "BIGINT" | "SMALLINT" => Type::Int64,
            "FLOAT" | "FLOAT64" => Type::Float64,
            "NUMERIC" | "DECIMAL" => Type::Numeric,
            "BIGNUMERIC" | "BIGDECIMAL" => Type::BigNumeric,
            "BOOLEAN" | "BOOL" => Type::Bool,
            "DATE" => Type::Date,
            "TIME" => Type::Time,
            "DATETIME" => Type::DateTime,
            "TIMESTAMP" => Type::Timestamp,
            "JSON" => Type::Json,
            "GEOGRAPHY" => Type::Geography,
            "INTERVAL" => Type::Interval,
            "RECORD" | "STRUCT" => Type::Record,
            _ => return None,
        })
    }

    /// As the API writes it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Type::String => "STRING",
            Type::Bytes => "BYTES",
            Type::Int64 => "INTEGER",
            Type::Float64 => "FLOAT",
            Type::Numeric => "NUMERIC",
            Type::BigNumeric => "BIGNUMERIC",
            Type::Bool => "BOOLEAN",
            Type::Date => "DATE",
            Type::Time => "TIME",
            Type::DateTime => "DATETIME",
            Type::Timestamp => "TIMESTAMP",
            Type::Json => "JSON",
            Type::Geography => "GEOGRAPHY",
            Type::Interval => "INTERVAL",
            Type::Record => "RECORD",
        }
    }
}

impl Field {
    pub(crate) fn new(name: &str, kind: Type) -> Self {
        let (name, rest) = (name.to_owned(), Map::new());
        Field {
            name,
            kind,
            mode: Mode::Nullable,
            fields: Vec::new(),
            digits: None,
            max_length: None,
            rest,
        }
    }

    /// From what a client sends; the rules of names and types are checked.
    fn of(value: &Value) -> Outcome<Self> {
        let text = |key: &str| value[key].as_str().unwrap_or("");
        let name = text("name").to_owned();
        check_name(&name)?;
        let Some(kind) = Type::of(text("type")) else {
            return Err(Refusal::invalid(format!(
                "Field {name}: the type {} is unknown to the gate",
                value["type"]
            )));
        };
        let mode = match text("mode").to_uppercase().as_str() {
            "REQUIRED" => Mode::Required,
            "REPEATED" => Mode::Repeated,
            _ => Mode::Nullable,
        };
        let fields = match &value["fields"] {
            Value::Array(fields) if kind == Type::Record => list(fields)?,
            Value::Array(fields) if !fields.is_empty() => {
                return Err(Refusal::invalid(format!(
                    "Field {name} is type {} but has a schema",
                    kind.name()
                )));
            }
            _ => Vec::new(),
        };
        if kind == Type::Record && fields.is_empty() {
            return Err(Refusal::invalid(format!("Field {name} is type RECORD but has no schema")));
        }
        let mut rest = value.as_object().cloned().unwrap_or_default();
        rest.retain(|key, value| {
            !["name", "type", "mode", "fields"].contains(&key.as_str()) && !value.is_null()
        });
        for key in ["precision", "scale", "maxLength"] {
            if let Some(number) =
                rest.get(key).filter(|value| value.is_number()).map(Value::to_string)
            {
                rest.insert(key.to_owned(), number.into());
            }
        }
        let (digits, max_length) = (digits(&name, kind, value)?, number(value, "maxLength"));
        Ok(Field {
            name,
            kind,
            mode,
            fields,
            digits,
            max_length: max_length.map(|n| n as usize),
            rest,
        })
    }

    pub(crate) fn json(&self) -> Value {
        let mode = match self.mode {
            Mode::Nullable => "NULLABLE",
            Mode::Required => "REQUIRED",
            Mode::Repeated => "REPEATED",
        };
        let mut json = json!({ "name": self.name, "type": self.kind.name(), "mode": mode });
        if !self.fields.is_empty() {
            json["fields"] = self.fields.iter().map(Field::json).collect();
        }
        for (key, value) in &self.rest {
            json[key] = value.clone();
        }
        json
    }

    pub(crate) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// Whether this column can take what was made for `other`: the same type, all the way down.
    fn is_same_type(&self, other: &Field) -> bool {
        self.kind == other.kind
            && (self.mode == Mode::Repeated) == (other.mode == Mode::Repeated)
            && self.digits == other.digits
            && self.max_length == other.max_length
            && self.fields.len() == other.fields.len()
            && self
                .fields
                .iter()
                .zip(&other.fields)
                .all(|(a, b)| a.is(&b.name) && a.is_same_type(b))
    }
}

fn number(value: &Value, key: &str) -> Option<u32> {
    value[key].as_str().map_or_else(|| value[key].to_string(), str::to_owned).parse().ok()
}

fn digits(name: &str, kind: Type, value: &Value) -> Outcome<Option<(u32, u32)>> {
    let Some(precision) = number(value, "precision") else {
        return match number(value, "scale") {
            Some(scale) if scale > 0 => {
                Err(Refusal::invalid(format!("Field {name}: scale without precision")))
            }
            _ => Ok(None),
        };
    };
    let scale = number(value, "scale").unwrap_or(0);
    let (integer, fraction) = match kind {
        Type::Numeric => (29, 9),
        Type::BigNumeric => (38, 38),
        _ => {
            return Err(Refusal::invalid(format!(
                "Field {name}: {} has no precision",
                kind.name()
            )));
        }
    };
    let fits = precision >= scale.max(1) && scale <= fraction && precision - scale <= integer;
    if !fits {
        let kind = kind.name();
        return Err(Refusal::invalid(format!(
            "Field {name}: {kind}({precision}, {scale}) is out of range"
        )));
    }
    Ok(Some((precision, scale)))
}

/// The fields of `schema.fields`.
pub(crate) fn fields(schema: &Value) -> Outcome<Vec<Field>> {
    let Value::Array(fields) = &schema["fields"] else { return Ok(Vec::new()) };
    let fields = list(fields)?;
    let count = count(&fields);
    if count > COLUMNS {
        return Err(Refusal::invalid(format!(
            "Too many columns: {count}, at most {COLUMNS} are allowed"
        )));
    }
    Ok(fields)
}

fn list(fields: &[Value]) -> Outcome<Vec<Field>> {
    let fields: Vec<Field> = fields.iter().map(Field::of).collect::<Outcome<_>>()?;
    let mut names = BTreeSet::new();
    for field in &fields {
        if !names.insert(field.name.to_lowercase()) {
            return Err(Refusal::invalid(format!(
                "Duplicate field name {}: names differ in more than case",
                field.name
            )));
        }
    }
    Ok(fields)
}

fn count(fields: &[Field]) -> usize {
    fields.iter().map(|field| 1 + count(&field.fields)).sum()
}

fn check_name(name: &str) -> Outcome<()> {
    let upper = name.to_uppercase();
    let reserved =
        ["_TABLE_", "_FILE_", "_PARTITION", "_ROW_TIMESTAMP", "__ROOT__", "_COLIDENTIFIER"];
    let is_word = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let is_fit = is_word
        && !name.is_empty()
        && name.len() <= 300
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && !reserved.iter().any(|prefix| upper.starts_with(prefix));
    match is_fit {
        true => Ok(()),
        false => Err(Refusal::invalid(format!(
            "Invalid field name \"{name}\". Fields must contain only letters, numbers, and underscores, start with a letter or underscore, and be at most 300 characters long."
        ))),
    }
}

/// What may become of the columns of a table when rows with `new` ones are appended.
pub(crate) fn merged(
    table: &str,
    old: &[Field],
    new: &[Field],
    options: &[&str],
) -> Outcome<Vec<Field>> {
    let mismatch = |what: String| {
        Refusal::invalid(format!("Provided Schema does not match Table {table}. {what}"))
    };
    let mut merged = Vec::new();
    for field in old {
        let Some(given) = new.iter().find(|given| given.is(&field.name)) else {
            return Err(mismatch(format!("Field {} is missing in new schema", field.name)));
        };
        if !field.is_same_type(given) {
            let (from, to) = (field.kind.name(), given.kind.name());
            return Err(mismatch(format!(
                "Field {} has changed type from {from} to {to}",
                field.name
            )));
        }
        let mut kept = field.clone();
        match (field.mode, given.mode) {
            (Mode::Required, Mode::Nullable) if options.contains(&"ALLOW_FIELD_RELAXATION") => {
                kept.mode = Mode::Nullable;
            }
            (Mode::Required, Mode::Nullable) | (Mode::Nullable, Mode::Required) => {
                let (from, to) = (field.json()["mode"].clone(), given.json()["mode"].clone());
                return Err(mismatch(format!(
                    "Field {} has changed mode from {from} to {to}",
                    field.name
                )));
            }
            _ => {}
        }
        merged.push(kept);
    }
    for field in new.iter().filter(|new| !old.iter().any(|old| old.is(&new.name))) {
        if !options.contains(&"ALLOW_FIELD_ADDITION") {
            return Err(mismatch(format!("Cannot add fields (field: {})", field.name)));
        }
        if field.mode == Mode::Required {
            return Err(mismatch(format!(
                "Cannot add required fields to an existing schema (field: {})",
                field.name
            )));
        }
        merged.push(field.clone());
    }
    Ok(merged)
}

/// Whether the rows of a table with columns `from` can be copied behind those of one with `to`.
pub(crate) fn can_follow(table: &str, to: &[Field], from: &[Field]) -> Outcome<()> {
    let mismatch = |what: String| {
        Refusal::invalid(format!("Provided Schema does not match Table {table}. {what}"))
    };
    for field in to {
        let Some(given) = from.iter().find(|given| given.is(&field.name)) else {
            return Err(mismatch(format!("Field {} is missing in new schema", field.name)));
        };
        if !field.is_same_type(given) {
            let (from, to) = (field.kind.name(), given.kind.name());
            return Err(mismatch(format!(
                "Field {} has changed type from {from} to {to}",
                field.name
            )));
        }
        if field.mode == Mode::Required && given.mode != Mode::Required {
            return Err(mismatch(format!(
                "Field {} has changed mode from REQUIRED to NULLABLE",
                field.name
            )));
        }
    }
    match from.iter().find(|from| !to.iter().any(|to| to.is(&from.name))) {
        Some(more) => Err(mismatch(format!("Cannot add fields (field: {})", more.name))),
        None => Ok(()),
    }
}

/// Whether a table of these columns can be partitioned and clustered so.
pub(crate) fn check_layout(
    fields: &[Field],
    partitioning: &Value,
    clustering: &Value,
) -> Outcome<()> {
    if let Some(name) = partitioning["field"].as_str() {
        let field = fields.iter().find(|field| field.is(name) && field.mode != Mode::Repeated);
        let is_hourly = partitioning["type"] == "HOUR";
        let fits = field.is_some_and(|field| match field.kind {
            Type::Date => !is_hourly,
            Type::Timestamp | Type::DateTime => true,
            _ => false,
        });
        if !fits {
            return Err(Refusal::invalid(format!(
                "The field specified for partitioning cannot be found in the schema or has a type that cannot be partitioned: {name}"
            )));
        }
    }
    if let Some(names) = clustering["fields"].as_array() {
        if names.is_empty() || names.len() > 4 {
            return Err(Refusal::invalid("Clustering needs one to four fields"));
        }
        for name in names.iter().filter_map(Value::as_str) {
            let field = fields.iter().find(|field| field.is(name) && field.mode != Mode::Repeated);
            let fits = field.is_some_and(|field| {
                !matches!(
                    field.kind,
                    Type::Float64
                        | Type::Bytes
                        | Type::Record
                        | Type::Json
                        | Type::Time
                        | Type::Interval
                )
            });
            if !fits {
                return Err(Refusal::invalid(format!(
                    "The field specified for clustering cannot be found in the schema or has a type that cannot be clustered: {name}"
                )));
            }
        }
    }
    Ok(())
}

/// Labels: lower case, digits, `_` and `-`, at most 63 each; keys begin with a letter.
pub(crate) fn check_labels(labels: &Value) -> Outcome<()> {
    let Value::Object(labels) = labels else { return Ok(()) };
    let is_word = |text: &str| {
        let is_part = |c: char| c.is_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
        text.chars().count() <= 63 && text.chars().all(is_part)
    };
    for (key, value) in labels {
        let value = value.as_str().unwrap_or("");
        if !is_word(key) || !key.starts_with(char::is_lowercase) || !is_word(value) {
            return Err(Refusal::invalid(format!(
                "Label \"{key}\": \"{value}\" has invalid characters or is too long"
            )));
        }
    }
    if labels.len() > 64 {
        return Err(Refusal::invalid("More than 64 labels"));
    }
    Ok(())
}
