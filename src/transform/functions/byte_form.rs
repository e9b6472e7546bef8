//! The byte form of a value, from which `row_hash` is computed.
//!
//! It depends on nothing but the value: not on the width of a number, nor on how Arrow happens to
//! hold a text, nor on the machine. README says the same for those who want to compute it
//! elsewhere. Every form says where it ends, so rows of several values cannot be mistaken for one
//! another.
//!
//! | value | bytes |
//! |---|---|
//! | NULL of any type | `00` |
//! | boolean | `01`, then `00` or `01` |
//! | whole number or decimal | `02`, length, the shortest decimal text: `-12.5`, `1`, `0` |
//! | floating-point number | `03`, 8 bytes of the 64-bit float; `-0` is `0`, and there is one NaN |
//! | text | `04`, length, UTF-8 |
//! | bytes | `05`, length, the bytes |
//! | date | `06`, days since 1970-01-01, 8 bytes |
//! | time of day | `07`, nanoseconds since midnight, 8 bytes |
//! | timestamp without zone | `08`, nanoseconds since 1970-01-01 00:00, 16 bytes |
//! | timestamp with zone | `09`, nanoseconds since 1970-01-01 00:00 UTC, 16 bytes |
//! | duration | `0a`, nanoseconds, 16 bytes |
//! | interval | `0b`, months (4 bytes), days (4 bytes), nanoseconds (8 bytes) |
//! | list | `0c`, number of elements, the form of each |
//! | struct | `0d`, number of fields, for each: length of its name, the name, the form of its value |
//! | map | `0e`, number of entries, for each: the form of its key, the form of its value |
//!
//! Numbers of bytes, elements, fields and entries are 8 bytes. All numbers are big-endian, and in
//! two's complement where they can be negative.

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, PrimitiveArray};
use arrow::buffer::NullBuffer;
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Date32Type, Date64Type, Decimal128Type, Decimal256Type, DurationMicrosecondType,
    DurationMillisecondType, DurationNanosecondType, DurationSecondType, Float64Type, Int64Type,
    IntervalDayTimeType, IntervalMonthDayNanoType, IntervalUnit, IntervalYearMonthType,
    Time64NanosecondType, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType, UInt64Type,
};
use arrow::error::ArrowError;

use super::plain_decimal::plain;

/// A day, in the milliseconds that `Date64` counts.
const DAY_MILLIS: i64 = 86_400_000;

/// Writes the form of one row of one column.
pub(super) struct Column {
    nulls: Option<NullBuffer>,
    write: Writer,
}

impl Column {
    /// The forms of the values of `array`.
    ///
    /// # Errors
    /// For a type that [`is_known`] does not know.
    pub(super) fn of(array: &ArrayRef) -> Result<Column, ArrowError> {
        let array = settled(array)?;
        Ok(Column { nulls: array.logical_nulls(), write: writer(&array)? })
    }

    /// Appends the form of the value in `row`.
    pub(super) fn write(&self, row: usize, bytes: &mut Vec<u8>) {
        if self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
            bytes.push(0x00);
        } else {
            (self.write)(row, bytes);
        }
    }
}

/// Whether values of this type have a byte form.
pub(super) fn is_known(kind: &DataType) -> bool {
    use DataType as D;
    match kind {
        D::Dictionary(_, inner) => is_known(inner),
        D::List(item)
        | D::LargeList(item)
        | D::FixedSizeList(item, _)
        | D::ListView(item)
        | D::LargeListView(item)
        | D::Map(item, _) => is_known(item.data_type()),
        D::Struct(fields) => fields.iter().all(|field| is_known(field.data_type())),
        D::Union(..) | D::RunEndEncoded(..) => false,
        _ => true,
    }
}

/// The same values in the one encoding that [`writer`] knows for them.
fn settled(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    use DataType as D;
    let to = match array.data_type() {
        D::Dictionary(_, inner) => return settled(&cast(array, inner)?),
        D::Int8 | D::Int16 | D::Int32 => D::Int64,
        D::UInt8 | D::UInt16 | D::UInt32 => D::UInt64,
        D::Float16 | D::Float32 => D::Float64,
        D::Decimal32(_, scale) | D::Decimal64(_, scale) => D::Decimal128(38, *scale),
        D::Utf8 | D::Utf8View => D::LargeUtf8,
        D::Binary | D::BinaryView | D::FixedSizeBinary(_) => D::LargeBinary,
        D::Time32(_) | D::Time64(TimeUnit::Microsecond) => D::Time64(TimeUnit::Nanosecond),
        D::List(item) | D::FixedSizeList(item, _) | D::ListView(item) | D::LargeListView(item) => {
            D::LargeList(item.clone())
        }
        _ => return Ok(array.clone()),
    };
    cast(array, &to)
}

