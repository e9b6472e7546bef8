//! The types that new and widened columns get.

use arrow::datatypes::{DataType, Field};

use super::fit::{self, decimal, innermost, is_text, whole_bits};
use super::nested;
use super::source_type;
use super::target::{Digits, Leaf, Target};
use crate::connectors::postgres::server_type::{Column, Filled, Form, ServerType};
use crate::error::{Error, Result};

/// Names of built-in types as the server shows them, and as its catalog has them.
const BUILT_IN: &[(&str, &str)] = &[
    ("boolean", "bool"),
    ("smallint", "int2"),
    ("integer", "int4"),
    ("bigint", "int8"),
    ("real", "float4"),
    ("double precision", "float8"),
    ("numeric", "numeric"),
    ("money", "money"),
    ("text", "text"),
    ("character varying", "varchar"),
    ("character", "bpchar"),
    ("bpchar", "bpchar"),
    ("\"char\"", "char"),
    ("name", "name"),
    ("json", "json"),
    ("jsonb", "jsonb"),
    ("jsonpath", "jsonpath"),
    ("xml", "xml"),
    ("bytea", "bytea"),
    ("uuid", "uuid"),
    ("date", "date"),
    ("time without time zone", "time"),
    ("time with time zone", "timetz"),
    ("timestamp without time zone", "timestamp"),
    ("timestamp with time zone", "timestamptz"),
    ("interval", "interval"),
    ("interval year", "interval"),
    ("interval month", "interval"),
    ("interval day", "interval"),
    ("interval hour", "interval"),
    ("interval minute", "interval"),
    ("interval second", "interval"),
    ("interval year to month", "interval"),
    ("interval day to hour", "interval"),
    ("interval day to minute", "interval"),
    ("interval day to second", "interval"),
    ("interval hour to minute", "interval"),
    ("interval hour to second", "interval"),
    ("interval minute to second", "interval"),
    ("inet", "inet"),
    ("cidr", "cidr"),
    ("macaddr", "macaddr"),
    ("macaddr8", "macaddr8"),
    ("bit", "bit"),
    ("bit varying", "varbit"),
    ("oid", "oid"),
    ("xid", "xid"),
    ("xid8", "xid8"),
    ("cid", "cid"),
    ("tid", "tid"),
    ("pg_lsn", "pg_lsn"),
    ("point", "point"),
    ("line", "line"),
    ("lseg", "lseg"),
    ("box", "box"),
    ("path", "path"),
    ("polygon", "polygon"),
    ("circle", "circle"),
    ("tsvector", "tsvector"),
    ("tsquery", "tsquery"),
    ("int4range", "int4range"),
    ("int8range", "int8range"),
    ("numrange", "numrange"),
    ("tsrange", "tsrange"),
    ("tstzrange", "tstzrange"),
    ("daterange", "daterange"),
    ("int4multirange", "int4multirange"),
    ("int8multirange", "int8multirange"),
    ("nummultirange", "nummultirange"),
    ("tsmultirange", "tsmultirange"),
    ("tstzmultirange", "tstzmultirange"),
    ("datemultirange", "datemultirange"),
];

/// The type that a new table gets for `field`.
pub(super) fn of(field: &Field) -> Result<String> {
    let source = source_type::of(field);
    if let Some(column) = source.and_then(built_in)
        && fit::way(field, &column).is_ok()
    {
        return Ok(column.kind.shown);
    }
    let (inner, depth) = innermost(field.data_type());
    if *inner == DataType::FixedSizeBinary(16) && field.extension_type_name() == Some("arrow.uuid")
    {
        return Ok("uuid".to_owned());
    }
    match of_arrow(inner) {
        Some(name) => Ok(format!("{name}{}", "[]".repeat(depth))),
        None if nested::fits(field.data_type()) => Ok("jsonb".to_owned()),
        None => Err(Error::unsupported(format!(
            "column `{}` has a type that no column of Postgres holds",
            field.name()
        ))
        .at("type", field.data_type())
        .hint(fit_hint(inner))),
    }
}

/// The source's type when it is not built in: an enum, domain or type of an extension, which the
/// target may have or not. Where it has it, ask [`super::fits`] before taking it.
pub(super) fn wished(field: &Field) -> Option<&str> {
    source_type::of(field).filter(|shown| built_in(shown).is_none())
}

fn fit_hint(kind: &DataType) -> &'static str {
    match kind {
        DataType::Map(..) | DataType::Struct(_) => {
            "bytes, intervals and two fields of one name have no form in JSON: leave them out in \
             the model, or write them as text"
        }
        _ => "cast it in the model",
    }
}

