//! Numbers and booleans.

use arrow::array::{
    BooleanArray, Decimal32Array, Decimal64Array, Decimal128Array, Decimal256Array, Float16Array,
    Float32Array, Float64Array, Int8Array, Int16Array, Int32Array, Int64Array, UInt8Array,
    UInt16Array, UInt32Array, UInt64Array,
};
use arrow::datatypes::{Float16Type, i256};

use super::*;

const BARE: Form = Form::Integer { bits: 128, quoted: false };
const FLOAT: Form = Form::Float { bits: 64, specials: Specials::Text };
const SINGLE: Form = Form::Float { bits: 32, specials: Specials::Refuse };

fn decimal(integer_digits: u8, fraction_digits: u8) -> Form {
    Form::Decimal { integer_digits, fraction_digits, quoted: false }
}

/// One line for each of `values` as they stand in JSON.
fn each(values: &[&str]) -> String {
    values.iter().map(|value| format!("{{\"a\":{value}}}\n")).collect()
}

#[test]
fn booleans_are_true_and_false() {
    let array = BooleanArray::from(vec![Some(true), None, Some(false)]);
    assert_eq!(values(array, Form::Bool), "{\"a\":true}\n{}\n{\"a\":false}\n");
}

#[test]
fn integers_of_all_widths_have_all_their_digits() {
    let check =
        |array: ArrayRef, expected: &[&str]| assert_eq!(values(array, BARE), each(expected));
    check(Arc::new(Int8Array::from(vec![i8::MIN, -1, 0, i8::MAX])), &["-128", "-1", "0", "127"]);
    check(Arc::new(Int16Array::from(vec![i16::MIN, i16::MAX])), &["-32768", "32767"]);
    check(Arc::new(Int32Array::from(vec![i32::MIN, i32::MAX])), &["-2147483648", "2147483647"]);
    let limits = ["-9223372036854775808", "9223372036854775807"];
    check(Arc::new(Int64Array::from(vec![i64::MIN, i64::MAX])), &limits);
    check(Arc::new(UInt8Array::from(vec![0, u8::MAX])), &["0", "255"]);
    check(Arc::new(UInt16Array::from(vec![10, u16::MAX])), &["10", "65535"]);
    check(Arc::new(UInt32Array::from(vec![100, u32::MAX])), &["100", "4294967295"]);
    check(Arc::new(UInt64Array::from(vec![7, u64::MAX])), &["7", "18446744073709551615"]);
}

#[test]
fn a_power_of_ten_and_what_is_below_it_keep_their_zeros() {
    let numbers: Vec<u64> = (0..20).flat_map(|p| [10_u64.pow(p) - 1, 10_u64.pow(p)]).collect();
    let expected: String = numbers.iter().map(|n| format!("{{\"a\":{n}}}\n")).collect();
    assert_eq!(values(UInt64Array::from(numbers), BARE), expected);
}

#[test]
fn an_integer_may_stand_in_quotes() {
    assert_eq!(values(Int64Array::from(vec![-12]), INTEGER), "{\"a\":\"-12\"}\n");
}

#[test]
fn an_integer_beyond_the_target_is_a_misfit() {
    let bits = |bits| Form::Integer { bits, quoted: false };
    let reason = |bits| format!("the number is outside of an integer of {bits} bits");
    let found = refused(Int64Array::from(vec![-129, 128]), bits(8));
    assert_eq!(found, [format!("0 a: -129: {}", reason(8)), format!("1 a: 128: {}", reason(8))]);
    let found = refused(UInt64Array::from(vec![1 << 63]), bits(64));
    assert_eq!(found, [format!("0 a: 9223372036854775808: {}", reason(64))]);
    let fits = Int64Array::from(vec![-32768, 32767]);
    assert_eq!(values(fits, bits(16)), each(&["-32768", "32767"]));
    assert_eq!(refused(UInt8Array::from(vec![128]), bits(8)), [format!("0 a: 128: {}", reason(8))]);
}

