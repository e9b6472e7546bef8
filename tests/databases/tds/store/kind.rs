//! The types of SQL Server.

use std::fmt;

use super::collation::Collation;

/// A type without its collation. Lengths are those that are written in parentheses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Bit,
    TinyInt,
    SmallInt,
    Int,
    BigInt,
    Real,
    Float,
    SmallMoney,
    Money,
    Decimal(u8, u8),
    Date,
    Time(u8),
    SmallDateTime,
    DateTime,
    DateTime2(u8),
    DateTimeOffset(u8),
    Char(u16),
    /// `None` is `max`.
    VarChar(Option<u16>),
    NChar(u16),
    NVarChar(Option<u16>),
    Text,
    NText,
    Image,
    Binary(u16),
    VarBinary(Option<u16>),
    Guid,
    Xml,
    Variant,
    RowVersion,
    HierarchyId,
    Geography,
    Geometry,
}

/// A type with what else the wire tells of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Type {
    pub(crate) kind: Kind,
    pub(crate) collation: Collation,
    pub(crate) nullable: bool,
}

/// Name, number in `sys.types`, and the smallest and greatest number of parameters.
const NAMES: [(&str, u8, usize, usize); 33] = [
    ("bit", 104, 0, 0),
    ("tinyint", 48, 0, 0),
    ("smallint", 52, 0, 0),
    ("int", 56, 0, 0),
    ("bigint", 127, 0, 0),
    ("real", 59, 0, 0),
    ("float", 62, 0, 1),
    ("smallmoney", 122, 0, 0),
    ("money", 60, 0, 0),
    ("decimal", 106, 0, 2),
    ("numeric", 108, 0, 2),
    ("date", 40, 0, 0),
    ("time", 41, 0, 1),
    ("smalldatetime", 58, 0, 0),
    ("datetime", 61, 0, 0),
    ("datetime2", 42, 0, 1),
    ("datetimeoffset", 43, 0, 1),
    ("char", 175, 0, 1),
    ("varchar", 167, 0, 1),
    ("nchar", 239, 0, 1),
    ("nvarchar", 231, 0, 1),
    ("text", 35, 0, 0),
    ("ntext", 99, 0, 0),
    ("image", 34, 0, 0),
    ("binary", 173, 0, 1),
    ("varbinary", 165, 0, 1),
    ("uniqueidentifier", 36, 0, 0),
    ("xml", 241, 0, 0),
    ("sql_variant", 98, 0, 0),
    ("timestamp", 189, 0, 0),
    ("hierarchyid", 240, 0, 0),
    ("geography", 240, 0, 0),
    ("geometry", 240, 0, 0),
];

impl Kind {
    /// The type of this name; `sizes` are the numbers in parentheses, `max` among them as `None`.
    pub(crate) fn named(name: &str, sizes: &[Option<u16>]) -> Option<Kind> {
        let first = sizes.first().copied();
        let small = |default: u8| -> Option<u8> {
            match first {
                None => Some(default),
                Some(size) => u8::try_from(size?).ok(),
            }
        };
        // A length that is not written is 1, except in CAST.
        let fixed = first.unwrap_or(Some(1));
        Some(match name.to_lowercase().as_str() {
            "bit" => Kind::Bit,
            "tinyint" => Kind::TinyInt,
            "smallint" => Kind::SmallInt,
            "int" | "integer" => Kind::Int,
            "bigint" => Kind::BigInt,
            "real" => Kind::Real,
            "float" if small(53)? <= 24 => Kind::Real,
            "float" => Kind::Float,
            "smallmoney" => Kind::SmallMoney,
            "money" => Kind::Money,
            "decimal" | "numeric" | "dec" => {
                let scale = sizes.get(1).copied().unwrap_or(Some(0))?;
                Kind::Decimal(small(18)?.min(38), u8::try_from(scale).ok()?)
            }
            "date" => Kind::Date,
            "time" => Kind::Time(small(7)?),
            "smalldatetime" => Kind::SmallDateTime,
            "datetime" => Kind::DateTime,
            "datetime2" => Kind::DateTime2(small(7)?),
            "datetimeoffset" => Kind::DateTimeOffset(small(7)?),
            "char" | "character" => Kind::Char(fixed?),
            "varchar" => Kind::VarChar(fixed),
            "nchar" => Kind::NChar(fixed?),
            "nvarchar" => Kind::NVarChar(fixed),
            "sysname" => Kind::NVarChar(Some(128)),
            "text" => Kind::Text,
            "ntext" => Kind::NText,
            "image" => Kind::Image,
            "binary" => Kind::Binary(fixed?),
            "varbinary" => Kind::VarBinary(fixed),
            "uniqueidentifier" => Kind::Guid,
            "xml" => Kind::Xml,
            "sql_variant" => Kind::Variant,
            "timestamp" | "rowversion" => Kind::RowVersion,
            "hierarchyid" => Kind::HierarchyId,
            "geography" => Kind::Geography,
            "geometry" => Kind::Geometry,
            _ => return None,
        })
    }

