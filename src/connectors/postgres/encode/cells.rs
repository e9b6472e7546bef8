//! One column of a batch in the form in which its values travel, without lengths or separators.

use arrow::array::BooleanArray;
use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};

/// The values of a column, ready to be copied into rows.
#[derive(Debug, Clone)]
pub(super) struct Cells {
    /// The values; those of rows that are NULL mean nothing.
    pub body: Body,
    /// Which rows are not NULL; `None` when all of them.
    pub nulls: Option<NullBuffer>,
}

/// The bytes of values. Numbers are in the machine's order here and travel with the high byte
/// first.
#[derive(Debug, Clone)]
pub(super) enum Body {
    /// One byte, 0 or 1.
    Bits(BooleanBuffer),
    /// Two bytes.
    Two(ScalarBuffer<i16>),
    /// Four bytes.
    Four(ScalarBuffer<i32>),
    /// Eight bytes.
    Eight(ScalarBuffer<i64>),
    /// Sixteen bytes.
    Sixteen(ScalarBuffer<i128>),
    /// Any number of bytes: as Arrow has them.
    Short(OffsetBuffer<i32>, Buffer),
    /// Any number of bytes: large texts of Arrow, and what was made here.
    Long(OffsetBuffer<i64>, Buffer),
}

impl Cells {
    /// `body` with its NULLs, if there is one.
    pub(super) fn new(body: Body, nulls: Option<&NullBuffer>) -> Self {
        Cells { body, nulls: nulls.filter(|nulls| nulls.null_count() > 0).cloned() }
    }

    /// The bits of `array`.
    pub(super) fn bits(array: &BooleanArray) -> Self {
        Cells::new(Body::Bits(array.values().clone()), arrow::array::Array::nulls(array))
    }

    /// Whether `row` is NULL.
    pub(super) fn is_null(&self, row: usize) -> bool {
        self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row))
    }

    /// The bytes of `row`; nothing for numbers.
    pub(super) fn bytes(&self, row: usize) -> &[u8] {
        match &self.body {
            Body::Short(offsets, bytes) => slice(offsets, bytes, row),
            Body::Long(offsets, bytes) => slice(offsets, bytes, row),
            Body::Bits(_) | Body::Two(_) | Body::Four(_) | Body::Eight(_) | Body::Sixteen(_) => &[],
        }
    }

    /// The number of rows.
    pub(super) fn len(&self) -> usize {
        match &self.body {
            Body::Bits(bits) => bits.len(),
            Body::Two(values) => values.len(),
            Body::Four(values) => values.len(),
            Body::Eight(values) => values.len(),
            Body::Sixteen(values) => values.len(),
            Body::Short(offsets, _) => offsets.len() - 1,
            Body::Long(offsets, _) => offsets.len() - 1,
        }
    }

    /// The number of bytes of `row`, which is not NULL.
    pub(super) fn length(&self, row: usize) -> usize {
        self.body.width() + self.bytes(row).len()
    }

    /// Appends the bytes of `row`, which is not NULL.
    pub(super) fn append(&self, row: usize, out: &mut Vec<u8>) {
        match &self.body {
            Body::Bits(bits) => out.push(u8::from(bits.value(row))),
            Body::Two(values) => out.extend_from_slice(&values[row].to_be_bytes()),
            Body::Four(values) => out.extend_from_slice(&values[row].to_be_bytes()),
            Body::Eight(values) => out.extend_from_slice(&values[row].to_be_bytes()),
            Body::Sixteen(values) => out.extend_from_slice(&values[row].to_be_bytes()),
            Body::Short(offsets, bytes) => out.extend_from_slice(slice(offsets, bytes, row)),
            Body::Long(offsets, bytes) => out.extend_from_slice(slice(offsets, bytes, row)),
        }
    }
}

impl Body {
    /// The bytes of each value; nothing where they differ.
    pub(super) fn width(&self) -> usize {
        match self {
            Body::Bits(_) => 1,
            Body::Two(_) => 2,
            Body::Four(_) => 4,
            Body::Eight(_) => 8,
            Body::Sixteen(_) => 16,
            Body::Short(..) | Body::Long(..) => 0,
        }
    }
}

/// An offset into bytes.
pub(super) trait Offset: Copy {
    /// As an index; Arrow's offsets are never negative.
    fn at(self) -> usize;
}

impl Offset for i32 {
    fn at(self) -> usize {
        usize::try_from(self).unwrap_or(0)
    }
}

impl Offset for i64 {
    fn at(self) -> usize {
        usize::try_from(self).unwrap_or(0)
    }
}

/// The bytes of `row`.
pub(super) fn slice<'a, O: Offset>(offsets: &[O], bytes: &'a [u8], row: usize) -> &'a [u8] {
    &bytes[offsets[row].at()..offsets[row + 1].at()]
}

/// Gathers values of any length.
#[derive(Debug)]
pub(super) struct Gather {
    /// The values one after the other: append here, then call [`Gather::end`].
    pub bytes: Vec<u8>,
    ends: Vec<i64>,
}

impl Gather {
    /// For `rows` values of about `bytes` bytes together.
    pub(super) fn with_capacity(rows: usize, bytes: usize) -> Self {
        let mut ends = Vec::with_capacity(rows + 1);
        ends.push(0);
        Gather { bytes: Vec::with_capacity(bytes), ends }
    }

    /// Ends the value of a row; nothing before it is an empty or NULL value.
    pub(super) fn end(&mut self) {
        self.ends.push(i64::try_from(self.bytes.len()).unwrap_or(i64::MAX));
    }

    /// The bytes appended since the last end.
    pub(super) fn pending(&self) -> usize {
        self.bytes.len() - self.ends.last().copied().map_or(0, Offset::at)
    }

    /// Takes back what was appended since the last end, then ends.
    pub(super) fn drop_and_end(&mut self) {
        self.bytes.truncate(self.ends.last().copied().map_or(0, Offset::at));
        self.end();
    }

    /// The values as cells.
    pub(super) fn finish(self, nulls: Option<&NullBuffer>) -> Cells {
        let offsets = OffsetBuffer::new(ScalarBuffer::from(self.ends));
        Cells::new(Body::Long(offsets, Buffer::from_vec(self.bytes)), nulls)
    }
}
