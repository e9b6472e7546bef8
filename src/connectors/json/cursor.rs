//! Walks over the text of one row, token by token, without building anything.
//!
//! Not `serde_json`: the decoder needs the exact digits of every number, the path and the text of a
//! value that does not fit, and a way to go on after it. A property test holds the two against each
//! other: what one takes, the other takes.

use super::number::Number;
use super::trouble::{Parsed, Trouble};

/// How deep objects and lists may stand in each other.
pub(super) const DEPTH_MAX: usize = 128;

/// A place in the text of one row.
#[derive(Debug, Clone)]
pub(super) struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

/// A string as it stands between its quotes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Quoted<'a> {
    /// The text between the quotes; checked, but with its escapes.
    pub(super) raw: &'a str,
    /// Whether there are escapes in it.
    pub(super) escaped: bool,
}

impl Quoted<'_> {
    /// Appends the text that is meant.
    pub(super) fn append_to(self, out: &mut Vec<u8>) {
        match self.escaped {
            false => out.extend_from_slice(self.raw.as_bytes()),
            true => unescape(self.raw, out),
        }
    }

    /// The text that is meant.
    pub(super) fn to_text(self) -> String {
        let mut out = Vec::with_capacity(self.raw.len());
        self.append_to(&mut out);
        String::from_utf8_lossy(&out).into_owned()
    }
}

/// The row as text. One that is no UTF-8 is walked up to the bad byte to find its column.
pub(super) fn row_text(bytes: &[u8]) -> Parsed<&str> {
    std::str::from_utf8(bytes).map_err(|error| {
        let (good, bad) = bytes.split_at(error.valid_up_to());
        let good = std::str::from_utf8(good).unwrap_or_default();
        let trouble = Cursor::new(good).skip(0).err().unwrap_or_else(|| Trouble::new(""));
        trouble
            .because("the text is not valid UTF-8")
            .value(&bad[..bad.len().min(20)])
            .hint("convert the file to UTF-8 first, for example with `iconv`")
    })
}

impl<'a> Cursor<'a> {
    /// The beginning of `text`.
    pub(super) fn new(text: &'a str) -> Self {
        Cursor { text, at: 0 }
    }

    /// The first byte of the next token, which the cursor then stands on.
    #[inline]
    pub(super) fn token(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        while let Some(&byte) = bytes.get(self.at) {
            if !matches!(byte, b' ' | b'\n' | b'\t' | b'\r') {
                return Some(byte);
            }
            self.at += 1;
        }
        None
    }

    /// Steps over the byte that [`Cursor::token`] returned.
    #[inline]
    pub(super) fn step(&mut self) {
        self.at += 1;
    }

    /// Steps over `bytes`, if they come next.
    #[inline]
    pub(super) fn take(&mut self, bytes: &[u8]) -> bool {
        let taken = self.text.as_bytes().get(self.at..).is_some_and(|rest| rest.starts_with(bytes));
        if taken {
            self.at += bytes.len();
        }
        taken
    }

    /// Refuses a row that is no object; leaves the cursor at its bracket.
    pub(super) fn object(&mut self) -> Parsed<()> {
        if self.token() == Some(b'{') {
            return Ok(());
        }
        let row = self.skip(0)?;
        Err(Trouble::new("the row is no object")
            .value(row.as_bytes())
            .hint("rows are objects: one in each line, or all of them in one list"))
    }

    /// Steps over `null`, `true` or `false`.
    pub(super) fn word(&mut self, word: &str) -> Parsed<()> {
        match self.take(word.as_bytes()) {
            true => Ok(()),
            false => Err(self.broken("a value")),
        }
    }

