//! Collations: the code page of a text, and how texts compare.

use std::cmp::Ordering;

/// A collation that the stand-in knows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Collation(usize);

#[derive(Debug)]
struct Facts {
    name: &'static str,
    /// The five bytes of the wire: LCID and flags, then the sort id.
    wire: [u8; 5],
    page: Page,
    order: Order,
}

/// How characters are bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Page {
    Latin,
    Cyrillic,
    Utf8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    /// By the units of UTF-16, or bytes.
    Binary,
    Case,
    NoCase,
    /// Neither case nor accents.
    Plain,
}

// Flags of the third byte's upper half: 0x10 ignore case, 0x20 ignore accent, 0x40 ignore kana,
// 0x80 ignore width; of the fourth byte: 0x01 BIN, 0x02 BIN2, 0x04 UTF-8.
const KNOWN: [Facts; 10] = [
    facts(
        "SQL_Latin1_General_CP1_CI_AS",
        [0x09, 0x04, 0xD0, 0x00, 0x34],
        Page::Latin,
        Order::NoCase,
    ),
    facts("SQL_Latin1_General_CP1_CS_AS", [0x09, 0x04, 0xC0, 0x00, 0x33], Page::Latin, Order::Case),
    facts("Latin1_General_CI_AS", [0x09, 0x04, 0xD0, 0x00, 0x00], Page::Latin, Order::NoCase),
    facts("Latin1_General_CS_AS", [0x09, 0x04, 0xC0, 0x00, 0x00], Page::Latin, Order::Case),
    facts("Latin1_General_CI_AI", [0x09, 0x04, 0xF0, 0x00, 0x00], Page::Latin, Order::Plain),
    facts("Latin1_General_BIN", [0x09, 0x04, 0x00, 0x01, 0x00], Page::Latin, Order::Binary),
    facts("Latin1_General_BIN2", [0x09, 0x04, 0x00, 0x02, 0x00], Page::Latin, Order::Binary),
    facts("Cyrillic_General_CI_AS", [0x19, 0x04, 0xD0, 0x00, 0x00], Page::Cyrillic, Order::NoCase),
    facts(
        "Latin1_General_100_CI_AS_SC_UTF8",
        [0x09, 0x04, 0xD0, 0x24, 0x00],
        Page::Utf8,
        Order::NoCase,
    ),
    facts(
        "Latin1_General_100_BIN2_UTF8",
        [0x09, 0x04, 0x00, 0x26, 0x00],
        Page::Utf8,
        Order::Binary,
    ),
];

const fn facts(name: &'static str, wire: [u8; 5], page: Page, order: Order) -> Facts {
    Facts { name, wire, page, order }
}

/// Bytes 0x80 to 0x9F of code page 1252; the holes stand for themselves.
const LATIN: [u16; 32] = [
    0x20AC, 0x81, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160, 0x2039,
    0x0152, 0x8D, 0x017D, 0x8F, 0x90, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014,
    0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x9D, 0x017E, 0x0178,
];

/// Bytes 0x80 to 0xBF of code page 1251; 0xC0 to 0xFF are the alphabet in its order.
const CYRILLIC: [u16; 64] = [
    0x0402, 0x0403, 0x201A, 0x0453, 0x201E, 0x2026, 0x2020, 0x2021, 0x20AC, 0x2030, 0x0409, 0x2039,
    0x040A, 0x040C, 0x040B, 0x040F, 0x0452, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014,
    0x98, 0x2122, 0x0459, 0x203A, 0x045A, 0x045C, 0x045B, 0x045F, 0xA0, 0x040E, 0x045E, 0x0408,
    0xA4, 0x0490, 0xA6, 0xA7, 0x0401, 0xA9, 0x0404, 0xAB, 0xAC, 0xAD, 0xAE, 0x0407, 0xB0, 0xB1,
    0x0406, 0x0456, 0x0491, 0xB5, 0xB6, 0xB7, 0x0451, 0x2116, 0x0454, 0xBB, 0x0458, 0x0405, 0x0455,
    0x0457,
];

impl Collation {
    pub(crate) fn named(name: &str) -> Option<Self> {
        KNOWN.iter().position(|facts| facts.name.eq_ignore_ascii_case(name)).map(Collation)
    }

