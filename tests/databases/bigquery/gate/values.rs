//! Values of rows: what BigQuery takes for each type, brought into one form each.
//!
//! The form is JSON: INT64 a number, FLOAT64 a number or `"NaN"`, `"Infinity"`, `"-Infinity"`, BOOL
//! a truth, NUMERIC and BIGNUMERIC text without needless zeros, BYTES Base64, dates and times text
//! with six digits of the second, TIMESTAMP in UTC with `Z`, JSON itself, a list an array, a record
//! an object with all its fields. NULL is null.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::civil::{Date, Time};
use serde_json::{Map, Value};

use super::schema::{Field, Mode, Type};

/// A value, or why it is none.
type Fit<T = Value> = Result<T, String>;

/// A row as an object of exactly these fields, from one whose keys may differ in case.
pub(crate) fn row(
    fields: &[Field],
    given: &Map<String, Value>,
    ignore_unknown: bool,
) -> Fit<Map<String, Value>> {
    if !ignore_unknown
        && let Some(key) = given.keys().find(|key| !fields.iter().any(|field| field.is(key)))
    {
        return Err(format!("No such field: {key}."));
    }
    let mut row = Map::new();
    let mut folded: Vec<Option<&Value>> = vec![None; fields.len()];
    // Most often the keys come in the order of the columns.
    for (at, (key, value)) in given.iter().enumerate() {
        let place = match fields.get(at) {
            Some(field) if field.is(key) => Some(at),
            _ => fields.iter().position(|field| field.is(key)),
        };
        if let Some(place) = place {
            folded[place] = Some(value);
        }
    }
    for (field, value) in fields.iter().zip(folded) {
        row.insert(field.name.clone(), column(field, value, ignore_unknown)?);
    }
    Ok(row)
}

/// The value of one column.
pub(crate) fn column(field: &Field, value: Option<&Value>, ignore_unknown: bool) -> Fit {
    match (field.mode, value) {
        (Mode::Repeated, None | Some(Value::Null)) => Ok(Value::Array(Vec::new())),
        (Mode::Repeated, Some(Value::Array(items))) => {
            let each = items.iter().map(|item| match item {
                Value::Null => Err(format!(
                    "Only optional fields can be set to NULL. Field: {}; Value: NULL",
                    field.name
                )),
                item => single(field, item, ignore_unknown),
            });
            each.collect::<Fit<Vec<_>>>().map(Value::Array)
        }
        (Mode::Repeated, Some(_)) => {
            Err(format!("Repeated field must be imported as a JSON array. Field: {}.", field.name))
        }
        (Mode::Required, None) => Err(format!("Missing required field: {}.", field.name)),
        (Mode::Required, Some(Value::Null)) => Err(format!(
            "Only optional fields can be set to NULL. Field: {}; Value: NULL",
            field.name
        )),
        (_, None | Some(Value::Null)) => Ok(Value::Null),
        (_, Some(Value::Array(_))) if field.kind != Type::Json => {
            Err(format!("Array specified for non-repeated field: {}.", field.name))
        }
        (_, Some(value)) => single(field, value, ignore_unknown),
    }
}

fn single(field: &Field, value: &Value, ignore_unknown: bool) -> Fit {
    match (field.kind, value) {
        (Type::Record, Value::Object(given)) => {
            row(&field.fields, given, ignore_unknown).map(Value::Object)
        }
        (Type::Record, _) => Err(format!("Expected a record. Field: {}", field.name)),
        (Type::Json, value) => Ok(value.clone()),
        (_, Value::Object(_)) => Err(format!("This field: {} is not a record.", field.name)),
        (kind, value) => scalar(field, value).ok_or_else(|| {
            let shown: String = value.to_string().chars().take(80).collect();
            format!(
                "Could not convert value to {}. Field: {}; Value: {shown}",
                kind.name().to_lowercase(),
                field.name
            )
        }),
    }
}