    /// The string that begins here.
    #[inline]
    pub(super) fn string(&mut self) -> Parsed<Quoted<'a>> {
        let start = self.at + 1;
        let mut escaped = false;
        self.at = start;
        loop {
            self.at += plain(self.text.as_bytes().get(self.at..).unwrap_or_default());
            match self.text.as_bytes().get(self.at) {
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    self.escape()?;
                }
                Some(_) => return Err(self.control_character()),
                None => return Err(self.broken("the closing `\"` of the string")),
            }
        }
        let raw = &self.text[start..self.at];
        self.at += 1;
        Ok(Quoted { raw, escaped })
    }

    /// The number that begins here.
    #[inline]
    pub(super) fn number(&mut self) -> Parsed<Number<'a>> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        match Number::at_start_of(rest) {
            Some(number) => {
                self.at += number.text.len();
                Ok(number)
            }
            None => Err(self.broken("a number")),
        }
    }

    /// Steps over the key of an object and the colon after it.
    pub(super) fn key(&mut self) -> Parsed<Quoted<'a>> {
        if self.token() != Some(b'"') {
            return Err(self.broken("a key in double quotes"));
        }
        let key = self.string()?;
        match self.token() {
            Some(b':') => self.step(),
            _ => return Err(self.broken("`:`").under(&key.to_text())),
        }
        Ok(key)
    }

    /// Whether another member follows in an object or list that ends with `close`; steps over the
    /// comma or the end. `first` is true right after the opening bracket.
    #[inline]
    pub(super) fn more(&mut self, close: u8, first: bool) -> Parsed<bool> {
        match self.token() {
            Some(byte) if byte == close => {
                self.step();
                Ok(false)
            }
            _ if first => Ok(true),
            Some(b',') => {
                self.step();
                match self.token() {
                    Some(byte) if byte == close => Err(self.broken("a value after `,`")),
                    _ => Ok(true),
                }
            }
            _ if close == b'}' => Err(self.broken("`,` or `}`")),
            _ => Err(self.broken("`,` or `]`")),
        }
    }

    /// Steps over one value of any kind and gives its text.
    pub(super) fn skip(&mut self, depth: usize) -> Parsed<&'a str> {
        let first = self.token();
        let start = self.at;
        match first {
            Some(b'"') => drop(self.string()?),
            Some(b'{') => self.skip_object(self.deeper(depth)?)?,
            Some(b'[') => self.skip_list(self.deeper(depth)?)?,
            Some(b't') => self.word("true")?,
            Some(b'f') => self.word("false")?,
            Some(b'n') => self.word("null")?,
            Some(b'-' | b'0'..=b'9') => drop(self.number()?),
            _ => return Err(self.broken("a value")),
        }
        Ok(&self.text[start..self.at])
    }

    /// Refuses whatever stands after the row.
    pub(super) fn end(&mut self) -> Parsed<()> {
        match self.token() {
            None => Ok(()),
            Some(_) => Err(self.broken("the end of the row")),
        }
    }

    /// One level down, if that is not too deep.
    pub(super) fn deeper(&self, depth: usize) -> Parsed<usize> {
        if depth < DEPTH_MAX {
            return Ok(depth + 1);
        }
        let reason = format!("objects and lists stand more than {DEPTH_MAX} deep in each other");
        Err(Trouble::new(reason))
    }

    /// The value here is of a kind that the column does not hold.
    pub(super) fn misfit(&mut self, wanted: &str, depth: usize) -> Box<Trouble> {
        let found = match self.token() {
            Some(b'"') => "a string",
            Some(b'{') => "an object",
            Some(b'[') => "a list",
            Some(b't' | b'f') => "true or false",
            _ => "a number",
        };
        match self.skip(depth) {
            Ok(value) => {
                Trouble::new(format!("the value is {found}, but the column holds {wanted}"))
                    .value(value.as_bytes())
                    .hint("declare the column under `columns`, or use `infer: all`")
            }
            Err(trouble) => trouble,
        }
    }

    /// The row is no JSON here.
    pub(super) fn broken(&self, wanted: &str) -> Box<Trouble> {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        if rest.is_empty() {
            return Trouble::new(format!("the row is not JSON: it ends before {wanted}"));
        }
        let near = &rest[..rest.len().min(40)];
        let reason =
            format!("the row is not JSON: {wanted} is missing at character {}", self.column());
        Trouble::new(reason).value(near)
    }

    fn skip_object(&mut self, depth: usize) -> Parsed<()> {
        self.step();
        let mut first = true;
        while self.more(b'}', first)? {
            first = false;
            let key = self.key()?;
            self.skip(depth).map_err(|trouble| trouble.under(&key.to_text()))?;
        }
        Ok(())
    }

    fn skip_list(&mut self, depth: usize) -> Parsed<()> {
        self.step();
        let mut index = 0;
        while self.more(b']', index == 0)? {
            self.skip(depth).map_err(|trouble| trouble.inside(index))?;
            index += 1;
        }
        Ok(())
    }

    fn escape(&mut self) -> Parsed<()> {
        let bytes = self.text.as_bytes();
        match bytes.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 2,
            Some(b'u') => {
                let (_, length) = code_point(&bytes[self.at..]).ok_or_else(|| self.bad_escape())?;
                self.at += length;
            }
            _ => return Err(self.bad_escape()),
        }
        Ok(())
    }

    fn bad_escape(&self) -> Box<Trouble> {
        let rest = &self.text.as_bytes()[self.at..];
        let shown = &rest[..rest.len().min(12)];
        let lone = hex4(rest.get(2..).unwrap_or_default());
        let reason = match lone {
            Some(0xd800..=0xdfff) => "the text holds half a surrogate pair, which is no character",
            _ => "the text holds a `\\` that begins no escape of JSON",
        };
        Trouble::new(reason).value(shown)
    }

    fn control_character(&self) -> Box<Trouble> {
        let byte = self.text.as_bytes().get(self.at).copied().unwrap_or_default();
        if byte == b'\n' {
            return self.broken("the closing `\"` of the string");
        }
        let reason = format!("the text holds the control character U+{byte:04X} without an escape");
        let rest = &self.text.as_bytes()[self.at..];
        Trouble::new(reason).value(&rest[..rest.len().min(12)])
    }

    fn column(&self) -> usize {
        self.text.get(..self.at).map_or(0, |before| before.chars().count()) + 1
    }
}

