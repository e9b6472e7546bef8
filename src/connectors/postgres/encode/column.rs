//! One column of a batch into the form of its target.

use arrow::array::{Array, ArrayRef, AsArray, PrimitiveArray};
use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer};
use arrow::compute::cast;
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, Date64Type, Float32Type, Float64Type, Int16Type,
    Int32Type, Int64Type, Time32MillisecondType, Time32SecondType, Time64MicrosecondType,
    Time64NanosecondType, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType, UInt32Type, UInt64Type,
};

use super::bad::Bad;
use super::cells::{Body, Cells};
use super::target::{Digits, Leaf};
use super::{
    address, interval, json, list, moment, moment_text, money, nested, numeric, numeric_text, text,
};
use crate::connectors::postgres::encode::fit::Way;
use crate::error::{Error, Result};

/// The values of `array` as `way` has them; what does not fit is noted in `bad` and its cell means
/// nothing.
pub(super) fn encode(way: &Way, array: &ArrayRef, bad: &mut Bad) -> Result<Cells> {
    let array = plain(array)?;
    if *array.data_type() == DataType::Null {
        return Ok(all_null(array.len()));
    }
    match way.element {
        Some(element) => list::encode(&way.leaf, element, &array, way.format, bad),
        None => leaf(&way.leaf, &array, bad),
    }
}

/// A column without any value.
fn all_null(rows: usize) -> Cells {
    let bits = BooleanBuffer::new_unset(rows);
    Cells::new(Body::Bits(bits), Some(&NullBuffer::new_null(rows)))
}

/// `array` without the forms of Arrow that only save space.
pub(super) fn plain(array: &ArrayRef) -> Result<ArrayRef> {
    match array.data_type() {
        DataType::Dictionary(_, values) => plain(&cast(array, values).map_err(unexpected)?),
        DataType::RunEndEncoded(_, values) => {
            plain(&cast(array, values.data_type()).map_err(unexpected)?)
        }
        _ => Ok(array.clone()),
    }
}

fn unexpected(error: impl std::fmt::Display) -> Error {
    Error::bug("a column could not be brought into its plain form").at("arrow", error)
}

/// The values of `array` as `leaf`.
pub(super) fn leaf(leaf: &Leaf, array: &ArrayRef, bad: &mut Bad) -> Result<Cells> {
    if *array.data_type() == DataType::Null {
        return Ok(all_null(array.len()));
    }
    if nested::is_nested(array.data_type()) {
        return Ok(checked(leaf, nested::encode(array, bad)?, bad));
    }
    let cells = match leaf {
        Leaf::Bool => array.as_boolean_opt().map(Cells::bits),
        Leaf::Int2 => number::<Int16Type>(array, |values| Body::Two(values.into())),
        Leaf::Int4 => number::<Int32Type>(array, |values| Body::Four(values.into())),
        Leaf::Int8 => number::<Int64Type>(array, |values| Body::Eight(values.into())),
        Leaf::Oid => number::<UInt32Type>(array, |values| Body::Four(values.into())),
        Leaf::Float4 => number::<Float32Type>(array, |values| Body::Four(values.into())),
        Leaf::Float8 => number::<Float64Type>(array, |values| Body::Eight(values.into())),
        Leaf::Numeric(digits) => decimals(array, *digits, bad)?,
        Leaf::Money(digits) => money::encode(array, *digits, bad)?,
        Leaf::Text(_)
        | Leaf::Label(_)
        | Leaf::Foreign(_)
        | Leaf::Bytea
        | Leaf::Json
        | Leaf::Jsonb => text::spans(array).map(|cells| checked(leaf, cells, bad)),
        Leaf::Uuid => text::spans(array).map(|cells| uuids(array, cells, bad)),
        Leaf::Interval => intervals(array, bad)?,
        Leaf::Inet | Leaf::Cidr | Leaf::MacAddr | Leaf::MacAddr8 => {
            text::spans(array).map(|cells| address::encode(leaf, &cells, bad))
        }
        Leaf::Date
        | Leaf::Time(_)
        | Leaf::TimeTz(_)
        | Leaf::Timestamp(_)
        | Leaf::TimestampTz(_) => match text::spans(array) {
            Some(cells) => Some(moment_text::encode(leaf, &cells, bad)),
            None => moments(leaf, array, bad),
        },
    };
    cells.ok_or_else(|| {
        Error::bug("a column has another type than it was planned for")
            .at("type", array.data_type())
    })
}

/// Numbers in the bytes of `T`, which holds all of them.
fn number<T: ArrowPrimitiveType>(array: &ArrayRef, body: impl Fn(Buffer) -> Body) -> Option<Cells> {
    let array = cast(array, &T::DATA_TYPE).ok()?;
    let array = array.as_primitive_opt::<T>()?;
    Some(Cells::new(body(array.values().inner().clone()), array.nulls()))
}