    /// As `sys.types` names it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Bit => "bit",
            Kind::TinyInt => "tinyint",
            Kind::SmallInt => "smallint",
            Kind::Int => "int",
            Kind::BigInt => "bigint",
            Kind::Real => "real",
            Kind::Float => "float",
            Kind::SmallMoney => "smallmoney",
            Kind::Money => "money",
            Kind::Decimal(..) => "decimal",
            Kind::Date => "date",
            Kind::Time(_) => "time",
            Kind::SmallDateTime => "smalldatetime",
            Kind::DateTime => "datetime",
            Kind::DateTime2(_) => "datetime2",
            Kind::DateTimeOffset(_) => "datetimeoffset",
            Kind::Char(_) => "char",
            Kind::VarChar(_) => "varchar",
            Kind::NChar(_) => "nchar",
            Kind::NVarChar(_) => "nvarchar",
            Kind::Text => "text",
            Kind::NText => "ntext",
            Kind::Image => "image",
            Kind::Binary(_) => "binary",
            Kind::VarBinary(_) => "varbinary",
            Kind::Guid => "uniqueidentifier",
            Kind::Xml => "xml",
            Kind::Variant => "sql_variant",
            Kind::RowVersion => "timestamp",
            Kind::HierarchyId => "hierarchyid",
            Kind::Geography => "geography",
            Kind::Geometry => "geometry",
        }
    }

    /// `system_type_id` of `sys.types`.
    pub(crate) fn number(self) -> u8 {
        let found = NAMES.iter().find(|(name, ..)| *name == self.name());
        found.map_or(0, |(_, number, ..)| *number)
    }

    /// `user_type_id`: it tells the types of the CLR apart.
    pub(crate) fn user_number(self) -> i32 {
        match self {
            Kind::HierarchyId => 128,
            Kind::Geometry => 129,
            Kind::Geography => 130,
            other => i32::from(other.number()),
        }
    }

    /// `max_length` of `sys.columns`, in bytes; -1 is `max`.
    pub(crate) fn max_length(self) -> i16 {
        let varying = |size: Option<u16>, width: i16| {
            size.map_or(-1, |n| i16::try_from(n).unwrap_or(-1).saturating_mul(width))
        };
        match self {
            Kind::Bit | Kind::TinyInt => 1,
            Kind::SmallInt => 2,
            Kind::Int | Kind::Real | Kind::SmallMoney | Kind::SmallDateTime => 4,
            Kind::BigInt | Kind::Float | Kind::Money | Kind::DateTime | Kind::RowVersion => 8,
            Kind::Decimal(1..=9, _) => 5,
            Kind::Decimal(10..=19, _) => 9,
            Kind::Decimal(20..=28, _) => 13,
            Kind::Decimal(..) => 17,
            Kind::Date => 3,
            Kind::Time(scale) => time_bytes(scale),
            Kind::DateTime2(scale) => time_bytes(scale) + 3,
            Kind::DateTimeOffset(scale) => time_bytes(scale) + 5,
            Kind::Char(n) | Kind::Binary(n) => varying(Some(n), 1),
            Kind::NChar(n) => varying(Some(n), 2),
            Kind::VarChar(size) | Kind::VarBinary(size) => varying(size, 1),
            Kind::NVarChar(size) => varying(size, 2),
            Kind::Text | Kind::NText | Kind::Image | Kind::Guid => 16,
            Kind::Variant => 8016,
            Kind::HierarchyId => 892,
            Kind::Xml | Kind::Geography | Kind::Geometry => -1,
        }
    }

    /// `precision` of `sys.columns`.
    pub(crate) fn precision(self) -> u8 {
        match self {
            Kind::Bit => 1,
            Kind::TinyInt => 3,
            Kind::SmallInt => 5,
            Kind::Int | Kind::SmallMoney | Kind::Date => 10,
            Kind::BigInt | Kind::Money => 19,
            Kind::Real => 24,
            Kind::Float => 53,
            Kind::Decimal(precision, _) => precision,
            Kind::Time(scale) => {
                if scale == 0 {
                    8
                } else {
                    9 + scale
                }
            }
            Kind::SmallDateTime => 16,
            Kind::DateTime => 23,
            Kind::DateTime2(scale) => {
                if scale == 0 {
                    19
                } else {
                    20 + scale
                }
            }
            Kind::DateTimeOffset(scale) => {
                if scale == 0 {
                    26
                } else {
                    27 + scale
                }
            }
            _ => 0,
        }
    }

    /// `scale` of `sys.columns`.
    pub(crate) fn scale(self) -> u8 {
        match self {
            Kind::SmallMoney | Kind::Money => 4,
            Kind::Decimal(_, scale)
            | Kind::Time(scale)
            | Kind::DateTime2(scale)
            | Kind::DateTimeOffset(scale) => scale,
            Kind::DateTime => 3,
            _ => 0,
        }
    }

    pub(crate) fn is_text(self) -> bool {
        self.is_ansi()
            || matches!(self, Kind::NChar(_) | Kind::NVarChar(_) | Kind::NText | Kind::Xml)
    }

    /// Text in a code page.
    pub(crate) fn is_ansi(self) -> bool {
        matches!(self, Kind::Char(_) | Kind::VarChar(_) | Kind::Text)
    }

    pub(crate) fn is_bytes(self) -> bool {
        matches!(self, Kind::Image | Kind::Binary(_) | Kind::VarBinary(_) | Kind::RowVersion)
            || self.is_clr()
    }

    /// A type of the CLR.
    pub(crate) fn is_clr(self) -> bool {
        matches!(self, Kind::HierarchyId | Kind::Geography | Kind::Geometry)
    }

    pub(crate) fn is_integer(self) -> bool {
        matches!(self, Kind::Bit | Kind::TinyInt | Kind::SmallInt | Kind::Int | Kind::BigInt)
    }

    pub(crate) fn is_number(self) -> bool {
        self.is_integer()
            || matches!(
                self,
                Kind::Real | Kind::Float | Kind::Money | Kind::SmallMoney | Kind::Decimal(..)
            )
    }

    pub(crate) fn is_time(self) -> bool {
        matches!(
            self,
            Kind::Date
                | Kind::Time(_)
                | Kind::SmallDateTime
                | Kind::DateTime
                | Kind::DateTime2(_)
                | Kind::DateTimeOffset(_)
        )
    }

    /// Which of two types both are turned into: the one that stands further up in SQL Server's
    /// list of precedence.
    pub(crate) fn rank(self) -> u8 {
        match self {
            Kind::HierarchyId | Kind::Geography | Kind::Geometry => 40,
            Kind::Variant => 39,
            Kind::Xml => 38,
            Kind::DateTimeOffset(_) => 37,
            Kind::DateTime2(_) => 36,
            Kind::DateTime => 35,
            Kind::SmallDateTime => 34,
            Kind::Date => 33,
            Kind::Time(_) => 32,
            Kind::Float => 31,
            Kind::Real => 30,
            Kind::Decimal(..) => 29,
            Kind::Money => 28,
            Kind::SmallMoney => 27,
            Kind::BigInt => 26,
            Kind::Int => 25,
            Kind::SmallInt => 24,
            Kind::TinyInt => 23,
            Kind::Bit => 22,
            Kind::NText => 21,
            Kind::Text => 20,
            Kind::Image => 19,
            Kind::RowVersion => 18,
            Kind::Guid => 17,
            Kind::NVarChar(_) => 16,
            Kind::NChar(_) => 15,
            Kind::VarChar(_) => 14,
            Kind::Char(_) => 13,
            Kind::VarBinary(_) => 12,
            Kind::Binary(_) => 11,
        }
    }

    /// The type that holds values of both.
    pub(crate) fn common(self, other: Kind) -> Kind {
        if self.rank() < other.rank() {
            return other.common(self);
        }
        let wider = |a: Option<u16>, b: Option<u16>| Some(a?.max(b?));
        match (self, other) {
            (Kind::Decimal(..), _) => {
                let Kind::Decimal(p, s) = self else { return self };
                let (q, t) = other.digits();
                let scale = s.max(t);
                Kind::Decimal((scale + (p - s).max(q - t)).min(38), scale)
            }
            (Kind::Time(a), Kind::Time(b)) => Kind::Time(a.max(b)),
            (Kind::DateTime2(a), Kind::DateTime2(b) | Kind::Time(b)) => Kind::DateTime2(a.max(b)),
            (Kind::DateTimeOffset(a), Kind::DateTimeOffset(b) | Kind::DateTime2(b)) => {
                Kind::DateTimeOffset(a.max(b))
            }
            (Kind::NVarChar(_) | Kind::NChar(_), _) if other.is_text() => match (self, other) {
                (Kind::NChar(a), Kind::NChar(b)) => Kind::NChar(a.max(b)),
                _ => Kind::NVarChar(wider(self.units(), other.units())),
            },
            (Kind::VarChar(_), _) if other.is_text() => {
                Kind::VarChar(wider(self.units(), other.units()))
            }
            (Kind::Char(a), Kind::Char(b)) => Kind::Char(a.max(b)),
            (Kind::VarBinary(_), Kind::VarBinary(_) | Kind::Binary(_)) => {
                Kind::VarBinary(wider(self.units(), other.units()))
            }
            (Kind::Binary(a), Kind::Binary(b)) => Kind::Binary(a.max(b)),
            _ => self,
        }
    }

    /// The length of a text or of bytes.
    pub(crate) fn units(self) -> Option<u16> {
        match self {
            Kind::Char(n) | Kind::NChar(n) | Kind::Binary(n) => Some(n),
            Kind::VarChar(n) | Kind::NVarChar(n) | Kind::VarBinary(n) => n,
            Kind::RowVersion => Some(8),
            _ => None,
        }
    }

    /// Precision and scale of a number that becomes a decimal.
    pub(crate) fn digits(self) -> (u8, u8) {
        match self {
            Kind::Decimal(p, s) => (p, s),
            Kind::Bit => (1, 0),
            Kind::TinyInt => (3, 0),
            Kind::SmallInt => (5, 0),
            Kind::Int => (10, 0),
            Kind::BigInt => (19, 0),
            Kind::SmallMoney => (10, 4),
            Kind::Money => (19, 4),
            _ => (38, 0),
        }
    }
}

