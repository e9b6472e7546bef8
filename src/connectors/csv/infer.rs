//! Guesses the type of a column from the texts in it.

use arrow::datatypes::{DataType, TimeUnit};

use crate::connectors::csv::{moments, numbers};

/// What the texts of a column can be, as far as they have been seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Guess {
    seen: bool,
    possible: u8,
    /// The most digits before and after the point.
    digits: (usize, usize),
}

const BOOLEAN: u8 = 1;
const INTEGER: u8 = 2;
const DOUBLE: u8 = 4;
const DECIMAL: u8 = 8;
const DATE: u8 = 16;
const TIMESTAMP: u8 = 32;
const INSTANT: u8 = 64;
const NUMBER: u8 = INTEGER | DOUBLE | DECIMAL;

impl Default for Guess {
    fn default() -> Self {
        Guess { seen: false, possible: u8::MAX, digits: (0, 0) }
    }
}

impl Guess {
    /// Takes a text that is not NULL into account.
    pub(super) fn add(&mut self, text: &[u8]) {
        self.seen = true;
        if self.possible == 0 {
            return;
        }
        self.possible &= match text.first() {
            Some(b'0'..=b'9' | b'-' | b'.') => self.number_or_moment(text),
            Some(b't' | b'T' | b'f' | b'F') if is_boolean(text) => BOOLEAN,
            _ => 0,
        };
    }

    /// Takes what another part of the column can be into account.
    pub(super) fn merge(&mut self, other: &Guess) {
        self.seen |= other.seen;
        self.possible &= other.possible;
        self.digits = widest(self.digits, other.digits);
    }

    /// The narrowest type that holds every text without losing any of it.
    pub(super) fn kind(&self) -> DataType {
        let can = |kind| self.seen && self.possible & kind != 0;
        let (before, after) = self.digits;
        let places = i8::try_from(after).ok().filter(|_| before + after <= 38);
        match places {
            _ if can(BOOLEAN) => DataType::Boolean,
            _ if can(INTEGER) => DataType::Int64,
            _ if can(DOUBLE) => DataType::Float64,
            // All digits that there are room for: a later value may be larger.
            Some(places) if can(DECIMAL) => DataType::Decimal128(38, places),
            _ if can(DATE) => DataType::Date32,
            _ if can(TIMESTAMP) => DataType::Timestamp(TimeUnit::Microsecond, None),
            _ if can(INSTANT) => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            _ => DataType::Utf8,
        }
    }

    /// Which of the types that are still possible `text` can be.
    fn number_or_moment(&mut self, text: &[u8]) -> u8 {
        let mut possible = 0;
        let mut look = |kind, is: bool| possible |= if is { kind } else { 0 };
        if self.possible & NUMBER != 0 {
            let shape = numbers::shape(text);
            self.digits = widest(self.digits, shape.unwrap_or_default());
            look(DECIMAL, shape.is_some());
            look(INTEGER, numbers::integer::<true>(text).is_some());
            look(DOUBLE, numbers::double::<true>(text).is_some());
        }
        if self.possible & (DATE | TIMESTAMP | INSTANT) != 0 && text.get(4) == Some(&b'-') {
            look(DATE, moments::date(text).is_some());
            look(TIMESTAMP, moments::timestamp(text).is_some());
            look(INSTANT, moments::instant(text).is_some());
        }
        possible
    }
}

fn is_boolean(text: &[u8]) -> bool {
    [&b"true"[..], b"false"].iter().any(|word| text.eq_ignore_ascii_case(word))
}

fn widest(a: (usize, usize), b: (usize, usize)) -> (usize, usize) {
    (a.0.max(b.0), a.1.max(b.1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::types::type_name;

    fn guessed(texts: &[&str]) -> String {
        let mut all = Guess::default();
        let mut halves = (Guess::default(), Guess::default());
        for (at, text) in texts.iter().enumerate() {
            all.add(text.as_bytes());
            let half = if at % 2 == 0 { &mut halves.0 } else { &mut halves.1 };
            half.add(text.as_bytes());
        }
        halves.0.merge(&halves.1);
        assert_eq!(halves.0.kind(), all.kind());
        type_name(&all.kind())
    }

    #[test]
    fn a_type_is_guessed_only_when_nothing_of_the_text_is_lost() {
        for (texts, expected) in [
            (&[][..], "text"),
            (&["1", "-2", "0"], "bigint"),
            (&["1", "2.5"], "double"),
            (&["1e3"], "double"),
            (&["007", "1"], "text"),
            (&["+1"], "text"),
            (&["1", "a"], "text"),
            (&["9223372036854775808"], "decimal(38,0)"),
            (&["9007199254740993", "0.5"], "decimal(38,1)"),
            (&["12345678901234567.25"], "decimal(38,2)"),
            (&["123456789012345678901234567890123456789"], "text"),
            (&["12345678901234567890123456789012345678", "0.5"], "text"),
            (&["true", "FALSE"], "boolean"),
            (&["true", "1"], "text"),
            (&["t"], "text"),
            (&["2001-02-03"], "date"),
            (&["2001-02-30"], "text"),
            (&["2001-02-03", "1"], "text"),
            (&["2001-02-03 04:05", "2001-02-03T04:05:06.5"], "timestamp"),
            (&["2001-02-03 04:05Z", "2001-02-03T04:05:06+02:00"], "timestamptz"),
            (&["2001-02-03 04:05Z", "2001-02-03T04:05:06"], "text"),
            (&["2001/01/01 06:55"], "text"),
            (&["2001-02-03 04:05:06.1234567"], "text"),
            (&[""], "text"),
            (&[" 1"], "text"),
        ] {
            assert_eq!(guessed(texts), expected, "{texts:?}");
        }
    }
}