fn decimals(array: &ArrayRef, digits: Option<Digits>, bad: &mut Bad) -> Result<Option<Cells>> {
    Ok(Some(match array.data_type() {
        DataType::Decimal32(_, scale) | DataType::Decimal64(_, scale) => {
            let wide = cast(array, &DataType::Decimal128(38, *scale)).map_err(unexpected)?;
            numeric::of_decimals(wide.as_primitive(), digits, bad)
        }
        DataType::Decimal128(..) => numeric::of_decimals(array.as_primitive(), digits, bad),
        DataType::Decimal256(..) => numeric::of_large_decimals(array.as_primitive(), digits, bad),
        DataType::UInt64 => {
            let array = array.as_primitive::<UInt64Type>();
            numeric::of_integers(array, array.values(), digits, bad)
        }
        kind if kind.is_integer() => {
            let array = cast(array, &DataType::Int64).map_err(unexpected)?;
            let array = array.as_primitive::<Int64Type>();
            numeric::of_integers(array, array.values(), digits, bad)
        }
        _ => match text::spans(array) {
            Some(texts) => numeric_text::of_texts(&texts, digits, bad),
            None => return Ok(None),
        },
    }))
}

fn checked(leaf: &Leaf, cells: Cells, bad: &mut Bad) -> Cells {
    match leaf {
        Leaf::Text(limit) | Leaf::Foreign(limit) => text::texts(&cells, *limit, bad),
        Leaf::Label(label) => {
            if let Some(labels) = &label.labels {
                text::labels(&cells, labels, bad);
            }
        }
        Leaf::Json => json::check(&cells, false, bad),
        Leaf::Jsonb => {
            json::check(&cells, true, bad);
            return json::versioned(&cells);
        }
        _ => text::sizes(&cells, bad),
    }
    cells
}

fn uuids(array: &ArrayRef, cells: Cells, bad: &mut Bad) -> Cells {
    match array.data_type() {
        DataType::FixedSizeBinary(_) => cells,
        _ => address::uuids(&cells, bad),
    }
}

fn intervals(array: &ArrayRef, bad: &mut Bad) -> Result<Option<Cells>> {
    Ok(Some(match array.data_type() {
        DataType::Interval(unit) => interval::of_arrow(array, *unit, bad),
        DataType::Duration(unit) => {
            let counts = cast(array, &DataType::Int64).map_err(unexpected)?;
            interval::of_durations(counts.as_primitive(), *unit, bad)
        }
        _ => match text::spans(array) {
            Some(texts) => moment::texts(&texts, 16, bad, interval::read),
            None => return Ok(None),
        },
    }))
}

fn moments(leaf: &Leaf, array: &ArrayRef, bad: &mut Bad) -> Option<Cells> {
    Some(match (leaf, array.data_type()) {
        (Leaf::Date, DataType::Date32) => {
            moment::days(array.as_primitive::<Date32Type>(), bad, moment::day)
        }
        (Leaf::Date, DataType::Date64) => {
            moment::days(array.as_primitive::<Date64Type>(), bad, moment::day_of_millis)
        }
        (Leaf::Time(places), DataType::Time32(TimeUnit::Second)) => {
            times(array.as_primitive::<Time32SecondType>(), TimeUnit::Second, *places, bad)
        }
        (Leaf::Time(places), DataType::Time32(_)) => times(
            array.as_primitive::<Time32MillisecondType>(),
            TimeUnit::Millisecond,
            *places,
            bad,
        ),
        (Leaf::Time(places), DataType::Time64(TimeUnit::Microsecond)) => times(
            array.as_primitive::<Time64MicrosecondType>(),
            TimeUnit::Microsecond,
            *places,
            bad,
        ),
        (Leaf::Time(places), DataType::Time64(_)) => {
            times(array.as_primitive::<Time64NanosecondType>(), TimeUnit::Nanosecond, *places, bad)
        }
        (Leaf::Timestamp(places) | Leaf::TimestampTz(places), DataType::Timestamp(unit, _)) => {
            match unit {
                TimeUnit::Second => {
                    instants(array.as_primitive::<TimestampSecondType>(), *unit, *places, bad)
                }
                TimeUnit::Millisecond => {
                    instants(array.as_primitive::<TimestampMillisecondType>(), *unit, *places, bad)
                }
                TimeUnit::Microsecond => {
                    instants(array.as_primitive::<TimestampMicrosecondType>(), *unit, *places, bad)
                }
                TimeUnit::Nanosecond => {
                    instants(array.as_primitive::<TimestampNanosecondType>(), *unit, *places, bad)
                }
            }
        }
        _ => return None,
    })
}

fn times<T: ArrowPrimitiveType>(
    array: &PrimitiveArray<T>,
    unit: TimeUnit,
    places: u32,
    bad: &mut Bad,
) -> Cells
where
    T::Native: Into<i64>,
{
    moment::moments(array, bad, |value| moment::time(value, unit, places))
}

fn instants<T: ArrowPrimitiveType>(
    array: &PrimitiveArray<T>,
    unit: TimeUnit,
    places: u32,
    bad: &mut Bad,
) -> Cells
where
    T::Native: Into<i64>,
{
    moment::moments(array, bad, |value| moment::instant(value, unit, places))
}
