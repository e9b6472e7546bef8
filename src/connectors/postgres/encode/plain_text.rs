//! Values in binary form as the text that the server reads, and the escapes of `FORMAT text`.
//!
//! Every check is made on the way to the binary form, so nothing can fail here.

use std::io::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::cells::{Cells, Gather};
use super::moment::{DAY_MICROS, EPOCH_DAYS};
use super::money::PLAIN_DIGITS;
use super::target::Leaf;

/// The values of `cells`, which are `leaf`, as text.
pub(super) fn of(leaf: &Leaf, cells: Cells) -> Cells {
    if matches!(leaf, Leaf::Text(_) | Leaf::Label(_) | Leaf::Json | Leaf::Foreign(_)) {
        return cells;
    }
    let mut out = Gather::with_capacity(cells.len(), cells.len() * 16);
    let mut value = Vec::with_capacity(64);
    for row in 0..cells.len() {
        if !cells.is_null(row) {
            value.clear();
            cells.append(row, &mut value);
            // Writing into memory cannot fail.
            let _ = write(leaf, &value, &mut out.bytes);
        }
        out.end();
    }
    out.finish(cells.nulls.as_ref())
}

/// The texts with the escapes of `COPY … (FORMAT text)`.
pub(super) fn escaped(cells: Cells) -> Cells {
    let mut out = Gather::with_capacity(cells.len(), cells.len() * 16);
    for row in 0..cells.len() {
        if !cells.is_null(row) {
            escape(cells.bytes(row), &mut out.bytes);
        }
        out.end();
    }
    out.finish(cells.nulls.as_ref())
}

fn escape(text: &[u8], out: &mut Vec<u8>) {
    for byte in text {
        match byte {
            b'\\' => out.extend_from_slice(br"\\"),
            b'\n' => out.extend_from_slice(br"\n"),
            b'\r' => out.extend_from_slice(br"\r"),
            b'\t' => out.extend_from_slice(br"\t"),
            byte => out.push(*byte),
        }
    }
}

fn write(leaf: &Leaf, value: &[u8], out: &mut Vec<u8>) -> std::io::Result<()> {
    match leaf {
        Leaf::Bool => out.write_all(if value == [1] { b"t" } else { b"f" }),
        Leaf::Int2 => write!(out, "{}", i16::from_be_bytes(first(value))),
        Leaf::Int4 => write!(out, "{}", i32::from_be_bytes(first(value))),
        Leaf::Int8 => write!(out, "{}", i64::from_be_bytes(first(value))),
        Leaf::Oid => write!(out, "{}", u32::from_be_bytes(first(value))),
        Leaf::Float4 => match f32::from_be_bytes(first(value)) {
            value if value.is_finite() => write!(out, "{value:e}"),
            value => out.write_all(unusual(value.into())),
        },
        Leaf::Float8 => match f64::from_be_bytes(first(value)) {
            value if value.is_finite() => write!(out, "{value:e}"),
            value => out.write_all(unusual(value)),
        },
        Leaf::Numeric(_) => numeric(value, out),
        // For a session whose `lc_monetary` is `C`.
        Leaf::Money(_) => amount(i64::from_be_bytes(first(value)), out),
        Leaf::Bytea => {
            out.extend_from_slice(br"\x");
            hexadecimal(value, "", out)
        }
        Leaf::Uuid => hexadecimal(value, "", out),
        Leaf::MacAddr | Leaf::MacAddr8 => hexadecimal(value, ":", out),
        Leaf::Inet | Leaf::Cidr => address(value, out),
        Leaf::Jsonb => out.write_all(&value[1..]),
        Leaf::Date => match i32::from_be_bytes(first(value)) {
            i32::MAX => out.write_all(b"infinity"),
            i32::MIN => out.write_all(b"-infinity"),
            days => date(days, out).and_then(|era| out.write_all(era)),
        },
        Leaf::Time(_) => clock(i64::from_be_bytes(first(value)), out),
        Leaf::TimeTz(_) => {
            clock(i64::from_be_bytes(first(value)), out)?;
            zone(-i32::from_be_bytes(first(&value[8..])), out)
        }
        Leaf::Timestamp(_) => timestamp(i64::from_be_bytes(first(value)), "", out),
        Leaf::TimestampTz(_) => timestamp(i64::from_be_bytes(first(value)), "+00", out),
        Leaf::Interval => interval(value, out),
        Leaf::Text(_) | Leaf::Label(_) | Leaf::Json | Leaf::Foreign(_) => out.write_all(value),
    }
}

/// The first `N` bytes of `value`, which has them.
fn first<const N: usize>(value: &[u8]) -> [u8; N] {
    value.first_chunk().copied().unwrap_or([0; N])
}