/// How many bytes stand before the first quote, backslash or control character.
#[inline]
fn plain(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::from_ne_bytes([0x01; 8]);
    const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);
    let zero = |word: u64| word.wrapping_sub(ONES) & !word & HIGH;
    let (words, tail) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let quote = zero(word ^ (ONES * u64::from(b'"')));
        let backslash = zero(word ^ (ONES * u64::from(b'\\')));
        let control = word.wrapping_sub(ONES * 0x20) & !word & HIGH;
        let found = quote | backslash | control;
        // The lowest mark is exact in each of the three; only higher ones may be false.
        if found != 0 {
            return index * 8 + (found.trailing_zeros() / 8) as usize;
        }
    }
    let special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..0x20);
    bytes.len() - tail.len() + tail.iter().position(special).unwrap_or(tail.len())
}

/// The character that `\uXXXX`, or a pair of them, stands for, and how many bytes it takes.
fn code_point(bytes: &[u8]) -> Option<(char, usize)> {
    let high = hex4(bytes.get(2..)?)?;
    if let Some(char) = char::from_u32(high) {
        return Some((char, 6));
    }
    if high >= 0xdc00 || bytes.get(6..8)? != b"\\u" {
        return None;
    }
    let low = hex4(bytes.get(8..)?)?.checked_sub(0xdc00).filter(|low| *low < 0x400)?;
    let char = char::from_u32(0x1_0000 + ((high - 0xd800) << 10) + low)?;
    Some((char, 12))
}

fn hex4(bytes: &[u8]) -> Option<u32> {
    let digit = |sum: u32, byte: &u8| Some(sum * 16 + char::from(*byte).to_digit(16)?);
    bytes.get(..4)?.iter().try_fold(0, digit)
}

/// Appends what `raw`, whose escapes have been checked, stands for.
fn unescape(raw: &str, out: &mut Vec<u8>) {
    let mut rest = raw.as_bytes();
    while let Some(at) = memchr::memchr(b'\\', rest) {
        out.extend_from_slice(&rest[..at]);
        rest = &rest[at..];
        let simple = match rest.get(1) {
            Some(b'b') => 0x08,
            Some(b'f') => 0x0c,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'u') => {
                let (char, length) = code_point(rest).unwrap_or((char::REPLACEMENT_CHARACTER, 6));
                out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
                rest = rest.get(length..).unwrap_or_default();
                continue;
            }
            Some(other) => *other,
            None => break,
        };
        out.push(simple);
        rest = &rest[2..];
    }
    out.extend_from_slice(rest);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn takes(text: &str) -> bool {
        let mut cursor = Cursor::new(text);
        cursor.skip(0).and_then(|_| cursor.end()).is_ok()
    }

    proptest! {
        #[test]
        fn whatever_serde_json_takes_is_taken_and_nothing_else(
            text in r#"[\[\]{},:"\\\-+.eE0-9 ntfudslrab\u{1}\u{e4}]{0,24}"#
        ) {
            // `IgnoredAny`, because a `Value` also refuses numbers that no double holds.
            let taken = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
            prop_assert_eq!(takes(&text), taken, "{}", text);
        }

        #[test]
        fn a_broken_copy_of_good_json_is_judged_as_serde_json_does(
            at in 0_usize..60, with in r#"[\[\]{},:"\\\-.e0 n]"#
        ) {
            let good = r#"{"a":[1,-2.5e3,true,null],"b\u00e9":{"c":"x\n\ud83d\ude00","d":[]}}"#;
            let mut broken: Vec<char> = good.chars().collect();
            broken[at] = with.chars().next().unwrap_or('x');
            let broken: String = broken.into_iter().collect();
            prop_assert_eq!(takes(&broken), serde_json::from_str::<serde_json::Value>(&broken).is_ok());
        }

        #[test]
        fn a_string_reads_as_serde_json_reads_it(text in any::<String>()) {
            let written = serde_json::to_string(&text).unwrap();
            prop_assert_eq!(Cursor::new(&written).string().unwrap().to_text(), text);
        }

        #[test]
        fn the_first_special_byte_is_found_wherever_it_stands(
            before in "[a-z\u{80}-\u{ffff}]{0,40}", special in "[\"\\\\\u{0}\u{1f}]"
        ) {
            let text = format!("{before}{special}\u{1}{before}\"");
            prop_assert_eq!(plain(text.as_bytes()), before.len());
        }
    }

    #[test]
    fn nesting_ends_at_128() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(takes(&nested(DEPTH_MAX)));
        assert!(!takes(&nested(DEPTH_MAX + 1)));
        assert!(!takes(&nested(1_000_000)));
    }

    #[test]
    fn half_a_surrogate_pair_is_refused() {
        for text in [r#""\ud83d""#, r#""\ude00""#, r#""\ud83dx""#, r#""\ud83d\ud83d""#] {
            let trouble = Cursor::new(text).string().unwrap_err().refused(String::new());
            assert!(trouble.reason.contains("surrogate"), "{text}: {}", trouble.reason);
        }
    }
}
