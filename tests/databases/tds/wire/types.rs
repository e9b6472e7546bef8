//! TYPE_INFO: how a type is told, both ways.

use std::io;

use super::super::store::collation::Collation;
use super::super::store::kind::{Kind, Type};
use super::{Bytes, malformed};

/// Writes the type of a column or a parameter.
pub(crate) fn write(out: &mut Vec<u8>, of: &Type) {
    let length = |n: i16| n.to_le_bytes()[0];
    match of.kind {
        Kind::Bit if !of.nullable => out.push(0x32),
        Kind::TinyInt if !of.nullable => out.push(0x30),
        Kind::SmallInt if !of.nullable => out.push(0x34),
        Kind::Int if !of.nullable => out.push(0x38),
        Kind::BigInt if !of.nullable => out.push(0x7F),
        Kind::Real if !of.nullable => out.push(0x3B),
        Kind::Float if !of.nullable => out.push(0x3E),
        Kind::Money if !of.nullable => out.push(0x3C),
        Kind::SmallMoney if !of.nullable => out.push(0x7A),
        Kind::DateTime if !of.nullable => out.push(0x3D),
        Kind::SmallDateTime if !of.nullable => out.push(0x3A),
        Kind::Bit => out.extend([0x68, 1]),
        Kind::TinyInt | Kind::SmallInt | Kind::Int | Kind::BigInt => {
            out.extend([0x26, length(of.kind.max_length())]);
        }
        Kind::Real | Kind::Float => out.extend([0x6D, length(of.kind.max_length())]),
        Kind::Money | Kind::SmallMoney => out.extend([0x6E, length(of.kind.max_length())]),
        Kind::DateTime | Kind::SmallDateTime => out.extend([0x6F, length(of.kind.max_length())]),
        Kind::Decimal(precision, scale) => {
            out.extend([0x6A, length(of.kind.max_length()), precision, scale]);
        }
        Kind::Date => out.push(0x28),
        Kind::Time(scale) => out.extend([0x29, scale]),
        Kind::DateTime2(scale) => out.extend([0x2A, scale]),
        Kind::DateTimeOffset(scale) => out.extend([0x2B, scale]),
        Kind::Char(n) => sized(out, 0xAF, n, Some(of.collation)),
        Kind::VarChar(n) => sized(out, 0xA7, n.unwrap_or(0xFFFF), Some(of.collation)),
        Kind::NChar(n) => sized(out, 0xEF, n * 2, Some(of.collation)),
        Kind::NVarChar(n) => sized(out, 0xE7, n.map_or(0xFFFF, |n| n * 2), Some(of.collation)),
        Kind::Binary(n) => sized(out, 0xAD, n, None),
        Kind::RowVersion => sized(out, 0xAD, 8, None),
        Kind::VarBinary(n) => sized(out, 0xA5, n.unwrap_or(0xFFFF), None),
        Kind::Guid => out.extend([0x24, 16]),
        Kind::Xml => out.extend([0xF1, 0]),
        Kind::Variant => {
            out.push(0x62);
            out.extend(8009_u32.to_le_bytes());
        }
        Kind::Text => large(out, 0x23, 0x7FFF_FFFF, Some(of.collation)),
        Kind::NText => large(out, 0x63, 0x7FFF_FFFE, Some(of.collation)),
        Kind::Image => large(out, 0x22, 0x7FFF_FFFF, None),
        Kind::HierarchyId | Kind::Geography | Kind::Geometry => clr(out, of.kind),
    }
}

fn sized(out: &mut Vec<u8>, token: u8, length: u16, collation: Option<Collation>) {
    out.push(token);
    out.extend(length.to_le_bytes());
    out.extend(collation.iter().flat_map(|collation| collation.wire()));
}

fn large(out: &mut Vec<u8>, token: u8, length: u32, collation: Option<Collation>) {
    out.push(token);
    out.extend(length.to_le_bytes());
    out.extend(collation.iter().flat_map(|collation| collation.wire()));
}

