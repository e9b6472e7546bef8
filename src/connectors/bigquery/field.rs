//! Columns as BigQuery has them, to and from the JSON of its API.

use std::fmt;

use serde_json::{Map, Value, json};

/// A column of a table, or a field of a record.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Column {
    /// Its name; case does not tell two of them apart.
    pub name: String,
    /// Its type.
    pub kind: Kind,
    /// Whether it takes NULL, or several values.
    pub mode: Mode,
    /// What people say of it.
    pub description: Option<String>,
    /// Whatever else the server says of it, to be given back as it is: a default, policy tags.
    pub rest: Map<String, Value>,
}

/// Whether a column takes NULL, or several values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// One value or NULL.
    Nullable,
    /// One value.
    Required,
    /// Any number of values, of which none is NULL.
    Repeated,
}

/// A type of BigQuery.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    /// Text, of so many characters at most.
    String(Option<u64>),
    /// Bytes, so many at most.
    Bytes(Option<u64>),
    Int64,
    Float64,
    /// 29 digits before and 9 behind the point, or those of [`Digits`].
    Numeric(Option<Digits>),
    /// 38 digits before and 38 behind the point, or those of [`Digits`].
    BigNumeric(Option<Digits>),
    Bool,
    Date,
    Time,
    DateTime,
    Timestamp,
    Json,
    Geography,
    Record(Vec<Column>),
    /// A type that dhow does not write, by its name.
    Other(String),
}

/// How many digits a decimal may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Digits {
    /// Before the point.
    pub integer: u8,
    /// Behind it.
    pub fraction: u8,
}

/// The most digits of a NUMERIC without parameters.
pub(super) const NUMERIC: Digits = Digits { integer: 29, fraction: 9 };
/// The most digits of a BIGNUMERIC without parameters.
pub(super) const BIGNUMERIC: Digits = Digits { integer: 38, fraction: 38 };

impl Digits {
    /// Whether every number of `other` is one of these.
    pub(super) fn hold(self, other: Digits) -> bool {
        self.integer >= other.integer && self.fraction >= other.fraction
    }
}

/// What a column says beside `rest`.
const KNOWN: [&str; 8] =
    ["name", "type", "mode", "fields", "description", "maxLength", "precision", "scale"];

impl Column {
    /// A column of a new table.
    pub(super) fn new(name: impl Into<String>, kind: Kind, mode: Mode) -> Self {
        Column { name: name.into(), kind, mode, description: None, rest: Map::new() }
    }

    /// Whether it is called `name`.
    pub(super) fn is(&self, name: &str) -> bool {
        same_name(&self.name, name)
    }

    /// The columns in `schema`, the schema of a table as the server shows it.
    pub(super) fn all(schema: &Value) -> Vec<Column> {
        let fields = schema["fields"].as_array().map(Vec::as_slice).unwrap_or_default();
        fields.iter().map(Column::of_json).collect()
    }

    fn of_json(field: &Value) -> Column {
        let text = |key: &str| field[key].as_str().unwrap_or_default().to_owned();
        let rest = field.as_object().cloned().unwrap_or_default();
        let rest = rest.into_iter().filter(|(key, _)| !KNOWN.contains(&key.as_str())).collect();
        Column {
            name: text("name"),
            kind: Kind::of_json(field),
            mode: match text("mode").as_str() {
                "REQUIRED" => Mode::Required,
                "REPEATED" => Mode::Repeated,
                _ => Mode::Nullable,
            },
            description: field["description"].as_str().map(str::to_owned),
            rest,
        }
    }

    /// The column as the API takes it.
    pub(super) fn json(&self) -> Value {
        let mut field = json!({ "name": self.name, "type": self.kind.name() });
        match self.mode {
            Mode::Nullable => field["mode"] = "NULLABLE".into(),
            Mode::Required => field["mode"] = "REQUIRED".into(),
            Mode::Repeated => field["mode"] = "REPEATED".into(),
        }
        match &self.kind {
            Kind::String(Some(length)) | Kind::Bytes(Some(length)) => {
                field["maxLength"] = length.to_string().into();
            }
            Kind::Numeric(Some(digits)) | Kind::BigNumeric(Some(digits)) => {
                field["precision"] = (digits.integer + digits.fraction).to_string().into();
                field["scale"] = digits.fraction.to_string().into();
            }
            Kind::Record(fields) => {
                field["fields"] = fields.iter().map(Column::json).collect();
            }
            _ => {}
        }
        if let Some(description) = &self.description {
            field["description"] = description.as_str().into();
        }
        for (key, value) in &self.rest {
            field[key] = value.clone();
        }
        field
    }