type Writer = Box<dyn Fn(usize, &mut Vec<u8>) + Send>;

fn writer(array: &ArrayRef) -> Result<Writer, ArrowError> {
    use DataType as D;
    Ok(match array.data_type() {
        // Every value is NULL.
        D::Null => Box::new(|_, _| {}),
        D::Boolean => {
            let values = array.as_boolean().clone();
            Box::new(move |row, bytes| bytes.extend([0x01, u8::from(values.value(row))]))
        }
        D::Int64 => number::<Int64Type>(array, |value| value.to_string()),
        D::UInt64 => number::<UInt64Type>(array, |value| value.to_string()),
        D::Decimal128(_, scale) => {
            let scale = *scale;
            number::<Decimal128Type>(array, move |value| plain(&value.to_string(), scale))
        }
        D::Decimal256(_, scale) => {
            let scale = *scale;
            number::<Decimal256Type>(array, move |value| plain(&value.to_string(), scale))
        }
        D::Float64 => fixed::<Float64Type, 8>(array, 0x03, |value| float(value).to_be_bytes()),
        D::LargeUtf8 => {
            let values = array.as_string::<i64>().clone();
            Box::new(move |row, bytes| sized(0x04, values.value(row).as_bytes(), bytes))
        }
        D::LargeBinary => {
            let values = array.as_binary::<i64>().clone();
            Box::new(move |row, bytes| sized(0x05, values.value(row), bytes))
        }
        D::LargeList(_) | D::Struct(_) | D::Map(..) => nested(array)?,
        _ => moment(array)?,
    })
}

/// Dates, times of day, timestamps and durations.
fn moment(array: &ArrayRef) -> Result<Writer, ArrowError> {
    use DataType as D;
    use TimeUnit as U;
    Ok(match array.data_type() {
        D::Date32 => fixed::<Date32Type, 8>(array, 0x06, |day| i64::from(day).to_be_bytes()),
        D::Date64 => date64(array),
        D::Time64(U::Nanosecond) => {
            fixed::<Time64NanosecondType, 8>(array, 0x07, |nanos| nanos.to_be_bytes())
        }
        D::Timestamp(unit, zone) => {
            let tag = if zone.is_none() { 0x08 } else { 0x09 };
            match unit {
                U::Second => nanos::<TimestampSecondType>(array, tag, *unit),
                U::Millisecond => nanos::<TimestampMillisecondType>(array, tag, *unit),
                U::Microsecond => nanos::<TimestampMicrosecondType>(array, tag, *unit),
                U::Nanosecond => nanos::<TimestampNanosecondType>(array, tag, *unit),
            }
        }
        D::Duration(unit) => match unit {
            U::Second => nanos::<DurationSecondType>(array, 0x0a, *unit),
            U::Millisecond => nanos::<DurationMillisecondType>(array, 0x0a, *unit),
            U::Microsecond => nanos::<DurationMicrosecondType>(array, 0x0a, *unit),
            U::Nanosecond => nanos::<DurationNanosecondType>(array, 0x0a, *unit),
        },
        D::Interval(unit) => interval(array, *unit),
        other => {
            let text = format!("a value of type {other} has no byte form");
            return Err(ArrowError::NotYetImplemented(text));
        }
    })
}

/// A number as its shortest decimal text.
fn number<T: ArrowPrimitiveType>(
    array: &ArrayRef,
    text: impl Fn(T::Native) -> String + Send + 'static,
) -> Writer {
    let values: PrimitiveArray<T> = array.as_primitive::<T>().clone();
    Box::new(move |row, bytes| sized(0x02, text(values.value(row)).as_bytes(), bytes))
}

/// A value that always takes `N` bytes.
fn fixed<T: ArrowPrimitiveType, const N: usize>(
    array: &ArrayRef,
    tag: u8,
    form: impl Fn(T::Native) -> [u8; N] + Send + 'static,
) -> Writer {
    let values: PrimitiveArray<T> = array.as_primitive::<T>().clone();
    Box::new(move |row, bytes| {
        bytes.push(tag);
        bytes.extend(form(values.value(row)));
    })
}

