//! The types of columns: how they are written, and what may be a key.

use std::fmt;

/// A type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    Boolean,
    TinyInt,
    SmallInt,
    Int,
    BigInt,
    LargeInt,
    Float,
    Double,
    /// Digits in all, and behind the point.
    Decimal(u32, u32),
    Date,
    /// Digits of a second.
    DateTime(u32),
    /// Bytes.
    Char(usize),
    Varchar(usize),
    Text,
    Json,
    Variant,
    Ipv4,
    Ipv6,
    Array(Box<Kind>),
    Map(Box<Kind>, Box<Kind>),
    Struct(Vec<(String, Kind)>),
}

/// Bytes that a STRING takes by default (`string_type_length_soft_limit_bytes`).
pub(crate) const TEXT_BYTES_MAX: usize = 1_048_576;

impl Kind {
    /// Reads a type, or says what is wrong with it.
    pub(crate) fn read(text: &str) -> Result<Kind, String> {
        let mut reader = Reader { rest: text.trim() };
        let kind = reader.kind()?;
        match reader.rest.trim() {
            "" => Ok(kind),
            rest => Err(format!("mismatched input '{rest}' in type `{text}`")),
        }
    }

    /// Smallest and largest of a whole number.
    pub(crate) fn range(&self) -> Option<(i128, i128)> {
        match self {
            Kind::TinyInt => Some((i8::MIN.into(), i8::MAX.into())),
            Kind::SmallInt => Some((i16::MIN.into(), i16::MAX.into())),
            Kind::Int => Some((i32::MIN.into(), i32::MAX.into())),
            Kind::BigInt => Some((i64::MIN.into(), i64::MAX.into())),
            Kind::LargeInt => Some((i128::MIN, i128::MAX)),
            _ => None,
        }
    }

    pub(crate) fn is_nested(&self) -> bool {
        matches!(self, Kind::Array(_) | Kind::Map(..) | Kind::Struct(_))
    }

    /// Why a column of this type cannot be a key.
    pub(crate) fn no_key(&self, column: &str) -> Option<String> {
        match self {
            Kind::Text => Some(format!("String Type should not be used in key column[{column}].")),
            Kind::Float | Kind::Double => {
                Some("Float or double can not used as a key, use decimal instead.".to_owned())
            }
            Kind::Json => Some(format!("JSONB type should not be used in key column[{column}].")),
            Kind::Variant => {
                Some(format!("Variant type should not be used in key column[{column}]."))
            }
            kind if kind.is_nested() => Some(
                "Array can only be used in the non-key column of the duplicate table at present."
                    .to_owned(),
            ),
            _ => None,
        }
    }

    /// `DATA_TYPE` and `COLUMN_TYPE` of `information_schema.columns`.
    pub(crate) fn schema_texts(&self) -> (String, String) {
        let both = |one: &str, other: &str| (one.to_owned(), other.to_owned());
        match self {
            Kind::Boolean => both("tinyint", "tinyint(1)"),
            Kind::TinyInt => both("tinyint", "tinyint(4)"),
            Kind::SmallInt => both("smallint", "smallint(6)"),
            Kind::Int => both("int", "int(11)"),
            Kind::BigInt => both("bigint", "bigint(20)"),
            Kind::LargeInt => both("bigint unsigned", "bigint(20) unsigned"),
            Kind::Text => both("string", "string"),
            Kind::Decimal(..) => ("decimal".to_owned(), self.to_string()),
            Kind::DateTime(_) => ("datetime".to_owned(), self.to_string()),
            Kind::Char(_) => ("char".to_owned(), self.to_string()),
            Kind::Varchar(_) => ("varchar".to_owned(), self.to_string()),
            Kind::Array(_) => ("array".to_owned(), self.to_string()),
            Kind::Map(..) => ("map".to_owned(), self.to_string()),
            Kind::Struct(_) => ("struct".to_owned(), self.to_string()),
            other => (other.to_string(), other.to_string()),
        }
    }
}