    /// The column that a user asks for, such as `GEOGRAPHY` or `NUMERIC(12, 2)`.
    pub(super) fn of_option(name: &str, text: &str) -> Option<Column> {
        Some(Column::new(name, Kind::of_text(text)?, Mode::Nullable))
    }

    /// How many columns it is, those in it as well: a table has 10,000 at most.
    pub(super) fn count(&self) -> usize {
        match &self.kind {
            Kind::Record(fields) => 1 + fields.iter().map(Column::count).sum::<usize>(),
            _ => 1,
        }
    }

    /// Whether the server fills it where a row does not say anything.
    pub(super) fn has_default(&self) -> bool {
        self.rest.contains_key("defaultValueExpression")
    }

    /// The column in words: `STRING(20) REQUIRED`.
    pub(super) fn shown(&self) -> String {
        match self.mode {
            Mode::Nullable => self.kind.to_string(),
            Mode::Required => format!("{} REQUIRED", self.kind),
            Mode::Repeated => format!("ARRAY<{}>", self.kind),
        }
    }
}

/// Names of columns are compared without case.
pub(super) fn same_name(one: &str, other: &str) -> bool {
    one == other || one.to_lowercase() == other.to_lowercase()
}

/// `columns` as the API takes the schema of a table.
pub(super) fn schema_json(columns: &[Column]) -> Value {
    json!({ "fields": columns.iter().map(Column::json).collect::<Vec<_>>() })
}

/// `columns` for people.
pub(super) fn shown(columns: &[Column]) -> String {
    let column = |column: &Column| format!("{} {}", column.name, column.shown());
    columns.iter().map(column).collect::<Vec<_>>().join(", ")
}

impl Kind {
    fn of_json(field: &Value) -> Kind {
        let number = |key: &str| field[key].as_str().and_then(|text| text.parse::<u64>().ok());
        let digits = || {
            let precision = u8::try_from(number("precision")?).ok()?;
            let fraction = u8::try_from(number("scale").unwrap_or(0)).ok()?;
            Some(Digits { integer: precision.checked_sub(fraction)?, fraction })
        };
        match field["type"].as_str().unwrap_or_default() {
            "STRING" => Kind::String(number("maxLength")),
            "BYTES" => Kind::Bytes(number("maxLength")),
            "INTEGER" | "INT64" => Kind::Int64,
            "FLOAT" | "FLOAT64" => Kind::Float64,
            "NUMERIC" => Kind::Numeric(digits()),
            "BIGNUMERIC" => Kind::BigNumeric(digits()),
            "BOOLEAN" | "BOOL" => Kind::Bool,
            "DATE" => Kind::Date,
            "TIME" => Kind::Time,
            "DATETIME" => Kind::DateTime,
            "TIMESTAMP" => Kind::Timestamp,
            "JSON" => Kind::Json,
            "GEOGRAPHY" => Kind::Geography,
            "RECORD" | "STRUCT" => Kind::Record(Column::all(field)),
            other => Kind::Other(other.to_owned()),
        }
    }

    fn of_text(text: &str) -> Option<Kind> {
        let text = text.trim().to_ascii_uppercase();
        let (name, numbers) = match text.split_once('(') {
            Some((name, rest)) => (name.trim(), rest.strip_suffix(')')?),
            None => (text.as_str(), ""),
        };
        let numbers: Result<Vec<u64>, _> =
            numbers.split(',').filter(|part| !part.is_empty()).map(|n| n.trim().parse()).collect();
        let numbers = numbers.ok()?;
        let kind = match name {
            "STRING" | "BYTES" if numbers.len() > 1 || numbers.contains(&0) => return None,
            "STRING" => Kind::String(numbers.first().copied()),
            "BYTES" => Kind::Bytes(numbers.first().copied()),
            "NUMERIC" | "DECIMAL" => Kind::Numeric(parameters(&numbers, NUMERIC)?),
            "BIGNUMERIC" | "BIGDECIMAL" => Kind::BigNumeric(parameters(&numbers, BIGNUMERIC)?),
            _ if !numbers.is_empty() => return None,
            "INT64" | "INTEGER" => Kind::Int64,
            "FLOAT64" | "FLOAT" => Kind::Float64,
            "BOOL" | "BOOLEAN" => Kind::Bool,
            "DATE" => Kind::Date,
            "TIME" => Kind::Time,
            "DATETIME" => Kind::DateTime,
            "TIMESTAMP" => Kind::Timestamp,
            "JSON" => Kind::Json,
            "GEOGRAPHY" => Kind::Geography,
            _ => return None,
        };
        Some(kind)
    }

