//! How each type of the server arrives: decided once for a column, before the first row.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, TimeUnit};

use super::cells::Wire;
use super::{COMMENT, SOURCE_TYPE};
use crate::connectors::postgres::quote;
use crate::connectors::postgres::server_type::{Column, Form, ServerType};
use crate::error::{Error, Result};
use crate::files::types::type_name;

/// How a column arrives: decided once, before the first row.
#[derive(Debug, Clone)]
pub(in crate::connectors::postgres) struct Reading {
    /// The column in Arrow, its source type in the metadata.
    pub field: Field,
    /// The expression to select, such as `"amount"` or `"address"::text`.
    pub select: String,
    /// What comes over the wire for `select`.
    pub(super) wire: Wire,
    pub(super) specials: Specials,
}

impl Reading {
    /// Whether the server makes no other type of it before it is sent.
    pub(in crate::connectors::postgres) fn is_as_sent(&self) -> bool {
        self.select == quote::identifier(self.field.name())
    }
}

/// What is done with values that are no numbers, or no moments.
#[derive(Debug, Clone, Copy)]
pub(super) struct Specials {
    pub nan: Special,
    pub infinity: Special,
}

/// What is done with values that have no place in Arrow's types.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::connectors::postgres) struct Policies {
    /// NaN in a decimal.
    pub nan: Special,
    /// Infinity in a decimal, a date or a timestamp.
    pub infinity: Special,
    /// Types that the author wants instead, by column; text is exact for every type.
    pub columns: BTreeMap<String, DataType>,
    /// The digits after the point of this server's `money`.
    pub money_digits: i8,
}

impl Default for Policies {
    fn default() -> Self {
        let (nan, infinity) = (Special::Refuse, Special::Refuse);
        Policies { nan, infinity, columns: BTreeMap::new(), money_digits: 2 }
    }
}

/// What is done with a value that is no number, or no moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::connectors::postgres) enum Special {
    /// Its row is refused.
    #[default]
    Refuse,
    /// It becomes NULL.
    Null,
}

/// How `column` arrives.
///
/// # Errors
/// [`crate::error::Kind::Unsupported`] for a type without values that can be read, and
/// [`crate::error::Kind::Config`] for a type under `columns` that would not hold the values
/// exactly.
pub(in crate::connectors::postgres) fn reading(
    column: &Column,
    policies: &Policies,
) -> Result<Reading> {
    let wanted = policies.columns.get(&column.name);
    let strategy = match wanted {
        None => strategy(&column.kind, policies.money_digits),
        Some(wanted) => wanted_strategy(&column.kind, wanted)?,
    };
    if column.kind.below_domains().name == "void" && column.kind.is_built_in() {
        return Err(Error::unsupported(format!(
            "column `{}` has no values: it is void",
            column.name
        ))
        .hint("leave it out, with a `query`"));
    }
    let nulls = policies.nan == Special::Null || policies.infinity == Special::Null;
    let nullable = column.nullable || nulls && strategy.wire.has_odd_values();
    let mut metadata = HashMap::new();
    if wanted.is_none_or(|wanted| *wanted == DataType::Utf8) {
        metadata.insert(SOURCE_TYPE.to_owned(), format!("postgres:{}", column.kind.shown));
    }
    metadata.extend(column.comment.iter().map(|text| (COMMENT.to_owned(), text.clone())));
    let field = Field::new(&column.name, strategy.data_type, nullable).with_metadata(metadata);
    let name = quote::identifier(&column.name);
    let select = strategy.cast.map_or(name.clone(), |cast| format!("{name}::{cast}"));
    let specials = Specials { nan: policies.nan, infinity: policies.infinity };
    Ok(Reading { field, select, wire: strategy.wire, specials })
}

/// What a type becomes, and over what.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Strategy {
    pub data_type: DataType,
    pub wire: Wire,
    /// The type that the server is asked to make of it first.
    pub cast: Option<String>,
}

impl Strategy {
    fn plain(data_type: DataType, wire: Wire) -> Self {
        Strategy { data_type, wire, cast: None }
    }

    fn cast(data_type: DataType, wire: Wire, to: &str) -> Self {
        Strategy { data_type, wire, cast: Some(format!("pg_catalog.{to}")) }
    }

    /// Every type can be written as text by the server, exactly.
    fn text() -> Self {
        Strategy::cast(DataType::Utf8, Wire::Text, "text")
    }
}

/// How values of `kind` arrive when nobody asks for anything else.
pub(super) fn strategy(kind: &ServerType, money_digits: i8) -> Strategy {
    let base = kind.below_domains();
    match &base.form {
        Form::Array(of, dimensions) => array(of, *dimensions, money_digits),
        // The label comes as it is.
        Form::Enum => Strategy::plain(DataType::Utf8, Wire::Text),
        Form::Base if base.is_built_in() => built_in(base, money_digits),
        Form::Base | Form::Composite | Form::Range | Form::Domain(_) => Strategy::text(),
    }
}

