//! Dates, times of day and timestamps.

use arrow::array::{
    Date32Array, Date64Array, Time32MillisecondArray, Time32SecondArray, Time64MicrosecondArray,
    Time64NanosecondArray, TimestampMicrosecondArray, TimestampMillisecondArray,
    TimestampNanosecondArray, TimestampSecondArray,
};

use super::*;

const TIME: Form = Form::Time { fraction_digits: 6 };
const DATE_TIME: Form = Form::DateTime { fraction_digits: 6 };
const TIMESTAMP: Form = Form::Timestamp { fraction_digits: 6 };

const FIRST_SECOND: i64 = -62_135_596_800;
const LAST_SECOND: i64 = 253_402_300_799;

const YEAR: &str = "the year is outside of 1 to 9999";
const DIGITS: &str = "the second has more than 6 digits after the point";
const CLOCK: &str = "the time is outside of 00:00:00 to 23:59:59";

/// One line for each of `values` in quotes.
fn each(values: &[&str]) -> String {
    values.iter().map(|value| format!("{{\"a\":\"{value}\"}}\n")).collect()
}

#[test]
fn a_date_has_ten_characters() {
    let days = vec![-719_162, -1, 0, 11_016, 11_017, 19_782, 20_778, 2_932_896];
    let expected = [
        "0001-01-01",
        "1969-12-31",
        "1970-01-01",
        "2000-02-29",
        "2000-03-01",
        "2024-02-29",
        "2026-11-21",
        "9999-12-31",
    ];
    assert_eq!(values(Date32Array::from(days.clone()), Form::Date), each(&expected));
    let millis: Vec<_> = days.iter().map(|day| i64::from(*day) * 86_400_000).collect();
    assert_eq!(values(Date64Array::from(millis), Form::Date), each(&expected));
}

#[test]
fn every_day_of_the_calendar_is_the_one_of_another_library() {
    let days: Vec<_> = (-719_162..=2_932_896).collect();
    let text = values(Date32Array::from(days.clone()), Form::Date);
    let first = jiff::civil::date(1, 1, 1);
    let mut date = first;
    for line in text.lines() {
        assert_eq!(line, format!("{{\"a\":\"{date}\"}}"));
        date = date.tomorrow().unwrap_or(first);
    }
    assert_eq!((text.lines().count(), date), (days.len(), first));
}

#[test]
fn a_date_that_has_no_four_digits_or_is_not_whole_is_a_misfit() {
    let found =
        refused(Date32Array::from(vec![-719_163, 2_932_897, i32::MIN, i32::MAX]), Form::Date);
    let expected = [
        format!("0 a: 0000-12-31: {YEAR}"),
        format!("1 a: +10000-01-01: {YEAR}"),
        format!("2 a: -2147483648 as Date32: {YEAR}"),
        format!("3 a: 2147483647 as Date32: {YEAR}"),
    ];
    assert_eq!(found, expected);
    let part = "the date is not a whole number of days";
    let found = refused(Date64Array::from(vec![1, -1, i64::MAX, i64::MIN]), Form::Date);
    assert_eq!(found[0], format!("0 a: 1970-01-01T00:00:00.001: {part}"));
    assert_eq!(found.len(), 4);
}

#[test]
fn a_time_of_day_has_a_fraction_where_it_is_not_zero() {
    let seconds = Time32SecondArray::from(vec![0, 86_399, 45_296]);
    assert_eq!(values(seconds, TIME), each(&["00:00:00", "23:59:59", "12:34:56"]));
    let millis = Time32MillisecondArray::from(vec![1, 86_399_999]);
    assert_eq!(values(millis, TIME), each(&["00:00:00.001000", "23:59:59.999000"]));
    let micros = Time64MicrosecondArray::from(vec![1, 86_399_999_999, 1_000_000]);
    assert_eq!(values(micros, TIME), each(&["00:00:00.000001", "23:59:59.999999", "00:00:01"]));
    let nanos = Time64NanosecondArray::from(vec![1_000, 86_399_999_999_000]);
    assert_eq!(values(nanos, TIME), each(&["00:00:00.000001", "23:59:59.999999"]));
    let nanos = Time64NanosecondArray::from(vec![1, 86_399_999_999_999]);
    let expected = each(&["00:00:00.000000001", "23:59:59.999999999"]);
    assert_eq!(values(nanos, Form::Time { fraction_digits: 9 }), expected);
}

