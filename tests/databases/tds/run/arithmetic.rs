//! `+`, `-`, `*`, `/`, `%` and the operators on bits.

use super::super::store::kind::{Kind, Type};
use super::super::store::value::{Value, rescale};
use super::Failure;
use super::convert::{Number, carry};

/// The type of a result.
pub(crate) fn result(left: Kind, op: &str, right: Kind) -> Kind {
    if left.is_text() && right.is_text() {
        let sum = |a: Option<u16>, b: Option<u16>| Some((a?.saturating_add(b?)).min(8000));
        return match left.common(right) {
            Kind::NVarChar(_) | Kind::NChar(_) => {
                Kind::NVarChar(sum(left.units(), right.units()).map(|n| n.min(4000)))
            }
            _ => Kind::VarChar(sum(left.units(), right.units())),
        };
    }
    if left.is_bytes() && right.is_bytes() {
        return Kind::VarBinary(None);
    }
    let common = left.common(right);
    let Kind::Decimal(..) = common else {
        return match common {
            Kind::VarChar(_) | Kind::NVarChar(_) | Kind::Char(_) | Kind::NChar(_) => Kind::Int,
            Kind::Bit => Kind::Int,
            other => other,
        };
    };
    let ((p, s), (q, t)) = (left.digits(), right.digits());
    let (p, s, q, t) = (i32::from(p), i32::from(s), i32::from(q), i32::from(t));
    let (precision, scale) = match op {
        "*" => (p + q + 1, s + t),
        "/" => {
            let scale = 6.max(s + q + 1);
            (p - s + t + scale, scale)
        }
        "%" => ((p - s).min(q - t) + s.max(t), s.max(t)),
        _ => ((p - s).max(q - t) + s.max(t) + 1, s.max(t)),
    };
    // Beyond 38 digits the scale gives way, down to six.
    let (precision, scale) = if precision > 38 {
        let whole = precision - scale;
        (38, scale.min((38 - whole).max(scale.min(6))))
    } else {
        (precision, scale)
    };
    Kind::Decimal(u8::try_from(precision).unwrap_or(38), u8::try_from(scale).unwrap_or(0))
}

pub(crate) fn compute(
    left: &Value,
    left_of: &Type,
    op: &str,
    right: &Value,
    right_of: &Type,
    of: &Type,
) -> Result<Value, Failure> {
    match (left, right) {
        (Value::Null, _) | (_, Value::Null) => Ok(Value::Null),
        (Value::Text(a), Value::Text(b)) => Ok(Value::Text([a.as_ref(), b].concat().into())),
        (Value::Bytes(a), Value::Bytes(b)) if op == "+" => {
            Ok(Value::bytes([a.as_ref(), b].concat()))
        }
        (Value::Stamp(day, ticks), other) | (other, Value::Stamp(day, ticks)) => {
            let Some(days) = other.int() else { return Err(Failure::unsupported("such sums")) };
            let days = i32::try_from(days).map_err(|_| Failure::overflow("datetime"))?;
            let (day, ticks) = carry(if op == "-" { day - days } else { day + days }, *ticks);
            Ok(Value::Stamp(day, ticks))
        }
        _ => numbers(left, left_of, op, right, right_of, of),
    }
}

fn numbers(
    left: &Value,
    left_of: &Type,
    op: &str,
    right: &Value,
    right_of: &Type,
    of: &Type,
) -> Result<Value, Failure> {
    let number = |value: &Value, from: &Type| {
        let value = super::convert::convert(value, from, &Type::of(wide(from.kind)), 0)?;
        Number::of(&value)
            .ok_or_else(|| Failure::new(402, "The data types are incompatible in the operator."))
    };
    let (a, b) = (number(left, left_of)?, number(right, right_of)?);
    let (Number::Exact(x, s), Number::Exact(y, t)) = (a, b) else {
        return floats(a.float(), op, b.float())?.into_kind(of.kind);
    };
    let overflow = || Failure::overflow(&of.kind.to_string());
    let scale = s.max(t);
    let same = || Some((rescale(x, s, scale)?, rescale(y, t, scale)?));
    let zero = || Failure::new(8134, "Divide by zero error encountered.");
    let (digits, scale) = match op {
        "*" => (x.checked_mul(y).ok_or_else(overflow)?, s + t),
        "/" if y == 0 => return Err(zero()),
        "/" if of.kind.is_integer() => (x / y, 0),
        "/" => {
            let want = of.kind.scale();
            let shifted = rescale(x, s, (want + t).min(38)).ok_or_else(overflow)?;
            (shifted / y, (want + t).min(38) - t)
        }
        _ => {
            let (x, y) = same().ok_or_else(overflow)?;
            let found = match op {
                "+" => x.checked_add(y),
                "-" => x.checked_sub(y),
                "%" => Some(x.checked_rem(y).ok_or_else(zero)?),
                "&" => Some(x & y),
                "|" => Some(x | y),
                _ => Some(x ^ y),
            };
            (found.ok_or_else(overflow)?, scale)
        }
    };
    Number::Exact(digits, scale).into_kind(of.kind)
}

/// Texts and bytes in sums are numbers.
fn wide(kind: Kind) -> Kind {
    if kind.is_text() || kind.is_bytes() { Kind::BigInt } else { kind }
}

fn floats(a: f64, op: &str, b: f64) -> Result<Number, Failure> {
    let found = match op {
        "+" => a + b,
        "-" => a - b,
        "*" => a * b,
        "/" if b == 0.0 => return Err(Failure::new(8134, "Divide by zero error encountered.")),
        "/" => a / b,
        _ => a % b,
    };
    if found.is_finite() { Ok(Number::Float(found)) } else { Err(Failure::overflow("float")) }
}

pub(crate) fn negative(value: &Value) -> Result<Value, Failure> {
    Ok(match value {
        Value::Int(n) => Value::Int(n.checked_neg().ok_or_else(|| Failure::overflow("bigint"))?),
        Value::Money(n) => Value::Money(-n),
        Value::Decimal(digits, scale) => Value::Decimal(-digits, *scale),
        Value::Real(x) => Value::Real(-x),
        Value::Float(x) => Value::Float(-x),
        other => other.clone(),
    })
}
