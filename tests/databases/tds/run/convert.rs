//! From one type to another, as CAST and CONVERT do it.

use std::sync::Arc;

use super::super::store::collation::Page;
use super::super::store::day;
use super::super::store::kind::{Kind, Type};
use super::super::store::value::{
    Value, decimal_of, decimal_text, guid_bytes, guid_text, rescale, unhex,
};
use super::Failure;
use super::parse::moment;

/// Converts a value; `style` is the third argument of CONVERT.
pub(crate) fn convert(value: &Value, from: &Type, to: &Type, style: i64) -> Result<Value, Failure> {
    if let Value::Variant(inner) = value
        && to.kind != Kind::Variant
    {
        return convert(&inner.1, &inner.0, to, style);
    }
    if value.is_null() {
        return Ok(Value::Null);
    }
    match to.kind {
        Kind::Variant => Ok(match value {
            Value::Variant(_) => value.clone(),
            _ => Value::Variant(Arc::new((*from, value.clone()))),
        }),
        kind if kind.is_number() => number(value, from, kind),
        kind if kind.is_time() => time(value, from, kind),
        kind if kind.is_text() => text(value, from, to, style),
        Kind::Guid => guid(value, from, to),
        kind => bytes(value, from, kind, style),
    }
}

fn impossible(from: Kind, to: Kind) -> Failure {
    let text = format!(
        "Explicit conversion from data type {} to {} is not allowed.",
        from.name(),
        to.name()
    );
    Failure::new(529, &text)
}

fn unreadable(text: &str, from: Kind, to: Kind) -> Failure {
    match to {
        Kind::Decimal(..) => {
            Failure::new(8114, &format!("Error converting data type {} to numeric.", from.name()))
        }
        Kind::Float | Kind::Real | Kind::BigInt => Failure::new(
            8114,
            &format!("Error converting data type {} to {}.", from.name(), to.name()),
        ),
        _ => Failure::new(
            245,
            &format!(
                "Conversion failed when converting the {} value '{text}' to data type {}.",
                from.name(),
                to.name()
            ),
        ),
    }
}

fn number(value: &Value, from: &Type, to: Kind) -> Result<Value, Failure> {
    let found = match value {
        Value::Text(_) => return of_text(&value.string().unwrap_or_default(), from.kind, to),
        Value::Bytes(bytes) if to.is_integer() => {
            let mut wide = [0_u8; 8];
            for (at, byte) in bytes.iter().rev().take(8).enumerate() {
                wide[at] = *byte;
            }
            Number::Exact(i128::from(i64::from_le_bytes(wide)), 0)
        }
        // `datetime` counts days since 1900.
        Value::Stamp(days, ticks) => {
            let days = f64::from(days - day::EPOCH_1900);
            Number::Float(
                days + approximate(i128::from(*ticks)) / approximate(i128::from(day::DAY)),
            )
        }
        _ => Number::of(value).ok_or_else(|| impossible(from.kind, to))?,
    };
    found.into_kind(to)
}

/// A number of any type.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Number {
    Exact(i128, u8),
    Float(f64),
}

/// The nearest float.
#[allow(clippy::cast_precision_loss)]
pub(crate) fn approximate(n: i128) -> f64 {
    n as f64
}

impl Number {
    pub(crate) fn of(value: &Value) -> Option<Number> {
        Some(match value {
            Value::Int(n) => Number::Exact(i128::from(*n), 0),
            Value::Money(n) => Number::Exact(i128::from(*n), 4),
            Value::Decimal(digits, scale) => Number::Exact(*digits, *scale),
            Value::Real(x) => Number::Float(f64::from(*x)),
            Value::Float(x) => Number::Float(*x),
            _ => return None,
        })
    }

    pub(crate) fn float(self) -> f64 {
        match self {
            // Through the text, so that it is the nearest one.
            Number::Exact(digits, scale) => decimal_text(digits, scale).parse().unwrap_or(0.0),
            Number::Float(x) => x,
        }
    }

