//! From the strategy of a column and an array of a batch to cells, once for each batch.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, MapArray};
use arrow::buffer::ScalarBuffer;
use arrow::compute::cast;
use arrow::datatypes::{self as types, DataType, TimeUnit};

use super::bad::Bad;
use super::binary::{Binaries, Encoding};
use super::boolean::Booleans;
use super::cells::{Cells, Framed, Nothing};
use super::decimal::Decimals;
use super::float::Floats;
use super::form::Form;
use super::json::Documents;
use super::list::{Layout, Lists, Maps};
use super::moment::{Dates, Fraction, Moments, Times};
use super::plan::Planned;
use super::record::{Entries, Records};
use super::spans::Spans;
use super::text::Texts;
use super::whole::Wholes;
use crate::error::{Error, Result};

type Bound<'p> = Result<Box<dyn Cells + 'p>>;

/// The values of `array` as `planned`.
///
/// # Errors
/// [`crate::error::Kind::Bug`] for a type that the form does not hold.
pub(super) fn bind<'p>(planned: &'p Planned, array: &ArrayRef) -> Bound<'p> {
    match array.data_type() {
        DataType::Null => Ok(Framed::cells(planned, array, Nothing)),
        DataType::Dictionary(_, of) => dictionary(planned, array, of),
        DataType::RunEndEncoded(_, of) => bind(planned, &plain(array, of.data_type())?),
        DataType::ListView(of) => bind(planned, &plain(array, &DataType::List(of.clone()))?),
        DataType::LargeListView(of) => {
            bind(planned, &plain(array, &DataType::LargeList(of.clone()))?)
        }
        _ => match &planned.form {
            Form::List { .. } | Form::Record(_) | Form::Map { .. } => nested(planned, array),
            Form::Integer { .. } | Form::Decimal { .. } | Form::Float { .. } => {
                number(planned, array)
            }
            _ => leaf(planned, array),
        },
    }
}

/// `array` as another type with the same values.
fn plain(array: &ArrayRef, kind: &DataType) -> Result<ArrayRef> {
    cast(array, kind)
        .map_err(|error| Error::bug("an array could not be made a plain one").at("arrow", error))
}

/// A dictionary: its entries are written once, if all of them are values that fit and are not
/// many more than the rows.
fn dictionary<'p>(planned: &'p Planned, array: &ArrayRef, of: &DataType) -> Bound<'p> {
    let Some(encoded) = array.as_any_dictionary_opt() else { return Err(unknown(array)) };
    let entries = encoded.values();
    if !entries.is_empty() && entries.len() <= array.len() && entries.logical_null_count() == 0 {
        let bare = planned.bare();
        let (mut written, mut bad) = (Spans::default(), Bad::default());
        bind(&bare, entries)?.append(&(0..entries.len()), &mut written, &mut bad);
        if bad.is_empty() {
            let keys = encoded.normalized_keys();
            return Ok(Framed::cells(planned, array, Entries { keys, written }));
        }
    }
    bind(planned, &plain(array, of)?)
}

fn values<T: ArrowPrimitiveType>(array: &ArrayRef) -> ScalarBuffer<T::Native> {
    array.as_primitive::<T>().values().clone()
}

fn number<'p>(planned: &'p Planned, array: &ArrayRef) -> Bound<'p> {
    macro_rules! whole {
        ($kind:ident) => {{
            let values = values::<types::$kind>(array);
            match &planned.form {
                Form::Integer { bits, .. } => {
                    Framed::cells(planned, array, Wholes::new(values, *bits))
                }
                Form::Float { bits, specials } => Framed::cells(
                    planned,
                    array,
                    Floats::<types::$kind>::new(values, *bits, *specials),
                ),
                form => Framed::cells(planned, array, Decimals::new(values, 0, form)),
            }
        }};
    }
    macro_rules! decimal {
        ($kind:ident, $scale:expr) => {{
            let values = values::<types::$kind>(array);
            Framed::cells(planned, array, Decimals::new(values, $scale, &planned.form))
        }};
    }
    macro_rules! float {
        ($kind:ident) => {{
            let Form::Float { bits, specials } = &planned.form else { return Err(unknown(array)) };
            let values = values::<types::$kind>(array);
            Framed::cells(planned, array, Floats::<types::$kind>::new(values, *bits, *specials))
        }};
    }
    Ok(match (array.data_type(), &planned.form) {
        (DataType::Int8, _) => whole!(Int8Type),
        (DataType::Int16, _) => whole!(Int16Type),
        (DataType::Int32, _) => whole!(Int32Type),
        (DataType::Int64, _) => whole!(Int64Type),
        (DataType::UInt8, _) => whole!(UInt8Type),
        (DataType::UInt16, _) => whole!(UInt16Type),
        (DataType::UInt32, _) => whole!(UInt32Type),
        (DataType::UInt64, _) => whole!(UInt64Type),
        (DataType::Float16, _) => float!(Float16Type),
        (DataType::Float32, _) => float!(Float32Type),
        (DataType::Float64, _) => float!(Float64Type),
        (_, Form::Float { .. }) => return Err(unknown(array)),
        (DataType::Decimal32(_, scale), _) => decimal!(Decimal32Type, *scale),
        (DataType::Decimal64(_, scale), _) => decimal!(Decimal64Type, *scale),
        (DataType::Decimal128(_, scale), _) => decimal!(Decimal128Type, *scale),
        (DataType::Decimal256(_, scale), _) => decimal!(Decimal256Type, *scale),
        _ => return Err(unknown(array)),
    })
}

