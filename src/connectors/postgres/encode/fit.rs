//! Which field fits which column: decided from their types alone, before the first row.
//!
//! A type is never turned into another silently. Wider types of the same kind are taken, and texts
//! where the target's own rules can be checked (`uuid`, `json`, addresses, intervals) or where the
//! metadata says that the text was written by a server as a value of that very type.

use arrow::datatypes::{DataType, Field};

use super::Format;
use super::list::MOST_DIMENSIONS;
use super::money;
use super::nested;
use super::source_type;
use super::target::{Digits, Leaf, Target, TextLimit};
use crate::connectors::postgres::server_type::{Column, Filled};

/// How the values of a field go into their column.
#[derive(Debug, Clone)]
pub(super) struct Way {
    /// What the values are.
    pub leaf: Leaf,
    /// The type of the elements, if lists become arrays.
    pub element: Option<u32>,
    /// The format of the whole `COPY`.
    pub format: Format,
}

const CAST: &str = "cast it in the model, or write the table anew with `mode: replace`";
const GENERATED: &str = "the server computes this column: leave it out of the model";
const MAP: &str = "give the column the type jsonb, or write the map as text in the model";
const TAKE_APART: &str = "give the column the type jsonb, or take the struct apart in the model, one column for each field";
const PARTS: &str = "bytes, intervals and two fields of one name have no form in JSON: leave them \
                     out in the model, or write them as text";

/// How `field` goes into `column`; a hint when it does not.
pub(super) fn way(field: &Field, column: &Column) -> Result<Way, &'static str> {
    if column.filled == Filled::Always {
        return Err(GENERATED);
    }
    let target = Target::of(column);
    let whole = Way { leaf: target.leaf, element: target.element, format: Format::Binary };
    let (inner, depth) = innermost(field.data_type());
    if *inner == DataType::Null && (depth == 0 || target.element.is_some()) {
        return Ok(whole);
    }
    let source = source_type::of(field);
    let is_same = source.is_some_and(|source| source_type::is_same(source, &column.kind.shown));
    let is_money = matches!(whole.leaf, Leaf::Money(_));
    let shown = column.kind.shown.as_str();
    let is_kept = is_same && (source == Some(shown) || !shown.contains('('));
    let given = Given { kind: inner, source, is_same, is_kept };
    match (depth, target.element) {
        (0, None) => given.fits(&whole.leaf)?,
        (_, None) if is_json(&whole.leaf) && nested::fits(field.data_type()) => {}
        (0, Some(_)) if is_text(inner) && given.is_kept && !is_money => {
            return Ok(Way { leaf: Leaf::Foreign(TextLimit::None), element: None, ..whole });
        }
        (1..=MOST_DIMENSIONS, Some(_)) => given.fits(&whole.leaf)?,
        _ => return Err(CAST),
    }
    Ok(whole)
}

/// The type within lists and forms that save space, and how deep it lies.
pub(super) fn innermost(kind: &DataType) -> (&DataType, usize) {
    match kind {
        DataType::List(of) | DataType::LargeList(of) | DataType::FixedSizeList(of, _) => {
            let (inner, depth) = innermost(of.data_type());
            (inner, depth + 1)
        }
        DataType::Dictionary(_, of) => innermost(of),
        DataType::RunEndEncoded(_, of) => innermost(of.data_type()),
        other => (other, 0),
    }
}

