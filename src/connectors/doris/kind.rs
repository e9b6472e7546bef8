//! The types of columns: read as the server shows them, and written as it reads them.

use std::fmt;

/// Bytes that a `VARCHAR` holds at most.
pub(super) const VARCHAR_BYTES: usize = 65_533;

/// Bytes that a `STRING` takes with the settings that servers have from the start.
pub(super) const STRING_BYTES: usize = 1_048_576;

/// The type of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// `BOOLEAN`.
    Boolean,
    /// A whole number of so many bits: `TINYINT` to `LARGEINT`.
    Integer(u8),
    /// `FLOAT`.
    Float,
    /// `DOUBLE`.
    Double,
    /// Digits in all, and those behind the point.
    Decimal(u8, u8),
    /// `DATE`.
    Date,
    /// Digits behind the second.
    DateTime(u8),
    /// Bytes.
    Char(usize),
    /// Bytes.
    Varchar(usize),
    /// `STRING`.
    Text,
    /// `JSON`.
    Json,
    /// `VARIANT`.
    Variant,
    /// `IPV4` or `IPV6`, as it is called.
    Address(&'static str),
    /// `ARRAY<…>`.
    Array(Box<Kind>),
    /// `MAP<…, …>`.
    Map(Box<Kind>, Box<Kind>),
    /// `STRUCT<…>`.
    Struct(Vec<(String, Kind)>),
    /// One that no value of ours goes into, such as `BITMAP`.
    Other(String),
}

impl Kind {
    /// Reads a type as `DESC` shows it; what is not known is [`Kind::Other`].
    pub(super) fn read(text: &str) -> Kind {
        let mut reader = Reader { rest: text.trim() };
        match reader.kind() {
            Some(kind) if reader.rest.trim().is_empty() => kind,
            _ => Kind::Other(text.trim().to_owned()),
        }
    }

    /// Whether a column of this type may be a key.
    pub(super) fn can_be_key(&self) -> bool {
        matches!(
            self,
            Kind::Boolean
                | Kind::Integer(_)
                | Kind::Decimal(..)
                | Kind::Date
                | Kind::DateTime(_)
                | Kind::Char(_)
                | Kind::Varchar(_)
                | Kind::Address(_)
        )
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kind::Boolean => f.write_str("BOOLEAN"),
            Kind::Integer(8) => f.write_str("TINYINT"),
            Kind::Integer(16) => f.write_str("SMALLINT"),
            Kind::Integer(32) => f.write_str("INT"),
            Kind::Integer(64) => f.write_str("BIGINT"),
            Kind::Integer(_) => f.write_str("LARGEINT"),
            Kind::Float => f.write_str("FLOAT"),
            Kind::Double => f.write_str("DOUBLE"),
            Kind::Decimal(digits, scale) => write!(f, "DECIMAL({digits}, {scale})"),
            Kind::Date => f.write_str("DATE"),
            Kind::DateTime(0) => f.write_str("DATETIME"),
            Kind::DateTime(digits) => write!(f, "DATETIME({digits})"),
            Kind::Char(bytes) => write!(f, "CHAR({bytes})"),
            Kind::Varchar(bytes) => write!(f, "VARCHAR({bytes})"),
            Kind::Text => f.write_str("STRING"),
            Kind::Json => f.write_str("JSON"),
            Kind::Variant => f.write_str("VARIANT"),
            Kind::Address(name) => f.write_str(name),
            Kind::Array(item) => write!(f, "ARRAY<{item}>"),
            Kind::Map(key, value) => write!(f, "MAP<{key}, {value}>"),
            Kind::Struct(fields) => {
                f.write_str("STRUCT<")?;
                for (at, (name, kind)) in fields.iter().enumerate() {
                    let comma = if at == 0 { "" } else { ", " };
                    write!(f, "{comma}{}: {kind}", super::quote::identifier(name))?;
                }
                f.write_str(">")
            }
            Kind::Other(shown) => f.write_str(shown),
        }
    }
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    /// A name, in backticks or not.
    fn word(&mut self) -> String {
        self.rest = self.rest.trim_start();
        if let Some(quoted) = self.rest.strip_prefix('`') {
            let (word, rest) = quoted.split_once('`').unwrap_or((quoted, ""));
            self.rest = rest;
            return word.to_owned();
        }
        let end = self.rest.find(|c: char| !c.is_alphanumeric() && c != '_');
        let (word, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        word.to_owned()
    }

    fn eat(&mut self, sign: char) -> Option<()> {
        self.rest = self.rest.trim_start().strip_prefix(sign)?;
        Some(())
    }

    /// Numbers in parentheses, if there are any; `*` is none.
    fn numbers(&mut self) -> Option<Vec<usize>> {
        let mut numbers = Vec::new();
        if self.eat('(').is_none() {
            return Some(numbers);
        }
        let (inner, rest) = self.rest.split_once(')')?;
        self.rest = rest;
        for number in inner.split(',').map(str::trim).filter(|number| *number != "*") {
            numbers.push(number.parse().ok()?);
        }
        Some(numbers)
    }

    fn kind(&mut self) -> Option<Kind> {
        let word = self.word().to_ascii_lowercase();
        match word.as_str() {
            "array" => {
                self.eat('<')?;
                let item = self.item()?;
                self.eat('>')?;
                Some(Kind::Array(Box::new(item)))
            }
            "map" => {
                self.eat('<')?;
                let key = self.item()?;
                self.eat(',')?;
                let value = self.item()?;
                self.eat('>')?;
                Some(Kind::Map(Box::new(key), Box::new(value)))
            }
            "struct" => self.fields(),
            _ => {
                let numbers = self.numbers()?;
                scalar(&word, &numbers)
            }
        }
    }

    /// A type inside of another; servers may say that it takes NULL.
    fn item(&mut self) -> Option<Kind> {
        let kind = self.kind()?;
        let rest = self.rest.trim_start();
        self.rest = rest.strip_prefix("not null").or(rest.strip_prefix("null")).unwrap_or(rest);
        Some(kind)
    }

    fn fields(&mut self) -> Option<Kind> {
        self.eat('<')?;
        let mut fields = Vec::new();
        loop {
            let name = self.word();
            // StarRocks writes a space in its place.
            let _ = self.eat(':');
            fields.push((name, self.item()?));
            if self.eat(',').is_none() {
                break;
            }
        }
        self.eat('>')?;
        Some(Kind::Struct(fields))
    }
}