fn nested<'p>(planned: &'p Planned, array: &ArrayRef) -> Bound<'p> {
    match (&planned.form, array.data_type()) {
        (Form::Record(_), DataType::Struct(_)) => {
            let record = array.as_struct();
            let columns = columns(&planned.parts, record.columns())?;
            Ok(Framed::cells(planned, array, Records::new(record, columns)))
        }
        (Form::Map { .. }, DataType::Map(..)) => {
            let map = array.as_map();
            let mut layout = Layout::of_map(map);
            let entries = layout.cut(&map_entries(map));
            let (DataType::Struct(_), [keys, values]) = (entries.data_type(), &*planned.parts)
            else {
                return Err(unknown(array));
            };
            let [shown, entry] = entries.as_struct().columns() else { return Err(unknown(array)) };
            let parts = [bind(keys, shown)?, bind(values, entry)?];
            Ok(Framed::cells(planned, array, Maps::new(planned, layout, parts, shown.clone())))
        }
        (Form::List { .. }, kind) => {
            let (mut layout, items) = match kind {
                DataType::List(_) => {
                    let list = array.as_list::<i32>();
                    (Layout::of_list(list), list.values().clone())
                }
                DataType::LargeList(_) => {
                    let list = array.as_list::<i64>();
                    (Layout::of_list(list), list.values().clone())
                }
                DataType::FixedSizeList(..) => {
                    let list = array.as_fixed_size_list();
                    (Layout::of_fixed(list), list.values().clone())
                }
                DataType::Map(..) => {
                    let map = array.as_map();
                    (Layout::of_map(map), map_entries(map))
                }
                _ => return Err(unknown(array)),
            };
            let [item] = &*planned.parts else { return Err(unknown(array)) };
            let items = bind(item, &layout.cut(&items))?;
            Ok(Framed::cells(planned, array, Lists::new(layout, items)))
        }
        _ => Err(unknown(array)),
    }
}

fn map_entries(map: &MapArray) -> ArrayRef {
    Arc::new(map.entries().clone())
}

/// The parts of a record, or of a row.
///
/// # Errors
/// [`crate::error::Kind::Bug`] for other columns than were planned.
pub(super) fn columns<'p>(
    planned: &'p [Planned],
    arrays: &[ArrayRef],
) -> Result<Vec<(&'p str, Box<dyn Cells + 'p>)>> {
    if planned.len() != arrays.len() {
        return Err(Error::bug("a batch has other columns than its schema"));
    }
    let pairs = planned.iter().zip(arrays);
    pairs.map(|(planned, array)| Ok((&*planned.name, bind(planned, array)?))).collect()
}

fn leaf<'p>(planned: &'p Planned, array: &ArrayRef) -> Bound<'p> {
    match &planned.form {
        Form::Bool => match array.as_boolean_opt() {
            Some(bits) => Ok(Framed::cells(planned, array, Booleans(bits.values().clone()))),
            None => Err(unknown(array)),
        },
        Form::Text { .. } | Form::Json { .. } => text(planned, array),
        Form::Uuid => binary(planned, array, Encoding::Uuid, None),
        Form::Base64 { max_bytes } => binary(planned, array, Encoding::Base64, *max_bytes),
        Form::Hex { max_bytes } => binary(planned, array, Encoding::Hex, *max_bytes),
        Form::Date | Form::Time { .. } => calendar(planned, array),
        Form::DateTime { fraction_digits } | Form::UtcDateTime { fraction_digits } => {
            moment(planned, array, *fraction_digits, (b' ', false))
        }
        Form::Timestamp { fraction_digits } => {
            moment(planned, array, *fraction_digits, (b'T', true))
        }
        _ => Err(unknown(array)),
    }
}

