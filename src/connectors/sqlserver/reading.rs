//! How each type of the server arrives: decided once for a column, before the first row.
//!
//! Text arrives as the bytes of UTF-16, whatever its collation: the server knows its code pages,
//! and half a character costs one row instead of the whole answer. `money` is a decimal before it
//! leaves the server, because the driver makes a float of it.

use std::collections::{BTreeMap, HashMap};

use arrow::datatypes::{DataType, Field, TimeUnit};

use super::quote::identifier;
use super::server_type::ServerType;
use super::variant;
use crate::error::{Error, Result};
use crate::files::types::type_name;

/// Under which key of a field's metadata its type at the source stands.
const SOURCE_TYPE: &str = "dhow.source_type";

/// A column of a table, view or query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: ServerType,
    /// Whether it may be NULL.
    pub nullable: bool,
}

/// How a column arrives.
#[derive(Debug, Clone)]
pub(super) struct Reading {
    /// The column in Arrow, its source type in the metadata.
    pub field: Field,
    /// The expression to select, such as `[id]` or `cast([price] as decimal(19, 4))`.
    pub select: String,
    /// What comes over the wire for `select`.
    pub wire: Wire,
}

/// What comes over the wire for a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wire {
    /// `bit`.
    Bit,
    /// `tinyint`, which has no sign.
    TinyInt,
    /// `smallint`.
    SmallInt,
    /// `int`.
    Int,
    /// `bigint`.
    BigInt,
    /// `real`.
    Real,
    /// `float`.
    Float,
    /// Digits, and those after the point.
    Decimal(u8, i8),
    /// Bytes of UTF-16.
    Text,
    /// The same of a `sql_variant`, with a mark before them.
    Variant,
    /// Sixteen bytes, shown as the server shows them.
    Guid,
    /// Bytes.
    Bytes,
    /// Days.
    Date,
    /// A time of day; what is done with tenths of a microsecond.
    Time(Fraction),
    /// A moment in a zone that is not known.
    Moment(Fraction),
    /// A moment in UTC.
    Instant(Fraction),
}

/// What is done with tenths of a microsecond, for which Arrow's microseconds have no place.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Fraction {
    /// The row is refused.
    #[default]
    Refuse,
    /// They are cut off.
    Truncate,
}

/// What the author of a pipeline wants otherwise.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Policies {
    /// What is done with tenths of a microsecond.
    pub fraction: Fraction,
    /// Types in place of those that follow, by column.
    pub columns: BTreeMap<String, DataType>,
}

/// How `column` arrives.
///
/// # Errors
/// [`crate::error::Kind::Unsupported`] for a type without values that can be read, and
/// [`crate::error::Kind::Config`] for a type under `columns` that would not hold the values
/// exactly.
pub(super) fn reading(column: &Column, policies: &Policies) -> Result<Reading> {
    let name = identifier(&column.name);
    let wanted = policies.columns.get(&column.name);
    let strategy = match wanted {
        None => strategy(&column.kind, &name, policies.fraction),
        Some(wanted) => other(&column.kind, &name, wanted, policies.fraction),
    };
    let (data_type, wire, select) = strategy.map_err(|e| e.at("column", &column.name))?;
    let mut metadata = HashMap::new();
    if wanted.is_none_or(|wanted| *wanted == DataType::Utf8) {
        metadata.insert(SOURCE_TYPE.to_owned(), format!("sqlserver:{}", column.kind));
    }
    let field = Field::new(&column.name, data_type, column.nullable).with_metadata(metadata);
    Ok(Reading { field, select, wire })
}

type Strategy = (DataType, Wire, String);

