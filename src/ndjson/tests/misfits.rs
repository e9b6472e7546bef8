//! Rows that are left out.

use arrow::array::Int64Array;

use super::*;

const SMALL: Form = Form::Integer { bits: 8, quoted: false };
const RANGE: &str = "the number is outside of an integer of 8 bits";

#[test]
fn a_misfit_says_what_can_be_done() {
    let batch = batch(vec![Arc::new(Int64Array::from(vec![1000]))]);
    let misfits = lines(&batch, columns(vec![SMALL])).write(&batch, &mut Vec::new()).unwrap();
    let expected = Misfit {
        row: 0,
        column: "a".to_owned(),
        value: "1000".to_owned(),
        reason: RANGE.to_owned(),
        hint: Some("widen the column in the target".to_owned()),
    };
    assert_eq!(misfits, [expected]);
}

#[test]
fn a_row_is_told_once_with_its_first_bad_column() {
    let batch = batch(vec![
        Arc::new(Int64Array::from(vec![1, 2000, 3])),
        Arc::new(Int64Array::from(vec![1000, 1000, 3])),
        strings(vec![Some("x"), Some("y"), Some("z")]),
    ]);
    let mut lines = lines(&batch, columns(vec![SMALL, SMALL, TEXT]));
    let (text, misfits) = written(&mut lines, &batch);
    assert_eq!(text, "{\"a\":3,\"b\":3,\"c\":\"z\"}\n");
    assert_eq!(misfits, [format!("0 b: 1000: {RANGE}"), format!("1 a: 2000: {RANGE}")]);
}

#[test]
fn misfits_of_a_long_batch_are_told_in_the_order_of_rows() {
    let numbers: Vec<_> = (0..1000).map(|n| if n % 7 == 3 { 1000 + n } else { n % 100 }).collect();
    let array = Int64Array::from(numbers.clone());
    let (text, misfits) = column(array, SMALL);
    let fits = |n: &&i64| **n < 100;
    let expected: String =
        numbers.iter().filter(fits).map(|n| format!("{{\"a\":{n}}}\n")).collect();
    assert_eq!(text, expected);
    let bad = numbers.iter().enumerate().filter(|(_, n)| **n >= 100);
    let expected: Vec<_> = bad.map(|(row, n)| format!("{row} a: {n}: {RANGE}")).collect();
    assert_eq!(misfits, expected);
}

#[test]
fn a_required_column_takes_no_null() {
    let batch = batch(vec![strings(vec![Some("x"), None])]);
    for nulls in [Nulls::Omit, Nulls::Write] {
        let required = vec![Column::new("a", TEXT).required()];
        let mut lines = lines(&batch, required).with_nulls(nulls);
        let (text, misfits) = written(&mut lines, &batch);
        assert_eq!(text, "{\"a\":\"x\"}\n");
        assert_eq!(misfits, ["1 a: NULL: the column takes no NULL"]);
    }
}

#[test]
fn a_row_that_is_too_long_is_a_misfit_of_its_widest_column() {
    let batch = batch(vec![
        strings(vec![Some("a"), Some("a"), Some("a")]),
        strings(vec![Some("12345"), Some("123456"), Some("\n\n\n")]),
    ]);
    // {"a":"a","b":"12345"} and the end of the line.
    let mut lines = lines(&batch, columns(vec![TEXT, TEXT])).with_max_row_bytes(22);
    let (text, misfits) = written(&mut lines, &batch);
    assert_eq!(text, "{\"a\":\"a\",\"b\":\"12345\"}\n");
    let reason = "the row is longer than 22 bytes as a line of JSON";
    let expected =
        [format!("1 b: a row of 23 bytes: {reason}"), format!("2 b: a row of 23 bytes: {reason}")];
    assert_eq!(misfits, expected);
}

#[test]
fn rows_of_very_different_lengths_stand_beside_each_other() {
    let texts: Vec<_> =
        (0..200).map(|row| "x".repeat(if row % 50 == 7 { 500_000 } else { row })).collect();
    let expected: String = texts.iter().map(|text| format!("{{\"a\":\"{text}\"}}\n")).collect();
    let written = values(StringArray::from(texts), TEXT);
    assert!(written == expected);
}
