//! What a column of the target holds, as far as the encoder must know.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::connectors::postgres::server_type::{Column, Form, ServerType};

/// What the values of a column are, below domains and arrays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Leaf {
    /// `boolean`.
    Bool,
    /// `smallint`.
    Int2,
    /// `integer`.
    Int4,
    /// `bigint`.
    Int8,
    /// `oid`, `xid` and `cid`: 32 bits without a sign.
    Oid,
    /// `real`.
    Float4,
    /// `double precision`.
    Float8,
    /// `numeric`, with its precision and scale where declared.
    Numeric(Option<Digits>),
    /// `money`, with its digits after the point; `None` when nobody told.
    Money(Option<i8>),
    /// Text of a type that the server takes as it is, with its limits.
    Text(TextLimit),
    /// A label of an enum.
    Label(Labels),
    /// `json`.
    Json,
    /// `jsonb`.
    Jsonb,
    /// `bytea`.
    Bytea,
    /// `uuid`.
    Uuid,
    /// `date`.
    Date,
    /// `time`, with the digits of its fraction.
    Time(u32),
    /// `timetz`, with the digits of its fraction.
    TimeTz(u32),
    /// `timestamp`, with the digits of its fraction.
    Timestamp(u32),
    /// `timestamptz`, with the digits of its fraction.
    TimestampTz(u32),
    /// `interval` of all fields and digits.
    Interval,
    /// `inet`.
    Inet,
    /// `cidr`.
    Cidr,
    /// `macaddr`.
    MacAddr,
    /// `macaddr8`.
    MacAddr8,
    /// A type that is written as text, which only the server understands.
    Foreign(TextLimit),
}

/// The labels of an enum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Labels {
    /// The number of its type.
    pub oid: u32,
    /// All of them; `None` when nobody told.
    pub labels: Option<Arc<BTreeSet<Vec<u8>>>>,
}

/// Precision and scale of a `numeric`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Digits {
    /// All digits.
    pub precision: u32,
    /// Those after the point; fewer than none where the last ones before it are dropped.
    pub scale: i32,
}

/// How long a text may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TextLimit {
    /// As long as any value.
    None,
    /// So many characters.
    Chars(usize),
    /// So many bytes.
    Bytes(usize),
}

/// What a column holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    /// The values, below domains and arrays.
    pub leaf: Leaf,
    /// The number of the element type, if the column is an array.
    pub element: Option<u32>,
}

impl Target {
    /// What `column` holds.
    pub(super) fn of(column: &Column) -> Self {
        let kind = column.kind.below_domains();
        match &kind.form {
            Form::Array(element, _) => {
                Target { leaf: leaf(innermost(element), kind.modifier), element: Some(element.oid) }
            }
            _ => Target { leaf: leaf(kind, -1), element: None },
        }
    }
}

impl Leaf {
    /// Whether there is a binary form of ours.
    pub(super) fn is_binary(&self) -> bool {
        !matches!(self, Leaf::Foreign(_))
    }
}

/// The type below domains; an array below a domain stays.
fn innermost(kind: &ServerType) -> &ServerType {
    kind.below_domains()
}

/// `outer` is the modifier of the array, for catalogs that keep it there.
fn leaf(kind: &ServerType, outer: i32) -> Leaf {
    let modifier = if kind.modifier >= 0 { kind.modifier } else { outer };
    match &kind.form {
        Form::Base if kind.is_built_in() => built_in(&kind.name, modifier),
        Form::Base if kind.name == "citext" => Leaf::Text(TextLimit::None),
        Form::Enum => Leaf::Label(Labels { oid: kind.oid, labels: None }),
        Form::Base | Form::Composite | Form::Range | Form::Domain(_) | Form::Array(..) => {
            Leaf::Foreign(TextLimit::None)
        }
    }
}

fn built_in(name: &str, modifier: i32) -> Leaf {
    let fraction = u32::try_from(modifier).unwrap_or(6).min(6);
    match name {
        "bool" => Leaf::Bool,
        "int2" => Leaf::Int2,
        "int4" => Leaf::Int4,
        "int8" => Leaf::Int8,
        "oid" | "xid" | "cid" => Leaf::Oid,
        "float4" => Leaf::Float4,
        "float8" => Leaf::Float8,
        "numeric" => Leaf::Numeric(digits(modifier)),
        "money" => Leaf::Money(None),
        "text" => Leaf::Text(TextLimit::None),
        "varchar" | "bpchar" => Leaf::Text(chars(modifier)),
        "name" => Leaf::Text(TextLimit::Bytes(63)),
        "json" => Leaf::Json,
        "jsonb" => Leaf::Jsonb,
        "bytea" => Leaf::Bytea,
        "uuid" => Leaf::Uuid,
        "date" => Leaf::Date,
        "time" => Leaf::Time(fraction),
        "timetz" => Leaf::TimeTz(fraction),
        "timestamp" => Leaf::Timestamp(fraction),
        "timestamptz" => Leaf::TimestampTz(fraction),
        "interval" if modifier < 0 => Leaf::Interval,
        "inet" => Leaf::Inet,
        "cidr" => Leaf::Cidr,
        "macaddr" => Leaf::MacAddr,
        "macaddr8" => Leaf::MacAddr8,
        // The server takes the first byte and forgets the others.
        "char" => Leaf::Foreign(TextLimit::Bytes(1)),
        _ => Leaf::Foreign(TextLimit::None),
    }
}

/// The modifier of a `numeric`: 16 bits of precision, 11 bits of scale with a sign, and 4 more.
fn digits(modifier: i32) -> Option<Digits> {
    let packed = u32::try_from(modifier.checked_sub(4)?).ok()?;
    let scale = i32::try_from(packed & 0x7ff).ok()?;
    Some(Digits { precision: packed >> 16, scale: (scale ^ 1024) - 1024 })
}

/// The modifier of `varchar(n)` and `char(n)`: the length and 4 more.
fn chars(modifier: i32) -> TextLimit {
    let length = modifier.checked_sub(4).and_then(|n| usize::try_from(n).ok());
    length.map_or(TextLimit::None, TextLimit::Chars)
}
