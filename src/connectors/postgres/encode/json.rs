//! Is a text JSON, and JSON that `jsonb` holds? Read once, without keeping anything of it.

use super::bad::Bad;
use super::cells::{Cells, Gather};
use super::text;

/// The version that begins each binary `jsonb`.
const VERSION: u8 = 1;

/// The deepest nesting that a server with its usual stack reads.
const DEEPEST: usize = 6_000;

/// The digits of the largest number in a `jsonb`, which is a `numeric`.
const MOST_DIGITS: i64 = 131_072;
/// The digits after the point of the finest number in a `jsonb`.
const MOST_PLACES: i64 = 16_383;
/// The longest text in a `jsonb`.
const LONGEST: usize = 0x0fff_ffff;

const HINT: &str = "mend it in the model, or give the column the type text";

/// Takes note of texts that are not JSON; for `jsonb` also of what only `json` holds.
pub(super) fn check(texts: &Cells, is_jsonb: bool, bad: &mut Bad) {
    text::sizes(texts, bad);
    let mut open = Vec::new();
    for row in 0..texts.len() {
        if texts.is_null(row) {
            continue;
        }
        open.clear();
        let text = texts.bytes(row);
        let mut reader = Reader { text, at: 0, is_jsonb, open: &mut open };
        if let Err(reason) = reader.document() {
            bad.note(row, text, reason, Some(HINT));
        }
    }
}

/// The texts as binary `jsonb`.
pub(super) fn versioned(texts: &Cells) -> Cells {
    let bytes = (0..texts.len()).map(|row| texts.bytes(row).len() + 1).sum();
    let mut out = Gather::with_capacity(texts.len(), bytes);
    for row in 0..texts.len() {
        if !texts.is_null(row) {
            out.bytes.push(VERSION);
            out.bytes.extend_from_slice(texts.bytes(row));
        }
        out.end();
    }
    out.finish(texts.nulls.as_ref())
}

const NOT_JSON: &str = "the text is not JSON";
const TOO_DEEP: &str = "the JSON is nested deeper than the server reads";
const NO_NUL: &str = "the JSON has `\\u0000`, which `jsonb` does not hold";
const SURROGATE: &str = "the JSON has half of a surrogate pair, which `jsonb` does not hold";
const NUMBER: &str = "the JSON has a number that `jsonb` does not hold";
const LONG: &str = "the JSON has a text that is longer than `jsonb` holds";

type Found<T> = Result<T, &'static str>;

/// Goes through one text; `open` has the closing bracket of everything that is open.
struct Reader<'a> {
    text: &'a [u8],
    at: usize,
    is_jsonb: bool,
    open: &'a mut Vec<u8>,
}

