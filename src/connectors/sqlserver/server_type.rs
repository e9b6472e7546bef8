//! A type as the server shows it: `decimal(19,4)`, `nvarchar(max)`, `geography`.

use std::fmt;

/// The type of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ServerType {
    /// Its name, in lower case.
    pub name: String,
    /// What stands in its parentheses.
    pub arguments: Vec<u16>,
    /// Whether that is `max`.
    pub is_max: bool,
    /// As the server shows it.
    pub shown: String,
}

impl ServerType {
    /// The type that `shown` is.
    pub(super) fn parse(shown: &str) -> Self {
        let (name, rest) = shown.split_once('(').unwrap_or((shown, ""));
        let inner = rest.split(')').next().unwrap_or_default();
        let arguments = inner.split(',').filter_map(|number| number.trim().parse().ok());
        ServerType {
            name: name.trim().to_ascii_lowercase(),
            arguments: arguments.collect(),
            is_max: inner.trim().eq_ignore_ascii_case("max"),
            shown: shown.to_owned(),
        }
    }

    /// The first number in its parentheses; `default` where it has none.
    pub(super) fn size(&self, default: u16) -> u16 {
        self.arguments.first().copied().unwrap_or(default)
    }

    /// Whether it holds characters of a code page.
    pub(super) fn is_of_code_page(&self) -> bool {
        matches!(self.name.as_str(), "char" | "varchar" | "text")
    }

    /// Whether values can be ordered and compared by the server.
    pub(super) fn has_order(&self) -> bool {
        let large =
            ["text", "ntext", "image", "xml", "sql_variant", "json", "vector", "hierarchyid"];
        let spatial = ["geometry", "geography"];
        !self.is_max
            && !large.contains(&self.name.as_str())
            && !spatial.contains(&self.name.as_str())
    }

    /// Whether it is a number of digits: whole, or with a fixed point.
    pub(super) fn is_number(&self) -> bool {
        let numbers = ["tinyint", "smallint", "int", "bigint", "decimal", "numeric"];
        numbers.contains(&self.name.as_str())
    }

    /// Whether it is a date, or a date with a time of day.
    pub(super) fn is_moment(&self) -> bool {
        let moments = ["date", "datetime", "smalldatetime", "datetime2", "datetimeoffset"];
        moments.contains(&self.name.as_str())
    }

    /// Whether it is the counter of the database that grows with each change of a row.
    pub(super) fn is_rowversion(&self) -> bool {
        matches!(self.name.as_str(), "timestamp" | "rowversion")
    }

    /// Whether the text of a value may be longer than 4000 characters: two digits for each byte, and
    /// `0x` before them.
    pub(super) fn has_long_text(&self) -> bool {
        matches!(self.name.as_str(), "binary" | "varbinary") && self.size(1) > 1999
    }

    /// The text of `value` from which [`ServerType::of_text`] makes the same value again.
    pub(super) fn as_text(&self, value: &str) -> String {
        match self.name.as_str() {
            "bit" => format!("convert(nvarchar(4000), cast({value} as int))"),
            "money" | "smallmoney" => format!("convert(nvarchar(4000), {value}, 2)"),
            "real" | "float" => format!("convert(nvarchar(4000), {value}, 3)"),
            "binary" | "varbinary" | "timestamp" | "rowversion" => {
                let size = if self.has_long_text() { "max" } else { "4000" };
                format!("convert(nvarchar({size}), cast({value} as varbinary(8000)), 1)")
            }
            "time" => format!("convert(nvarchar(4000), {value}, 121)"),
            _ if self.is_moment() => format!("convert(nvarchar(4000), {value}, 121)"),
            _ => format!("convert(nvarchar(4000), {value})"),
        }
    }

    /// The value of which `literal` is the text, as it is compared with others of this type.
    pub(super) fn of_text(&self, literal: &str) -> String {
        match self.name.as_str() {
            "bit" => format!("cast(cast({literal} as int) as bit)"),
            "binary" | "varbinary" | "timestamp" | "rowversion" => {
                format!("convert(varbinary(8000), {literal}, 1)")
            }
            "char" | "varchar" => format!("cast({literal} as varchar(8000))"),
            "nchar" | "nvarchar" => literal.to_owned(),
            "time" => format!("convert({}, {literal}, 121)", self.shown),
            _ if self.is_moment() => format!("convert({}, {literal}, 121)", self.shown),
            _ => format!("cast({literal} as {})", self.shown),
        }
    }
}

impl fmt::Display for ServerType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}
