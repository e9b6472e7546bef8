//! Cuts bytes into records and fields, without looking at what the fields mean.
//!
//! Only where a delimiter, a line end or a quote stands ([`Marks`]) is anything decided. A field is
//! two offsets; nothing is copied.

use std::borrow::Cow;

use memchr::memchr;

use super::marks::Marks;

/// How records and fields are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dialect {
    /// Between two fields.
    pub(super) delimiter: u8,
    /// Around a field that holds a delimiter, a quote or a line end.
    pub(super) quote: Option<u8>,
    /// At the beginning of a line that is no record.
    pub(super) comment: Option<u8>,
}

/// Where a field stands: offsets into the scanned bytes, without quotes around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Field {
    start: u32,
    end: u32,
}

/// Marks a quoted field in `start` and one with doubled quotes in `end`; offsets stay below.
const MARK: u32 = 1 << 31;

impl Field {
    /// The bytes of the field; doubled quotes in it are still doubled.
    pub(super) fn bytes(self, data: &[u8]) -> &[u8] {
        &data[(self.start & !MARK) as usize..(self.end & !MARK) as usize]
    }

    /// Whether quotes stood around it.
    pub(super) fn is_quoted(self) -> bool {
        self.start & MARK != 0
    }

    /// Whether nothing stands there, not even quotes.
    pub(super) fn is_blank(self) -> bool {
        self.start == self.end
    }

    /// The bytes of the field as they were meant: doubled quotes are one.
    pub(super) fn unescaped(self, data: &[u8], dialect: Dialect) -> Cow<'_, [u8]> {
        let bytes = self.bytes(data);
        let Some(quote) = dialect.quote.filter(|_| self.end & MARK != 0) else {
            return Cow::Borrowed(bytes);
        };
        let mut plain = Vec::with_capacity(bytes.len());
        let mut rest = bytes;
        while let Some(at) = memchr(quote, rest) {
            plain.extend_from_slice(&rest[..=at]);
            rest = rest.get(at + 2..).unwrap_or_default();
        }
        plain.extend_from_slice(rest);
        Cow::Owned(plain)
    }
}

/// What is wrong with a whole record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Malformed {
    /// It has this many fields, not as many as there are columns.
    Fields(usize),
    /// Something follows the closing quote of a field.
    AfterQuote,
}

/// Why scanning ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scanned {
    /// As many rows as wanted are there.
    Enough,
    /// Every whole record is taken; the last one, if any, needs more bytes.
    NeedsMore,
    /// The bytes end inside a quoted field that was opened at this offset.
    OpenQuote(usize),
}

/// The fields of some records, row after row, each row with the same number of fields.
#[derive(Debug)]
pub(super) struct Fields {
    dialect: Dialect,
    columns: Option<usize>,
    fields: Vec<Field>,
    /// Where each record begins and ends.
    rows: Vec<(u32, u32)>,
    malformed: Vec<(usize, Malformed)>,
    after_quote: bool,
    end: usize,
}

impl Fields {
    /// No records yet. Without `columns` the first record says how many there are.
    pub(super) fn new(dialect: Dialect, columns: Option<usize>) -> Self {
        Fields {
            dialect,
            columns,
            fields: Vec::new(),
            rows: Vec::new(),
            malformed: Vec::new(),
            after_quote: false,
            end: 0,
        }
    }

    /// Forgets all records.
    pub(super) fn clear(&mut self) {
        self.fields.clear();
        self.rows.clear();
        self.malformed.clear();
        self.end = 0;
    }

    /// How many records there are.
    pub(super) fn rows(&self) -> usize {
        self.rows.len()
    }

    /// Fields of each record; 0 before the first one.
    pub(super) fn columns(&self) -> usize {
        self.columns.unwrap_or(0)
    }

    /// Bytes that the records take, with the line end of the last one.
    pub(super) fn end(&self) -> usize {
        self.end
    }

    /// Offset of the first byte of a record.
    pub(super) fn start_of(&self, row: usize) -> usize {
        self.rows[row].0 as usize
    }