    pub(crate) fn into_kind(self, to: Kind) -> Result<Value, Failure> {
        let overflow = || Failure::overflow(&to.to_string());
        match to {
            Kind::Bit => Ok(Value::bool(self.float() != 0.0)),
            Kind::Float => Ok(Value::Float(self.float())),
            #[allow(clippy::cast_possible_truncation)]
            Kind::Real => match self {
                Number::Float(x) => Ok(Value::Real(x as f32)),
                Number::Exact(digits, scale) => {
                    Ok(Value::Real(decimal_text(digits, scale).parse().unwrap_or(0.0)))
                }
            },
            kind if kind.is_integer() => {
                let whole = match self {
                    Number::Exact(digits, scale) => digits / 10_i128.pow(u32::from(scale)),
                    Number::Float(x) => float_digits(x.trunc(), 0).ok_or_else(overflow)?,
                };
                integer(whole, kind)
            }
            Kind::Decimal(_, scale) => {
                let digits = self.digits(scale).ok_or_else(overflow)?;
                let fits = to.holds_digits(digits);
                if fits { Ok(Value::Decimal(digits, scale)) } else { Err(overflow()) }
            }
            Kind::Money | Kind::SmallMoney => {
                let digits = self.digits(4).and_then(|n| i64::try_from(n).ok());
                let fits = |n: &i64| to == Kind::Money || i32::try_from(*n).is_ok();
                digits.filter(fits).map(Value::Money).ok_or_else(overflow)
            }
            _ => Err(overflow()),
        }
    }

    fn digits(self, scale: u8) -> Option<i128> {
        match self {
            Number::Exact(digits, own) => rescale(digits, own, scale),
            Number::Float(x) => float_digits(x, scale),
        }
    }
}

/// The digits of a float at a scale.
fn float_digits(x: f64, scale: u8) -> Option<i128> {
    decimal_of(&format!("{x:.*}", usize::from(scale))).map(|(digits, _)| digits)
}

fn integer(n: i128, to: Kind) -> Result<Value, Failure> {
    let (low, high) = match to {
        Kind::TinyInt => (0, 255),
        Kind::SmallInt => (i128::from(i16::MIN), i128::from(i16::MAX)),
        Kind::Int => (i128::from(i32::MIN), i128::from(i32::MAX)),
        _ => (i128::from(i64::MIN), i128::from(i64::MAX)),
    };
    let fits = (low..=high).contains(&n);
    let n = i64::try_from(n).ok().filter(|_| fits);
    n.map(Value::Int).ok_or_else(|| Failure::overflow(to.name()))
}

fn of_text(text: &str, from: Kind, to: Kind) -> Result<Value, Failure> {
    let trimmed = text.trim();
    let bad = || unreadable(text, from, to);
    if to == Kind::Bit && ["true", "false"].iter().any(|word| word.eq_ignore_ascii_case(trimmed)) {
        return Ok(Value::bool(trimmed.eq_ignore_ascii_case("true")));
    }
    if matches!(to, Kind::Float | Kind::Real) {
        if trimmed.is_empty() {
            return Number::Float(0.0).into_kind(to);
        }
        let number: f64 = trimmed.parse().map_err(|_| bad())?;
        return if number.is_finite() { Number::Float(number).into_kind(to) } else { Err(bad()) };
    }
    if to.is_integer() {
        let digits = if trimmed.is_empty() { "0" } else { trimmed };
        let number: i128 = digits.parse().map_err(|_| bad())?;
        return integer(number, to);
    }
    let plain = if matches!(to, Kind::Money | Kind::SmallMoney) {
        trimmed.replace([',', '$'], "")
    } else {
        trimmed.to_owned()
    };
    let (digits, scale) = decimal_of(&plain).ok_or_else(bad)?;
    Number::Exact(digits, scale).into_kind(to)
}

fn time(value: &Value, from: &Type, to: Kind) -> Result<Value, Failure> {
    let (days, ticks, offset) = match value {
        Value::Date(days) => (Some(*days), 0, None),
        Value::Time(ticks) => (None, *ticks, None),
        Value::Stamp(days, ticks) => (Some(*days), *ticks, None),
        Value::Offset(days, ticks, minutes) => (Some(*days), *ticks, Some(*minutes)),
        Value::Text(_) => {
            let text = value.string().unwrap_or_default();
            let found = moment(&text).ok_or_else(|| {
                Failure::new(
                    241,
                    "Conversion failed when converting date and/or time from character string.",
                )
            })?;
            let (days, ticks) = utc(found.day, found.ticks, found.offset);
            (days, ticks, found.offset)
        }
        Value::Int(n) if to == Kind::DateTime => {
            let days = i32::try_from(*n).map_err(|_| Failure::overflow("datetime"))?;
            (Some(days + day::EPOCH_1900), 0, None)
        }
        _ => return Err(impossible(from.kind, to)),
    };
    if let Kind::DateTimeOffset(scale) = to {
        let (days, ticks) = carry(days.unwrap_or(day::EPOCH_1900), day::round(ticks, scale));
        return in_years(Value::Offset(days, ticks, offset.unwrap_or(0)), days, to);
    }
    // All others show the time at its own place.
    let (days, ticks) = local(days, ticks, offset);
    of_local(days, ticks, to)
}

