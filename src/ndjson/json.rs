//! Texts that are JSON: read once to see that they are, then embedded as they stand, on one line.

use std::ops::Range;

use super::bad::Bad;
use super::cells::Values;
use super::escape;
use super::text::Bytes;
use super::unfit::Unfit;

/// The JSON of a column.
pub(super) struct Documents<B> {
    bytes: B,
    max_depth: usize,
    /// The first row of those that were read, and what is wrong with each of them.
    begin: usize,
    read: Vec<Option<Unfit>>,
    open: Vec<u8>,
}

impl<B: Bytes> Documents<B> {
    /// Documents that may be nested as deep as `max_depth`.
    pub(super) fn new(bytes: B, max_depth: usize) -> Self {
        Documents { bytes, max_depth, begin: 0, read: Vec::new(), open: Vec::new() }
    }
}

impl<B: Bytes> Values for Documents<B> {
    fn prepare(&mut self, rows: &Range<usize>, _bad: &mut Bad) {
        let Documents { bytes, max_depth, begin, read, open } = self;
        *begin = rows.start;
        read.clear();
        read.extend(rows.clone().map(|row| check(bytes.row(row), *max_depth, open).err()));
    }

    fn most(&self) -> Option<usize> {
        None
    }

    fn bound(&self, row: usize) -> usize {
        self.bytes.row(row).len()
    }

    fn write(&self, row: usize, out: &mut [u8], at: usize) -> Result<usize, Unfit> {
        if let Some(unfit) = self.read[row - self.begin] {
            return Err(unfit);
        }
        let text = self.bytes.row(row);
        let room = &mut out[at..at + text.len()];
        room.copy_from_slice(text);
        // Within strings they are escaped, so all that are left are white space.
        if memchr::memchr2(b'\n', b'\r', room).is_some() {
            let breaks = room.iter_mut().filter(|byte| matches!(byte, b'\n' | b'\r'));
            breaks.for_each(|byte| *byte = b' ');
        }
        Ok(at + text.len())
    }
}

/// Reads one text. `open` is room for the closing bracket of everything that is open.
///
/// # Errors
/// What is wrong with it.
fn check(text: &[u8], max_depth: usize, open: &mut Vec<u8>) -> Result<(), Unfit> {
    if text.trim_ascii() == b"null" {
        return Err(Unfit::JsonNull);
    }
    open.clear();
    Reader { text, at: 0, max_depth, open }.document()
}

/// Goes through one text, without a call for each level of nesting.
struct Reader<'a> {
    text: &'a [u8],
    at: usize,
    max_depth: usize,
    open: &'a mut Vec<u8>,
}

impl Reader<'_> {
    fn document(&mut self) -> Result<(), Unfit> {
        loop {
            self.value()?;
            // After a value: what is around it ends, or goes on.
            loop {
                let Some(close) = self.open.last().copied() else { return self.nothing() };
                match self.mark()? {
                    b',' => {
                        if close == b'}' {
                            self.key()?;
                        }
                        break;
                    }
                    mark if mark == close => self.open.truncate(self.open.len() - 1),
                    _ => return Err(Unfit::NotJson),
                }
            }
        }
    }

    /// Whether only white space is left.
    fn nothing(&mut self) -> Result<(), Unfit> {
        self.skip_space();
        if self.at == self.text.len() { Ok(()) } else { Err(Unfit::NotJson) }
    }

    /// Goes behind the next value; of one that has values, behind the first of these.
    fn value(&mut self) -> Result<(), Unfit> {
        loop {
            match self.mark()? {
                b'"' => return self.string(),
                b'{' => {
                    if self.enter(b'}')? {
                        return Ok(());
                    }
                    self.key()?;
                }
                b'[' => {
                    if self.enter(b']')? {
                        return Ok(());
                    }
                }
                b't' => return self.word(b"rue"),
                b'f' => return self.word(b"alse"),
                b'n' => return self.word(b"ull"),
                b'-' => return self.number(),
                b'0'..=b'9' => {
                    self.at -= 1;
                    return self.number();
                }
                _ => return Err(Unfit::NotJson),
            }
        }
    }

    /// Notes an open bracket; whether it is closed at once.
    fn enter(&mut self, close: u8) -> Result<bool, Unfit> {
        if self.open.len() >= self.max_depth {
            return Err(Unfit::Depth);
        }
        self.skip_space();
        if self.text.get(self.at) == Some(&close) {
            self.at += 1;
            return Ok(true);
        }
        self.open.push(close);
        Ok(false)
    }

    fn key(&mut self) -> Result<(), Unfit> {
        if self.mark()? != b'"' {
            return Err(Unfit::NotJson);
        }
        self.string()?;
        if self.mark()? == b':' { Ok(()) } else { Err(Unfit::NotJson) }
    }

    fn skip_space(&mut self) {
        while matches!(self.text.get(self.at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// The next byte that is no white space.
    fn mark(&mut self) -> Result<u8, Unfit> {
        self.skip_space();
        self.byte()
    }

    fn byte(&mut self) -> Result<u8, Unfit> {
        let byte = self.text.get(self.at).copied().ok_or(Unfit::NotJson)?;
        self.at += 1;
        Ok(byte)
    }

    fn word(&mut self, rest: &[u8]) -> Result<(), Unfit> {
        let found = self.text[self.at..].starts_with(rest);
        self.at += rest.len();
        if found { Ok(()) } else { Err(Unfit::NotJson) }
    }

    /// Goes behind a string whose first quote is read.
    fn string(&mut self) -> Result<(), Unfit> {
        loop {
            let rest = &self.text[self.at..];
            let (byte, run) = escape::next_special(rest).ok_or(Unfit::NotJson)?;
            self.at += run + 1;
            match byte {
                b'"' => return Ok(()),
                b'\\' => self.escape()?,
                _ => return Err(Unfit::NotJson),
            }
        }
    }

    fn escape(&mut self) -> Result<(), Unfit> {
        match self.byte()? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Ok(()),
            b'u' => {
                let code = self.text.get(self.at..self.at + 4).ok_or(Unfit::NotJson)?;
                self.at += 4;
                let is_code = code.iter().all(u8::is_ascii_hexdigit);
                if is_code { Ok(()) } else { Err(Unfit::NotJson) }
            }
            _ => Err(Unfit::NotJson),
        }
    }

    /// Goes behind a number whose sign is read.
    fn number(&mut self) -> Result<(), Unfit> {
        let begin = self.at;
        if self.digits()? > 1 && self.text[begin] == b'0' {
            return Err(Unfit::NotJson);
        }
        if self.text.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.text.get(self.at), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.text.get(self.at), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<usize, Unfit> {
        let rest = &self.text[self.at..];
        let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        if count == 0 { Err(Unfit::NotJson) } else { Ok(count) }
    }
}