#[test]
fn what_is_no_time_of_day_is_a_misfit() {
    let found = refused(Time32SecondArray::from(vec![-1, 86_400]), TIME);
    assert_eq!(
        found,
        [format!("0 a: -1 as Time32(s): {CLOCK}"), format!("1 a: 86400 as Time32(s): {CLOCK}")]
    );
    let found = refused(Time64NanosecondArray::from(vec![1_001, i64::MAX, i64::MIN]), TIME);
    assert_eq!(found[0], format!("0 a: 00:00:00.000001001: {DIGITS}"));
    assert_eq!(found.len(), 3);
    let whole = Form::Time { fraction_digits: 0 };
    let reason = "the second has more than 0 digits after the point";
    let found = refused(Time32MillisecondArray::from(vec![1_500]), whole.clone());
    assert_eq!(found, [format!("0 a: 00:00:01.500: {reason}")]);
    assert_eq!(values(Time32MillisecondArray::from(vec![2_000]), whole), each(&["00:00:02"]));
}

#[test]
fn timestamps_of_all_units_are_the_same_moment() {
    let seconds = [FIRST_SECOND, -1, 0, 1_795_267_800, LAST_SECOND];
    let expected = each(&[
        "0001-01-01 00:00:00",
        "1969-12-31 23:59:59",
        "1970-01-01 00:00:00",
        "2026-11-21 13:30:00",
        "9999-12-31 23:59:59",
    ]);
    let times = |factor: i64| seconds.map(|second| second * factor).to_vec();
    assert_eq!(values(TimestampSecondArray::from(times(1)), DATE_TIME), expected);
    assert_eq!(values(TimestampMillisecondArray::from(times(1_000)), DATE_TIME), expected);
    assert_eq!(values(TimestampMicrosecondArray::from(times(1_000_000)), DATE_TIME), expected);
    let nanos = TimestampNanosecondArray::from(vec![-1_000, 1_795_267_800_250_000_000]);
    let expected = each(&["1969-12-31 23:59:59.999999", "2026-11-21 13:30:00.250000"]);
    assert_eq!(values(nanos, DATE_TIME), expected);
    let millis = TimestampMillisecondArray::from(vec![-1, 1]);
    let expected = each(&["1969-12-31 23:59:59.999", "1970-01-01 00:00:00.001"]);
    assert_eq!(values(millis, Form::DateTime { fraction_digits: 3 }), expected);
}

#[test]
fn a_moment_is_written_in_utc_whatever_zone_shows_it() {
    for zone in ["UTC", "+02:00", "Europe/Berlin"] {
        let micros =
            || TimestampMicrosecondArray::from(vec![Some(0), None, Some(-1)]).with_timezone(zone);
        let expected =
            "{\"a\":\"1970-01-01T00:00:00Z\"}\n{}\n{\"a\":\"1969-12-31T23:59:59.999999Z\"}\n";
        assert_eq!(values(micros(), TIMESTAMP), expected);
        let expected =
            "{\"a\":\"1970-01-01 00:00:00\"}\n{}\n{\"a\":\"1969-12-31 23:59:59.999999\"}\n";
        assert_eq!(values(micros(), Form::UtcDateTime { fraction_digits: 6 }), expected);
    }
}

#[test]
fn a_moment_with_a_zone_is_no_date_and_time_and_the_other_way_round() {
    use arrow::datatypes::TimeUnit::Second;
    let zoned = DataType::Timestamp(Second, Some("UTC".into()));
    let plain = DataType::Timestamp(Second, None);
    let holds = |form: Form| (form.holds(&zoned), form.holds(&plain));
    assert_eq!(holds(TIMESTAMP), (true, false));
    assert_eq!(holds(DATE_TIME), (false, true));
    assert_eq!(holds(Form::UtcDateTime { fraction_digits: 6 }), (true, false));
}

#[test]
fn a_timestamp_beyond_the_calendar_or_too_fine_is_a_misfit() {
    let far = vec![FIRST_SECOND - 1, LAST_SECOND + 1, i64::MIN, i64::MAX];
    let found = refused(TimestampSecondArray::from(far), DATE_TIME);
    assert_eq!(found[0], format!("0 a: 0000-12-31T23:59:59: {YEAR}"));
    assert_eq!(found[2], format!("2 a: -9223372036854775808 as Timestamp(s): {YEAR}"));
    assert_eq!(found.len(), 4);
    let limits = TimestampMicrosecondArray::from(vec![i64::MIN, i64::MAX]);
    assert_eq!(refused(limits, DATE_TIME).len(), 2);
    let nanos = TimestampNanosecondArray::from(vec![1, -1, i64::MIN, i64::MAX]);
    let found = refused(nanos, DATE_TIME);
    assert_eq!(found[1], format!("1 a: 1969-12-31T23:59:59.999999999: {DIGITS}"));
    assert_eq!(found.len(), 4);
    let nanos = TimestampNanosecondArray::from(vec![i64::MIN, i64::MAX]);
    let expected = each(&["1677-09-21 00:12:43.145224192", "2262-04-11 23:47:16.854775807"]);
    assert_eq!(values(nanos, Form::DateTime { fraction_digits: 9 }), expected);
}