fn built_in(kind: &ServerType, money_digits: i8) -> Strategy {
    let plain = Strategy::plain;
    match kind.name.as_str() {
        "bool" => plain(DataType::Boolean, Wire::Bool),
        "int2" => plain(DataType::Int16, Wire::Int16),
        "int4" => plain(DataType::Int32, Wire::Int32),
        "int8" => plain(DataType::Int64, Wire::Int64),
        "oid" | "xid" => plain(DataType::UInt32, Wire::Oid),
        "float4" => plain(DataType::Float32, Wire::Float32),
        "float8" => plain(DataType::Float64, Wire::Float64),
        "date" => plain(DataType::Date32, Wire::Date),
        "time" => plain(DataType::Time64(TimeUnit::Microsecond), Wire::Time),
        "timestamp" => plain(DataType::Timestamp(TimeUnit::Microsecond, None), Wire::Timestamp),
        "timestamptz" => {
            let zone = Some(Arc::from("UTC"));
            plain(DataType::Timestamp(TimeUnit::Microsecond, zone), Wire::Timestamp)
        }
        "numeric" => numeric(kind.modifier),
        "money" => {
            let (data_type, wire) = decimal(19, money_digits);
            Strategy::cast(data_type, wire, "numeric")
        }
        "text" | "varchar" | "bpchar" | "name" | "json" => plain(DataType::Utf8, Wire::Text),
        "jsonb" => plain(DataType::Utf8, Wire::Jsonb),
        "uuid" => plain(DataType::Utf8, Wire::Uuid),
        "bytea" => plain(DataType::Binary, Wire::Binary),
        _ => Strategy::text(),
    }
}

/// A number as its modifier declares it; text when it declares none or too many digits.
fn numeric(modifier: i32) -> Strategy {
    let Some((precision, scale)) = numeric_modifier(modifier) else {
        return Strategy::text();
    };
    // numeric(3,-2) holds whole numbers of up to 5 digits, numeric(2,4) four digits after the point.
    let digits = precision.max(scale).max(precision - scale);
    match (u8::try_from(digits), i8::try_from(scale.max(0))) {
        (Ok(digits @ 1..=76), Ok(scale)) => {
            let (data_type, wire) = decimal(digits, scale);
            Strategy::plain(data_type, wire)
        }
        _ => Strategy::text(),
    }
}

/// Precision and scale in the modifier of a `numeric`: 16 bits and 11 bits with a sign, plus 4.
pub(super) fn numeric_modifier(modifier: i32) -> Option<(i32, i32)> {
    let packed = modifier.checked_sub(4).filter(|packed| *packed >= 0)?;
    let scale = packed & 0x7ff;
    Some((packed >> 16, if scale >= 0x400 { scale - 0x800 } else { scale }))
}

fn decimal(precision: u8, scale: i8) -> (DataType, Wire) {
    match precision {
        ..=38 => (DataType::Decimal128(precision, scale), Wire::Decimal128(precision, scale)),
        _ => (DataType::Decimal256(precision, scale), Wire::Decimal256(precision, scale)),
    }
}

/// A list in a list for each dimension; the server makes text of elements that have no better type.
fn array(of: &ServerType, dimensions: usize, money_digits: i8) -> Strategy {
    let element = match strategy(of, money_digits) {
        // A domain over an array as the element of an array.
        Strategy { wire: Wire::Array(..), .. } => Strategy::text(),
        element => element,
    };
    let list = |inner: DataType, _| DataType::List(Arc::new(Field::new_list_field(inner, true)));
    Strategy {
        data_type: (0..dimensions).fold(element.data_type, list),
        wire: Wire::Array(Box::new(element.wire), dimensions),
        cast: element.cast.map(|cast| format!("{cast}[]")),
    }
}

/// How values of `kind` arrive as `wanted`, exactly or refused.
fn wanted_strategy(kind: &ServerType, wanted: &DataType) -> Result<Strategy> {
    let base = kind.below_domains();
    let own = strategy(kind, 0);
    let name = match base.form {
        Form::Base if base.is_built_in() => base.name.as_str(),
        _ => "",
    };
    let is_integer = matches!(name, "int2" | "int4" | "int8" | "oid");
    let is_number = is_integer || matches!(name, "numeric" | "money");
    // The server knows no cast from oid to numeric.
    let number = if name == "oid" { "int8::pg_catalog.numeric" } else { "numeric" };
    let wire = match wanted {
        DataType::Utf8 if own.data_type == DataType::Utf8 => return Ok(own),
        DataType::Utf8 => return Ok(Strategy::text()),
        wanted if own.data_type == *wanted && name != "money" => return Ok(own),
        DataType::Decimal128(precision, scale) if is_number => Wire::Decimal128(*precision, *scale),
        DataType::Int16 if is_number => Wire::Whole(2),
        DataType::Int32 if is_number => Wire::Whole(4),
        DataType::Int64 if is_number => Wire::Whole(8),
        DataType::Float64 if matches!(name, "int2" | "int4" | "float4") => {
            return Ok(Strategy::cast(DataType::Float64, Wire::Float64, "float8"));
        }
        wanted => {
            let (shown, wanted) = (&kind.shown, type_name(wanted));
            return Err(Error::config(format!("{shown} cannot be read as {wanted} exactly"))
                .hint("`text` under `columns` is exact for every type; a `query` can convert it"));
        }
    };
    Ok(Strategy::cast(wanted.clone(), wire, number))
}

impl Wire {
    /// Whether there are values among these that the policies for NaN and infinity are for.
    fn has_odd_values(&self) -> bool {
        matches!(
            self,
            Wire::Date
                | Wire::Timestamp
                | Wire::Decimal128(..)
                | Wire::Decimal256(..)
                | Wire::Whole(_)
        )
    }
}