    /// The bytes of a record, with its line end.
    pub(super) fn record<'a>(&self, data: &'a [u8], row: usize) -> &'a [u8] {
        let (start, end) = self.rows[row];
        &data[start as usize..end as usize]
    }

    /// Bytes that are held in memory.
    pub(super) fn held(&self) -> usize {
        self.fields.capacity() * size_of::<Field>() + self.rows.capacity() * size_of::<(u32, u32)>()
    }

    /// The records that are not what they must be, in order.
    pub(super) fn malformed(&self) -> &[(usize, Malformed)] {
        &self.malformed
    }

    /// The fields of one column, from the first record to the last.
    pub(super) fn column(&self, column: usize) -> impl Iterator<Item = Field> + '_ {
        self.fields.chunks_exact(self.columns().max(1)).map(move |row| row[column])
    }

    /// The fields of one record.
    pub(super) fn row(&self, row: usize) -> &[Field] {
        let columns = self.columns();
        &self.fields[row * columns..(row + 1) * columns]
    }

    /// Takes records of `data` until there are `most` of them. Offsets count from the beginning of
    /// `data`, which must begin with the bytes of earlier calls since [`Fields::clear`]. With
    /// `is_last` the end of `data` ends the last record.
    pub(super) fn scan(&mut self, data: &[u8], is_last: bool, most: usize) -> Scanned {
        if self.rows.len() >= most {
            return Scanned::Enough;
        }
        let scanned = self.scan_records(data, is_last, most);
        // Fields of a record that is not whole yet are cut again next time.
        self.fields.truncate(self.rows.len() * self.columns());
        if self.columns.is_none() {
            self.fields.clear();
        }
        self.after_quote = false;
        scanned
    }

    fn scan_records(&mut self, data: &[u8], is_last: bool, most: usize) -> Scanned {
        let mut marks = Marks::new(self.dialect, data);
        let Some(mut begin) = self.skip_comments(data, self.end, is_last) else {
            return Scanned::NeedsMore;
        };
        let mut start = begin;
        marks.begin(start);
        loop {
            let Some(at) = marks.next() else { return self.finish(data, is_last, begin, start) };
            let next = match data[at] {
                byte if byte == self.dialect.delimiter => {
                    self.push(start, at, false, false);
                    start = at + 1;
                    continue;
                }
                b'\n' => {
                    self.push(start, without_cr(data, start, at), false, false);
                    at + 1
                }
                // A quote that opens nothing is a character like any other.
                _ if at != start || self.after_quote => continue,
                _ => match self.quoted(data, is_last, at) {
                    Quoted::Field(next) => {
                        start = next;
                        marks.seek(next);
                        continue;
                    }
                    Quoted::Record(next) => next,
                    Quoted::Garbage(next) => {
                        self.after_quote = true;
                        marks.seek(next);
                        continue;
                    }
                    Quoted::Ended(ended) => return ended,
                },
            };
            self.end_record(begin, next);
            if self.rows.len() >= most {
                return Scanned::Enough;
            }
            let Some(next) = self.skip_comments(data, next, is_last) else {
                return Scanned::NeedsMore;
            };
            (begin, start) = (next, next);
            if next != at + 1 {
                marks.seek(next);
            }
        }
    }

    #[inline]
    fn push(&mut self, start: usize, end: usize, quoted: bool, escaped: bool) {
        let mark = |offset, marked| offset_of(offset) | if marked { MARK } else { 0 };
        self.fields.push(Field { start: mark(start, quoted), end: mark(end, escaped) });
    }

    /// The quoted field that is opened at `open`.
    fn quoted(&mut self, data: &[u8], is_last: bool, open: usize) -> Quoted {
        let quote = data[open];
        let (mut from, mut escaped) = (open + 1, false);
        loop {
            let Some(close) = memchr(quote, &data[from..]).map(|found| from + found) else {
                let open = if is_last { Scanned::OpenQuote(open) } else { Scanned::NeedsMore };
                return Quoted::Ended(open);
            };
            let ended = match (data.get(close + 1), data.get(close + 2)) {
                (Some(next), _) if *next == quote => {
                    (from, escaped) = (close + 2, true);
                    continue;
                }
                (Some(next), _) if *next == self.dialect.delimiter => Quoted::Field(close + 2),
                (Some(b'\n'), _) => Quoted::Record(close + 2),
                (Some(b'\r'), Some(b'\n')) => Quoted::Record(close + 3),
                (None, _) | (Some(b'\r'), None) if is_last => Quoted::Record(data.len()),
                (None, _) | (Some(b'\r'), None) => return Quoted::Ended(Scanned::NeedsMore),
                _ => return Quoted::Garbage(close + 1),
            };
            self.push(open + 1, close, true, escaped);
            return ended;
        }
    }

    /// Ends the record from `begin` to `next`; a blank line is none, unless there is one column.
    fn end_record(&mut self, begin: usize, next: usize) {
        let first = self.rows.len() * self.columns();
        let count = self.fields.len() - first;
        let blank = count == 1 && self.fields[first].is_blank() && self.columns != Some(1);
        self.end = next;
        if blank {
            self.fields.truncate(first);
            self.after_quote = false;
            return;
        }
        let columns = *self.columns.get_or_insert(count);
        if count != columns || self.after_quote {
            let wrong = match self.after_quote {
                true => Malformed::AfterQuote,
                false => Malformed::Fields(count),
            };
            self.malformed.push((self.rows.len(), wrong));
            self.fields.resize(first + columns, Field { start: 0, end: 0 });
            self.after_quote = false;
        }
        self.rows.push((offset_of(begin), offset_of(next)));
    }

    /// All marks are seen: the last record ends with the bytes, or it needs more of them.
    fn finish(&mut self, data: &[u8], is_last: bool, begin: usize, start: usize) -> Scanned {
        let begun = start > begin || start < data.len();
        if is_last && begun {
            self.push(start, without_cr(data, start, data.len()), false, false);
            self.end_record(begin, data.len());
        }
        Scanned::NeedsMore
    }

    /// Where the first line begins that is no comment; `None` when that is not known yet.
    fn skip_comments(&mut self, data: &[u8], mut at: usize, is_last: bool) -> Option<usize> {
        let Some(comment) = self.dialect.comment else { return Some(at) };
        while data.get(at) == Some(&comment) {
            at = match memchr(b'\n', &data[at..]) {
                Some(length) => at + length + 1,
                None if is_last => data.len(),
                None => return None,
            };
            self.end = at;
        }
        Some(at)
    }
}

