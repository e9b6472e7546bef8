//! The type names that a person writes for the columns of a file, and what they are in Arrow.

use arrow::datatypes::{DataType, TimeUnit};

use crate::error::{Error, Result};

/// The names that [`parse_type`] knows, for messages and for the manual.
pub const TYPE_NAMES: &str = "boolean, smallint, integer, bigint, decimal(p,s), double, text, date, time, timestamp, timestamptz";

/// The type that `text` names, in any case: `bigint`, `decimal(12, 2)`, `timestamptz` and so on.
///
/// # Errors
/// [`crate::error::Kind::Config`] for a name that is not known and for a decimal that cannot be.
pub fn parse_type(text: &str) -> Result<DataType> {
    let name = text.trim().to_ascii_lowercase();
    Ok(match name.as_str() {
        "boolean" | "bool" => DataType::Boolean,
        "smallint" => DataType::Int16,
        "integer" | "int" => DataType::Int32,
        "bigint" => DataType::Int64,
        "double" | "float" => DataType::Float64,
        "text" => DataType::Utf8,
        "date" => DataType::Date32,
        "time" => DataType::Time64(TimeUnit::Microsecond),
        "timestamp" => DataType::Timestamp(TimeUnit::Microsecond, None),
        "timestamptz" => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        _ => match decimal_arguments(&name) {
            Some(arguments) => return decimal(text, arguments),
            None => return Err(unknown(text)),
        },
    })
}

/// The name under which [`parse_type`] knows `kind`; Arrow's own name for all other types.
pub fn type_name(kind: &DataType) -> String {
    match kind {
        DataType::Boolean => "boolean".to_owned(),
        DataType::Int16 => "smallint".to_owned(),
        DataType::Int32 => "integer".to_owned(),
        DataType::Int64 => "bigint".to_owned(),
        DataType::Float64 => "double".to_owned(),
        DataType::Utf8 => "text".to_owned(),
        DataType::Date32 => "date".to_owned(),
        DataType::Time64(TimeUnit::Microsecond) => "time".to_owned(),
        DataType::Timestamp(TimeUnit::Microsecond, None) => "timestamp".to_owned(),
        DataType::Timestamp(TimeUnit::Microsecond, Some(zone)) if &**zone == "UTC" => {
            "timestamptz".to_owned()
        }
        DataType::Decimal128(precision, scale) => format!("decimal({precision},{scale})"),
        other => other.to_string(),
    }
}

/// What stands between the parentheses of a decimal or numeric.
fn decimal_arguments(name: &str) -> Option<&str> {
    let rest = name.strip_prefix("decimal").or_else(|| name.strip_prefix("numeric"))?;
    rest.trim_start().strip_prefix('(')?.strip_suffix(')')
}

fn decimal(text: &str, arguments: &str) -> Result<DataType> {
    let (precision, scale) = arguments.split_once(',').unwrap_or((arguments, "0"));
    let (Ok(precision), Ok(scale)) = (precision.trim().parse::<u8>(), scale.trim().parse::<i8>())
    else {
        return Err(unknown(text));
    };
    let in_range = (1..=38).contains(&precision) && scale >= 0 && scale.unsigned_abs() <= precision;
    if in_range {
        return Ok(DataType::Decimal128(precision, scale));
    }
    Err(Error::config(format!("`{text}` is no decimal"))
        .hint("a decimal has 1 to 38 digits, and not more of them after the point than altogether"))
}

fn unknown(text: &str) -> Error {
    Error::config(format!("there is no type `{text}`")).hint(format!("known here: {TYPE_NAMES}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_name_is_read_in_any_case_and_written_back() {
        for (written, name) in [
            ("BOOL", "boolean"),
            ("smallint", "smallint"),
            ("int", "integer"),
            ("Bigint", "bigint"),
            ("float", "double"),
            ("text", "text"),
            ("date", "date"),
            ("time", "time"),
            ("timestamp", "timestamp"),
            ("timestamptz", "timestamptz"),
            ("decimal(12, 2)", "decimal(12,2)"),
            ("NUMERIC (5)", "decimal(5,0)"),
        ] {
            assert_eq!(type_name(&parse_type(written).unwrap()), name);
        }
    }

    #[test]
    fn a_type_that_cannot_be_is_refused() {
        for (text, message) in [
            ("varchar", "there is no type `varchar`"),
            ("decimal", "there is no type `decimal`"),
            ("decimal(a,2)", "there is no type `decimal(a,2)`"),
            ("decimal(39,2)", "`decimal(39,2)` is no decimal"),
            ("decimal(2,3)", "`decimal(2,3)` is no decimal"),
            ("decimal(2,-1)", "`decimal(2,-1)` is no decimal"),
            ("decimal(5,-128)", "`decimal(5,-128)` is no decimal"),
        ] {
            assert_eq!(parse_type(text).unwrap_err().message(), message);
        }
    }
}