#[test]
fn decimals_are_exact_in_all_widths() {
    let check = |array: ArrayRef, expected: &[&str]| {
        assert_eq!(values(array, decimal(76, 76)), each(expected));
    };
    let small = Decimal32Array::from(vec![0, 5, -5, 123, 999_999_999, i32::MIN]);
    let small = small.with_precision_and_scale(9, 2).unwrap();
    let expected = ["0.00", "0.05", "-0.05", "1.23", "9999999.99", "-21474836.48"];
    check(Arc::new(small), &expected);
    let wide = Decimal64Array::from(vec![i64::MIN, i64::MAX, 1]);
    let wide = wide.with_precision_and_scale(18, 18).unwrap();
    let expected = ["-9.223372036854775808", "9.223372036854775807", "0.000000000000000001"];
    check(Arc::new(wide), &expected);
    let most = 10_i128.pow(38) - 1;
    let wider = Decimal128Array::from(vec![most, -most, 1, 0, i128::MIN]);
    let wider = wider.with_precision_and_scale(38, 38).unwrap();
    let nines = "9".repeat(38);
    let expected = [
        &format!("0.{nines}"),
        &format!("-0.{nines}"),
        &format!("0.{}1", "0".repeat(37)),
        &format!("0.{}", "0".repeat(38)),
        "-1.70141183460469231731687303715884105728",
    ];
    check(Arc::new(wider), &expected);
    let widest = Decimal256Array::from(vec![i256::MAX, i256::MIN, i256::ONE]);
    let widest = widest.with_precision_and_scale(76, 10).unwrap();
    let expected = [
        "5789604461865809771178549250434395392663499233282028201972879200395.6564819967",
        "-5789604461865809771178549250434395392663499233282028201972879200395.6564819968",
        "0.0000000001",
    ];
    check(Arc::new(widest), &expected);
}

#[test]
fn a_negative_scale_adds_zeros() {
    let array = Decimal128Array::from(vec![12, 0, -1]).with_precision_and_scale(5, -3).unwrap();
    assert_eq!(values(array, decimal(38, 0)), each(&["12000", "0", "-1000"]));
}

#[test]
fn integers_are_decimals_as_well() {
    assert_eq!(
        values(Int64Array::from(vec![i64::MIN]), decimal(19, 0)),
        each(&["-9223372036854775808"])
    );
    let found = refused(UInt8Array::from(vec![100]), decimal(2, 9));
    assert_eq!(found, ["0 a: 100: the number has more than 2 digits before the point"]);
}

#[test]
fn digits_that_a_target_does_not_keep_are_cut_only_when_they_are_zeros() {
    let array = || Decimal128Array::from(vec![12_500, 0, 12_550]).with_precision_and_scale(10, 3);
    let (text, misfits) = column(array().unwrap(), decimal(29, 1));
    assert_eq!(text, each(&["12.5", "0.0"]));
    assert_eq!(misfits, ["2 a: 12.550: the number has more than 1 digits after the point"]);
    let whole = Decimal128Array::from(vec![-5_000, 0]).with_precision_and_scale(10, 3).unwrap();
    assert_eq!(values(whole, decimal(29, 0)), each(&["-5", "0"]));
}

#[test]
fn digits_before_the_point_are_counted_by_the_value() {
    let array = Decimal128Array::from(vec![99_999, 100_000, 999]);
    let array = array.with_precision_and_scale(30, 3).unwrap();
    let (text, misfits) = column(array, decimal(2, 9));
    assert_eq!(text, each(&["99.999", "0.999"]));
    assert_eq!(misfits, ["1 a: 100.000: the number has more than 2 digits before the point"]);
    let fractions = Decimal256Array::from(vec![i256::from_i128(9), i256::from_i128(10)]);
    let fractions = fractions.with_precision_and_scale(30, 1).unwrap();
    let (text, misfits) = column(fractions, decimal(0, 9));
    assert_eq!(text, each(&["0.9"]));
    assert_eq!(misfits, ["1 a: 1.0: the number has more than 0 digits before the point"]);
}

#[test]
fn a_decimal_without_a_fraction_is_an_integer() {
    let array = Decimal128Array::from(vec![12_700, -12_800, 12_800, 50]);
    let array = array.with_precision_and_scale(10, 2).unwrap();
    let (text, misfits) = column(array, Form::Integer { bits: 8, quoted: true });
    assert_eq!(text, each(&["\"127\"", "\"-128\""]));
    let range = "the number is outside of an integer of 8 bits";
    let found = [
        format!("2 a: 128.00: {range}"),
        "3 a: 0.50: the number has digits after the point".into(),
    ];
    assert_eq!(misfits, found);
    let huge = Decimal256Array::from(vec![i256::MAX]).with_precision_and_scale(76, 0).unwrap();
    assert_eq!(refused(huge, Form::Integer { bits: 128, quoted: true }).len(), 1);
    let least = Decimal256Array::from(vec![i256::from_i128(i128::MIN)]);
    let least = least.with_precision_and_scale(76, 0).unwrap();
    assert_eq!(values(least, BARE), each(&["-170141183460469231731687303715884105728"]));
}