fn of_local(days: Option<i32>, ticks: i64, to: Kind) -> Result<Value, Failure> {
    let base = days.unwrap_or(day::EPOCH_1900);
    match to {
        Kind::Date => in_years(Value::Date(base), base, to),
        // What is rounded up to the next day stays before it.
        Kind::Time(scale) => Ok(Value::Time(day::round(ticks, scale) % day::DAY)),
        Kind::SmallDateTime => {
            let minute = 60 * day::SECOND;
            let (days, ticks) = carry(base, (ticks + minute / 2) / minute * minute);
            let fits = (day::EPOCH_1900..day::EPOCH_1900 + 65_536).contains(&days);
            if fits { Ok(Value::Stamp(days, ticks)) } else { Err(out_of_range(to)) }
        }
        Kind::DateTime => {
            let kept = day::of_three_hundredths(day::three_hundredths(ticks));
            let (days, ticks) = carry(base, kept);
            // `datetime` begins in 1753.
            if days < 639_905 {
                Err(out_of_range(to))
            } else {
                in_years(Value::Stamp(days, ticks), days, to)
            }
        }
        _ => {
            let (days, ticks) = carry(base, day::round(ticks, to.scale()));
            in_years(Value::Stamp(days, ticks), days, to)
        }
    }
}

fn in_years(value: Value, days: i32, to: Kind) -> Result<Value, Failure> {
    if (0..=day::LAST).contains(&days) { Ok(value) } else { Err(out_of_range(to)) }
}

fn out_of_range(to: Kind) -> Failure {
    let text = format!("The conversion to {} resulted in an out-of-range value.", to.name());
    Failure::new(242, &text)
}

/// A time of day beyond its day.
pub(crate) fn carry(days: i32, ticks: i64) -> (i32, i64) {
    let more = i32::try_from(ticks.div_euclid(day::DAY)).unwrap_or(0);
    (days + more, ticks.rem_euclid(day::DAY))
}

fn utc(days: Option<i32>, ticks: i64, offset: Option<i16>) -> (Option<i32>, i64) {
    shift(days, ticks, -i64::from(offset.unwrap_or(0)))
}

fn local(days: Option<i32>, ticks: i64, offset: Option<i16>) -> (Option<i32>, i64) {
    shift(days, ticks, i64::from(offset.unwrap_or(0)))
}

fn shift(days: Option<i32>, ticks: i64, minutes: i64) -> (Option<i32>, i64) {
    let (more, ticks) = carry(0, ticks + minutes * 60 * day::SECOND);
    (days.map(|days| days + more), ticks)
}

fn text(value: &Value, from: &Type, to: &Type, style: i64) -> Result<Value, Failure> {
    let units: Arc<[u16]> = match value {
        Value::Text(units) => Arc::clone(units),
        Value::Bytes(bytes) if (1..=2).contains(&style) => {
            let prefix = if style == 1 { "0x" } else { "" };
            let hex: String = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
            format!("{prefix}{hex}").encode_utf16().collect()
        }
        Value::Bytes(bytes) if to.kind.is_ansi() => to.collation.page().decode(bytes).into(),
        Value::Bytes(bytes) => super::super::wire::units(bytes).into(),
        _ => display(value, from.kind, style).encode_utf16().collect(),
    };
    if to.kind == Kind::Xml {
        return Ok(Value::Text(without_declaration(&units).into()));
    }
    let units = if to.kind.is_ansi() && to.collation.page() != Page::Utf8 {
        let page = to.collation.page();
        page.decode(&page.encode(&units)).into()
    } else {
        units
    };
    let Some(length) = to.kind.units().map(usize::from) else { return Ok(Value::Text(units)) };
    let bytes_of_utf8 = to.kind.is_ansi() && to.collation.page() == Page::Utf8;
    let size = if bytes_of_utf8 { String::from_utf16_lossy(&units).len() } else { units.len() };
    let padded = matches!(to.kind, Kind::Char(_) | Kind::NChar(_));
    if size > length {
        if !value_is_text(value) {
            return Err(Failure::overflow(to.kind.name()));
        }
        return Ok(Value::Text(cut(&units, length, bytes_of_utf8)));
    }
    if padded && size < length {
        let mut units = units.to_vec();
        units.extend(std::iter::repeat_n(32, length - size));
        return Ok(Value::Text(units.into()));
    }
    Ok(Value::Text(units))
}