fn amount(units: i64, out: &mut Vec<u8>) -> std::io::Result<()> {
    let (sign, size) = (if units < 0 { "-" } else { "" }, units.unsigned_abs());
    let one = 10_u64.pow(PLAIN_DIGITS);
    let width = usize::try_from(PLAIN_DIGITS).unwrap_or(0);
    write!(out, "{sign}{}.{:0width$}", size / one, size % one)
}

fn unusual(value: f64) -> &'static [u8] {
    match value {
        f64::INFINITY => b"Infinity",
        f64::NEG_INFINITY => b"-Infinity",
        _ => b"NaN",
    }
}

fn hexadecimal(value: &[u8], between: &str, out: &mut Vec<u8>) -> std::io::Result<()> {
    for (at, byte) in value.iter().enumerate() {
        write!(out, "{}{byte:02x}", if at == 0 { "" } else { between })?;
    }
    Ok(())
}

fn address(value: &[u8], out: &mut Vec<u8>) -> std::io::Result<()> {
    match value {
        [_, bits, _, 4, rest @ ..] => write!(out, "{}/{bits}", Ipv4Addr::from(first(rest))),
        [_, bits, _, _, rest @ ..] => write!(out, "{}/{bits}", Ipv6Addr::from(first(rest))),
        _ => Ok(()),
    }
}

fn numeric(value: &[u8], out: &mut Vec<u8>) -> std::io::Result<()> {
    let number = |at: usize| i16::from_be_bytes(first(&value[at..]));
    let (weight, scale) = (i32::from(number(2)), usize::try_from(number(6)).unwrap_or(0));
    match value[4] {
        0xC0 => return out.write_all(b"NaN"),
        0xD0 => return out.write_all(b"Infinity"),
        0xF0 => return out.write_all(b"-Infinity"),
        0x40 => out.push(b'-'),
        _ => {}
    }
    let group = |power: i32| {
        let at = usize::try_from(weight - power).ok().map(|at| 8 + 2 * at);
        at.and_then(|at| value.get(at..at + 2)).map_or(0, |group| u16::from_be_bytes(first(group)))
    };
    write!(out, "{}", group(weight.max(0)))?;
    for power in (0..weight.max(0)).rev() {
        write!(out, "{:04}", group(power))?;
    }
    if scale > 0 {
        out.push(b'.');
        let begin = out.len();
        for power in (1..=scale.div_ceil(4)).map_while(|power| i32::try_from(power).ok()) {
            write!(out, "{:04}", group(-power))?;
        }
        out.truncate(begin + scale);
    }
    Ok(())
}

/// Writes days since 2000; gives the era, which comes last.
fn date(days: i32, out: &mut Vec<u8>) -> std::io::Result<&'static [u8]> {
    // Years of 400 years' worth of days, counted from March of the year 0.
    let days = i64::from(days) + i64::from(EPOCH_DAYS) + 719_468;
    let (cycle, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let year = cycle * 400 + year + carry;
    let (year, era): (_, &[u8]) = if year > 0 { (year, b"") } else { (1 - year, b" BC") };
    write!(out, "{year:04}-{month:02}-{day:02}")?;
    Ok(era)
}

fn clock(micros: i64, out: &mut Vec<u8>) -> std::io::Result<()> {
    let (seconds, micros) = (micros / 1_000_000, micros % 1_000_000);
    let (minutes, seconds) = (seconds / 60, seconds % 60);
    write!(out, "{:02}:{:02}:{seconds:02}.{micros:06}", minutes / 60, minutes % 60)
}

fn zone(east: i32, out: &mut Vec<u8>) -> std::io::Result<()> {
    let sign = if east < 0 { '-' } else { '+' };
    let east = east.unsigned_abs();
    write!(out, "{sign}{:02}:{:02}:{:02}", east / 3600, east / 60 % 60, east % 60)
}

fn timestamp(micros: i64, zone: &str, out: &mut Vec<u8>) -> std::io::Result<()> {
    match micros {
        i64::MAX => return out.write_all(b"infinity"),
        i64::MIN => return out.write_all(b"-infinity"),
        _ => {}
    }
    let days = i32::try_from(micros.div_euclid(DAY_MICROS)).unwrap_or(0);
    let era = date(days, out)?;
    out.push(b' ');
    clock(micros.rem_euclid(DAY_MICROS), out)?;
    write!(out, "{zone}")?;
    out.write_all(era)
}

fn interval(value: &[u8], out: &mut Vec<u8>) -> std::io::Result<()> {
    let micros = i64::from_be_bytes(first(value));
    let days = i32::from_be_bytes(first(&value[8..]));
    let months = i32::from_be_bytes(first(&value[12..]));
    let size = micros.unsigned_abs();
    let sign = if micros < 0 { "-" } else { "" };
    let (seconds, fraction) = (size / 1_000_000, size % 1_000_000);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    write!(out, "{months} mons {days} days {sign}{hours}:{minutes:02}:{seconds:02}.{fraction:06}")
}
