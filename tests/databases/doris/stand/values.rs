//! What a value becomes in a column: converted, NULL without a word, or refused.

use std::borrow::Cow;

use jiff::civil::{Date, DateTime, Time};
use rusqlite::types::Value;
use serde_json::value::RawValue;

use super::decimal;
use super::kinds::{Kind, TEXT_BYTES_MAX};

/// A value as it arrives.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Given {
    Null,
    /// A text, or a number by its digits.
    Text(String),
    /// `true`, `false`, an array or an object, as JSON.
    Json(String),
}

/// Why a value does not go into its column.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Misfit {
    /// It does not convert: a NULL, unless strict mode is on.
    Unconverted,
    /// It is refused in any mode, with this reason.
    Refused(String),
}

/// Session settings that matter to values.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Zone {
    /// Seconds east of Greenwich.
    pub(crate) seconds: i32,
}

impl Zone {
    /// Doris' own default: Shanghai.
    pub(crate) const DEFAULT: Zone = Zone { seconds: 8 * 3600 };

    /// A zone by its name or offset.
    pub(crate) fn read(text: &str) -> Option<Zone> {
        match text.to_ascii_uppercase().as_str() {
            "UTC" | "GMT" | "Z" | "ETC/UTC" => Some(Zone { seconds: 0 }),
            "ASIA/SHANGHAI" | "CST" | "PRC" => Some(Zone::DEFAULT),
            other => offset(other).map(|seconds| Zone { seconds }),
        }
    }
}

fn offset(text: &str) -> Option<i32> {
    let (sign, rest) = match text.as_bytes().first()? {
        b'+' => (1, &text[1..]),
        b'-' => (-1, &text[1..]),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':').unwrap_or((rest, "0"));
    let (hours, minutes) = (hours.parse::<i32>().ok()?, minutes.parse::<i32>().ok()?);
    (hours <= 14 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}

/// What `given` becomes in a column of `kind`.
pub(crate) fn convert(given: &Given, kind: &Kind, zone: Zone) -> Result<Value, Misfit> {
    let text: Cow<'_, str> = match given {
        Given::Null => return Ok(Value::Null),
        Given::Text(text) => text.into(),
        Given::Json(text) => text.into(),
    };
    if let Some((min, max)) = kind.range() {
        return whole(&text, min, max).ok_or(Misfit::Unconverted);
    }
    match kind {
        Kind::Boolean => boolean(&text).ok_or(Misfit::Unconverted),
        Kind::Float => float(&text, true).ok_or(Misfit::Unconverted),
        Kind::Double => float(&text, false).ok_or(Misfit::Unconverted),
        // A number out of the range of its column is stored all the same: so the documents say.
        Kind::Decimal(_, scale) => {
            let scale = usize::try_from(*scale).expect("small");
            decimal::rounded(&text, scale).map(Value::Text).ok_or(Misfit::Unconverted)
        }
        Kind::Date => {
            let at = moment(&text, zone).ok_or(Misfit::Unconverted)?;
            Ok(Value::Text(at.date().to_string()))
        }
        Kind::DateTime(digits) => {
            let at = moment(&text, zone).and_then(|at| told(at, *digits));
            at.map(Value::Text).ok_or(Misfit::Unconverted)
        }
        Kind::Char(bytes) | Kind::Varchar(bytes) => bounded(&text, *bytes),
        Kind::Text => bounded(&text, TEXT_BYTES_MAX),
        Kind::Json | Kind::Variant => document(given, &text).ok_or(Misfit::Unconverted),
        Kind::Ipv4 => {
            let parsed = text.parse::<std::net::Ipv4Addr>();
            parsed.map(|ip| Value::Text(ip.to_string())).map_err(|_| Misfit::Unconverted)
        }
        Kind::Ipv6 => {
            let parsed = text.parse::<std::net::Ipv6Addr>();
            parsed.map(|ip| Value::Text(ip.to_string())).map_err(|_| Misfit::Unconverted)
        }
        nested => {
            let raw: &RawValue = serde_json::from_str(&text).map_err(|_| Misfit::Unconverted)?;
            nest(raw, nested, zone).map(Value::Text)
        }
    }
}

/// Digits, and behind a point more digits that are dropped without a word.
fn whole(text: &str, min: i128, max: i128) -> Option<Value> {
    let text = match text.trim() {
        "true" => "1",
        "false" => "0",
        other => other,
    };
    let (integer, fraction) = text.split_once('.').unwrap_or((text, ""));
    if !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let number: i128 = integer.parse().ok().filter(|n| (min..=max).contains(n))?;
    Some(match i64::try_from(number) {
        Ok(small) if max <= i128::from(i64::MAX) => Value::Integer(small),
        _ => Value::Text(number.to_string()),
    })
}