/// A number of `unit`s as nanoseconds.
fn nanos<T: ArrowPrimitiveType<Native = i64>>(array: &ArrayRef, tag: u8, unit: TimeUnit) -> Writer {
    let nanos_in_unit: i128 = match unit {
        TimeUnit::Second => 1_000_000_000,
        TimeUnit::Millisecond => 1_000_000,
        TimeUnit::Microsecond => 1_000,
        TimeUnit::Nanosecond => 1,
    };
    fixed::<T, 16>(array, tag, move |value| (i128::from(value) * nanos_in_unit).to_be_bytes())
}

/// `Date64` is a date, but nothing stops it from having a time of day as well: then it is a moment.
fn date64(array: &ArrayRef) -> Writer {
    let values: PrimitiveArray<Date64Type> = array.as_primitive::<Date64Type>().clone();
    Box::new(move |row, bytes| {
        let millis = values.value(row);
        if millis % DAY_MILLIS == 0 {
            bytes.push(0x06);
            bytes.extend((millis / DAY_MILLIS).to_be_bytes());
        } else {
            bytes.push(0x08);
            bytes.extend((i128::from(millis) * 1_000_000).to_be_bytes());
        }
    })
}

fn interval(array: &ArrayRef, unit: IntervalUnit) -> Writer {
    let form = |months: i32, days: i32, nanos: i64| {
        let mut form = [0; 16];
        form[..4].copy_from_slice(&months.to_be_bytes());
        form[4..8].copy_from_slice(&days.to_be_bytes());
        form[8..].copy_from_slice(&nanos.to_be_bytes());
        form
    };
    match unit {
        IntervalUnit::YearMonth => {
            fixed::<IntervalYearMonthType, 16>(array, 0x0b, move |months| form(months, 0, 0))
        }
        IntervalUnit::DayTime => fixed::<IntervalDayTimeType, 16>(array, 0x0b, move |value| {
            form(0, value.days, i64::from(value.milliseconds) * 1_000_000)
        }),
        IntervalUnit::MonthDayNano => {
            fixed::<IntervalMonthDayNanoType, 16>(array, 0x0b, move |value| {
                form(value.months, value.days, value.nanoseconds)
            })
        }
    }
}

fn nested(array: &ArrayRef) -> Result<Writer, ArrowError> {
    if let Some(map) = array.as_map_opt() {
        let (keys, values) = (Column::of(map.keys())?, Column::of(map.values())?);
        return Ok(entries(0x0e, map.value_offsets().to_vec(), vec![keys, values]));
    }
    if let Some(list) = array.as_list_opt::<i64>() {
        return Ok(entries(0x0c, list.value_offsets().to_vec(), vec![Column::of(list.values())?]));
    }
    let fields = array.as_struct();
    let named = fields.fields().iter().zip(fields.columns());
    let columns: Vec<_> = named
        .map(|(field, column)| Ok((field.name().clone(), Column::of(column)?)))
        .collect::<Result<_, ArrowError>>()?;
    Ok(Box::new(move |row, bytes| {
        bytes.push(0x0d);
        length(columns.len(), bytes);
        for (name, column) in &columns {
            length(name.len(), bytes);
            bytes.extend_from_slice(name.as_bytes());
            column.write(row, bytes);
        }
    }))
}

/// The elements of a list, or the entries of a map, between two offsets.
fn entries<O: Copy + Send + TryInto<usize> + 'static>(
    tag: u8,
    offsets: Vec<O>,
    columns: Vec<Column>,
) -> Writer {
    let at = move |index: usize| offsets.get(index).and_then(|at| (*at).try_into().ok());
    Box::new(move |row, bytes| {
        let (start, end): (usize, usize) = (at(row).unwrap_or(0), at(row + 1).unwrap_or(0));
        bytes.push(tag);
        length(end.saturating_sub(start), bytes);
        for element in start..end {
            columns.iter().for_each(|column| column.write(element, bytes));
        }
    })
}

/// One zero and one NaN, so that equal values have equal forms.
fn float(value: f64) -> f64 {
    match value {
        0.0 => 0.0,
        value if value.is_nan() => f64::from_bits(0x7ff8_0000_0000_0000),
        value => value,
    }
}

fn sized(tag: u8, content: &[u8], bytes: &mut Vec<u8>) {
    bytes.push(tag);
    length(content.len(), bytes);
    bytes.extend_from_slice(content);
}

fn length(length: usize, bytes: &mut Vec<u8>) {
    bytes.extend(u64::try_from(length).unwrap_or(u64::MAX).to_be_bytes());
}