impl fmt::Display for Kind {
    /// As `DESC` and `SHOW CREATE TABLE` write it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kind::Boolean => f.write_str("boolean"),
            Kind::TinyInt => f.write_str("tinyint"),
            Kind::SmallInt => f.write_str("smallint"),
            Kind::Int => f.write_str("int"),
            Kind::BigInt => f.write_str("bigint"),
            Kind::LargeInt => f.write_str("largeint"),
            Kind::Float => f.write_str("float"),
            Kind::Double => f.write_str("double"),
            Kind::Decimal(digits, scale) => write!(f, "decimal({digits},{scale})"),
            Kind::Date => f.write_str("date"),
            Kind::DateTime(0) => f.write_str("datetime"),
            Kind::DateTime(digits) => write!(f, "datetime({digits})"),
            Kind::Char(bytes) => write!(f, "char({bytes})"),
            Kind::Varchar(bytes) => write!(f, "varchar({bytes})"),
            Kind::Text => f.write_str("text"),
            Kind::Json => f.write_str("json"),
            Kind::Variant => f.write_str("variant"),
            Kind::Ipv4 => f.write_str("ipv4"),
            Kind::Ipv6 => f.write_str("ipv6"),
            Kind::Array(item) => write!(f, "array<{item}>"),
            Kind::Map(key, value) => write!(f, "map<{key},{value}>"),
            Kind::Struct(fields) => {
                let fields: Vec<_> = fields.iter().map(|(n, kind)| format!("{n}:{kind}")).collect();
                write!(f, "struct<{}>", fields.join(","))
            }
        }
    }
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn word(&mut self) -> String {
        self.rest = self.rest.trim_start();
        if let Some(quoted) = self.rest.strip_prefix('`') {
            let end = quoted.find('`').unwrap_or(quoted.len());
            let word = quoted[..end].to_owned();
            self.rest = quoted.get(end + 1..).unwrap_or("");
            return word;
        }
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let end = self.rest.find(|c| !is_word(c)).unwrap_or(self.rest.len());
        let word = self.rest[..end].to_owned();
        self.rest = &self.rest[end..];
        word
    }

    fn eat(&mut self, sign: char) -> bool {
        match self.rest.trim_start().strip_prefix(sign) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, sign: char) -> Result<(), String> {
        match self.eat(sign) {
            true => Ok(()),
            false => Err(format!("mismatched input '{}' expecting '{sign}'", self.rest)),
        }
    }

    /// Numbers in parentheses.
    fn numbers(&mut self) -> Result<Vec<u32>, String> {
        let mut numbers = Vec::new();
        if self.eat('(') {
            loop {
                let word = self.word();
                numbers.push(word.parse().map_err(|_| format!("`{word}` is no number"))?);
                if !self.eat(',') {
                    break;
                }
            }
            self.expect(')')?;
        }
        Ok(numbers)
    }

    fn kind(&mut self) -> Result<Kind, String> {
        let word = self.word().to_uppercase();
        match word.as_str() {
            "ARRAY" => {
                self.expect('<')?;
                let item = self.kind()?;
                self.expect('>')?;
                Ok(Kind::Array(Box::new(item)))
            }
            "MAP" => {
                self.expect('<')?;
                let key = self.kind()?;
                self.expect(',')?;
                let value = self.kind()?;
                self.expect('>')?;
                Ok(Kind::Map(Box::new(key), Box::new(value)))
            }
            "STRUCT" => self.fields(),
            _ => {
                let numbers = self.numbers()?;
                scalar(&word, &numbers)
            }
        }
    }

    fn fields(&mut self) -> Result<Kind, String> {
        self.expect('<')?;
        let mut fields = Vec::new();
        loop {
            let name = self.word();
            self.expect(':')?;
            fields.push((name, self.kind()?));
            if !self.eat(',') {
                break;
            }
        }
        self.expect('>')?;
        Ok(Kind::Struct(fields))
    }
}

fn scalar(word: &str, numbers: &[u32]) -> Result<Kind, String> {
    let first = numbers.first().copied();
    let bytes = |max: u32, what: &str| {
        let n = first.unwrap_or(if what == "VARCHAR" { 65_533 } else { 1 });
        match (1..=max).contains(&n) {
            true => Ok(usize::try_from(n).expect("fits")),
            false => Err(format!("{what} size must be between 1 and {max}, but was {n}")),
        }
    };
    Ok(match word {
        "BOOLEAN" | "BOOL" => Kind::Boolean,
        "TINYINT" => Kind::TinyInt,
        "SMALLINT" => Kind::SmallInt,
        "INT" | "INTEGER" => Kind::Int,
        "BIGINT" => Kind::BigInt,
        "LARGEINT" => Kind::LargeInt,
        "FLOAT" => Kind::Float,
        "DOUBLE" => Kind::Double,
        "DECIMAL" | "DECIMALV3" | "NUMERIC" => decimal(numbers)?,
        "DATE" | "DATEV2" => Kind::Date,
        "DATETIME" | "DATETIMEV2" => match first.unwrap_or(0) {
            digits @ 0..=6 => Kind::DateTime(digits),
            digits => {
                return Err(format!(
                    "Scale of Datetime/Time must between 0 and 6. Scale was set to: {digits}"
                ));
            }
        },
        "CHAR" => Kind::Char(bytes(255, "CHAR")?),
        "VARCHAR" => Kind::Varchar(bytes(65_533, "VARCHAR")?),
        "STRING" | "TEXT" => Kind::Text,
        "JSON" | "JSONB" => Kind::Json,
        "VARIANT" => Kind::Variant,
        "IPV4" => Kind::Ipv4,
        "IPV6" => Kind::Ipv6,
        "TIME" | "VARBINARY" => {
            return Err(format!("{word} type is not supported for a stored column"));
        }
        other => return Err(format!("mismatched input '{other}' expecting a type")),
    })
}

fn decimal(numbers: &[u32]) -> Result<Kind, String> {
    let digits = numbers.first().copied().unwrap_or(38);
    let scale = numbers.get(1).copied().unwrap_or(if numbers.is_empty() { 9 } else { 0 });
    if !(1..=38).contains(&digits) {
        return Err(format!(
            "Precision of decimal must between 1 and 38. Precision was set to: {digits}"
        ));
    }
    if scale > digits {
        return Err(format!(
            "Scale of decimal must between 0 and {digits}. Scale was set to: {scale}"
        ));
    }
    Ok(Kind::Decimal(digits, scale))
}