fn boolean(text: &str) -> Option<Value> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "1" => Some(Value::Integer(1)),
        "false" | "0" => Some(Value::Integer(0)),
        _ => None,
    }
}

fn float(text: &str, single: bool) -> Option<Value> {
    let number = text.trim().parse::<f64>().ok().filter(|n| n.is_finite())?;
    let number = match single {
        #[allow(clippy::cast_possible_truncation)]
        true => f64::from(number as f32),
        false => number,
    };
    number.is_finite().then_some(Value::Real(number))
}

fn bounded(text: &str, max: usize) -> Result<Value, Misfit> {
    if text.len() <= max {
        return Ok(Value::Text(text.to_owned()));
    }
    let mut end = text.len().min(32);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    Err(Misfit::Refused(format!(
        "the length of input is too long than schema. first 32 bytes of input str: [{}] \
         schema length: {max}; actual length: {}; ",
        &text[..end],
        text.len()
    )))
}

fn document(given: &Given, text: &str) -> Option<Value> {
    // A JSON column takes a JSON string for the text of a document, too.
    let parsed: Result<&RawValue, _> = serde_json::from_str(text);
    match (parsed, given) {
        (Ok(raw), _) => Some(Value::Text(raw.get().to_owned())),
        _ => None,
    }
}

/// A moment in `zone`; one with an offset of its own is moved there.
fn moment(text: &str, zone: Zone) -> Option<DateTime> {
    let text = text.trim();
    if text.len() == 8 && text.bytes().all(|b| b.is_ascii_digit()) {
        return date(&format!("{}-{}-{}", &text[..4], &text[4..6], &text[6..])).map(Into::into);
    }
    let (day, rest) = text.split_at_checked(10)?;
    let day = date(day)?;
    let Some(rest) = rest.strip_prefix([' ', 'T']) else {
        return rest.is_empty().then(|| day.into());
    };
    let (clock, own) = match rest.find(['+', '-', 'Z', 'z']) {
        Some(at) => (&rest[..at], Some(Zone::read(&rest[at..])?)),
        None => (rest, None),
    };
    let at = day.to_datetime(time(clock)?);
    match own {
        None => Some(at),
        Some(own) => {
            let shift = i64::from(zone.seconds - own.seconds);
            at.checked_add(jiff::SignedDuration::from_secs(shift)).ok()
        }
    }
}

