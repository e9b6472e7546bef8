//! Which Arrow type stands for a type that is declared in SQLite.

use arrow::datatypes::{DataType, TimeUnit};

/// What a user may write for a type.
pub(super) const KNOWN: &str = "known here: bigint, double, text, blob, boolean, date, timestamp, \
                                timestamptz, decimal(p, s)";

/// The type for the declared type `text`; `None` when it says nothing about the values, so that
/// these must be looked at. The names follow SQLite's rules of affinity, after those that every
/// other database gives a meaning of its own.
pub(super) fn of_declared(text: &str) -> Option<DataType> {
    let text = text.to_ascii_uppercase();
    let (name, arguments) = match text.split_once('(') {
        Some((name, rest)) => (name.trim(), rest.split_once(')').map(|(inside, _)| inside)),
        None => (text.trim(), None),
    };
    let holds = |words: &[&str]| words.iter().any(|word| name.contains(word));
    match name {
        "DATE" => Some(DataType::Date32),
        "DATETIME" | "TIMESTAMP" if text.contains("WITH TIME ZONE") => Some(timestamp(true)),
        "TIMESTAMPTZ" | "TIMESTAMP WITH TIME ZONE" => Some(timestamp(true)),
        "DATETIME" | "TIMESTAMP" | "TIMESTAMP WITHOUT TIME ZONE" => Some(timestamp(false)),
        "DECIMAL" | "NUMERIC" => arguments.and_then(decimal),
        _ if holds(&["BOOL"]) => Some(DataType::Boolean),
        _ if holds(&["INT"]) => Some(DataType::Int64),
        _ if holds(&["CHAR", "CLOB", "TEXT"]) => Some(DataType::Utf8),
        _ if holds(&["BLOB"]) => Some(DataType::Binary),
        _ if holds(&["REAL", "FLOA", "DOUB"]) => Some(DataType::Float64),
        _ => None,
    }
}

fn timestamp(zone: bool) -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, zone.then(|| "UTC".into()))
}

fn decimal(arguments: &str) -> Option<DataType> {
    let mut numbers = arguments.split(',').map(|n| n.trim().parse::<u8>());
    let precision = numbers.next()?.ok()?;
    let scale = numbers.next().unwrap_or(Ok(0)).ok()?;
    let fits = (1..=38).contains(&precision) && scale <= precision && numbers.next().is_none();
    fits.then_some(DataType::Decimal128(precision, i8::try_from(scale).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declared_types_follow_affinity_and_names_of_other_databases() {
        let cases = [
            ("integer", Some(DataType::Int64)),
            ("UNSIGNED BIG INT", Some(DataType::Int64)),
            ("varchar(20)", Some(DataType::Utf8)),
            ("double precision", Some(DataType::Float64)),
            ("blob", Some(DataType::Binary)),
            ("boolean", Some(DataType::Boolean)),
            ("date", Some(DataType::Date32)),
            ("datetime", Some(timestamp(false))),
            ("timestamp with time zone", Some(timestamp(true))),
            ("decimal(10, 2)", Some(DataType::Decimal128(10, 2))),
            ("numeric(5)", Some(DataType::Decimal128(5, 0))),
            ("numeric(50, 2)", None),
            ("decimal(2, 5)", None),
            ("numeric", None),
            ("", None),
            ("json", None),
        ];
        for (text, expected) in cases {
            assert_eq!(of_declared(text), expected, "{text}");
        }
    }
}
