//! What is known of a column: what the server says of it, and what its catalog adds.

use mysql_common::constants::ColumnType;

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
    /// Digits after the point; 31 for a floating-point number without a fixed number of them.
    pub decimals: u8,
    /// Its type as the catalog writes it, such as `decimal(12,2) unsigned` or `enum('a','b')`; from
    /// `information_schema.columns.column_type`, where it is a column of a table. `json` for
    /// MariaDB's JSON, which is a longtext with a constraint.
    pub declared: Option<String>,
    /// What was said of it with COMMENT.
    pub comment: Option<String>,
}