impl Reader<'_> {
    fn document(&mut self) -> Found<()> {
        loop {
            self.value()?;
            // After a value: what is around it ends, or goes on.
            loop {
                let Some(close) = self.open.last().copied() else { return self.nothing() };
                match self.next_mark()? {
                    b',' if close == b'}' => {
                        self.key()?;
                        break;
                    }
                    b',' => break,
                    mark if mark == close => {
                        self.open.pop();
                    }
                    _ => return Err(NOT_JSON),
                }
            }
        }
    }

    /// Whether only white space is left.
    fn nothing(&mut self) -> Found<()> {
        self.skip_space();
        if self.at == self.text.len() { Ok(()) } else { Err(NOT_JSON) }
    }

    /// Goes behind the next value; of one that has values, behind the first of these.
    fn value(&mut self) -> Found<()> {
        loop {
            match self.next_mark()? {
                b'"' => return self.string(),
                b'{' => {
                    if self.opened(b'}')? {
                        return Ok(());
                    }
                    self.key()?;
                }
                b'[' => {
                    if self.opened(b']')? {
                        return Ok(());
                    }
                }
                b't' => return self.word(b"rue"),
                b'f' => return self.word(b"alse"),
                b'n' => return self.word(b"ull"),
                b'-' | b'0'..=b'9' => {
                    self.at -= 1;
                    return self.number();
                }
                _ => return Err(NOT_JSON),
            }
        }
    }

    /// Notes an open bracket; whether it is closed at once.
    fn opened(&mut self, close: u8) -> Found<bool> {
        self.skip_space();
        if self.text.get(self.at) == Some(&close) {
            self.at += 1;
            return Ok(true);
        }
        if self.open.len() == DEEPEST {
            return Err(TOO_DEEP);
        }
        self.open.push(close);
        Ok(false)
    }

    fn key(&mut self) -> Found<()> {
        if self.next_mark()? != b'"' {
            return Err(NOT_JSON);
        }
        self.string()?;
        if self.next_mark()? == b':' { Ok(()) } else { Err(NOT_JSON) }
    }

    fn skip_space(&mut self) {
        while matches!(self.text.get(self.at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn next_mark(&mut self) -> Found<u8> {
        self.skip_space();
        self.next_byte()
    }

    fn next_byte(&mut self) -> Found<u8> {
        let byte = self.text.get(self.at).copied().ok_or(NOT_JSON)?;
        self.at += 1;
        Ok(byte)
    }

    fn word(&mut self, rest: &[u8]) -> Found<()> {
        let found = self.text[self.at..].starts_with(rest);
        self.at += rest.len();
        if found { Ok(()) } else { Err(NOT_JSON) }
    }

    fn string(&mut self) -> Found<()> {
        let begin = self.at;
        // Whether the last character was the first half of a pair.
        let mut half = false;
        loop {
            let byte = self.next_byte()?;
            let escaped = if byte == b'\\' { self.escape()? } else { None };
            let is_low = escaped.is_some_and(|unit| (0xdc00..0xe000).contains(&unit));
            if self.is_jsonb && half != is_low {
                return Err(SURROGATE);
            }
            half = escaped.is_some_and(|unit| (0xd800..0xdc00).contains(&unit));
            match byte {
                b'"' if self.is_jsonb && self.at - begin > LONGEST => return Err(LONG),
                b'"' => return Ok(()),
                0..=0x1f => return Err(NOT_JSON),
                _ => {}
            }
        }
    }

    /// What stands behind a backslash: the unit of UTF-16, if it is one.
    fn escape(&mut self) -> Found<Option<u32>> {
        match self.next_byte()? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Ok(None),
            b'u' => {
                let mut unit = 0;
                for _ in 0..4 {
                    let digit = char::from(self.next_byte()?).to_digit(16).ok_or(NOT_JSON)?;
                    unit = unit * 16 + digit;
                }
                if unit == 0 && self.is_jsonb { Err(NO_NUL) } else { Ok(Some(unit)) }
            }
            _ => Err(NOT_JSON),
        }
    }

    fn number(&mut self) -> Found<()> {
        if self.text.get(self.at) == Some(&b'-') {
            self.at += 1;
        }
        let before = self.digits()?;
        if before > 1 && self.text[self.at - before] == b'0' {
            return Err(NOT_JSON);
        }
        let mut after = 0;
        if self.text.get(self.at) == Some(&b'.') {
            self.at += 1;
            after = self.digits()?;
        }
        let mut exponent = 0;
        if matches!(self.text.get(self.at), Some(b'e' | b'E')) {
            self.at += 1;
            exponent = self.exponent()?;
        }
        if self.is_jsonb && !is_numeric(before, after, exponent) {
            return Err(NUMBER);
        }
        Ok(())
    }

    /// The power of ten; beyond any that counts it stays where it is.
    fn exponent(&mut self) -> Found<i64> {
        let sign = self.text.get(self.at).copied();
        if matches!(sign, Some(b'+' | b'-')) {
            self.at += 1;
        }
        let count = self.digits()?;
        let digits = &self.text[self.at - count..self.at];
        let size = digits
            .iter()
            .fold(0_i64, |sum, digit| (sum * 10 + i64::from(digit - b'0')).min(10_000_000_000));
        Ok(if sign == Some(b'-') { -size } else { size })
    }

    fn digits(&mut self) -> Found<usize> {
        let rest = &self.text[self.at..];
        let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        if count == 0 { Err(NOT_JSON) } else { Ok(count) }
    }
}

/// Whether the server's `numeric` has room for so many digits before and after the point.
fn is_numeric(before: usize, after: usize, exponent: i64) -> bool {
    let count = |digits: usize| i64::try_from(digits).unwrap_or(i64::MAX / 4);
    count(before) + exponent <= MOST_DIGITS && count(after) - exponent <= MOST_PLACES
}