/// How a quoted field ended: where the next field or record begins, or why it did not end.
enum Quoted {
    Field(usize),
    Record(usize),
    Garbage(usize),
    Ended(Scanned),
}

fn without_cr(data: &[u8], start: usize, end: usize) -> usize {
    if end > start && data[end - 1] == b'\r' { end - 1 } else { end }
}

#[expect(clippy::cast_possible_truncation, reason = "a reader holds far less than 2 GiB")]
fn offset_of(at: usize) -> u32 {
    at as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Dialect = Dialect { delimiter: b',', quote: Some(b'"'), comment: None };

    fn scanned(dialect: Dialect, text: &str) -> (Vec<String>, Scanned) {
        let mut fields = Fields::new(dialect, None);
        let ended = fields.scan(text.as_bytes(), true, usize::MAX);
        let shown = |field: &Field| {
            let text = String::from_utf8_lossy(field.bytes(text.as_bytes())).into_owned();
            if field.is_quoted() { format!("<{text}>") } else { text }
        };
        let row = |row| fields.row(row).iter().map(shown).collect::<Vec<_>>().join("|");
        let mut rows: Vec<_> = (0..fields.rows()).map(row).collect();
        for (row, wrong) in fields.malformed() {
            rows[*row] = format!("{wrong:?}");
        }
        (rows, ended)
    }

    #[test]
    fn fields_end_at_delimiters_and_records_at_line_ends() {
        for (text, expected) in [
            ("a,b\n1,2\n", vec!["a|b", "1|2"]),
            ("a,b\r\n1,2\r\n", vec!["a|b", "1|2"]),
            ("a,b\r\n1,2\n3,4", vec!["a|b", "1|2", "3|4"]),
            ("a,b\n1,", vec!["a|b", "1|"]),
            ("a,b\n,\n", vec!["a|b", "|"]),
            ("a,b\n\n\r\n1,2\n\n", vec!["a|b", "1|2"]),
            ("a\n\n1", vec!["a", "", "1"]),
            ("\n\na,b", vec!["a|b"]),
            ("a,b\n\"1,\n2\",\"\"\n", vec!["a|b", "<1,\n2>|<>"]),
            ("a,b\n\"x\"\"y\",2\r\n", vec!["a|b", "<x\"\"y>|2"]),
            ("a,b\n1,\"2\"\r\n3,\"4\"", vec!["a|b", "1|<2>", "3|<4>"]),
            ("a,b\n5\" pipe,x\n", vec!["a|b", "5\" pipe|x"]),
            ("a,b\n1\n1,2,3\n4,5", vec!["a|b", "Fields(1)", "Fields(3)", "4|5"]),
            ("a,b\n\"x\"y,2\n4,5", vec!["a|b", "AfterQuote", "4|5"]),
            ("", vec![]),
            ("\n\n", vec![]),
        ] {
            assert_eq!(scanned(PLAIN, text).0, expected, "{text:?}");
        }
    }

    #[test]
    fn a_quote_that_is_never_closed_says_where_it_was_opened() {
        let (rows, ended) = scanned(PLAIN, "a,b\n1,\"2\n3,4\n");
        assert_eq!((rows, ended), (vec!["a|b".to_owned()], Scanned::OpenQuote(6)));
    }

    #[test]
    fn comments_and_other_delimiters_are_as_asked() {
        let dialect = Dialect { delimiter: b'\t', quote: None, comment: Some(b'#') };
        let (rows, _) = scanned(dialect, "# x\ty\na\tb\n#\n\"1\t#2\n# end");
        assert_eq!(rows, ["a|b", "\"1|#2"]);
    }

    #[test]
    fn bytes_that_come_piece_by_piece_give_the_same_records() {
        let text = "a,b,c\r\n1,\"x\"\"\r\n,y\",\"\"\r\n22,long field without end,3\n\n5,6,\"7\"";
        let (expected, _) = scanned(PLAIN, text);
        for step in 1..text.len() {
            let mut fields = Fields::new(PLAIN, None);
            for end in (0..text.len()).step_by(step) {
                fields.scan(&text.as_bytes()[..end], false, usize::MAX);
            }
            fields.scan(text.as_bytes(), true, usize::MAX);
            let mut whole = Fields::new(PLAIN, None);
            whole.scan(text.as_bytes(), true, usize::MAX);
            assert_eq!(fields.rows(), expected.len(), "{step}");
            assert_eq!(fields.fields, whole.fields, "{step}");
            assert_eq!(fields.end(), text.len());
        }
    }
}
