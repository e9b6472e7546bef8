//! Values on the wire, both ways.

use std::io;
use std::sync::Arc;

use super::super::store::collation::{Collation, Page};
use super::super::store::day;
use super::super::store::kind::{Kind, Type};
use super::super::store::value::Value;
use super::{Bytes, malformed, types, units};

/// Pieces in which a long value is sent.
const PIECE: usize = 8000;

/// Writes a value of a column.
pub(crate) fn write(out: &mut Vec<u8>, of: &Type, value: &Value) {
    match of.kind {
        Kind::Variant => variant(out, value),
        Kind::Text | Kind::NText | Kind::Image => pointed(out, of, value),
        Kind::VarChar(None) | Kind::NVarChar(None) | Kind::VarBinary(None) | Kind::Xml => {
            plp(out, of, value);
        }
        kind if kind.is_clr() => plp(out, of, value),
        kind if kind.is_text() || kind.is_bytes() => match value {
            Value::Null => out.extend([0xFF, 0xFF]),
            value => {
                let bytes = body(of, value);
                out.extend(u16::try_from(bytes.len()).unwrap_or(0xFFFE).to_le_bytes());
                out.extend(bytes);
            }
        },
        _ if is_fixed(of) => out.extend(body(of, value)),
        _ => {
            let bytes = if value.is_null() { Vec::new() } else { body(of, value) };
            out.push(bytes.len().to_le_bytes()[0]);
            out.extend(bytes);
        }
    }
}

/// A type that carries no length, as it cannot be NULL.
fn is_fixed(of: &Type) -> bool {
    !of.nullable
        && (of.kind.is_integer()
            || matches!(
                of.kind,
                Kind::Real
                    | Kind::Float
                    | Kind::Money
                    | Kind::SmallMoney
                    | Kind::DateTime
                    | Kind::SmallDateTime
            ))
}

/// The bytes of a value that is not NULL, without a length.
fn body(of: &Type, value: &Value) -> Vec<u8> {
    let width = usize::try_from(of.kind.max_length()).unwrap_or(0);
    match (of.kind, value) {
        (_, Value::Int(n)) => n.to_le_bytes()[..width.min(8)].to_vec(),
        (_, Value::Real(x)) => x.to_le_bytes().to_vec(),
        (_, Value::Float(x)) => x.to_le_bytes().to_vec(),
        (Kind::SmallMoney, Value::Money(n)) => n.to_le_bytes()[..4].to_vec(),
        (_, Value::Money(n)) => {
            let bytes = n.to_le_bytes();
            [&bytes[4..], &bytes[..4]].concat()
        }
        (_, Value::Decimal(digits, _)) => {
            let mut bytes = vec![u8::from(*digits >= 0)];
            bytes.extend(&digits.unsigned_abs().to_le_bytes()[..width - 1]);
            bytes
        }
        (_, Value::Date(days)) => days.to_le_bytes()[..3].to_vec(),
        (kind, Value::Time(ticks)) => time(kind.scale(), *ticks),
        (Kind::SmallDateTime, Value::Stamp(days, ticks)) => {
            let days = u16::try_from(days - day::EPOCH_1900).unwrap_or(0);
            let minutes = u16::try_from(ticks / (60 * day::SECOND)).unwrap_or(0);
            [days.to_le_bytes(), minutes.to_le_bytes()].concat()
        }
        (Kind::DateTime, Value::Stamp(days, ticks)) => {
            let count = i32::try_from(day::three_hundredths(*ticks)).unwrap_or(0);
            [(days - day::EPOCH_1900).to_le_bytes(), count.to_le_bytes()].concat()
        }
        (kind, Value::Stamp(days, ticks)) => {
            [time(kind.scale(), *ticks), days.to_le_bytes()[..3].to_vec()].concat()
        }
        (kind, Value::Offset(days, ticks, minutes)) => {
            let (clock, day) = (time(kind.scale(), *ticks), &days.to_le_bytes()[..3]);
            [clock.as_slice(), day, &minutes.to_le_bytes()].concat()
        }
        (kind, Value::Text(units)) if kind.is_ansi() => of.collation.page().encode(units),
        (_, Value::Text(units)) => units.iter().flat_map(|unit| unit.to_le_bytes()).collect(),
        (_, Value::Bytes(bytes)) => bytes.to_vec(),
        (_, Value::Guid(bytes)) => bytes.to_vec(),
        (_, Value::Null | Value::Variant(_)) => vec![0; width],
    }
}