/// All types: name, `system_type_id`, and an example.
pub(crate) fn all() -> Vec<Kind> {
    let one = |(name, ..): &(&str, u8, usize, usize)| Kind::named(name, &[]);
    NAMES.iter().filter(|(name, ..)| *name != "numeric").filter_map(one).collect()
}

fn time_bytes(scale: u8) -> i16 {
    match scale {
        0..=2 => 3,
        3..=4 => 4,
        _ => 5,
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name();
        let size = |size: &Option<u16>| size.map_or("max".to_owned(), |n| n.to_string());
        match self {
            Kind::Decimal(p, s) => write!(f, "{name}({p},{s})"),
            Kind::Time(n) | Kind::DateTime2(n) | Kind::DateTimeOffset(n) => {
                write!(f, "{name}({n})")
            }
            Kind::Char(n) | Kind::NChar(n) | Kind::Binary(n) => write!(f, "{name}({n})"),
            Kind::VarChar(n) | Kind::NVarChar(n) | Kind::VarBinary(n) => {
                write!(f, "{name}({})", size(n))
            }
            _ => f.write_str(name),
        }
    }
}

impl Type {
    pub(crate) fn of(kind: Kind) -> Self {
        Type { kind, collation: Collation::default(), nullable: true }
    }

    pub(crate) fn not_null(kind: Kind) -> Self {
        Type { nullable: false, ..Type::of(kind) }
    }
}
