//! Values, and how they compare.

use std::cmp::Ordering;
use std::sync::Arc;

use super::day;
use super::kind::{Kind, Type};

/// A value; its type is known from where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Null,
    /// `bit` and all integers.
    Int(i64),
    Real(f32),
    Float(f64),
    /// `money` and `smallmoney`: ten-thousandths.
    Money(i64),
    /// Digits and how many of them stand after the point.
    Decimal(i128, u8),
    Date(i32),
    Time(i64),
    /// Day and time of day, of all types that have both.
    Stamp(i32, i64),
    /// The same in UTC, and the offset in minutes.
    Offset(i32, i64, i16),
    /// All texts, lone surrogates among them.
    Text(Arc<[u16]>),
    Bytes(Arc<[u8]>),
    /// In the order of the wire.
    Guid([u8; 16]),
    Variant(Arc<(Type, Value)>),
}

/// The order in which SQL Server compares the bytes of a uniqueidentifier, first to last.
const GUID_ORDER: [usize; 16] = [10, 11, 12, 13, 14, 15, 8, 9, 6, 7, 4, 5, 0, 1, 2, 3];

impl Value {
    pub(crate) fn text(text: &str) -> Self {
        Value::Text(text.encode_utf16().collect())
    }

    pub(crate) fn bool(value: bool) -> Self {
        Value::Int(i64::from(value))
    }

    pub(crate) fn bytes(bytes: impl Into<Arc<[u8]>>) -> Self {
        Value::Bytes(bytes.into())
    }

    pub(crate) fn is_null(&self) -> bool {
        *self == Value::Null
    }

    /// Whether it is a condition that holds.
    pub(crate) fn holds(&self) -> bool {
        matches!(self, Value::Int(n) if *n != 0)
    }

    pub(crate) fn int(&self) -> Option<i64> {
        match self {
            Value::Int(n) => Some(*n),
            _ => None,
        }
    }

    /// A text as Rust has it.
    pub(crate) fn string(&self) -> Option<String> {
        match self {
            Value::Text(units) => Some(String::from_utf16_lossy(units)),
            _ => None,
        }
    }

    /// Compares two values of one type; NULL stands before all.
    pub(crate) fn compare(&self, other: &Value, of: &Type) -> Ordering {
        match (self, other) {
            (Value::Null, Value::Null) => Ordering::Equal,
            (Value::Null, _) => Ordering::Less,
            (_, Value::Null) => Ordering::Greater,
            (Value::Int(a), Value::Int(b)) | (Value::Money(a), Value::Money(b)) => a.cmp(b),
            (Value::Real(a), Value::Real(b)) => a.partial_cmp(b).unwrap_or(Ordering::Equal),
            (Value::Float(a), Value::Float(b)) => a.partial_cmp(b).unwrap_or(Ordering::Equal),
            (Value::Decimal(a, s), Value::Decimal(b, t)) => decimals(*a, *s, *b, *t),
            (Value::Date(a), Value::Date(b)) => a.cmp(b),
            (Value::Time(a), Value::Time(b)) => a.cmp(b),
            (Value::Stamp(a, b), Value::Stamp(c, d)) => (a, b).cmp(&(c, d)),
            (Value::Offset(a, b, _), Value::Offset(c, d, _)) => (a, b).cmp(&(c, d)),
            (Value::Text(a), Value::Text(b)) => of.collation.compare(a, b),
            (Value::Bytes(a), Value::Bytes(b)) => bytes(a, b),
            (Value::Guid(a), Value::Guid(b)) => {
                GUID_ORDER.map(|at| a[at]).cmp(&GUID_ORDER.map(|at| b[at]))
            }
            (Value::Variant(a), Value::Variant(b)) if a.0.kind == b.0.kind => {
                a.1.compare(&b.1, &a.0)
            }
            (Value::Variant(a), Value::Variant(b)) => a.0.kind.rank().cmp(&b.0.kind.rank()),
            _ => Ordering::Equal,
        }
    }