#[test]
fn floats_are_read_back_to_the_same_bits() {
    let floats = [
        0.0,
        -0.0,
        0.1,
        -1.5,
        1e21,
        1e300,
        f64::MAX,
        f64::MIN,
        f64::MIN_POSITIVE,
        5e-324,
        -5e-324,
        1.0 / 3.0,
        9_007_199_254_740_993.0,
        123_456_789.125,
        1e-7,
        4.35,
        2e-3,
        -2.225_073_858_507_201_4e-308,
    ];
    let text = values(Float64Array::from(floats.to_vec()), FLOAT);
    for (line, float) in text.lines().zip(floats) {
        let number = line.strip_prefix("{\"a\":").and_then(|rest| rest.strip_suffix('}')).unwrap();
        assert_eq!(number.parse::<f64>().unwrap().to_bits(), float.to_bits(), "{line}");
        let json: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(json["a"].as_f64().unwrap().to_bits(), float.to_bits(), "{line}");
    }
    assert_eq!(text.lines().count(), floats.len());
    assert_eq!(
        values(Float64Array::from(vec![0.1, -2.0, 1e300]), FLOAT),
        each(&["0.1", "-2.0", "1.0e300"])
    );
}

#[test]
fn smaller_floats_are_written_as_the_same_number_of_more_bits() {
    assert_eq!(
        values(Float32Array::from(vec![0.1, 1.5]), FLOAT),
        each(&["0.10000000149011612", "1.5"])
    );
    assert_eq!(values(Float32Array::from(vec![0.1]), SINGLE), each(&["0.10000000149011612"]));
    let half = Float16Array::from_iter_values(
        [0.5_f32, -65504.0]
            .map(<Float16Type as arrow::array::ArrowPrimitiveType>::Native::from_f32),
    );
    assert_eq!(values(half, FLOAT), each(&["0.5", "-65504.0"]));
}

#[test]
fn what_is_no_number_of_json_is_text_or_a_misfit() {
    let specials = || Float64Array::from(vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY]);
    let expected = each(&["\"NaN\"", "\"Infinity\"", "\"-Infinity\""]);
    assert_eq!(values(specials(), FLOAT), expected);
    let form = Form::Float { bits: 64, specials: Specials::Refuse };
    let reason = "the column takes no NaN and no infinity";
    let expected = [
        format!("0 a: NaN: {reason}"),
        format!("1 a: inf: {reason}"),
        format!("2 a: -inf: {reason}"),
    ];
    assert_eq!(refused(specials(), form), expected);
}

#[test]
fn a_number_that_a_float_does_not_hold_exactly_is_a_misfit() {
    let reason = "a float of 32 bits does not hold the number exactly";
    assert_eq!(refused(Float64Array::from(vec![0.1]), SINGLE), [format!("0 a: 0.1: {reason}")]);
    assert_eq!(refused(Float64Array::from(vec![1e300]), SINGLE).len(), 1);
    assert_eq!(values(Float64Array::from(vec![0.5, -0.0]), SINGLE), each(&["0.5", "-0.0"]));
    let whole = Int64Array::from(vec![1 << 53, (1 << 53) + 1, i64::MIN, 0, -3]);
    let (text, misfits) = column(whole, FLOAT);
    let numbers = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let numbers: Vec<_> = numbers.map(|line| line["a"].as_f64().unwrap()).collect();
    assert_eq!(numbers, [9_007_199_254_740_992.0, -9_223_372_036_854_775_808.0, 0.0, -3.0]);
    let reason = "a float of 64 bits does not hold the number exactly";
    assert_eq!(misfits, [format!("1 a: 9007199254740993: {reason}")]);
    assert_eq!(refused(UInt64Array::from(vec![u64::MAX]), FLOAT).len(), 1);
    assert_eq!(refused(Int32Array::from(vec![(1 << 24) + 1]), SINGLE).len(), 1);
}