/// The form of one value, if it is one of that type.
pub(crate) fn scalar(field: &Field, value: &Value) -> Option<Value> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(truth) => truth.to_string(),
        _ => return None,
    };
    let is_text = value.is_string();
    match field.kind {
        Type::String => short(field, text.chars().count()).then_some(Value::String(text)),
        Type::Bytes => {
            let bytes = BASE64_STANDARD.decode(is_text.then_some(&text)?).ok()?;
            short(field, bytes.len()).then(|| Value::String(BASE64_STANDARD.encode(bytes)))
        }
        Type::Int64 => integer(&text, is_text),
        Type::Float64 => float(&text),
        Type::Numeric | Type::BigNumeric if !value.is_boolean() => {
            decimal(field.kind, field.digits, &text).map(Value::String)
        }
        Type::Bool => truth(&text).map(Value::Bool),
        Type::Date if is_text => date(&text).map(|date| date.to_string().into()),
        Type::Time if is_text => time(&text).map(|time| clock(time).into()),
        Type::DateTime if is_text => {
            let (date, time) = moment(&text)?;
            Some(format!("{date}T{}", clock(time)).into())
        }
        Type::Timestamp if is_text => timestamp(&text).map(Value::String),
        Type::Timestamp => epoch(&text).map(Value::String),
        Type::Geography if is_text => is_geography(&text).then_some(Value::String(text)),
        Type::Interval if is_text => {
            (text.starts_with('P') || text.contains(' ')).then_some(Value::String(text))
        }
        _ => None,
    }
}

fn short(field: &Field, length: usize) -> bool {
    field.max_length.is_none_or(|most| length <= most)
}

/// A bare number beyond 2^53 goes through a double, as it may in BigQuery: send text.
fn integer(text: &str, is_text: bool) -> Option<Value> {
    let exact: i64 = text.parse().ok()?;
    if is_text || exact.unsigned_abs() <= 1 << 53 {
        return Some(exact.into());
    }
    format!("{:.0}", text.parse::<f64>().ok()?).parse::<i64>().ok().map(Value::from)
}

fn float(text: &str) -> Option<Value> {
    match text.to_lowercase().as_str() {
        "nan" => Some("NaN".into()),
        "infinity" | "+infinity" | "inf" | "+inf" => Some("Infinity".into()),
        "-infinity" | "-inf" => Some("-Infinity".into()),
        _ if !text.bytes().any(|b| b.is_ascii_digit()) => None,
        _ => text.parse::<f64>().ok().filter(|n| n.is_finite()).map(Value::from),
    }
}

fn truth(text: &str) -> Option<bool> {
    match text.to_lowercase().as_str() {
        "true" | "1" | "t" | "yes" | "y" => Some(true),
        "false" | "0" | "f" | "no" | "n" => Some(false),
        _ => None,
    }
}

/// A decimal without needless zeros; digits too many behind the point are rounded half away from
/// zero, too many before it do not fit.
pub(crate) fn decimal(kind: Type, digits: Option<(u32, u32)>, text: &str) -> Option<String> {
    let (integer_most, fraction_most) = match (digits, kind) {
        (Some((precision, scale)), _) => (precision - scale, scale),
        (None, Type::BigNumeric) => (38, 38),
        (None, _) => (29, 9),
    };
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let is_negative = mantissa.starts_with('-');
    let mantissa = mantissa.strip_prefix(['-', '+']).unwrap_or(mantissa);
    let (integer, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{integer}{fraction}");
    if all.is_empty() || !all.bytes().all(|b| b.is_ascii_digit()) || exponent.abs() > 200 {
        return None;
    }
    let point = i32::try_from(integer.len()).ok()? + exponent;
    let (integer, fraction) = split(&all, point);
    let (integer, fraction) = rounded(&integer, &fraction, fraction_most as usize);
    if integer.len() > integer_most as usize {
        return None;
    }
    let integer = if integer.is_empty() { "0" } else { &integer };
    let body =
        if fraction.is_empty() { integer.to_owned() } else { format!("{integer}.{fraction}") };
    Some(if is_negative && body != "0" { format!("-{body}") } else { body })
}

/// Digits before and behind the point, without zeros at the outer ends of either.
fn split(all: &str, point: i32) -> (String, String) {
    let zeros = |n: i32| "0".repeat(usize::try_from(n).unwrap_or(0));
    let length = i32::try_from(all.len()).unwrap_or(i32::MAX);
    let padded = format!("{}{all}{}", zeros(-point), zeros(point - length));
    let (integer, fraction) = padded.split_at(usize::try_from(point).unwrap_or(0));
    (integer.trim_start_matches('0').to_owned(), fraction.trim_end_matches('0').to_owned())
}

fn rounded(integer: &str, fraction: &str, most: usize) -> (String, String) {
    if fraction.len() <= most {
        return (integer.to_owned(), fraction.to_owned());
    }
    let is_up = fraction.as_bytes()[most] >= b'5';
    let mut digits: Vec<u8> = format!("0{integer}{}", &fraction[..most]).into_bytes();
    if is_up {
        for digit in digits.iter_mut().rev() {
            if *digit == b'9' {
                *digit = b'0';
            } else {
                *digit += 1;
                break;
            }
        }
    }
    let text = String::from_utf8_lossy(&digits).into_owned();
    let (integer, fraction) = text.split_at(text.len() - most);
    (integer.trim_start_matches('0').to_owned(), fraction.trim_end_matches('0').to_owned())
}

/// `YYYY-MM-DD` of the years 1 to 9999; a month or a day may be of one digit.
fn date(text: &str) -> Option<Date> {
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = parts.as_slice() else { return None };
    let is_number = |part: &str, least: usize, most: usize| {
        (least..=most).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit())
    };
    if !is_number(year, 4, 4) || !is_number(month, 1, 2) || !is_number(day, 1, 2) {
        return None;
    }
    let year: i16 = year.parse().ok()?;
    Date::new(year, month.parse().ok()?, day.parse().ok()?).ok().filter(|_| year >= 1)
}