    /// Something that is equal for values that are equal: for joins, groups and DISTINCT.
    pub(crate) fn key(&self, of: &Type) -> Key {
        match self {
            Value::Null => Key::Null,
            Value::Int(n) | Value::Money(n) | Value::Time(n) => Key::Number(i128::from(*n), 0),
            Value::Real(x) => Key::Number(i128::from(if *x == 0.0 { 0 } else { x.to_bits() }), 1),
            Value::Float(x) => Key::Number(i128::from(if *x == 0.0 { 0 } else { x.to_bits() }), 2),
            Value::Decimal(digits, scale) => {
                let (mut digits, mut scale) = (*digits, *scale);
                while scale > 0 && digits % 10 == 0 {
                    (digits, scale) = (digits / 10, scale - 1);
                }
                Key::Number(digits, scale)
            }
            Value::Date(day) => Key::Number(i128::from(*day), 0),
            Value::Stamp(day, ticks) | Value::Offset(day, ticks, _) => {
                Key::Number(i128::from(*day) * i128::from(day::DAY) + i128::from(*ticks), 0)
            }
            Value::Text(units) => Key::Text(of.collation.key(units)),
            Value::Bytes(bytes) => {
                let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |at| at + 1);
                Key::Bytes(bytes[..end].to_vec())
            }
            Value::Guid(bytes) => Key::Bytes(bytes.to_vec()),
            Value::Variant(inner) => inner.1.key(&inner.0),
        }
    }
}

/// See [`Value::key`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Key {
    Null,
    Number(i128, u8),
    Text(Vec<u32>),
    Bytes(Vec<u8>),
}

/// Bytes compare as if zeros followed.
fn bytes(a: &[u8], b: &[u8]) -> Ordering {
    let length = a.len().max(b.len());
    let at = |bytes: &[u8], n: usize| bytes.get(n).copied().unwrap_or(0);
    (0..length).map(|n| at(a, n).cmp(&at(b, n))).find(|o| o.is_ne()).unwrap_or(Ordering::Equal)
}

fn decimals(a: i128, s: u8, b: i128, t: u8) -> Ordering {
    if s == t {
        return a.cmp(&b);
    }
    // Whole parts first, so that nothing overflows; then what stands after the point.
    let power = |scale: u8| 10_i128.pow(u32::from(scale));
    let fraction = |digits: i128, scale: u8| (digits % power(scale)) * power(38 - scale);
    (a / power(s)).cmp(&(b / power(t))).then_with(|| fraction(a, s).cmp(&fraction(b, t)))
}

/// `6F9619FF-8B86-D011-B42D-00C04FC964FF`.
pub(crate) fn guid_text(bytes: &[u8; 16]) -> String {
    let order = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
    let mut out = String::new();
    for (at, byte) in order.map(|n| bytes[n]).iter().enumerate() {
        if [4, 6, 8, 10].contains(&at) {
            out.push('-');
        }
        out.push_str(&format!("{byte:02X}"));
    }
    out
}

/// The reverse.
pub(crate) fn guid_bytes(text: &str) -> Option<[u8; 16]> {
    let hex: String = text.trim_matches(['{', '}', ' ']).chars().filter(|c| *c != '-').collect();
    let printed = unhex(&hex).filter(|bytes| bytes.len() == 16)?;
    let order = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
    Some(order.map(|n| printed[n]))
}

/// The bytes of hexadecimal digits.
pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    let padded = if text.len() % 2 == 1 { format!("0{text}") } else { text.to_owned() };
    let pairs = (0..padded.len()).step_by(2).map(|at| padded.get(at..at + 2));
    pairs.map(|pair| u8::from_str_radix(pair?, 16).ok()).collect()
}

/// Digits with a point: `-12.3400`.
pub(crate) fn decimal_text(digits: i128, scale: u8) -> String {
    let scale = usize::from(scale);
    let sign = if digits < 0 { "-" } else { "" };
    let text = format!("{:0>width$}", digits.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = text.split_at(text.len() - scale);
    if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

/// A decimal as it is written, with as many digits after the point as are there.
pub(crate) fn decimal_of(text: &str) -> Option<(i128, u8)> {
    let text = text.trim();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let all = format!("{whole}{fraction}");
    if !all.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: i128 = all.parse().ok()?;
    let scale = u8::try_from(fraction.len()).ok().filter(|scale| *scale <= 38)?;
    Some((if negative { -number } else { number }, scale))
}

/// Another scale; digits that fall off are rounded away from zero, as SQL Server does.
pub(crate) fn rescale(digits: i128, from: u8, to: u8) -> Option<i128> {
    let power = |n: u8| 10_i128.checked_pow(u32::from(n));
    if to >= from {
        return digits.checked_mul(power(to - from)?);
    }
    let unit = power(from - to)?;
    Some((digits + digits.signum() * (unit / 2)) / unit)
}

impl Kind {
    /// Whether a decimal of so many digits fits.
    pub(crate) fn holds_digits(self, digits: i128) -> bool {
        let Kind::Decimal(precision, _) = self else { return true };
        10_u128.checked_pow(u32::from(precision)).is_none_or(|end| digits.unsigned_abs() < end)
    }
}
