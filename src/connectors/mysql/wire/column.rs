//! What is known of a column: what the server says of it, and what its catalog adds.

use mysql_common::constants::{ColumnFlags, ColumnType};

use super::cursor::Cursor;

/// A column of a table, view or query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::connectors::mysql) struct Column {
    /// Its name in the result.
    pub name: String,
    /// The table it comes from and its name there, empty for an expression: to look it up.
    pub origin: (String, String),
    /// Its type on the wire.
    pub kind: ColumnType,
    /// Whether its numbers have no sign.
    pub unsigned: bool,
    /// Whether it may be NULL.
    pub nullable: bool,
    /// Whether its texts are the labels of an ENUM.
    pub is_enum: bool,
    /// Whether its texts are sets of labels.
    pub is_set: bool,
    /// The number of its collation; 63 for bytes.
    pub charset: u16,
    /// Its width: bytes of texts, characters of numbers, bits of BIT.
    pub length: u32,
    /// Digits after the point; 31 or more for a floating-point number without a fixed number of
    /// them.
    pub decimals: u8,
    /// Its type as the catalog writes it, such as `decimal(12,2) unsigned` or `enum('a','b')`; from
    /// `information_schema.columns.column_type`, where it is a column of a table. `json` for
    /// MariaDB's JSON, which is a longtext with a constraint. For an expression, MariaDB's name of
    /// the type where the wire has none of its own: `uuid`, `inet6`, `json`, `point`.
    pub declared: Option<String>,
    /// What was said of it with COMMENT.
    pub comment: Option<String>,
}

impl Column {
    /// Reads the packet that describes a column; with `extended`, MariaDB's own words are in it.
    pub(super) fn read(packet: &[u8], extended: bool) -> Option<Self> {
        let mut cursor = Cursor(packet);
        let text = |cursor: &mut Cursor<'_>| {
            cursor.bytes().map(|bytes| String::from_utf8_lossy(bytes).into_owned())
        };
        let (_catalog, _schema) = (text(&mut cursor)?, text(&mut cursor)?);
        let (_table, table) = (text(&mut cursor)?, text(&mut cursor)?);
        let (name, own_name) = (text(&mut cursor)?, text(&mut cursor)?);
        let declared = match extended {
            true => own_type(cursor.bytes()?)?,
            false => None,
        };
        let mut fixed = Cursor(cursor.bytes()?);
        let (charset, length) = (fixed.u16()?, fixed.u32()?);
        let kind = ColumnType::try_from(fixed.u8()?).ok()?;
        let flags = ColumnFlags::from_bits_truncate(fixed.u16()?);
        Some(Column {
            name,
            origin: (table, own_name),
            kind,
            unsigned: flags.contains(ColumnFlags::UNSIGNED_FLAG),
            nullable: !flags.contains(ColumnFlags::NOT_NULL_FLAG),
            is_enum: flags.contains(ColumnFlags::ENUM_FLAG),
            is_set: flags.contains(ColumnFlags::SET_FLAG),
            charset,
            length,
            decimals: fixed.u8()?,
            declared,
            comment: None,
        })
    }
}

/// MariaDB's name for a type that the wire has none for: pairs of a kind (0 a type, 1 a format)
/// and a text.
fn own_type(words: &[u8]) -> Option<Option<String>> {
    let mut cursor = Cursor(words);
    let mut name = None;
    while !cursor.0.is_empty() {
        let (_kind, text) = (cursor.u8()?, cursor.bytes()?);
        name = Some(String::from_utf8_lossy(text).into_owned());
    }
    Some(name)
}
