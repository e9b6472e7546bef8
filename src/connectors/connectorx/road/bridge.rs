//! Takes the arrays of connectorx, which are of an older Arrow, over into ours without a copy.
//!
//! Both lay out memory as Arrow's format says, so that only the buffers change hands, each kept
//! alive by whoever holds it. What is handed over is checked like data from anywhere.

use std::ops::Deref;

use ::connectorx::prelude::ArrowStreamTypeSystem as Theirs;
use arrow::array::{ArrayData, ArrayRef, make_array};
use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer};
use arrow::datatypes::{DataType, TimeUnit};
use bytes::Bytes;

use crate::error::{Error, Result};

/// A buffer of another Arrow.
pub(super) trait Memory: Deref<Target = [u8]> + Clone + Send + 'static {}

impl<T: Deref<Target = [u8]> + Clone + Send + 'static> Memory for T {}

struct Owner<T>(T);

impl<T: Memory> AsRef<[u8]> for Owner<T> {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

fn taken<T: Memory>(theirs: &T) -> Buffer {
    Buffer::from(Bytes::from_owner(Owner(theirs.clone())))
}

/// An array of `rows` values of their type `kind`; `valid` has a bit for each value, from the bit
/// that is named on.
pub(super) fn array<T: Memory>(
    kind: Theirs,
    rows: usize,
    valid: Option<(&T, usize)>,
    buffers: &[T],
) -> Result<ArrayRef> {
    let nulls =
        valid.map(|(bits, offset)| NullBuffer::new(BooleanBuffer::new(taken(bits), offset, rows)));
    let data = ArrayData::builder(data_type(kind)?)
        .len(rows)
        .nulls(nulls)
        .buffers(buffers.iter().map(taken).collect())
        .align_buffers(true)
        .build();
    let data = data.map_err(|e| Error::bug("connectorx gave a broken array").at("arrow", e))?;
    Ok(make_array(data))
}

/// What connectorx makes of its types: `destinations/arrowstream/arrow_assoc.rs`.
pub(super) fn data_type(kind: Theirs) -> Result<DataType> {
    let timestamp = |unit, zone: Option<&str>| DataType::Timestamp(unit, zone.map(Into::into));
    Ok(match kind {
        Theirs::Int8(_) => DataType::Int8,
        Theirs::Int16(_) => DataType::Int16,
        Theirs::Int32(_) => DataType::Int32,
        Theirs::Int64(_) => DataType::Int64,
        Theirs::UInt8(_) => DataType::UInt8,
        Theirs::UInt16(_) => DataType::UInt16,
        Theirs::UInt32(_) => DataType::UInt32,
        Theirs::UInt64(_) => DataType::UInt64,
        Theirs::Float32(_) => DataType::Float32,
        Theirs::Float64(_) => DataType::Float64,
        Theirs::Decimal(_) => DataType::Decimal128(38, 10),
        Theirs::Boolean(_) => DataType::Boolean,
        Theirs::LargeUtf8(_) => DataType::Utf8,
        Theirs::LargeBinary(_) => DataType::LargeBinary,
        Theirs::Date32(_) => DataType::Date32,
        Theirs::Date64(_) => timestamp(TimeUnit::Nanosecond, None),
        Theirs::Date64Micro(_) => timestamp(TimeUnit::Microsecond, None),
        Theirs::Time64(_) => DataType::Time64(TimeUnit::Nanosecond),
        Theirs::Time64Micro(_) => DataType::Time64(TimeUnit::Microsecond),
        Theirs::DateTimeTz(_) => timestamp(TimeUnit::Nanosecond, None),
        Theirs::DateTimeTzMicro(_) => timestamp(TimeUnit::Microsecond, Some("+00:00")),
        other => {
            let error = Error::unsupported("connectorx gave a list, which is not read");
            return Err(error.at("type", format!("{other:?}")));
        }
    })
}
