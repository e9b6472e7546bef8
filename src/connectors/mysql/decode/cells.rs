//! The values of a column while a batch is filled.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BinaryBuilder, BooleanBuilder, Date32Builder, Decimal128Builder,
    Decimal256Builder, Float32Builder, Float64Builder, Int8Builder, Int16Builder, Int32Builder,
    Int64Builder, StringArray, Time64MicrosecondBuilder, TimestampMicrosecondBuilder, UInt8Builder,
    UInt16Builder, UInt32Builder, UInt64Builder,
};
use arrow::datatypes::{DataType, i256};
use arrow::error::ArrowError;

use super::misfit::{Misfit, Trouble};
use super::moment::{Moment, Time};
use super::reading::{Reading, Special};
use super::sent::{self, Sent, Width, array, bytes};
use super::{number, text};
use crate::connectors::mysql::wire::Cursor;

/// The values of a column so far: Arrow's builder, and how a value is read where that takes more
/// than its bytes.
#[derive(Debug)]
pub(super) enum Cells {
    Int8(Int8Builder),
    Int16(Int16Builder),
    Int32(Int32Builder),
    Int64(Int64Builder),
    UInt8(UInt8Builder),
    UInt16(UInt16Builder),
    UInt32(UInt32Builder),
    UInt64(UInt64Builder),
    Float32(Float32Builder),
    Float64(Float64Builder),
    Decimal128(Decimal128Builder, Limits<i128>),
    Decimal256(Decimal256Builder, Limits<i256>),
    Date(Date32Builder),
    Timestamp(TimestampMicrosecondBuilder),
    Time(Time64MicrosecondBuilder),
    Bits(UInt64Builder),
    Boolean(BooleanBuilder, Sent),
    Binary(BinaryBuilder),
    /// Shapes without the number of their reference system.
    Shapes(BinaryBuilder),
    /// Texts as bytes: they are looked at all together in the end.
    Text(BinaryBuilder),
    /// What is no text on the wire, as the server would write it.
    Written(BinaryBuilder, Sent),
    /// Numbers of another type than they are sent in, looked at one by one.
    AsInt16(Int16Builder, Sent),
    AsInt32(Int32Builder, Sent),
    AsInt64(Int64Builder, Sent),
    AsDecimal(Decimal128Builder, Limits<i128>, Sent),
    AsDouble(Float64Builder, Sent),
}

/// What a decimal can hold.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits<T> {
    scale: usize,
    /// Ten to the power of the precision: too large for it.
    above: T,
}

/// A text that is not UTF-8: the row it is in, and its bytes.
pub(super) type BadText = (usize, Vec<u8>);

/// Calls `$work` on the builder of any kind.
macro_rules! with_builder {
    ($cells:expr, $builder:ident => $work:expr) => {
        match $cells {
            Cells::Int8($builder) => $work,
            Cells::Int16($builder) | Cells::AsInt16($builder, _) => $work,
            Cells::Int32($builder) | Cells::AsInt32($builder, _) => $work,
            Cells::Int64($builder) | Cells::AsInt64($builder, _) => $work,
            Cells::UInt8($builder) => $work,
            Cells::UInt16($builder) => $work,
            Cells::UInt32($builder) => $work,
            Cells::UInt64($builder) | Cells::Bits($builder) => $work,
            Cells::Float32($builder) => $work,
            Cells::Float64($builder) | Cells::AsDouble($builder, _) => $work,
            Cells::Decimal128($builder, _) | Cells::AsDecimal($builder, ..) => $work,
            Cells::Decimal256($builder, _) => $work,
            Cells::Date($builder) => $work,
            Cells::Timestamp($builder) => $work,
            Cells::Time($builder) => $work,
            Cells::Boolean($builder, _) => $work,
            Cells::Binary($builder)
            | Cells::Shapes($builder)
            | Cells::Text($builder)
            | Cells::Written($builder, _) => $work,
        }
    };
}

impl Cells {
    /// Room for `rows` values of `reading`, and for `room` bytes in values of any length; `None`
    /// where there is no way from what is sent to the type of the field.
    pub(super) fn new(reading: &Reading, rows: usize, room: usize) -> Option<Self> {
        let sent = reading.sent;
        let strings = || BinaryBuilder::with_capacity(rows, room);
        Some(match (reading.field.data_type(), sent) {
            (DataType::Utf8, Sent::Bytes | Sent::Decimal) => Cells::Text(strings()),
            (DataType::Utf8, _) => Cells::Written(strings(), sent),
            (DataType::Binary, Sent::Bytes) if reading.special == Special::Shape => {
                Cells::Shapes(strings())
            }
            (DataType::Binary, Sent::Bytes) => Cells::Binary(strings()),
            (DataType::Boolean, _) => Cells::Boolean(BooleanBuilder::with_capacity(rows), sent),
            (DataType::Date32, Sent::Date) => Cells::Date(Date32Builder::with_capacity(rows)),
            (DataType::Timestamp(..), Sent::Moment(_)) => {
                Cells::Timestamp(TimestampMicrosecondBuilder::with_capacity(rows))
            }
            (DataType::Time64(_), Sent::Time(_)) => {
                Cells::Time(Time64MicrosecondBuilder::with_capacity(rows))
            }
            (DataType::Float32, Sent::Float32) => {
                Cells::Float32(Float32Builder::with_capacity(rows))
            }
            (DataType::Float64, Sent::Float64) => {
                Cells::Float64(Float64Builder::with_capacity(rows))
            }
            (DataType::Float64, _) => Cells::AsDouble(Float64Builder::with_capacity(rows), sent),
            (kind, Sent::Decimal) => decimal(kind, rows)?,
            (kind, _) => whole(kind, sent, rows)?,
        })
    }