fn text<'p>(planned: &'p Planned, array: &ArrayRef) -> Bound<'p> {
    macro_rules! text {
        ($bytes:expr) => {{
            let bytes = $bytes.clone();
            match &planned.form {
                Form::Json { max_depth } => {
                    Framed::cells(planned, array, Documents::new(bytes, *max_depth))
                }
                Form::Text { limit } => Framed::cells(planned, array, Texts::new(bytes, *limit)),
                _ => return Err(unknown(array)),
            }
        }};
    }
    Ok(match array.data_type() {
        DataType::Utf8 => text!(array.as_string::<i32>()),
        DataType::LargeUtf8 => text!(array.as_string::<i64>()),
        DataType::Utf8View => text!(array.as_string_view()),
        _ => return Err(unknown(array)),
    })
}

fn binary<'p>(
    planned: &'p Planned,
    array: &ArrayRef,
    encoding: Encoding,
    max_bytes: Option<usize>,
) -> Bound<'p> {
    macro_rules! binary {
        ($bytes:expr) => {{
            let bytes = $bytes.clone();
            Framed::cells(planned, array, Binaries { bytes, encoding, max_bytes })
        }};
    }
    Ok(match array.data_type() {
        DataType::Binary => binary!(array.as_binary::<i32>()),
        DataType::LargeBinary => binary!(array.as_binary::<i64>()),
        DataType::BinaryView => binary!(array.as_binary_view()),
        DataType::FixedSizeBinary(_) => binary!(array.as_fixed_size_binary()),
        _ => return Err(unknown(array)),
    })
}

fn calendar<'p>(planned: &'p Planned, array: &ArrayRef) -> Bound<'p> {
    macro_rules! time {
        ($kind:ident, $unit:expr, $fraction:expr) => {{
            let values = values::<types::$kind>(array);
            Framed::cells(planned, array, Times::<_, $unit> { values, fraction: $fraction })
        }};
    }
    Ok(match (array.data_type(), &planned.form) {
        (DataType::Date32, Form::Date) => {
            Framed::cells(planned, array, Dates::<i32, 1>(values::<types::Date32Type>(array)))
        }
        (DataType::Date64, Form::Date) => {
            let values = values::<types::Date64Type>(array);
            Framed::cells(planned, array, Dates::<i64, 86_400_000>(values))
        }
        (kind, Form::Time { fraction_digits }) => {
            let fraction = Fraction::new(*fraction_digits);
            match kind {
                DataType::Time32(TimeUnit::Second) => time!(Time32SecondType, 1, fraction),
                DataType::Time32(_) => time!(Time32MillisecondType, 1_000, fraction),
                DataType::Time64(TimeUnit::Microsecond) => {
                    time!(Time64MicrosecondType, 1_000_000, fraction)
                }
                DataType::Time64(_) => time!(Time64NanosecondType, 1_000_000_000, fraction),
                _ => return Err(unknown(array)),
            }
        }
        _ => return Err(unknown(array)),
    })
}

fn moment<'p>(
    planned: &'p Planned,
    array: &ArrayRef,
    fraction_digits: u8,
    (between, is_zulu): (u8, bool),
) -> Bound<'p> {
    let fraction = Fraction::new(fraction_digits);
    macro_rules! moment {
        ($kind:ident, $unit:expr) => {{
            let values = values::<types::$kind>(array);
            let moments = Moments::<$unit> { values, fraction, between, is_zulu };
            Framed::cells(planned, array, moments)
        }};
    }
    Ok(match array.data_type() {
        DataType::Timestamp(TimeUnit::Second, _) => moment!(TimestampSecondType, 1),
        DataType::Timestamp(TimeUnit::Millisecond, _) => moment!(TimestampMillisecondType, 1_000),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            moment!(TimestampMicrosecondType, 1_000_000)
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            moment!(TimestampNanosecondType, 1_000_000_000)
        }
        _ => return Err(unknown(array)),
    })
}

/// An array that the plan, which was made for a schema, does not know.
fn unknown(array: &ArrayRef) -> Error {
    Error::bug("a batch has other columns than its schema").at("type", array.data_type())
}