fn date(text: &str) -> Option<Date> {
    let mut parts = text.split('-');
    let mut next = || parts.next()?.parse::<i16>().ok();
    let (year, month, day) = (next()?, next()?, next()?);
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

fn time(text: &str) -> Option<Time> {
    let (clock, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut parts = clock.split(':');
    let mut next = || parts.next()?.parse::<i8>().ok();
    let (hour, minute, second) = (next()?, next()?, next()?);
    if !fraction.bytes().all(|b| b.is_ascii_digit()) || second > 59 {
        return None;
    }
    let nanos: String = fraction.chars().chain("000000000".chars()).take(9).collect();
    Time::new(hour, minute, second, nanos.parse().ok()?).ok()
}

/// The moment with `digits` of its second, rounded half up without a word.
fn told(at: DateTime, digits: u32) -> Option<String> {
    let unit = 10_i64.pow(9 - digits.min(9));
    let nanos = i64::from(at.subsec_nanosecond());
    let rest = nanos % unit;
    let shift = if rest * 2 >= unit { unit - rest } else { -rest };
    let at = at.checked_add(jiff::SignedDuration::from_nanos(shift)).ok()?;
    let clock = at.strftime("%Y-%m-%d %H:%M:%S").to_string();
    let width = usize::try_from(digits).expect("small");
    Some(match digits {
        0 => clock,
        _ => format!("{clock}.{:0width$}", i64::from(at.subsec_nanosecond()) / unit),
    })
}

/// What a piece of JSON is for a column.
pub(crate) fn given(raw: &RawValue) -> Given {
    let text = raw.get();
    match text.as_bytes().first() {
        Some(b'n') => Given::Null,
        Some(b'"') => match serde_json::from_str(text) {
            Ok(text) => Given::Text(text),
            Err(_) => Given::Json(text.to_owned()),
        },
        Some(b't' | b'f' | b'[' | b'{') => Given::Json(text.to_owned()),
        _ => Given::Text(text.to_owned()),
    }
}

/// A nested value with every part converted, as JSON.
fn nest(raw: &RawValue, kind: &Kind, zone: Zone) -> Result<String, Misfit> {
    let wrong = |_| Misfit::Unconverted;
    match kind {
        Kind::Array(item) => {
            let items: Vec<&RawValue> = serde_json::from_str(raw.get()).map_err(wrong)?;
            let items: Result<Vec<_>, _> = items.iter().map(|raw| leaf(raw, item, zone)).collect();
            Ok(format!("[{}]", items?.join(",")))
        }
        Kind::Map(key, value) => {
            let pairs: Vec<(String, &RawValue)> = object(raw)?;
            let mut texts = Vec::new();
            for (name, raw) in pairs {
                convert(&Given::Text(name.clone()), key, zone)?;
                texts.push(format!("{}:{}", quoted(&name), leaf(raw, value, zone)?));
            }
            Ok(format!("{{{}}}", texts.join(",")))
        }
        Kind::Struct(fields) => {
            let pairs: Vec<(String, &RawValue)> = object(raw)?;
            let mut texts = Vec::new();
            for (name, kind) in fields {
                let found = pairs.iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
                let text = found.map_or(Ok("null".to_owned()), |(_, raw)| leaf(raw, kind, zone))?;
                texts.push(format!("{}:{text}", quoted(name)));
            }
            Ok(format!("{{{}}}", texts.join(",")))
        }
        _ => Err(Misfit::Unconverted),
    }
}

/// The pairs of an object, in their order.
fn object(raw: &RawValue) -> Result<Vec<(String, &RawValue)>, Misfit> {
    struct Pairs<'a>(Vec<(String, &'a RawValue)>);
    impl<'de: 'a, 'a> serde::de::Deserialize<'de> for Pairs<'a> {
        fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
            struct Visit;
            impl<'de> serde::de::Visitor<'de> for Visit {
                type Value = Vec<(String, &'de RawValue)>;
                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("an object")
                }
                fn visit_map<A: serde::de::MapAccess<'de>>(
                    self,
                    mut map: A,
                ) -> Result<Self::Value, A::Error> {
                    let mut pairs = Vec::new();
                    while let Some(pair) = map.next_entry()? {
                        pairs.push(pair);
                    }
                    Ok(pairs)
                }
            }
            from.deserialize_map(Visit).map(Pairs)
        }
    }
    let pairs: Pairs<'_> = serde_json::from_str(raw.get()).map_err(|_| Misfit::Unconverted)?;
    Ok(pairs.0)
}

/// The pairs of one JSON object.
pub(crate) fn pairs(text: &str) -> Option<Vec<(String, Given)>> {
    let raw: &RawValue = serde_json::from_str(text).ok()?;
    let pairs = object(raw).ok()?;
    Some(pairs.into_iter().map(|(name, raw)| (name, given(raw))).collect())
}

fn leaf(raw: &RawValue, kind: &Kind, zone: Zone) -> Result<String, Misfit> {
    if raw.get() == "null" {
        return Ok("null".to_owned());
    }
    if kind.is_nested() {
        return nest(raw, kind, zone);
    }
    let value = convert(&given(raw), kind, zone)?;
    Ok(json(&value, kind))
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("text can be written")
}

/// A stored value as JSON.
pub(crate) fn json(value: &Value, kind: &Kind) -> String {
    match (value, kind) {
        (Value::Null, _) => "null".to_owned(),
        (Value::Integer(1), Kind::Boolean) => "true".to_owned(),
        (Value::Integer(_), Kind::Boolean) => "false".to_owned(),
        (Value::Integer(n), _) => n.to_string(),
        (Value::Real(n), _) => n.to_string(),
        (Value::Text(text), Kind::Decimal(..) | Kind::LargeInt) => text.clone(),
        (Value::Text(text), Kind::Json | Kind::Variant) => text.clone(),
        (Value::Text(text), kind) if kind.is_nested() => text.clone(),
        (Value::Text(text), _) => quoted(text),
        (Value::Blob(bytes), _) => quoted(&String::from_utf8_lossy(bytes)),
    }
}

/// A value out of SQLite, on its way into a column again.
pub(crate) fn given_back(value: &Value) -> Given {
    match value {
        Value::Null => Given::Null,
        Value::Integer(n) => Given::Text(n.to_string()),
        Value::Real(n) => Given::Text(n.to_string()),
        Value::Text(text) => Given::Text(text.clone()),
        Value::Blob(bytes) => Given::Text(String::from_utf8_lossy(bytes).into_owned()),
    }
}