/// A document as it is stored: without the mark of the order of bytes, and without a declaration.
fn without_declaration(units: &[u16]) -> Vec<u16> {
    let text = String::from_utf16_lossy(units);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let rest = text.strip_prefix("<?xml").and_then(|rest| rest.split_once("?>"));
    rest.map_or(text, |(_, rest)| rest).encode_utf16().collect()
}

fn value_is_text(value: &Value) -> bool {
    matches!(value, Value::Text(_) | Value::Bytes(_) | Value::Guid(_))
        || matches!(value, Value::Stamp(..) | Value::Date(_) | Value::Time(_) | Value::Offset(..))
}

fn cut(units: &[u16], length: usize, bytes_of_utf8: bool) -> Arc<[u16]> {
    if !bytes_of_utf8 {
        return units[..length].into();
    }
    let text = String::from_utf16_lossy(units);
    let end = text.floor_char_boundary(length);
    text[..end].encode_utf16().collect()
}

/// A value as text, in the styles that carry all digits.
pub(crate) fn display(value: &Value, kind: Kind, style: i64) -> String {
    match value {
        Value::Null => String::new(),
        Value::Int(n) => n.to_string(),
        Value::Float(x) => float_text(*x, style),
        Value::Real(x) => float_text(f64::from(*x), style),
        Value::Money(n) => {
            let (digits, scale) = if style == 2 || style == 126 {
                (i128::from(*n), 4)
            } else {
                (rescale(i128::from(*n), 4, 2).unwrap_or(0), 2)
            };
            decimal_text(digits, scale)
        }
        Value::Decimal(digits, scale) => decimal_text(*digits, *scale),
        Value::Date(days) if style == 112 => day::text(*days).replace('-', ""),
        Value::Date(days) => day::text(*days),
        Value::Time(ticks) => day::clock(*ticks, kind.scale()),
        Value::Stamp(days, ticks) => stamp_text(*days, *ticks, kind, style),
        Value::Offset(days, ticks, minutes) => {
            let (days, ticks) = local(Some(*days), *ticks, Some(*minutes));
            let sign = if *minutes < 0 { '-' } else { '+' };
            let (hours, rest) = (minutes.abs() / 60, minutes.abs() % 60);
            let clock = day::clock(ticks, kind.scale());
            let middle = if style == 126 || style == 127 { "T" } else { " " };
            let gap = if middle == "T" { "" } else { " " };
            format!(
                "{}{middle}{clock}{gap}{sign}{hours:02}:{rest:02}",
                day::text(days.unwrap_or(0))
            )
        }
        Value::Text(units) => String::from_utf16_lossy(units),
        Value::Bytes(bytes) => bytes.iter().map(|byte| format!("{byte:02X}")).collect(),
        Value::Guid(bytes) => guid_text(bytes),
        Value::Variant(inner) => display(&inner.1, inner.0.kind, style),
    }
}

fn stamp_text(days: i32, ticks: i64, kind: Kind, style: i64) -> String {
    let digits = match kind {
        Kind::SmallDateTime => 0,
        Kind::DateTime => 3,
        other => other.scale(),
    };
    let ticks = if kind == Kind::DateTime { day::round(ticks, 3) } else { ticks };
    match style {
        126 | 127 => format!("{}T{}", day::text(days), day::clock(ticks, digits)),
        120 | 20 => format!("{} {}", day::text(days), day::clock(ticks, 0)),
        121 | 21 | 25 => format!("{} {}", day::text(days), day::clock(ticks, digits)),
        23 => day::text(days),
        112 => day::text(days).replace('-', ""),
        _ if matches!(kind, Kind::DateTime | Kind::SmallDateTime) => american(days, ticks),
        _ => format!("{} {}", day::text(days), day::clock(ticks, digits)),
    }
}