/// Whether a type of Arrow is text.
pub(super) fn is_text(kind: &DataType) -> bool {
    matches!(kind, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

fn is_json(leaf: &Leaf) -> bool {
    matches!(leaf, Leaf::Json | Leaf::Jsonb)
}

/// What a field brings.
struct Given<'a> {
    kind: &'a DataType,
    source: Option<&'a str>,
    /// Whether the source's type is that of the column, but perhaps for modifiers.
    is_same: bool,
    /// Whether the column also has no narrower modifier, by which the server would round.
    is_kept: bool,
}

impl Given<'_> {
    fn fits(&self, leaf: &Leaf) -> Result<(), &'static str> {
        use DataType as D;
        let fits = match leaf {
            Leaf::Bool => *self.kind == D::Boolean,
            Leaf::Int2 => self.is_whole_below(15),
            Leaf::Int4 => self.is_whole_below(31),
            Leaf::Int8 => self.is_whole_below(63),
            Leaf::Oid => matches!(self.kind, D::UInt8 | D::UInt16 | D::UInt32),
            Leaf::Float4 => {
                matches!(self.kind, D::Float16 | D::Float32 | D::Int8 | D::UInt8)
                    || matches!(self.kind, D::Int16 | D::UInt16)
            }
            Leaf::Float8 => {
                matches!(self.kind, D::Float16 | D::Float32 | D::Float64) || self.is_whole_below(32)
            }
            Leaf::Numeric(digits) => self.is_numeric(*digits),
            // Not texts: the locale of one server reads an amount of another's as a different one.
            Leaf::Money(_) => money::fits(self.kind),
            Leaf::Text(_) | Leaf::Label(_) => is_text(self.kind),
            Leaf::Json | Leaf::Jsonb => is_text(self.kind) || nested::fits(self.kind),
            Leaf::Inet | Leaf::Cidr | Leaf::MacAddr | Leaf::MacAddr8 => is_text(self.kind),
            Leaf::Bytea => is_bytes(self.kind),
            Leaf::Uuid => is_text(self.kind) || *self.kind == D::FixedSizeBinary(16),
            Leaf::Date => matches!(self.kind, D::Date32 | D::Date64) || self.is_written("date"),
            Leaf::Time(_) => {
                matches!(self.kind, D::Time32(_) | D::Time64(_))
                    || self.is_written("time without time zone")
            }
            Leaf::TimeTz(_) => self.is_written("time with time zone"),
            Leaf::Timestamp(_) => {
                matches!(self.kind, D::Timestamp(_, None))
                    || self.is_written("timestamp without time zone")
            }
            Leaf::TimestampTz(_) => {
                matches!(self.kind, D::Timestamp(_, Some(_)))
                    || self.is_written("timestamp with time zone")
            }
            Leaf::Interval => {
                matches!(self.kind, D::Interval(_) | D::Duration(_)) || is_text(self.kind)
            }
            Leaf::Foreign(_) => is_text(self.kind) && self.is_kept,
        };
        if fits { Ok(()) } else { Err(self.hint(leaf)) }
    }

    /// Whether it is text that a server wrote as a value of this type, or of the column's.
    fn is_written(&self, name: &str) -> bool {
        let named = || self.source.is_some_and(|s| source_type::element(s) == name);
        is_text(self.kind) && (self.is_same || named())
    }

    /// Whether all values are whole numbers of at most so many bits below the sign.
    fn is_whole_below(&self, bits: u32) -> bool {
        whole_bits(self.kind).is_some_and(|of| of <= bits)
    }

    fn is_numeric(&self, digits: Option<Digits>) -> bool {
        if let Some((precision, scale)) = decimal(self.kind) {
            let fits = |to: Digits| {
                scale <= to.scale
                    && i64::from(precision) - i64::from(scale)
                        <= i64::from(to.precision) - i64::from(to.scale)
            };
            return digits.is_none_or(fits) || self.is_same_digits(digits);
        }
        self.is_written("numeric")
    }

    /// Whether these are the decimals that a column of such digits is read as: Arrow cannot say
    /// each precision and scale.
    fn is_same_digits(&self, digits: Option<Digits>) -> bool {
        let read_as = |digits: Digits| match u32::try_from(-digits.scale) {
            Ok(zeros) => (digits.precision + zeros, 0),
            Err(_) => (digits.precision.max(digits.scale.unsigned_abs()), digits.scale),
        };
        let source = self.source.and_then(source_type::digits);
        self.is_same && source == digits && digits.map(read_as) == decimal(self.kind)
    }

    fn hint(&self, leaf: &Leaf) -> &'static str {
        match (self.kind, leaf) {
            (kind, leaf) if is_json(leaf) && nested::is_nested(kind) => PARTS,
            (DataType::Map(..), _) => MAP,
            (DataType::Struct(_), _) => TAKE_APART,
            (DataType::Timestamp(_, None), Leaf::TimestampTz(_)) => {
                "say in the model which zone it is of, such as \
                 `cast(x as timestamp with time zone)` for UTC"
            }
            (DataType::Timestamp(_, Some(_)), Leaf::Timestamp(_)) => {
                "say in the model which clock is meant, such as `x at time zone 'UTC'`"
            }
            (kind, Leaf::Money(_)) if is_text(kind) => {
                "each locale writes amounts of money in its own way: cast it to a decimal in the \
                 model, or let the source give it as one"
            }
            (kind, Leaf::Foreign(_)) if is_text(kind) => {
                "only text that was read from a column of this type is taken: declare the column \
                 as text, or let a `cast` after the load make it"
            }
            _ => CAST,
        }
    }
}

fn is_bytes(kind: &DataType) -> bool {
    use DataType as D;
    matches!(kind, D::Binary | D::LargeBinary | D::BinaryView | D::FixedSizeBinary(_))
}

/// The bits of a whole number below its sign.
pub(super) fn whole_bits(kind: &DataType) -> Option<u32> {
    Some(match kind {
        DataType::Int8 => 7,
        DataType::UInt8 => 8,
        DataType::Int16 => 15,
        DataType::UInt16 => 16,
        DataType::Int32 => 31,
        DataType::UInt32 => 32,
        DataType::Int64 => 63,
        DataType::UInt64 => 64,
        _ => return None,
    })
}

/// Precision and scale of a decimal, or of the decimals that hold all whole numbers of a type.
pub(super) fn decimal(kind: &DataType) -> Option<(u32, i32)> {
    use DataType as D;
    Some(match kind {
        D::Decimal32(precision, scale)
        | D::Decimal64(precision, scale)
        | D::Decimal128(precision, scale)
        | D::Decimal256(precision, scale) => (u32::from(*precision), i32::from(*scale)),
        D::Int8 | D::UInt8 => (3, 0),
        D::Int16 | D::UInt16 => (5, 0),
        D::Int32 | D::UInt32 => (10, 0),
        D::Int64 => (19, 0),
        D::UInt64 => (20, 0),
        _ => return None,
    })
}