/// How `kind` arrives; `name` is the column in SQL.
pub(super) fn strategy(kind: &ServerType, name: &str, fraction: Fraction) -> Result<Strategy> {
    let plain = |data_type, wire| Ok((data_type, wire, name.to_owned()));
    match kind.name.as_str() {
        "bit" => plain(DataType::Boolean, Wire::Bit),
        "tinyint" => plain(DataType::UInt8, Wire::TinyInt),
        "smallint" => plain(DataType::Int16, Wire::SmallInt),
        "int" => plain(DataType::Int32, Wire::Int),
        "bigint" => plain(DataType::Int64, Wire::BigInt),
        "real" => plain(DataType::Float32, Wire::Real),
        "float" => match kind.arguments.first() {
            Some(..=24) => plain(DataType::Float32, Wire::Real),
            _ => plain(DataType::Float64, Wire::Float),
        },
        "decimal" | "numeric" => {
            let precision = u8::try_from(kind.size(18)).unwrap_or(38);
            let scale = kind.arguments.get(1).copied().unwrap_or(0);
            let scale = i8::try_from(scale).unwrap_or(0);
            plain(DataType::Decimal128(precision, scale), Wire::Decimal(precision, scale))
        }
        "money" => Ok(money(name, 19)),
        "smallmoney" => Ok(money(name, 10)),
        "date" => plain(DataType::Date32, Wire::Date),
        "time" => plain(DataType::Time64(TimeUnit::Microsecond), Wire::Time(fraction)),
        "datetime" | "smalldatetime" | "datetime2" => {
            plain(DataType::Timestamp(TimeUnit::Microsecond, None), Wire::Moment(fraction))
        }
        "datetimeoffset" => {
            let instant = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
            plain(instant, Wire::Instant(fraction))
        }
        "uniqueidentifier" => plain(DataType::Utf8, Wire::Guid),
        "binary" | "varbinary" | "timestamp" | "rowversion" => plain(DataType::Binary, Wire::Bytes),
        "image" => bytes(&format!("cast({name} as varbinary(max))")),
        // With the third and fourth dimension, where there are some.
        "geometry" | "geography" => bytes(&format!("{name}.AsBinaryZM()")),
        _ => match text(kind, name) {
            Some(select) => Ok((DataType::Utf8, Wire::Text, select)),
            None => Err(unreadable(kind)),
        },
    }
}

fn unreadable(kind: &ServerType) -> Error {
    let error = Error::unsupported(format!("there is no way to read {kind} exactly"));
    match kind.name.as_str() {
        "sql_variant" => error.hint(
            "`text` for it under `columns` reads each value as a text by its own type; which type \
             that is, is lost",
        ),
        _ => error.hint("leave the column out, or convert it, with a `query`"),
    }
}

fn money(name: &str, precision: u8) -> Strategy {
    let select = format!("cast({name} as decimal({precision}, 4))");
    (DataType::Decimal128(precision, 4), Wire::Decimal(precision, 4), select)
}

fn bytes(select: &str) -> Result<Strategy> {
    Ok((DataType::Binary, Wire::Bytes, select.to_owned()))
}

/// The expression for the bytes in UTF-16 of a type that holds text; `None` for all others.
fn text(kind: &ServerType, name: &str) -> Option<String> {
    let size = kind.size(1);
    let is_short = !kind.is_max && (1..=4000).contains(&size);
    Some(match kind.name.as_str() {
        "nchar" | "nvarchar" | "sysname" if is_short => {
            format!("cast({name} as varbinary({}))", size.saturating_mul(2))
        }
        "nchar" | "nvarchar" => format!("cast({name} as varbinary(max))"),
        // A character of a code page, or a byte of UTF-8, is at most one unit of UTF-16.
        "char" | "varchar" if is_short => {
            let bytes = size.saturating_mul(2);
            format!("cast(cast({name} as nvarchar({size})) as varbinary({bytes}))")
        }
        "char" | "varchar" | "text" | "ntext" | "xml" | "json" => {
            format!("cast(cast({name} as nvarchar(max)) as varbinary(max))")
        }
        "hierarchyid" => {
            format!("cast(cast({name}.ToString() as nvarchar(4000)) as varbinary(8000))")
        }
        _ => return None,
    })
}

/// How values of `kind` arrive as `wanted`, exactly or refused.
fn other(kind: &ServerType, name: &str, wanted: &DataType, fraction: Fraction) -> Result<Strategy> {
    let own = strategy(kind, name, fraction);
    let cast = |wire, kind: &str| Ok((wanted.clone(), wire, format!("cast({name} as {kind})")));
    let digits = whole_digits(&kind.name);
    match wanted {
        wanted if own.as_ref().is_ok_and(|own| own.0 == *wanted) => own,
        DataType::Utf8 if kind.name == "sql_variant" => {
            Ok((DataType::Utf8, Wire::Variant, variant::select(name)))
        }
        DataType::Utf8 if kind.has_order() => {
            let size = if kind.has_long_text() { "max" } else { "8000" };
            let select = format!("cast({} as varbinary({size}))", kind.as_text(name));
            Ok((DataType::Utf8, Wire::Text, select))
        }
        DataType::Int16 if digits <= 3 => cast(Wire::SmallInt, "smallint"),
        DataType::Int32 if digits <= 5 => cast(Wire::Int, "int"),
        DataType::Int64 if digits <= 10 => cast(Wire::BigInt, "bigint"),
        DataType::Float64 if digits <= 10 || kind.name == "real" => cast(Wire::Float, "float"),
        DataType::Decimal128(precision, scale)
            if i16::from(*precision) - i16::from(*scale) >= i16::from(digits) =>
        {
            cast(Wire::Decimal(*precision, *scale), &format!("decimal({precision}, {scale})"))
        }
        wanted => {
            let message = format!("{kind} cannot be read as {} exactly", type_name(wanted));
            Err(Error::config(message)
                .hint("`text` under `columns` is exact for most types; a `query` can convert it"))
        }
    }
}

