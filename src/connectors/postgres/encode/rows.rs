//! From columns to rows: measures each row, then copies the values of one column after the other
//! to where they belong.
//!
//! Rows are done in blocks that stay in the processor's cache, and the loop over a block knows the
//! form of its column, so it only moves bytes.

use std::ops::Range;

use bytes::BytesMut;

use super::Format;
use super::cells::{Body, Cells, Offset, slice};

/// Rows of a block: some 100 KiB of an ordinary table.
const BLOCK: usize = 512;

/// A binary value that is NULL: its length is -1.
const NULL: [u8; 4] = [0xff; 4];

/// Appends `rows` rows of `columns`; in [`Format::Text`] their values are already escaped.
pub(super) fn append(format: Format, columns: &[Cells], rows: usize, out: &mut BytesMut) {
    let mut places = [0_usize; BLOCK];
    let mut begin = 0;
    while begin < rows {
        let block = begin..rows.min(begin + BLOCK);
        let places = &mut places[..block.len()];
        match format {
            Format::Binary => binary(columns, &block, places, out),
            Format::Text => text(columns, &block, places, out),
        }
        begin = block.end;
    }
}

fn binary(columns: &[Cells], block: &Range<usize>, places: &mut [usize], out: &mut BytesMut) {
    // A row begins with the number of its values.
    places.fill(2);
    columns.iter().for_each(|cells| measure(cells, block, 4, 0, places));
    let out = begin_rows(places, out);
    let count = u16::try_from(columns.len()).unwrap_or(u16::MAX).to_be_bytes();
    for place in places.iter_mut() {
        out[*place..*place + 2].copy_from_slice(&count);
        *place += 2;
    }
    columns.iter().for_each(|cells| copy(cells, block, places, out));
}

fn text(columns: &[Cells], block: &Range<usize>, places: &mut [usize], out: &mut BytesMut) {
    // A row without values is still a line.
    places.fill(usize::from(columns.is_empty()));
    columns.iter().for_each(|cells| measure(cells, block, 1, 2, places));
    let out = begin_rows(places, out);
    if columns.is_empty() {
        out.fill(b'\n');
    }
    for (at, cells) in columns.iter().enumerate() {
        let end = if at + 1 == columns.len() { b'\n' } else { b'\t' };
        copy_text(cells, block, end, places, out);
    }
}

/// Makes room for rows of these lengths, which become the places where they begin.
fn begin_rows<'a>(lengths: &mut [usize], out: &'a mut BytesMut) -> &'a mut [u8] {
    let mut total = 0;
    for length in lengths {
        total += std::mem::replace(length, total);
    }
    let begin = out.len();
    out.resize(begin + total, 0);
    &mut out[begin..]
}

/// Adds the bytes of each value, of the frame around it, and of a NULL within that frame.
fn measure(cells: &Cells, block: &Range<usize>, frame: usize, null: usize, places: &mut [usize]) {
    let rows = block.clone().zip(places);
    match (&cells.body, &cells.nulls) {
        (Body::Short(offsets, _), None) => lengths(offsets, frame, rows),
        (Body::Long(offsets, _), None) => lengths(offsets, frame, rows),
        (body, None) => {
            let width = frame + body.width();
            rows.for_each(|(_, place)| *place += width);
        }
        (_, Some(nulls)) => rows.for_each(|(row, place)| {
            *place += frame + if nulls.is_null(row) { null } else { cells.length(row) };
        }),
    }
}

fn lengths<'a, O: Offset>(
    offsets: &[O],
    frame: usize,
    rows: impl Iterator<Item = (usize, &'a mut usize)>,
) {
    rows.for_each(|(row, place)| *place += frame + offsets[row + 1].at() - offsets[row].at());
}

fn copy(cells: &Cells, block: &Range<usize>, places: &mut [usize], out: &mut [u8]) {
    match &cells.body {
        Body::Bits(bits) => {
            fixed(cells, block, places, out, |row| frame::<1, 5>(1, [u8::from(bits.value(row))]));
        }
        Body::Two(values) => {
            fixed(cells, block, places, out, |row| frame::<2, 6>(2, values[row].to_be_bytes()));
        }
        Body::Four(values) => {
            fixed(cells, block, places, out, |row| frame::<4, 8>(4, values[row].to_be_bytes()));
        }
        Body::Eight(values) => {
            fixed(cells, block, places, out, |row| frame::<8, 12>(8, values[row].to_be_bytes()));
        }
        Body::Sixteen(values) => {
            fixed(cells, block, places, out, |row| frame::<16, 20>(16, values[row].to_be_bytes()));
        }
        Body::Short(offsets, bytes) => {
            spans(cells, block, places, out, |row| slice(offsets, bytes, row));
        }
        Body::Long(offsets, bytes) => {
            spans(cells, block, places, out, |row| slice(offsets, bytes, row));
        }
    }
}

/// The length and the bytes of a value.
fn frame<const N: usize, const F: usize>(length: u32, value: [u8; N]) -> [u8; F] {
    let mut framed = [0; F];
    framed[..4].copy_from_slice(&length.to_be_bytes());
    framed[4..].copy_from_slice(&value);
    framed
}

fn fixed<const F: usize>(
    cells: &Cells,
    block: &Range<usize>,
    places: &mut [usize],
    out: &mut [u8],
    value: impl Fn(usize) -> [u8; F],
) {
    let rows = block.clone().zip(places);
    match &cells.nulls {
        None => rows.for_each(|(row, place)| put(out, place, &value(row))),
        Some(nulls) => rows.for_each(|(row, place)| {
            if nulls.is_null(row) {
                put(out, place, &NULL);
            } else {
                put(out, place, &value(row));
            }
        }),
    }
}

fn spans<'a>(
    cells: &Cells,
    block: &Range<usize>,
    places: &mut [usize],
    out: &mut [u8],
    value: impl Fn(usize) -> &'a [u8],
) {
    for (row, place) in block.clone().zip(places) {
        if cells.is_null(row) {
            put(out, place, &NULL);
        } else {
            let bytes = value(row);
            put(out, place, &u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
            put(out, place, bytes);
        }
    }
}

#[inline]
fn put(out: &mut [u8], place: &mut usize, bytes: &[u8]) {
    let end = *place + bytes.len();
    out[*place..end].copy_from_slice(bytes);
    *place = end;
}

fn copy_text(cells: &Cells, block: &Range<usize>, end: u8, places: &mut [usize], out: &mut [u8]) {
    for (row, place) in block.clone().zip(places) {
        put(out, place, if cells.is_null(row) { br"\N" } else { cells.bytes(row) });
        put(out, place, &[end]);
    }
}
