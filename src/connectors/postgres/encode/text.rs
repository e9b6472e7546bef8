//! Texts and bytes: taken as Arrow has them, after a look over all of them at once.

use std::collections::BTreeSet;

use arrow::array::{
    Array, AsArray, BinaryViewArray, FixedSizeBinaryArray, GenericByteArray, OffsetSizeTrait,
};
use arrow::buffer::{Buffer, OffsetBuffer};
use arrow::datatypes::{ByteArrayType, DataType};

use super::bad::Bad;
use super::cells::{Body, Cells, Gather, Offset};
use super::target::TextLimit;

/// The longest value that the server takes: a gigabyte, less one byte and the header.
const MOST_BYTES: usize = 0x3fff_ffff - 4;

const NUL: &str = "the text has a NUL character, which the server does not keep";
const TAKE_OUT: &str = "take it out in the model, such as with `replace(x, chr(0), '')`";
const TOO_BIG: &str = "the value is larger than 1 GiB, the most that the server keeps";
const LONGER: &str = "widen the column of the target, or cut the text in the model";

/// The values of a column of texts or bytes; `None` for other types.
pub(super) fn spans(array: &dyn Array) -> Option<Cells> {
    Some(match array.data_type() {
        DataType::Utf8 => short(array.as_string::<i32>()),
        DataType::LargeUtf8 => long(array.as_string::<i64>()),
        DataType::Utf8View => views(&array.as_string_view().clone().to_binary_view()),
        DataType::Binary => short(array.as_binary::<i32>()),
        DataType::LargeBinary => long(array.as_binary::<i64>()),
        DataType::BinaryView => views(array.as_binary_view()),
        DataType::FixedSizeBinary(_) => fixed(array.as_fixed_size_binary()),
        _ => return None,
    })
}

fn short<T: ByteArrayType<Offset = i32>>(array: &GenericByteArray<T>) -> Cells {
    Cells::new(Body::Short(array.offsets().clone(), array.values().clone()), array.nulls())
}

fn long<T: ByteArrayType<Offset = i64>>(array: &GenericByteArray<T>) -> Cells {
    Cells::new(Body::Long(array.offsets().clone(), array.values().clone()), array.nulls())
}

fn views(array: &BinaryViewArray) -> Cells {
    let bytes = array.lengths().map(usize_of).sum();
    let mut out = Gather::with_capacity(array.len(), bytes);
    for row in 0..array.len() {
        if array.is_valid(row) {
            out.bytes.extend_from_slice(array.value(row));
        }
        out.end();
    }
    out.finish(array.nulls())
}

fn usize_of(length: u32) -> usize {
    usize::try_from(length).unwrap_or(0)
}

fn fixed(array: &FixedSizeBinaryArray) -> Cells {
    let mut out = Gather::with_capacity(array.len(), array.value_data().len());
    for row in 0..array.len() {
        out.bytes.extend_from_slice(array.value(row));
        out.end();
    }
    out.finish(array.nulls())
}

/// Takes note of values that are too large to be sent.
pub(super) fn sizes(cells: &Cells, bad: &mut Bad) {
    if used(cells).len() <= MOST_BYTES {
        return;
    }
    each(cells, |row, bytes| {
        if bytes.len() > MOST_BYTES {
            bad.note(row, &bytes[..1_000], TOO_BIG, None);
        }
    });
}

/// Takes note of texts that are not within `limit`, or have a NUL.
pub(super) fn texts(cells: &Cells, limit: TextLimit, bad: &mut Bad) {
    sizes(cells, bad);
    if memchr::memchr(0, used(cells)).is_some() {
        each(cells, |row, bytes| {
            if memchr::memchr(0, bytes).is_some() {
                bad.note(row, bytes, NUL, Some(TAKE_OUT));
            }
        });
    }
    match limit {
        TextLimit::None => {}
        TextLimit::Bytes(most) => each(cells, |row, bytes| {
            if bytes.len() > most {
                bad.note(row, bytes, longer(most, "byte"), Some(LONGER));
            }
        }),
        TextLimit::Chars(most) => each(cells, |row, bytes| {
            if bytes.len() > most && characters(bytes) > most {
                bad.note(row, bytes, longer(most, "character"), Some(LONGER));
            }
        }),
    }
}

/// Takes note of texts that are no label of the enum.
pub(super) fn labels(cells: &Cells, labels: &BTreeSet<Vec<u8>>, bad: &mut Bad) {
    each(cells, |row, bytes| {
        if !labels.contains(bytes) {
            let reason = "the text is no label of the column's enum";
            let hint = "add the label with `alter type … add value`, or map it in the model";
            bad.note(row, bytes, reason, Some(hint));
        }
    });
}

fn longer(most: usize, unit: &str) -> String {
    let plural = if most == 1 { "" } else { "s" };
    format!("the text is longer than {most} {unit}{plural}")
}

fn characters(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte & 0xc0 != 0x80).count()
}

/// Calls `look` with each value that is not NULL.
fn each(cells: &Cells, mut look: impl FnMut(usize, &[u8])) {
    for row in 0..cells.len() {
        if !cells.is_null(row) {
            look(row, cells.bytes(row));
        }
    }
}

/// All bytes that values may lie in.
fn used(cells: &Cells) -> &[u8] {
    match &cells.body {
        Body::Short(offsets, bytes) => between(offsets, bytes),
        Body::Long(offsets, bytes) => between(offsets, bytes),
        Body::Bits(_) | Body::Two(_) | Body::Four(_) | Body::Eight(_) | Body::Sixteen(_) => &[],
    }
}

fn between<'a, O: Offset + OffsetSizeTrait>(
    offsets: &OffsetBuffer<O>,
    bytes: &'a Buffer,
) -> &'a [u8] {
    let at = |offset: Option<&O>| offset.copied().map_or(0, Offset::at);
    &bytes[at(offsets.first())..at(offsets.last())]
}