/// `Jan  2 2026  3:04PM`: how `datetime` becomes text when no style is asked for.
fn american(days: i32, ticks: i64) -> String {
    let months =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (year, month, day_of) = day::parts(days);
    let minutes = ticks / (60 * day::SECOND);
    let (hours, minutes) = (minutes / 60, minutes % 60);
    let half = if hours < 12 { "AM" } else { "PM" };
    let hours = if hours % 12 == 0 { 12 } else { hours % 12 };
    let name = usize::try_from(month - 1).ok().and_then(|at| months.get(at)).unwrap_or(&"?");
    format!("{name} {day_of:>2} {year:04} {hours:>2}:{minutes:02}{half}")
}

fn float_text(x: f64, style: i64) -> String {
    let scientific = |digits: usize| {
        let text = format!("{x:.digits$e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let number: i32 = exponent.parse().unwrap_or(0);
        let sign = if number < 0 { '-' } else { '+' };
        format!("{mantissa}e{sign}{:03}", number.abs())
    };
    match style {
        1 => scientific(7),
        2 => scientific(15),
        3 => scientific(16),
        _ => {
            // Six digits, as CAST shows.
            let rounded: f64 = format!("{x:.5e}").parse().unwrap_or(x);
            if rounded != 0.0 && !(1e-5..1e6).contains(&rounded.abs()) {
                let text = scientific(5);
                let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, ""));
                format!("{}e{exponent}", mantissa.trim_end_matches('0').trim_end_matches('.'))
            } else {
                format!("{rounded}")
            }
        }
    }
}

fn guid(value: &Value, from: &Type, to: &Type) -> Result<Value, Failure> {
    match value {
        Value::Guid(_) => Ok(value.clone()),
        Value::Text(_) => {
            let text = value.string().unwrap_or_default();
            guid_bytes(&text).map(Value::Guid).ok_or_else(|| {
                Failure::new(
                    8169,
                    "Conversion failed when converting from a character string to uniqueidentifier.",
                )
            })
        }
        Value::Bytes(bytes) => {
            let mut wide = [0; 16];
            let count = bytes.len().min(16);
            wide[..count].copy_from_slice(&bytes[..count]);
            Ok(Value::Guid(wide))
        }
        _ => Err(impossible(from.kind, to.kind)),
    }
}

fn bytes(value: &Value, from: &Type, to: Kind, style: i64) -> Result<Value, Failure> {
    let found: Vec<u8> = match value {
        Value::Bytes(bytes) => bytes.to_vec(),
        Value::Text(_) if (1..=2).contains(&style) => {
            let text = value.string().unwrap_or_default();
            let hex = if style == 1 { text.trim_start_matches("0x") } else { &text };
            unhex(hex).ok_or_else(|| {
                Failure::new(8114, "Error converting data type varchar to varbinary.")
            })?
        }
        // A text of a type of the CLR is kept as its bytes are: see README.
        Value::Text(units) if from.kind.is_ansi() => from.collation.page().encode(units),
        // The mark of the order of bytes stands before a document that becomes bytes.
        Value::Text(units) if from.kind == Kind::Xml => {
            [0xFEFF].iter().chain(units.iter()).flat_map(|unit| unit.to_le_bytes()).collect()
        }
        Value::Text(units) => units.iter().flat_map(|unit| unit.to_le_bytes()).collect(),
        Value::Guid(bytes) => bytes.to_vec(),
        Value::Int(n) => {
            let width = usize::try_from(from.kind.max_length()).unwrap_or(8);
            n.to_be_bytes()[8 - width.min(8)..].to_vec()
        }
        Value::Money(n) => n.to_be_bytes().to_vec(),
        Value::Float(x) => x.to_be_bytes().to_vec(),
        Value::Real(x) => x.to_be_bytes().to_vec(),
        _ => return Err(impossible(from.kind, to)),
    };
    let Some(length) = to.units().map(usize::from) else { return Ok(Value::bytes(found)) };
    let is_number = matches!(value, Value::Int(_));
    let mut found = found;
    if found.len() > length {
        // Numbers are cut on the left, all else on the right.
        found = if is_number {
            found.split_off(found.len() - length)
        } else {
            found[..length].to_vec()
        };
    }
    if matches!(to, Kind::Binary(_) | Kind::RowVersion) && found.len() < length {
        let missing = vec![0; length - found.len()];
        found = if is_number { [missing, found].concat() } else { [found, missing].concat() };
    }
    Ok(Value::bytes(found))
}
