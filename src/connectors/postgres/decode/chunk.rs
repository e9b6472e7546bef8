//! Some rows that were cut into fields but not decoded, so that one column after the other can be.

use super::vector::{Field, next_field};

/// Fields of a chunk, about: they and the columns they go to stay in the processor's cache.
const FIELDS: usize = 1024;
/// A chunk of wide rows has so many all the same, or the work for each column would not pay.
const ROWS_LEAST: usize = 32;

/// Rows in which every field has the length that it says.
#[derive(Debug)]
pub(super) struct Chunk<'a> {
    /// The columns of each row.
    columns: usize,
    /// Row after row.
    fields: Vec<Field<'a>>,
    /// Each row from its first field on.
    rows: Vec<&'a [u8]>,
    /// Bytes of the rows.
    pub(super) bytes: usize,
}

impl<'a> Chunk<'a> {
    /// An empty one, for rows of `columns`.
    pub(super) fn new(columns: usize) -> Self {
        let rows = rows_most(columns);
        let (fields, rows) = (Vec::with_capacity(rows * columns), Vec::with_capacity(rows));
        Chunk { columns, fields, rows, bytes: 0 }
    }

    /// Forgets its rows.
    pub(super) fn clear(&mut self) {
        self.fields.clear();
        self.rows.clear();
        self.bytes = 0;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub(super) fn rows(&self) -> usize {
        self.rows.len()
    }

    /// Takes rows from `payloads`, at most `rows` and until they have `bytes`; the payload that is
    /// none of them ends it and is given back.
    pub(super) fn take(
        &mut self,
        payloads: &mut impl Iterator<Item = &'a [u8]>,
        rows: usize,
        bytes: usize,
    ) -> Option<&'a [u8]> {
        let most = rows.min(rows_most(self.columns));
        while self.rows.len() < most && self.bytes < bytes {
            let payload = payloads.next()?;
            if !self.cut(payload) {
                return Some(payload);
            }
        }
        None
    }

    /// Cuts a row; `false` for what is none, or not whole.
    fn cut(&mut self, payload: &'a [u8]) -> bool {
        let Some((count, mut rest)) = payload.split_first_chunk::<2>() else { return false };
        if usize::try_from(i16::from_be_bytes(*count)) != Ok(self.columns) || self.columns == 0 {
            return false;
        }
        let (row, before) = (rest, self.fields.len());
        self.fields.extend((0..self.columns).map_while(|_| next_field(&mut rest)));
        let is_row = rest.is_empty() && self.fields.len() - before == self.columns;
        match is_row {
            true => {
                self.rows.push(row);
                self.bytes += row.len();
            }
            false => self.fields.truncate(before),
        }
        is_row
    }

    /// The fields of one column.
    pub(super) fn column(&self, at: usize) -> impl Iterator<Item = Option<Field<'a>>> {
        self.fields.iter().skip(at).step_by(self.columns.max(1)).map(|field| Some(*field))
    }

    /// Each row, from its first field on.
    pub(super) fn each_row(&self) -> impl Iterator<Item = &'a [u8]> {
        self.rows.iter().copied()
    }
}

/// Rows of a full chunk.
fn rows_most(columns: usize) -> usize {
    (FIELDS / columns.max(1)).max(ROWS_LEAST)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(values: &[Option<&[u8]>]) -> Vec<u8> {
        let mut row = i16::try_from(values.len()).unwrap().to_be_bytes().to_vec();
        for value in values {
            let length = value.map_or(-1, |value| i32::try_from(value.len()).unwrap());
            row.extend(length.to_be_bytes());
            row.extend_from_slice(value.unwrap_or_default());
        }
        row
    }

    fn values(chunk: &Chunk<'_>, at: usize) -> Vec<Option<Vec<u8>>> {
        let fields = chunk.column(at).map(|field| match field {
            Some(Field::Value(value)) => Some(value.to_vec()),
            Some(Field::Null) => None,
            None => panic!("a row of a chunk is whole"),
        });
        fields.collect()
    }

    #[test]
    fn rows_are_cut_up_to_a_payload_that_is_none() {
        let good = [row(&[Some(b"a"), None]), row(&[Some(b""), Some(b"bc")])];
        let cut_off = &row(&[Some(b"a"), Some(b"b")])[..11];
        let below_null = [&[0, 2][..], &[0, 0, 0, 0], &[0xff, 0xff, 0xff, 0xfe]].concat();
        for odd in [&[0xff, 0xff][..], b"", &[0, 1], cut_off, &below_null, &row(&[None])] {
            let mut chunk = Chunk::new(2);
            let mut payloads = [&good[0][..], &good[1], odd, &good[0]].into_iter();
            assert_eq!(chunk.take(&mut payloads, 9, 99), Some(odd));
            assert_eq!(chunk.rows(), 2);
            assert_eq!(values(&chunk, 0), [Some(b"a".to_vec()), Some(Vec::new())]);
            assert_eq!(values(&chunk, 1), [None, Some(b"bc".to_vec())]);
            assert_eq!(chunk.each_row().collect::<Vec<_>>(), [&good[0][2..], &good[1][2..]]);
            assert_eq!(payloads.next(), Some(&good[0][..]));
        }
    }

    #[test]
    fn a_chunk_ends_where_it_was_told_to_or_when_it_is_full() {
        let one = row(&[Some(b"a")]);
        let taken = |rows, bytes| {
            let mut chunk = Chunk::new(1);
            assert_eq!(chunk.take(&mut std::iter::repeat(&one[..]), rows, bytes), None);
            (chunk.rows(), chunk.bytes)
        };
        assert_eq!(taken(3, 99), (3, 15));
        assert_eq!(taken(99, 11), (3, 15));
        assert_eq!(taken(usize::MAX, usize::MAX).0, FIELDS);
    }
}
