//! Parameters as SQL sees them: a type and a value, never text.

use arrow::datatypes::{Decimal128Type, Decimal256Type};
use datafusion::common::ScalarValue;
use datafusion::sql::sqlparser::ast::{DataType, ExactNumberInfo, TimezoneInfo};
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use crate::config::Var;
use crate::error::{Error, Result};

/// The SQL type of `var`.
pub(super) fn sql_type(name: &str, var: &Var) -> Result<DataType> {
    Ok(match var {
        Var::Integer(_) => DataType::BigInt(None),
        Var::Decimal(text) => {
            let (precision, scale) = digits(name, text)?;
            let exact = ExactNumberInfo::PrecisionAndScale(precision.into(), scale.into());
            DataType::Decimal(exact)
        }
        Var::Boolean(_) => DataType::Boolean,
        Var::Date(_) => DataType::Date,
        Var::Timestamp(at) => {
            let precision = if at.subsec_nanosecond() % 1000 == 0 { 6 } else { 9 };
            DataType::Timestamp(Some(precision), TimezoneInfo::None)
        }
        Var::Text(_) => DataType::Varchar(None),
    })
}

/// The value of `var`, of the type that [`sql_type`] says.
pub(super) fn value(name: &str, var: &Var) -> Result<ScalarValue> {
    Ok(match var {
        Var::Integer(number) => ScalarValue::Int64(Some(*number)),
        Var::Decimal(text) => decimal(name, text)?,
        Var::Boolean(flag) => ScalarValue::Boolean(Some(*flag)),
        Var::Date(date) => ScalarValue::Date32(Some(days(*date))),
        Var::Timestamp(at) => timestamp(name, *at)?,
        Var::Text(text) => ScalarValue::Utf8(Some(text.clone())),
    })
}

fn wrong(name: &str, text: &str, why: &str) -> Error {
    let name = name.trim_start_matches('$');
    Error::config(format!("parameter `{name}` cannot be `{text}`: {why}"))
}

/// Precision and scale of a decimal as written.
fn digits(name: &str, text: &str) -> Result<(u8, i8)> {
    let plain = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, part) = plain.split_once('.').unwrap_or((plain, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(part) || whole.len() + part.len() == 0 {
        return Err(wrong(name, text, "it is not a plain decimal number"));
    }
    let scale = i8::try_from(part.len());
    let precision = u8::try_from((whole.len() + part.len()).max(1));
    match (precision, scale) {
        (Ok(precision @ ..=76), Ok(scale)) => Ok((precision, scale)),
        _ => Err(wrong(name, text, "it has more than 76 digits")),
    }
}

fn decimal(name: &str, text: &str) -> Result<ScalarValue> {
    let (precision, scale) = digits(name, text)?;
    let failed = |error: arrow::error::ArrowError| wrong(name, text, &error.to_string());
    Ok(if precision <= 38 {
        let value = arrow::compute::kernels::cast_utils::parse_decimal::<Decimal128Type>(
            text, precision, scale,
        );
        ScalarValue::Decimal128(Some(value.map_err(failed)?), precision, scale)
    } else {
        let value = arrow::compute::kernels::cast_utils::parse_decimal::<Decimal256Type>(
            text, precision, scale,
        );
        ScalarValue::Decimal256(Some(value.map_err(failed)?), precision, scale)
    })
}

fn days(date: Date) -> i32 {
    let epoch = Date::constant(1970, 1, 1);
    (date - epoch).get_days()
}

fn timestamp(name: &str, at: DateTime) -> Result<ScalarValue> {
    let moment = at
        .to_zoned(TimeZone::UTC)
        .map_err(|error| wrong(name, &at.to_string(), &error.to_string()))?
        .timestamp();
    if at.subsec_nanosecond() % 1000 == 0 {
        return Ok(ScalarValue::TimestampMicrosecond(Some(moment.as_microsecond()), None));
    }
    let nanos = i64::try_from(moment.as_nanosecond())
        .map_err(|_| wrong(name, &at.to_string(), "it has nanoseconds and is too far away"))?;
    Ok(ScalarValue::TimestampNanosecond(Some(nanos), None))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Result<ScalarValue> {
        value("x", &Var::Decimal(text.into()))
    }

    #[test]
    fn a_decimal_keeps_every_digit_as_written() {
        assert_eq!(decimal("0.050").unwrap(), ScalarValue::Decimal128(Some(50), 4, 3));
        assert_eq!(decimal("-12.5").unwrap(), ScalarValue::Decimal128(Some(-125), 3, 1));
        assert_eq!(decimal(".5").unwrap(), ScalarValue::Decimal128(Some(5), 1, 1));
        let long = format!("{}.5", "9".repeat(40));
        assert!(matches!(decimal(&long).unwrap(), ScalarValue::Decimal256(Some(_), 41, 1)));
    }

    #[test]
    fn a_decimal_that_is_none_or_too_long_is_refused() {
        for text in ["", ".", "1e5", "1.2.3", "--1", &"9".repeat(77)] {
            let error = decimal(text).unwrap_err();
            assert_eq!(error.kind(), crate::error::Kind::Config, "{text}");
            assert!(error.message().starts_with("parameter `x` cannot be "), "{text}");
        }
    }

    #[test]
    fn moments_are_counted_from_1970() {
        let date = value("x", &Var::Date(jiff::civil::date(1969, 12, 31))).unwrap();
        assert_eq!(date, ScalarValue::Date32(Some(-1)));
        let date = value("x", &Var::Date(jiff::civil::date(2026, 3, 1))).unwrap();
        assert_eq!(date, ScalarValue::Date32(Some(20_513)));
        let noon = jiff::civil::date(1970, 1, 1).at(12, 0, 0, 0);
        let noon = value("x", &Var::Timestamp(noon)).unwrap();
        assert_eq!(noon, ScalarValue::TimestampMicrosecond(Some(43_200_000_000), None));
        let fine = jiff::civil::date(1970, 1, 1).at(0, 0, 0, 1);
        let fine = value("x", &Var::Timestamp(fine)).unwrap();
        assert_eq!(fine, ScalarValue::TimestampNanosecond(Some(1), None));
    }
}