fn time(scale: u8, ticks: i64) -> Vec<u8> {
    let count = ticks / 10_i64.pow(u32::from(7 - scale.min(7)));
    let width = match scale {
        0..=2 => 3,
        3..=4 => 4,
        _ => 5,
    };
    count.to_le_bytes()[..width].to_vec()
}

fn plp(out: &mut Vec<u8>, of: &Type, value: &Value) {
    if value.is_null() {
        out.extend([0xFF; 8]);
        return;
    }
    let bytes = body(of, value);
    out.extend(u64::try_from(bytes.len()).unwrap_or(0).to_le_bytes());
    for piece in bytes.chunks(PIECE) {
        out.extend(u32::try_from(piece.len()).unwrap_or(0).to_le_bytes());
        out.extend(piece);
    }
    out.extend([0; 4]);
}

fn pointed(out: &mut Vec<u8>, of: &Type, value: &Value) {
    if value.is_null() {
        out.push(0);
        return;
    }
    let bytes = body(of, value);
    out.push(16);
    out.extend(*b"dummy textptr\0\0\0");
    out.extend(*b"dummyTS\0");
    out.extend(u32::try_from(bytes.len()).unwrap_or(0).to_le_bytes());
    out.extend(bytes);
}

fn variant(out: &mut Vec<u8>, value: &Value) {
    let Value::Variant(inner) = value else { return out.extend([0; 4]) };
    let (of, value) = inner.as_ref();
    let base = Type { nullable: false, ..*of };
    let mut head = Vec::new();
    types::write(&mut head, &base);
    let token = head[0];
    // What stands between the type and the value: what TYPE_INFO says, without the length of
    // numbers, and with the collation before the length of texts.
    let props: Vec<u8> = match of.kind {
        Kind::Decimal(precision, scale) => vec![precision, scale],
        Kind::Time(scale) | Kind::DateTime2(scale) | Kind::DateTimeOffset(scale) => vec![scale],
        kind if kind.is_text() => [&head[3..8], &head[1..3]].concat(),
        kind if kind.is_bytes() => head[1..3].to_vec(),
        _ => Vec::new(),
    };
    let bytes = body(&base, value);
    let length = u32::try_from(2 + props.len() + bytes.len()).unwrap_or(0);
    out.extend(length.to_le_bytes());
    out.extend([token, props.len().to_le_bytes()[0]]);
    out.extend(props);
    out.extend(bytes);
}

/// Reads a value of a parameter.
pub(crate) fn read(from: &mut Bytes<'_>, of: &Type) -> io::Result<Value> {
    match of.kind {
        Kind::VarChar(None) | Kind::NVarChar(None) | Kind::VarBinary(None) | Kind::Xml => {
            let bytes = read_plp(from)?;
            bytes.map_or(Ok(Value::Null), |bytes| value_of(of, &bytes))
        }
        kind if kind.is_text() || kind.is_bytes() => match from.u16()? {
            0xFFFF => Ok(Value::Null),
            length => value_of(of, from.take(usize::from(length))?),
        },
        _ if is_fixed(of) => {
            let width = usize::try_from(of.kind.max_length()).unwrap_or(0);
            value_of(of, from.take(width)?)
        }
        _ => match from.u8()? {
            0 => Ok(Value::Null),
            length => value_of(of, from.take(usize::from(length))?),
        },
    }
}