fn scalar(word: &str, numbers: &[usize]) -> Option<Kind> {
    let first = numbers.first().copied();
    let small = |number: Option<usize>, default: u8| match number {
        Some(number) => u8::try_from(number).ok(),
        None => Some(default),
    };
    Some(match word {
        "boolean" | "bool" => Kind::Boolean,
        // What StarRocks shows of a boolean.
        "tinyint" if first == Some(1) => Kind::Boolean,
        "tinyint" => Kind::Integer(8),
        "smallint" => Kind::Integer(16),
        "int" | "integer" => Kind::Integer(32),
        "bigint" => Kind::Integer(64),
        "largeint" => Kind::Integer(128),
        "float" => Kind::Float,
        "double" => Kind::Double,
        "decimal" | "decimalv2" | "decimalv3" | "decimal32" | "decimal64" | "decimal128"
        | "decimal256" | "numeric" => {
            Kind::Decimal(small(first, 38)?, small(numbers.get(1).copied(), 0)?)
        }
        "date" | "datev2" => Kind::Date,
        "datetime" | "datetimev2" => Kind::DateTime(small(first, 0)?),
        "char" | "character" => Kind::Char(first.unwrap_or(1)),
        "varchar" => Kind::Varchar(first.unwrap_or(VARCHAR_BYTES)),
        "string" | "text" => Kind::Text,
        "json" | "jsonb" => Kind::Json,
        "variant" => Kind::Variant,
        "ipv4" => Kind::Address("IPV4"),
        "ipv6" => Kind::Address("IPV6"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_read_as_servers_show_them() {
        for (shown, written) in [
            ("boolean", "BOOLEAN"),
            ("largeint(40)", "LARGEINT"),
            ("decimalv3(20,4)", "DECIMAL(20, 4)"),
            ("decimal(10, 2)", "DECIMAL(10, 2)"),
            ("datetimev2(6)", "DATETIME(6)"),
            ("datetime", "DATETIME"),
            ("varchar(*)", "VARCHAR(65533)"),
            ("text", "STRING"),
            ("array<int(11)>", "ARRAY<INT>"),
            ("map<varchar(20),array<double>>", "MAP<VARCHAR(20), ARRAY<DOUBLE>>"),
            ("struct<a:int,`b c`:text>", "STRUCT<`a`: INT, `b c`: STRING>"),
            ("struct<a int(11), b date null>", "STRUCT<`a`: INT, `b`: DATE>"),
            ("ipv6", "IPV6"),
        ] {
            assert_eq!(Kind::read(shown).to_string(), written);
            assert_eq!(Kind::read(written), Kind::read(shown));
        }
        assert_eq!(Kind::read("bitmap"), Kind::Other("bitmap".to_owned()));
        assert_eq!(Kind::read("array<hll>"), Kind::Other("array<hll>".to_owned()));
    }

    #[test]
    fn no_float_and_no_string_is_a_key() {
        let keys = ["int", "varchar(3)", "datetime(6)", "decimal(9,0)"].map(Kind::read);
        assert!(keys.iter().all(Kind::can_be_key));
        let others = ["string", "float", "double", "json", "array<int>"].map(Kind::read);
        assert!(!others.iter().any(Kind::can_be_key));
    }
}
