//! The text of a `sql_variant`, whose values have a type each: made by the server, by that type.
//!
//! A mark stands before the text: [`KNOWN`], or [`UNKNOWN`] before the name of a type for which
//! there is no exact text here. Such a row is refused; it never becomes NULL.

use super::cells::{Trouble, text};
use super::quote::literal;
use super::server_type::ServerType;

/// The text of the value follows.
const KNOWN: char = '=';
/// The name of its type follows.
const UNKNOWN: char = '?';

/// Types whose values the server makes a text of as they are, with every digit and every letter:
/// whole numbers, decimals, identifiers, and texts of all code pages.
const PLAIN: &[&str] = &[
    "bit",
    "tinyint",
    "smallint",
    "int",
    "bigint",
    "decimal",
    "numeric",
    "uniqueidentifier",
    "char",
    "varchar",
    "nchar",
    "nvarchar",
];

/// The other types of values, and the type in which each is cast first, so that its text has all
/// digits. They are those for which the documentation of `sql_variant` allows it.
const CAST: &[(&str, &str)] = &[
    ("real", "real"),
    ("float", "float(53)"),
    ("money", "money"),
    ("smallmoney", "smallmoney"),
    ("date", "date"),
    ("time", "time(7)"),
    ("smalldatetime", "datetime2(0)"),
    ("datetime", "datetime"),
    ("datetime2", "datetime2(7)"),
    ("datetimeoffset", "datetimeoffset(7)"),
    ("binary", "varbinary(8000)"),
    ("varbinary", "varbinary(8000)"),
];

/// The expression for the bytes in UTF-16 of mark and text of the column `name`.
pub(super) fn select(name: &str) -> String {
    let base = format!("cast(sql_variant_property({name}, 'BaseType') as nvarchar(128))");
    let known = literal(&KNOWN.to_string());
    let unknown = literal(&UNKNOWN.to_string());
    let plain = PLAIN.iter().map(|kind| (*kind, format!("cast({name} as nvarchar(max))")));
    let cast = CAST.iter().map(|(kind, first)| {
        let first = ServerType::parse(first);
        (*kind, first.as_text(&format!("cast({name} as {first})")))
    });
    let whens: Vec<_> = plain
        .chain(cast)
        .map(|(kind, text)| format!("when {} then {known} + {text}", literal(kind)))
        .collect();
    format!("cast(case {base} {} else {unknown} + {base} end as varbinary(max))", whens.join(" "))
}

/// The text of `bytes`, which came for [`select`].
pub(super) fn read(bytes: &[u8]) -> Result<String, Trouble> {
    let marked = text(bytes)?;
    match marked.strip_prefix(KNOWN) {
        Some(text) => Ok(text.to_owned()),
        None => Err(Trouble::Misfit(
            format!("a value of the type {}", marked.trim_start_matches(UNKNOWN)),
            "the sql_variant holds a type of which no exact text is known",
            "convert the column with a `query`",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    #[test]
    fn a_text_is_what_stands_behind_its_mark() {
        assert_eq!(read(&utf16("=")), Ok(String::new()));
        assert_eq!(read(&utf16("=?=жук")), Ok("?=жук".to_owned()));
        let Err(Trouble::Misfit(value, ..)) = read(&utf16("?vector")) else { panic!("it is read") };
        assert_eq!(value, "a value of the type vector");
        assert!(read(&utf16("")).is_err());
    }

    #[test]
    fn the_server_is_asked_type_by_type() {
        let sql = select("[v]");
        let base = "cast(sql_variant_property([v], 'BaseType') as nvarchar(128))";
        assert!(sql.starts_with(&format!("cast(case {base} when N'bit' then N'=' + ")), "{sql}");
        assert!(sql.ends_with(&format!(" else N'?' + {base} end as varbinary(max))")), "{sql}");
        for part in [
            "when N'money' then N'=' + convert(nvarchar(4000), cast([v] as money), 2)",
            "when N'float' then N'=' + convert(nvarchar(4000), cast([v] as float(53)), 3)",
            "when N'varchar' then N'=' + cast([v] as nvarchar(max))",
            "when N'varbinary' then N'=' + convert(nvarchar(max), cast(cast([v] as varbinary(8000)) \
             as varbinary(8000)), 1)",
        ] {
            assert!(sql.contains(part), "{part}: {sql}");
        }
    }
}