fn clr(out: &mut Vec<u8>, kind: Kind) {
    let class = match kind {
        Kind::HierarchyId => "SqlHierarchyId",
        Kind::Geography => "SqlGeography",
        _ => "SqlGeometry",
    };
    out.push(0xF0);
    out.extend(u16::try_from(kind.max_length()).unwrap_or(0xFFFF).to_le_bytes());
    for part in ["master", "sys", kind.name()] {
        b_varchar(out, part);
    }
    us_varchar(
        out,
        &format!(
            "Microsoft.SqlServer.Types.{class}, Microsoft.SqlServer.Types, Version=11.0.0.0, \
             Culture=neutral, PublicKeyToken=89845dcd8080cc91"
        ),
    );
}

/// A text with its length in units in front, as one byte.
pub(crate) fn b_varchar(out: &mut Vec<u8>, text: &str) {
    let units: Vec<u16> = text.encode_utf16().take(255).collect();
    out.push(units.len().to_le_bytes()[0]);
    out.extend(units.iter().flat_map(|unit| unit.to_le_bytes()));
}

/// A text with its length in units in front, as two bytes.
pub(crate) fn us_varchar(out: &mut Vec<u8>, text: &str) {
    let units: Vec<u16> = text.encode_utf16().take(65_535).collect();
    out.extend(u16::try_from(units.len()).unwrap_or(u16::MAX).to_le_bytes());
    out.extend(units.iter().flat_map(|unit| unit.to_le_bytes()));
}

/// Reads the type of a parameter.
pub(crate) fn read(from: &mut Bytes<'_>) -> io::Result<Type> {
    let token = from.u8()?;
    let kind = match token {
        0x30 => Kind::TinyInt,
        0x32 => Kind::Bit,
        0x34 => Kind::SmallInt,
        0x38 => Kind::Int,
        0x7F => Kind::BigInt,
        0x3B => Kind::Real,
        0x3E => Kind::Float,
        0x3C => Kind::Money,
        0x7A => Kind::SmallMoney,
        0x3D => Kind::DateTime,
        0x3A => Kind::SmallDateTime,
        0x26 | 0x68 | 0x6D | 0x6E | 0x6F => by_length(token, from.u8()?)?,
        0x6A | 0x6C => {
            let [_, precision, scale] = from.fixed()?;
            Kind::Decimal(precision, scale)
        }
        0x28 => Kind::Date,
        0x29 => Kind::Time(from.u8()?),
        0x2A => Kind::DateTime2(from.u8()?),
        0x2B => Kind::DateTimeOffset(from.u8()?),
        0x24 => {
            from.u8()?;
            Kind::Guid
        }
        0xA5 | 0xA7 | 0xAD | 0xAF | 0xE7 | 0xEF => return varying(token, from),
        0xF1 if from.u8()? == 0 => Kind::Xml,
        _ => return Err(malformed(&format!("a parameter of the type {token:#x}"))),
    };
    Ok(if token < 0x80 && by_fixed(token) { Type::not_null(kind) } else { Type::of(kind) })
}

fn by_fixed(token: u8) -> bool {
    matches!(token, 0x30 | 0x32 | 0x34 | 0x38 | 0x7F | 0x3B | 0x3E | 0x3C | 0x7A | 0x3D | 0x3A)
}

fn by_length(token: u8, length: u8) -> io::Result<Kind> {
    Ok(match (token, length) {
        (0x68, _) => Kind::Bit,
        (0x26, 1) => Kind::TinyInt,
        (0x26, 2) => Kind::SmallInt,
        (0x26, 4) => Kind::Int,
        (0x26, 8) => Kind::BigInt,
        (0x6D, 4) => Kind::Real,
        (0x6D, 8) => Kind::Float,
        (0x6E, 4) => Kind::SmallMoney,
        (0x6E, 8) => Kind::Money,
        (0x6F, 4) => Kind::SmallDateTime,
        (0x6F, 8) => Kind::DateTime,
        _ => return Err(malformed("a parameter of a length that its type has not")),
    })
}

fn varying(token: u8, from: &mut Bytes<'_>) -> io::Result<Type> {
    let length = from.u16()?;
    let size = Some(length).filter(|length| *length != 0xFFFF);
    if !matches!(token, 0xA5 | 0xAD) {
        from.take(5)?;
    }
    Ok(Type::of(match token {
        0xA5 => Kind::VarBinary(size),
        0xA7 => Kind::VarChar(size),
        0xAD => Kind::Binary(length),
        0xAF => Kind::Char(length),
        0xE7 => Kind::NVarChar(size.map(|n| n / 2)),
        _ => Kind::NChar(length / 2),
    }))
}