/// `HH:MM:SS[.ffffff]`; 24:00:00 and a 61st second are none.
fn time(text: &str) -> Option<Time> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let parts: Vec<&str> = whole.split(':').collect();
    let [hour, minute, second] = parts.as_slice() else { return None };
    let part = |part: &str| -> Option<i8> {
        let is_number = (1..=2).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        if is_number { part.parse().ok() } else { None }
    };
    if fraction.is_empty() || fraction.len() > 6 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let nanos = format!("{fraction:0<9}").parse().ok()?;
    Time::new(part(hour)?, part(minute)?, part(second)?, nanos).ok()
}

fn moment(text: &str) -> Option<(Date, Time)> {
    match text.split_once([' ', 'T', 't']) {
        Some((day, rest)) => Some((date(day)?, time(rest)?)),
        None => Some((date(text)?, Time::midnight())),
    }
}

/// Six digits of the second, always.
fn clock(time: Time) -> String {
    let micros = time.subsec_nanosecond() / 1_000;
    format!("{:02}:{:02}:{:02}.{micros:06}", time.hour(), time.minute(), time.second())
}

/// `YYYY-MM-DD HH:MM[:SS[.ffffff]]` with an offset, `Z` or `UTC`; without one it is UTC.
pub(crate) fn timestamp(text: &str) -> Option<String> {
    let text = text.strip_suffix(" UTC").or_else(|| text.strip_suffix("UTC")).unwrap_or(text);
    let (text, is_utc) = match text.strip_suffix(['Z', 'z']) {
        Some(text) => (text, true),
        None => (text, false),
    };
    let (day, rest) = text.split_once([' ', 'T', 't']).unwrap_or((text, "00:00:00"));
    let (clocked, offset) = match rest.find(['+', '-']) {
        Some(_) if is_utc => return None,
        Some(at) => (rest[..at].trim_end(), seconds(&rest[at..])?),
        None => (rest, 0),
    };
    let clocked = if clocked.matches(':').count() == 1 {
        format!("{clocked}:00")
    } else {
        clocked.to_owned()
    };
    let (date, time) = (date(day)?, time(&clocked)?);
    let moment =
        date.to_datetime(time).checked_sub(jiff::SignedDuration::from_secs(offset)).ok()?;
    let is_within = (1..=9_999).contains(&moment.year());
    is_within.then(|| format!("{}T{}Z", moment.date(), clock(moment.time())))
}

/// Seconds of `+HH[:MM]`.
fn seconds(offset: &str) -> Option<i64> {
    let sign = if offset.starts_with('-') { -1 } else { 1 };
    let (hours, minutes) = offset[1..].split_once(':').unwrap_or((&offset[1..], "0"));
    let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
    (hours <= 14 && minutes < 60).then_some(sign * (hours * 3_600 + minutes * 60))
}

/// Seconds since 1970, with a fraction.
fn epoch(text: &str) -> Option<String> {
    let seconds: f64 = text.parse().ok()?;
    let micros = format!("{:.0}", seconds * 1e6).parse().ok()?;
    of_micros(micros)
}

/// The form of a moment so many microseconds after 1970.
pub(crate) fn of_micros(micros: i64) -> Option<String> {
    let moment = jiff::Timestamp::from_microsecond(micros).ok()?;
    let civil = jiff::tz::TimeZone::UTC.to_datetime(moment);
    let is_within = (1..=9_999).contains(&civil.year());
    is_within.then(|| format!("{}T{}Z", civil.date(), clock(civil.time())))
}

/// Microseconds after 1970 of a moment in its form.
pub(crate) fn micros(form: &str) -> Option<i64> {
    Some(form.parse::<jiff::Timestamp>().ok()?.as_microsecond())
}