/// The type of Postgres that holds every value of a type of Arrow, or finds those it does not.
fn of_arrow(kind: &DataType) -> Option<String> {
    let name = match kind {
        DataType::Null => "text",
        DataType::Boolean => "boolean",
        DataType::Int8 | DataType::UInt8 | DataType::Int16 => "smallint",
        DataType::UInt16 | DataType::Int32 => "integer",
        DataType::UInt32 | DataType::Int64 => "bigint",
        DataType::UInt64 => "numeric(20,0)",
        DataType::Float16 | DataType::Float32 => "real",
        DataType::Float64 => "double precision",
        DataType::Decimal32(..)
        | DataType::Decimal64(..)
        | DataType::Decimal128(..)
        | DataType::Decimal256(..) => {
            let (precision, scale) = decimal(kind)?;
            return Some(numeric(precision, scale));
        }
        kind if is_text(kind) => "text",
        DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView
        | DataType::FixedSizeBinary(_) => "bytea",
        DataType::Date32 | DataType::Date64 => "date",
        DataType::Time32(_) | DataType::Time64(_) => "time without time zone",
        DataType::Timestamp(_, None) => "timestamp without time zone",
        DataType::Timestamp(_, Some(_)) => "timestamp with time zone",
        DataType::Interval(_) | DataType::Duration(_) => "interval",
        _ => return None,
    };
    Some(name.to_owned())
}

/// A `numeric` with room for so many digits. Servers before 15 know no negative scale.
fn numeric(precision: u32, scale: i32) -> String {
    match u32::try_from(-scale) {
        Ok(zeros) => format!("numeric({},0)", precision + zeros),
        Err(_) => format!("numeric({},{scale})", precision.max(scale.unsigned_abs())),
    }
}

/// A column of the built-in type that is `shown` so.
fn built_in(shown: &str) -> Option<Column> {
    let dimensions = shown.matches("[]").count();
    let single = shown.trim_end_matches("[]");
    let base = source_type::element(single);
    let (_, name) = BUILT_IN.iter().find(|(shown, _)| *shown == base)?;
    let modifier = match (*name, source_type::modifiers(single)) {
        (_, None) => -1,
        ("numeric", Some(digits)) => {
            let scale = digits.get(1).copied().unwrap_or(0);
            (digits.first()? << 16 | scale & 0x7ff) + 4
        }
        ("varchar" | "bpchar", Some(length)) => length.first()? + 4,
        (_, Some(other)) => *other.first()?,
    };
    let one = ServerType {
        oid: 0,
        modifier,
        schema: "pg_catalog".to_owned(),
        name: (*name).to_owned(),
        shown: single.to_owned(),
        form: Form::Base,
    };
    let kind = match dimensions {
        0 => one,
        _ => ServerType {
            name: format!("_{name}"),
            shown: shown.to_owned(),
            form: Form::Array(Box::new(one.clone()), dimensions),
            ..one
        },
    };
    let (name, filled) = (String::new(), Filled::Never);
    Some(Column { name, kind, nullable: true, comment: None, filled })
}

/// The type that holds what `column` has and what `field` brings.
pub(super) fn widened(field: &Field, column: &Column) -> Option<String> {
    let (inner, depth) = innermost(field.data_type());
    let target = Target::of(column);
    if fit::way(field, column).is_ok() || depth > 0 || target.element.is_some() {
        return None;
    }
    match (&target.leaf, inner) {
        (Leaf::Float4, DataType::Float64) => Some("double precision".to_owned()),
        (Leaf::Int2 | Leaf::Int4 | Leaf::Int8, kind) if whole_bits(kind).is_some() => {
            let digits = digits_of(&target.leaf)?;
            let (precision, _) = decimal(kind)?;
            if whole_bits(kind)? < 64 {
                of_arrow(kind)
            } else {
                Some(numeric(precision.max(digits), 0))
            }
        }
        (Leaf::Int2 | Leaf::Int4 | Leaf::Int8, kind) => {
            let precision = digits_of(&target.leaf)?;
            both(Digits { precision, scale: 0 }, decimal(kind)?)
        }
        (Leaf::Numeric(Some(digits)), kind) if decimal(kind).is_some() => {
            both(*digits, decimal(kind)?)
        }
        _ => None,
    }
}

/// The `numeric` with room for the digits of both.
fn both(one: Digits, (precision, scale): (u32, i32)) -> Option<String> {
    let before = |precision: u32, scale: i32| i64::from(precision) - i64::from(scale);
    let whole = before(one.precision, one.scale).max(before(precision, scale)).max(0);
    let scale = one.scale.max(scale).max(0);
    let precision = u32::try_from(whole + i64::from(scale)).ok()?;
    // The server declares no more than 1,000 digits.
    Some(if precision > 1_000 { "numeric".to_owned() } else { numeric(precision, scale) })
}

fn digits_of(leaf: &Leaf) -> Option<u32> {
    Some(match leaf {
        Leaf::Int2 => 5,
        Leaf::Int4 => 10,
        Leaf::Int8 => 19,
        _ => return None,
    })
}