    pub(crate) fn name(self) -> &'static str {
        KNOWN[self.0].name
    }

    pub(crate) fn wire(self) -> [u8; 5] {
        KNOWN[self.0].wire
    }

    pub(crate) fn page(self) -> Page {
        KNOWN[self.0].page
    }

    pub(crate) fn is_case_sensitive(self) -> bool {
        matches!(KNOWN[self.0].order, Order::Case | Order::Binary)
    }

    /// Compares as `=` and `order by` do: blanks at the end count for nothing.
    pub(crate) fn compare(self, left: &[u16], right: &[u16]) -> Ordering {
        self.key(left).cmp(&self.key(right))
    }

    /// What a text sorts by.
    pub(crate) fn key(self, text: &[u16]) -> Vec<u32> {
        let end = text.iter().rposition(|unit| *unit != 32).map_or(0, |at| at + 1);
        let text = &text[..end];
        let order = KNOWN[self.0].order;
        if order == Order::Binary {
            // Texts of different lengths compare as if blanks followed.
            return text.iter().map(|unit| u32::from(*unit) + 1).collect();
        }
        let chars = || char::decode_utf16(text.iter().copied()).map(|c| c.unwrap_or('\u{FFFD}'));
        let mut key: Vec<u32> = chars().map(|c| weight(fold(c))).collect();
        if order == Order::Plain {
            return key;
        }
        key.push(0);
        key.extend(chars().map(|c| u32::from(lower(c)) - u32::from(fold(c)) + 1));
        if order == Order::Case {
            key.push(0);
            key.extend(chars().map(|c| 1 + u32::from(c.is_uppercase())));
        }
        key
    }
}

/// Marks before digits before letters, as a dictionary has them.
fn weight(c: char) -> u32 {
    let class = match c {
        c if c.is_ascii_digit() => 2,
        c if c.is_alphabetic() => 3,
        _ => 1,
    };
    (class << 24) + u32::from(c)
}

fn lower(c: char) -> char {
    c.to_lowercase().next().unwrap_or(c)
}

/// A letter without case and accent, for the accents of Latin-1.
fn fold(c: char) -> char {
    match lower(c) {
        'à'..='å' => 'a',
        'ç' => 'c',
        'è'..='ë' => 'e',
        'ì'..='ï' => 'i',
        'ñ' => 'n',
        'ò'..='ö' => 'o',
        'ù'..='ü' => 'u',
        'ý' | 'ÿ' => 'y',
        c => c,
    }
}

impl Page {
    /// The bytes of a text; what the page lacks is `?`, as SQL Server has it.
    pub(crate) fn encode(self, text: &[u16]) -> Vec<u8> {
        if self == Page::Utf8 {
            return String::from_utf16_lossy(text).into_bytes();
        }
        let chars = char::decode_utf16(text.iter().copied());
        chars.map(|c| c.map_or(b'?', |c| self.byte(c))).collect()
    }

    fn byte(self, c: char) -> u8 {
        let Ok(unit) = u16::try_from(u32::from(c)) else { return b'?' };
        if unit < 0x80 {
            return unit.to_le_bytes()[0];
        }
        (0x80..=0xFF).find(|byte| self.unit(*byte) == unit).unwrap_or(b'?')
    }

    /// The text of bytes.
    pub(crate) fn decode(self, bytes: &[u8]) -> Vec<u16> {
        if self == Page::Utf8 {
            return String::from_utf8_lossy(bytes).encode_utf16().collect();
        }
        bytes.iter().map(|byte| self.unit(*byte)).collect()
    }

    fn unit(self, byte: u8) -> u16 {
        let at = usize::from(byte);
        match (self, byte) {
            (_, 0..=0x7F) => u16::from(byte),
            (Page::Latin, 0x80..=0x9F) => LATIN[at - 0x80],
            (Page::Cyrillic, 0x80..=0xBF) => CYRILLIC[at - 0x80],
            (Page::Cyrillic, _) => u16::from(byte) - 0xC0 + 0x0410,
            _ => u16::from(byte),
        }
    }
}