fn is_geography(text: &str) -> bool {
    let shapes =
        ["POINT", "LINESTRING", "POLYGON", "MULTI", "GEOMETRYCOLLECTION", "FULLGLOBE", "{"];
    let upper = text.trim().to_uppercase();
    let is_hex = !text.is_empty() && text.bytes().all(|b| b.is_ascii_hexdigit());
    is_hex || shapes.iter().any(|shape| upper.starts_with(shape))
}

/// Which of two decimals in their form is the greater.
pub(crate) fn compare(a: &str, b: &str) -> std::cmp::Ordering {
    let parts = |text: &str| {
        let is_negative = text.starts_with('-');
        let body = text.strip_prefix('-').unwrap_or(text);
        let (integer, fraction) = body.split_once('.').unwrap_or((body, ""));
        (is_negative, integer.trim_start_matches('0').to_owned(), fraction.to_owned())
    };
    let ((a_minus, a_int, a_frac), (b_minus, b_int, b_frac)) = (parts(a), parts(b));
    let magnitude = a_int.len().cmp(&b_int.len()).then(a_int.cmp(&b_int)).then(a_frac.cmp(&b_frac));
    match (a_minus, b_minus) {
        (false, false) => magnitude,
        (true, true) => magnitude.reverse(),
        (true, false) => std::cmp::Ordering::Less,
        (false, true) => std::cmp::Ordering::Greater,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::schema::{Field, Type};
    use super::{column, compare, decimal};

    fn field(kind: &str) -> Field {
        Field::new("c", Type::of(kind).expect("a type"))
    }

    fn told(kind: &str, value: Value) -> Value {
        column(&field(kind), Some(&value), false).unwrap_or_else(|_| json!("refused"))
    }

    #[test]
    fn every_type_takes_what_bigquery_takes_and_nothing_else() {
        let fits = [
            ("INT64", json!("9223372036854775807"), json!(i64::MAX)),
            ("INT64", json!(9007199254740993_i64), json!(9007199254740992_i64)),
            ("FLOAT64", json!("-Infinity"), json!("-Infinity")),
            ("NUMERIC", json!("-0.50"), json!("-0.5")),
            ("NUMERIC", json!("1.0000000005"), json!("1.000000001")),
            ("NUMERIC", json!("1e3"), json!("1000")),
            ("BOOL", json!("yes"), json!(true)),
            ("BYTES", json!("AA=="), json!("AA==")),
            ("DATE", json!("0001-01-01"), json!("0001-01-01")),
            ("TIME", json!("01:02:03.5"), json!("01:02:03.500000")),
            ("DATETIME", json!("2026-02-28 01:02:03"), json!("2026-02-28T01:02:03.000000")),
            ("TIMESTAMP", json!("2026-01-01 00:30:00+01:00"), json!("2025-12-31T23:30:00.000000Z")),
            (
                "TIMESTAMP",
                json!("9999-12-31T23:59:59.999999Z"),
                json!("9999-12-31T23:59:59.999999Z"),
            ),
            ("TIMESTAMP", json!(0.5), json!("1970-01-01T00:00:00.500000Z")),
            ("JSON", json!({ "a": [1] }), json!({ "a": [1] })),
        ];
        for (kind, value, expected) in fits {
            assert_eq!(told(kind, value.clone()), expected, "{kind} {value}");
        }
        let misfits = [
            ("INT64", json!("9223372036854775808")),
            ("INT64", json!(1.5)),
            ("NUMERIC", json!("NaN")),
            ("NUMERIC", json!("100000000000000000000000000000")),
            ("BYTES", json!("AA")),
            ("DATE", json!("0000-01-01")),
            ("DATE", json!("2026-02-29")),
            ("DATE", json!("10000-01-01")),
            ("TIME", json!("24:00:00")),
            ("TIMESTAMP", json!("0001-01-01T00:00:00+01:00")),
            ("TIMESTAMP", json!("2026-01-01T00:00:00.1234567Z")),
            ("BOOL", json!(2)),
            ("STRING", json!({})),
            ("STRING", json!(["a"])),
        ];
        for (kind, value) in misfits {
            assert_eq!(told(kind, value.clone()), "refused", "{kind} {value}");
        }
    }

    #[test]
    fn decimals_are_ordered_as_numbers() {
        let ordered = ["-100", "-99.5", "-1", "-0.5", "0", "0.25", "0.3", "2", "10"];
        assert!(ordered.windows(2).all(|pair| compare(pair[0], pair[1]).is_lt()));
        assert_eq!(decimal(super::Type::Numeric, Some((4, 2)), "99.995"), None);
    }
}