    /// Appends the value that comes next. After an error, nothing has been appended.
    #[inline]
    pub(super) fn push(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Trouble> {
        match self {
            Cells::Int8(cells) => cells.append_value(i8::from_le_bytes(array(cursor)?)),
            Cells::Int16(cells) => cells.append_value(i16::from_le_bytes(array(cursor)?)),
            Cells::Int32(cells) => cells.append_value(i32::from_le_bytes(array(cursor)?)),
            Cells::Int64(cells) => cells.append_value(i64::from_le_bytes(array(cursor)?)),
            Cells::UInt8(cells) => cells.append_value(u8::from_le_bytes(array(cursor)?)),
            Cells::UInt16(cells) => cells.append_value(u16::from_le_bytes(array(cursor)?)),
            Cells::UInt32(cells) => cells.append_value(u32::from_le_bytes(array(cursor)?)),
            Cells::UInt64(cells) => cells.append_value(u64::from_le_bytes(array(cursor)?)),
            Cells::Float32(cells) => cells.append_value(f32::from_le_bytes(array(cursor)?)),
            Cells::Float64(cells) => cells.append_value(f64::from_le_bytes(array(cursor)?)),
            Cells::Decimal128(cells, Limits { scale, above }) => {
                cells.append_value(number::to_i128(bytes(cursor)?, *scale, *above)?);
            }
            Cells::Text(cells) | Cells::Binary(cells) => cells.append_value(bytes(cursor)?),
            Cells::Date(cells) => cells.append_value(Moment::read(cursor)?.days()?),
            Cells::Timestamp(cells) => cells.append_value(Moment::read(cursor)?.micros()?),
            cells => cells.push_rare(cursor)?,
        }
        Ok(())
    }

    /// The same for what takes more than its bytes.
    fn push_rare(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Trouble> {
        match self {
            Cells::Decimal256(cells, Limits { scale, above }) => {
                cells.append_value(number::to_i256(bytes(cursor)?, *scale, *above)?);
            }
            Cells::Time(cells) => cells.append_value(Time::read(cursor)?.of_day()?),
            Cells::Bits(cells) => cells.append_value(sent::bits(bytes(cursor)?)?),
            Cells::Boolean(cells, sent) => match sent::whole(*sent, cursor)? {
                number @ 0..=1 => cells.append_value(number == 1),
                _ => return Err(Misfit::NotBoolean.into()),
            },
            Cells::Shapes(cells) => {
                let shape = bytes(cursor)?.split_at_checked(4);
                cells.append_value(shape.ok_or(Misfit::Shape)?.1);
            }
            Cells::Written(cells, sent) => {
                let mut written = Vec::new();
                text::write(*sent, cursor, &mut written)?;
                cells.append_value(&written);
            }
            Cells::AsInt16(cells, sent) => cells.append_value(narrow(*sent, cursor)?),
            Cells::AsInt32(cells, sent) => cells.append_value(narrow(*sent, cursor)?),
            Cells::AsInt64(cells, sent) => cells.append_value(narrow(*sent, cursor)?),
            Cells::AsDecimal(cells, limits, sent) => {
                let number = sent::whole(*sent, cursor)?.to_string();
                let Limits { scale, above } = *limits;
                cells.append_value(number::to_i128(number.as_bytes(), scale, above)?);
            }
            Cells::AsDouble(cells, Sent::Float32) => {
                cells.append_value(f64::from(f32::from_le_bytes(array(cursor)?)));
            }
            Cells::AsDouble(cells, sent) => {
                let number = i32::try_from(sent::whole(*sent, cursor)?).map(f64::from);
                cells.append_value(number.map_err(|_| Misfit::Range)?);
            }
            _ => return Err(Trouble::Malformed("a type that is known")),
        }
        Ok(())
    }

    /// Appends NULL.
    pub(super) fn push_null(&mut self) {
        with_builder!(self, cells => cells.append_null());
    }

    /// The bytes in values of any length; the measure of the next batch.
    pub(super) fn byte_len(&self) -> usize {
        match self {
            Cells::Binary(cells)
            | Cells::Shapes(cells)
            | Cells::Text(cells)
            | Cells::Written(cells, _) => cells.values_slice().len(),
            _ => 0,
        }
    }

    /// The column as an array of `data_type`, and the texts in it that are not UTF-8, by their
    /// rows: those are empty in the array.
    pub(super) fn finish(
        mut self,
        data_type: &DataType,
    ) -> Result<(ArrayRef, Vec<BadText>), ArrowError> {
        let array: ArrayRef = match &mut self {
            Cells::Text(cells) | Cells::Written(cells, _) => return texts(&cells.finish()),
            Cells::Decimal128(cells, _) | Cells::AsDecimal(cells, ..) => {
                Arc::new(cells.finish().with_data_type(data_type.clone()))
            }
            Cells::Decimal256(cells, _) => {
                Arc::new(cells.finish().with_data_type(data_type.clone()))
            }
            Cells::Timestamp(cells) => Arc::new(cells.finish().with_data_type(data_type.clone())),
            cells => with_builder!(cells, cells => Arc::new(cells.finish())),
        };
        Ok((array, Vec::new()))
    }
}

/// Builders for numbers that are sent as text.
fn decimal(kind: &DataType, rows: usize) -> Option<Cells> {
    let wide = Decimal128Builder::with_capacity(rows);
    Some(match kind {
        DataType::Decimal128(precision, scale) => {
            Cells::Decimal128(wide, limits(*precision, *scale)?)
        }
        DataType::Decimal256(precision, scale) => {
            let above = i256::from_i128(10).checked_pow(u32::from(*precision))?;
            let limits = Limits { scale: usize::try_from(*scale).ok()?, above };
            Cells::Decimal256(Decimal256Builder::with_capacity(rows), limits)
        }
        kind => whole(kind, Sent::Decimal, rows)?,
    })
}

fn limits(precision: u8, scale: i8) -> Option<Limits<i128>> {
    let above = 10_i128.checked_pow(u32::from(precision))?;
    Some(Limits { scale: usize::try_from(scale).ok()?, above })
}

/// Builders for whole numbers: of the type that is sent, or of another one.
fn whole(kind: &DataType, sent: Sent, rows: usize) -> Option<Cells> {
    use Sent::{Signed, Unsigned};
    Some(match (kind, sent) {
        (DataType::Int8, Signed(Width::One)) => Cells::Int8(Int8Builder::with_capacity(rows)),
        (DataType::Int16, Signed(Width::Two)) => Cells::Int16(Int16Builder::with_capacity(rows)),
        (DataType::Int32, Signed(Width::Four)) => Cells::Int32(Int32Builder::with_capacity(rows)),
        (DataType::Int64, Signed(Width::Eight)) => Cells::Int64(Int64Builder::with_capacity(rows)),
        (DataType::UInt8, Unsigned(Width::One)) => Cells::UInt8(UInt8Builder::with_capacity(rows)),
        (DataType::UInt16, Unsigned(Width::Two)) => {
            Cells::UInt16(UInt16Builder::with_capacity(rows))
        }
        (DataType::UInt32, Unsigned(Width::Four)) => {
            Cells::UInt32(UInt32Builder::with_capacity(rows))
        }
        (DataType::UInt64, Unsigned(Width::Eight)) => {
            Cells::UInt64(UInt64Builder::with_capacity(rows))
        }
        (DataType::UInt64, Sent::Bits(_)) => Cells::Bits(UInt64Builder::with_capacity(rows)),
        (DataType::Int16, _) => Cells::AsInt16(Int16Builder::with_capacity(rows), sent),
        (DataType::Int32, _) => Cells::AsInt32(Int32Builder::with_capacity(rows), sent),
        (DataType::Int64, _) => Cells::AsInt64(Int64Builder::with_capacity(rows), sent),
        (DataType::Decimal128(precision, scale), _) => {
            let cells = Decimal128Builder::with_capacity(rows);
            Cells::AsDecimal(cells, limits(*precision, *scale)?, sent)
        }
        _ => return None,
    })
}

/// A whole number of another type than it is sent in.
fn narrow<T: TryFrom<i128>>(sent: Sent, cursor: &mut Cursor<'_>) -> Result<T, Trouble> {
    let number = match sent {
        // More digits than any of the types has.
        Sent::Decimal => number::to_i128(bytes(cursor)?, 0, 10_i128.pow(20))?,
        sent => sent::whole(sent, cursor)?,
    };
    T::try_from(number).map_err(|_| Misfit::Range.into())
}

/// Texts that are UTF-8, and the others beside them.
fn texts(all: &BinaryArray) -> Result<(ArrayRef, Vec<BadText>), ArrowError> {
    let (offsets, values, nulls) = all.clone().into_parts();
    // Looks at all bytes at once, then at where the values begin.
    if let Ok(whole) = StringArray::try_new(offsets, values, nulls) {
        return Ok((Arc::new(whole), Vec::new()));
    }
    let is_text = |value: &[u8]| std::str::from_utf8(value).is_ok();
    let bad = all.iter().enumerate().filter_map(|(row, value)| Some((row, value?)));
    let bad = bad.filter(|(_, value)| !is_text(value)).map(|(row, value)| (row, value.to_vec()));
    let good = all.iter().map(|value| value.map(|value| std::str::from_utf8(value).unwrap_or("")));
    Ok((Arc::new(good.collect::<StringArray>()), bad.collect()))
}