fn read_plp(from: &mut Bytes<'_>) -> io::Result<Option<Vec<u8>>> {
    if from.u64()? == u64::MAX {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    loop {
        let length = usize::try_from(from.u32()?).map_err(|_| malformed("a piece is too long"))?;
        if length == 0 {
            return Ok(Some(bytes));
        }
        bytes.extend_from_slice(from.take(length)?);
    }
}

fn number(bytes: &[u8]) -> i64 {
    let mut wide = [0; 8];
    wide[..bytes.len().min(8)].copy_from_slice(&bytes[..bytes.len().min(8)]);
    i64::from_le_bytes(wide)
}

/// A number with a sign, of up to eight bytes.
fn signed(bytes: &[u8]) -> i64 {
    let shift = 64 - 8 * u32::try_from(bytes.len().clamp(1, 8)).unwrap_or(8);
    number(bytes).wrapping_shl(shift) >> shift
}

fn value_of(of: &Type, bytes: &[u8]) -> io::Result<Value> {
    let day_of = |bytes: &[u8]| i32::try_from(number(bytes)).map_err(|_| malformed("no day"));
    let ticks = |bytes: &[u8]| number(bytes) * 10_i64.pow(u32::from(7 - of.kind.scale().min(7)));
    let bad = || malformed("a value has another length than its type");
    let split = |at: usize| bytes.split_at_checked(at).ok_or_else(bad);
    Ok(match of.kind {
        Kind::Bit | Kind::TinyInt => Value::Int(number(bytes)),
        kind if kind.is_integer() => Value::Int(signed(bytes)),
        Kind::Real => Value::Real(f32::from_le_bytes(bytes.try_into().map_err(|_| bad())?)),
        Kind::Float => Value::Float(f64::from_le_bytes(bytes.try_into().map_err(|_| bad())?)),
        Kind::SmallMoney => Value::Money(signed(bytes)),
        Kind::Money => {
            let (high, low) = split(4)?;
            Value::Money(signed(&[low, high].concat()))
        }
        Kind::Decimal(_, scale) => {
            let (sign, digits) = split(1)?;
            let mut wide = [0; 16];
            wide.get_mut(..digits.len()).ok_or_else(bad)?.copy_from_slice(digits);
            let digits = i128::from_le_bytes(wide);
            Value::Decimal(if sign == [0] { -digits } else { digits }, scale)
        }
        Kind::Date => Value::Date(day_of(bytes)?),
        Kind::Time(_) => Value::Time(ticks(bytes)),
        Kind::SmallDateTime => {
            let (days, minutes) = split(2)?;
            Value::Stamp(day_of(days)? + day::EPOCH_1900, number(minutes) * 60 * day::SECOND)
        }
        Kind::DateTime => {
            let (days, count) = split(4)?;
            let days = i32::try_from(signed(days)).map_err(|_| bad())?;
            Value::Stamp(days + day::EPOCH_1900, day::of_three_hundredths(number(count)))
        }
        Kind::DateTime2(_) => {
            let (clock, days) = split(bytes.len().saturating_sub(3))?;
            Value::Stamp(day_of(days)?, ticks(clock))
        }
        Kind::DateTimeOffset(_) => {
            let (rest, minutes) = split(bytes.len().saturating_sub(2))?;
            let (clock, days) =
                rest.split_at_checked(rest.len().saturating_sub(3)).ok_or_else(bad)?;
            let minutes = i16::try_from(signed(minutes)).map_err(|_| bad())?;
            Value::Offset(day_of(days)?, ticks(clock), minutes)
        }
        Kind::Guid => Value::Guid(bytes.try_into().map_err(|_| bad())?),
        kind if kind.is_ansi() => Value::Text(Collation::default().page().decode(bytes).into()),
        kind if kind.is_text() => Value::Text(units(bytes).into()),
        _ => Value::Bytes(Arc::from(bytes)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_read_as_a_column_is_written() {
        let pairs = [
            (Kind::Bit, Value::Int(1)),
            (Kind::SmallInt, Value::Int(-2)),
            (Kind::BigInt, Value::Int(i64::MIN)),
            (Kind::Money, Value::Money(i64::MIN)),
            (Kind::SmallMoney, Value::Money(-1)),
            (Kind::Decimal(38, 38), Value::Decimal(-(10_i128.pow(38) - 1), 38)),
            (Kind::Time(7), Value::Time(day::DAY - 1)),
            (Kind::DateTime, Value::Stamp(day::EPOCH_1900 - 1, 33_333)),
            (Kind::DateTime2(3), Value::Stamp(day::LAST, 10_000)),
            (Kind::DateTimeOffset(7), Value::Offset(0, 1, -840)),
            (Kind::Float, Value::Float(-0.0)),
            (Kind::NVarChar(None), Value::text("ж\u{1F600}")),
            (Kind::VarBinary(Some(3)), Value::bytes(vec![0, 1, 255])),
            (Kind::NChar(3), Value::Null),
            (Kind::Guid, Value::Guid(*b"0123456789abcdef")),
        ];
        for (kind, value) in pairs {
            let mut out = Vec::new();
            types::write(&mut out, &Type::of(kind));
            write(&mut out, &Type::of(kind), &value);
            let mut from = Bytes(&out);
            let of = types::read(&mut from).unwrap();
            assert_eq!((of.kind, read(&mut from, &of).unwrap()), (kind, value));
            assert!(from.0.is_empty());
        }
        assert_eq!(Page::Latin.encode(&units(&[0xAC, 0x20])), [0x80]);
    }
}