    /// The name in the API.
    pub(super) fn name(&self) -> &str {
        match self {
            Kind::String(_) => "STRING",
            Kind::Bytes(_) => "BYTES",
            Kind::Int64 => "INTEGER",
            Kind::Float64 => "FLOAT",
            Kind::Numeric(_) => "NUMERIC",
            Kind::BigNumeric(_) => "BIGNUMERIC",
            Kind::Bool => "BOOLEAN",
            Kind::Date => "DATE",
            Kind::Time => "TIME",
            Kind::DateTime => "DATETIME",
            Kind::Timestamp => "TIMESTAMP",
            Kind::Json => "JSON",
            Kind::Geography => "GEOGRAPHY",
            Kind::Record(_) => "RECORD",
            Kind::Other(name) => name,
        }
    }
}

/// The digits in `numbers`, precision and scale, if a type of `most` digits takes them; `None`
/// inside where there are no numbers.
fn parameters(numbers: &[u64], most: Digits) -> Option<Option<Digits>> {
    let (precision, scale) = match numbers {
        [] => return Some(None),
        [precision] => (*precision, 0),
        [precision, scale] => (*precision, *scale),
        _ => return None,
    };
    let fraction = u8::try_from(scale).ok()?;
    let integer = u8::try_from(precision.checked_sub(scale)?).ok()?;
    let digits = Digits { integer, fraction };
    (integer >= 1 && most.hold(digits)).then_some(Some(digits))
}

/// The type as it is written in SQL.
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kind::String(Some(length)) => write!(f, "STRING({length})"),
            Kind::Bytes(Some(length)) => write!(f, "BYTES({length})"),
            Kind::Numeric(Some(digits)) | Kind::BigNumeric(Some(digits)) => {
                let precision = digits.integer + digits.fraction;
                write!(f, "{}({precision}, {})", self.name(), digits.fraction)
            }
            Kind::Record(fields) => write!(f, "STRUCT<{}>", shown(fields)),
            Kind::Int64 => f.write_str("INT64"),
            Kind::Float64 => f.write_str("FLOAT64"),
            Kind::Bool => f.write_str("BOOL"),
            other => f.write_str(other.name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_comes_back_as_it_was() {
        let schema = json!({ "fields": [
            { "name": "a", "type": "STRING", "mode": "REQUIRED", "maxLength": "20" },
            { "name": "b", "type": "NUMERIC", "mode": "NULLABLE", "precision": "12", "scale": "2" },
            { "name": "c", "type": "RECORD", "mode": "REPEATED", "fields": [
                { "name": "d", "type": "INTEGER", "mode": "NULLABLE", "description": "what d is" },
            ] },
            { "name": "e", "type": "RANGE", "mode": "NULLABLE",
              "rangeElementType": { "type": "DATE" }, "defaultValueExpression": "NULL" },
        ] });
        let columns = Column::all(&schema);
        assert_eq!(schema_json(&columns), schema);
        assert_eq!(
            shown(&columns),
            "a STRING(20) REQUIRED, b NUMERIC(12, 2), c ARRAY<STRUCT<d INT64>>, e RANGE"
        );
        assert_eq!(columns.iter().map(Column::count).sum::<usize>(), 5);
        assert!(columns[3].has_default() && !columns[0].has_default());
    }

    #[test]
    fn a_type_is_written_as_in_sql() {
        let read = |text| Column::of_option("x", text).map(|column| column.shown());
        for text in ["STRING", "STRING(20)", "NUMERIC(12, 2)", "JSON", "GEOGRAPHY", "BIGNUMERIC"] {
            assert_eq!(read(text).as_deref(), Some(text));
        }
        assert_eq!(read(" geography ").as_deref(), Some("GEOGRAPHY"));
        for text in ["VARCHAR", "STRING(0)", "NUMERIC(40, 2)", "NUMERIC(2, 3)", "DATE(1)", "JSON)"]
        {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