/// The digits that a type of whole numbers may have; more than any for others.
fn whole_digits(name: &str) -> u8 {
    match name {
        "tinyint" => 3,
        "smallint" => 5,
        "int" => 10,
        "bigint" => 19,
        _ => u8::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(shown: &str, wanted: Option<&str>) -> Result<(String, String)> {
        let kind = ServerType::parse(shown);
        let column = Column { name: "a]".to_owned(), kind, nullable: true };
        let mut policies = Policies::default();
        if let Some(wanted) = wanted {
            let wanted = crate::files::types::parse_type(wanted)?;
            policies.columns.insert("a]".to_owned(), wanted);
        }
        let reading = reading(&column, &policies)?;
        Ok((type_name(reading.field.data_type()), reading.select))
    }

    #[test]
    fn every_type_is_read_exactly_or_not_at_all() {
        for (shown, becomes, select) in [
            ("bit", "boolean", "[a]]]"),
            ("tinyint", "UInt8", "[a]]]"),
            ("smallint", "smallint", "[a]]]"),
            ("int", "integer", "[a]]]"),
            ("bigint", "bigint", "[a]]]"),
            ("real", "Float32", "[a]]]"),
            ("float", "double", "[a]]]"),
            ("decimal(38,38)", "decimal(38,38)", "[a]]]"),
            ("numeric(5,0)", "decimal(5,0)", "[a]]]"),
            ("money", "decimal(19,4)", "cast([a]]] as decimal(19, 4))"),
            ("smallmoney", "decimal(10,4)", "cast([a]]] as decimal(10, 4))"),
            ("date", "date", "[a]]]"),
            ("time(7)", "time", "[a]]]"),
            ("datetime", "timestamp", "[a]]]"),
            ("smalldatetime", "timestamp", "[a]]]"),
            ("datetime2(7)", "timestamp", "[a]]]"),
            ("datetimeoffset(7)", "timestamptz", "[a]]]"),
            ("uniqueidentifier", "text", "[a]]]"),
            ("varbinary(max)", "Binary", "[a]]]"),
            ("timestamp", "Binary", "[a]]]"),
            ("image", "Binary", "cast([a]]] as varbinary(max))"),
            ("geography", "Binary", "[a]]].AsBinaryZM()"),
            ("nvarchar(50)", "text", "cast([a]]] as varbinary(100))"),
            ("nvarchar(max)", "text", "cast([a]]] as varbinary(max))"),
            ("varchar(50)", "text", "cast(cast([a]]] as nvarchar(50)) as varbinary(100))"),
            ("varchar(8000)", "text", "cast(cast([a]]] as nvarchar(max)) as varbinary(max))"),
            ("xml", "text", "cast(cast([a]]] as nvarchar(max)) as varbinary(max))"),
            (
                "hierarchyid",
                "text",
                "cast(cast([a]]].ToString() as nvarchar(4000)) as varbinary(8000))",
            ),
        ] {
            let found = read(shown, None).unwrap();
            assert_eq!((found.0.as_str(), found.1.as_str()), (becomes, select), "{shown}");
        }
        for shown in ["sql_variant", "vector(3)", "dbo.Point"] {
            assert!(read(shown, None).is_err(), "{shown}");
        }
    }

    #[test]
    fn another_type_is_given_where_it_holds_every_value() {
        for (shown, wanted, select) in [
            ("tinyint", "smallint", Some("cast([a]]] as smallint)")),
            ("int", "bigint", Some("cast([a]]] as bigint)")),
            ("int", "double", Some("cast([a]]] as float)")),
            ("bigint", "decimal(19,0)", Some("cast([a]]] as decimal(19, 0))")),
            ("bigint", "double", None),
            ("bigint", "integer", None),
            ("decimal(10,2)", "bigint", None),
            (
                "datetime2(7)",
                "text",
                Some("cast(convert(nvarchar(4000), [a]]], 121) as varbinary(8000))"),
            ),
            ("float", "text", Some("cast(convert(nvarchar(4000), [a]]], 3) as varbinary(8000))")),
            (
                "varbinary(5000)",
                "text",
                Some(
                    "cast(convert(nvarchar(max), cast([a]]] as varbinary(8000)), 1) as varbinary(max))",
                ),
            ),
            ("image", "text", None),
            ("sql_variant", "bigint", None),
        ] {
            let found = read(shown, Some(wanted)).ok().map(|found| found.1);
            assert_eq!(found.as_deref(), select, "{shown} as {wanted}");
        }
    }
}
