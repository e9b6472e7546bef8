//! Texts, bytes and JSON.

use arrow::array::Int32Array;
use arrow::array::{
    BinaryArray, BinaryViewArray, DictionaryArray, FixedSizeBinaryArray, LargeBinaryArray,
    LargeStringArray, RunArray, StringViewArray,
};
use arrow::datatypes::{Int8Type, Int32Type};

use super::*;

const JSON: Form = Form::Json { max_depth: 3 };

#[test]
fn every_character_below_the_blank_and_the_two_special_ones_are_escaped() {
    let text: String = (0..0x30_u8).map(char::from).chain("\\\u{7f}é€😀\u{2028}".chars()).collect();
    let written = values(StringArray::from(vec![&*text]), TEXT);
    let expected = concat!(
        r#"{"a":"\u0000\u0001\u0002\u0003\u0004\u0005\u0006\u0007\b\t\n\u000b\f\r\u000e\u000f"#,
        r"\u0010\u0011\u0012\u0013\u0014\u0015\u0016\u0017\u0018\u0019\u001a\u001b\u001c\u001d",
        r##"\u001e\u001f !\"#$%&'()*+,-./\\"##,
        "\u{7f}é€😀\u{2028}\"}\n"
    );
    assert_eq!(written, expected);
    let read: serde_json::Value = serde_json::from_str(&written).unwrap();
    assert_eq!(read["a"], text);
}

#[test]
fn a_character_is_escaped_wherever_it_stands() {
    for length in 0..140 {
        for at in (0..length).step_by(7) {
            let mut text = "x".repeat(length);
            text.replace_range(at..=at, "\"");
            // One more text, so that the next row would show what is written too far.
            let array = StringArray::from(vec![&*text, "", "y"]);
            let expected = text.replace('"', "\\\"");
            let expected = format!("{{\"a\":\"{expected}\"}}\n{{\"a\":\"\"}}\n{{\"a\":\"y\"}}\n");
            assert_eq!(values(array, TEXT), expected);
        }
    }
}

#[test]
fn texts_of_all_lengths_stand_beside_each_other() {
    let texts: Vec<_> = (0..200).map(|length| "ab".repeat(length / 2 + length % 2)).collect();
    let expected: String = texts.iter().map(|text| format!("{{\"a\":\"{text}\"}}\n")).collect();
    assert_eq!(values(StringArray::from(texts.clone()), TEXT), expected);
    assert_eq!(values(LargeStringArray::from(texts.clone()), TEXT), expected);
    assert_eq!(values(StringViewArray::from_iter_values(&texts), TEXT), expected);
}

#[test]
fn dictionaries_and_runs_are_written_like_their_values() {
    let texts = vec![Some("x\n"), None, Some("y"), Some("x\n")];
    let expected = "{\"a\":\"x\\n\"}\n{}\n{\"a\":\"y\"}\n{\"a\":\"x\\n\"}\n";
    let dictionary: DictionaryArray<Int8Type> = texts.clone().into_iter().collect();
    assert_eq!(values(dictionary, TEXT), expected);
    // An entry that is NULL, and one that no row has.
    let entries = strings(vec![Some("y"), None, Some("unused"), Some("x\n")]);
    let keys = Int32Array::from(vec![3, 1, 0, 3]);
    assert_eq!(values(DictionaryArray::new(keys, entries), TEXT), expected);
    let runs: RunArray<Int32Type> = texts.into_iter().collect();
    assert_eq!(values(runs, TEXT), expected);
}

#[test]
fn an_entry_that_does_not_fit_is_a_misfit_in_its_rows_only() {
    let entries = strings(vec![Some("ok"), Some("long")]);
    let form = || Form::Text { limit: Some(TextLimit::Bytes(2)) };
    let keys = Int32Array::from(vec![Some(0), Some(1), None, Some(1)]);
    let (text, misfits) = column(DictionaryArray::new(keys, entries.clone()), form());
    assert_eq!(text, "{\"a\":\"ok\"}\n{}\n");
    let reason = "the text is longer than 2 bytes";
    assert_eq!(misfits, [format!("1 a: long: {reason}"), format!("3 a: long: {reason}")]);
    let unused = DictionaryArray::new(Int32Array::from(vec![0, 0]), entries);
    assert_eq!(values(unused, form()), "{\"a\":\"ok\"}\n{\"a\":\"ok\"}\n");
}

#[test]
fn a_text_is_measured_in_bytes_or_characters() {
    let texts = || StringArray::from(vec!["äöü", "äöüß"]);
    let limited = |limit| column(texts(), Form::Text { limit: Some(limit) });
    let fits = "{\"a\":\"äöü\"}\n".to_owned();
    let (text, misfits) = limited(TextLimit::Bytes(6));
    assert_eq!(
        (text, misfits),
        (fits.clone(), vec!["1 a: äöüß: the text is longer than 6 bytes".into()])
    );
    let (text, misfits) = limited(TextLimit::Characters(3));
    assert_eq!(
        (text, misfits),
        (fits, vec!["1 a: äöüß: the text is longer than 3 characters".into()])
    );
}

#[test]
fn bytes_are_base64_with_padding_or_digits() {
    let bytes: Vec<Option<&[u8]>> =
        vec![Some(b""), Some(b"f"), Some(b"fo"), Some(b"foo"), Some(b"\xff\xfe\x00\x01"), None];
    let lines = |texts: [&str; 5]| {
        let lines: String = texts.iter().map(|text| format!("{{\"a\":\"{text}\"}}\n")).collect();
        lines + "{}\n"
    };
    let base64 = || Form::Base64 { max_bytes: None };
    let hex = || Form::Hex { max_bytes: None };
    let expected = lines(["", "Zg==", "Zm8=", "Zm9v", "//4AAQ=="]);
    assert_eq!(values(BinaryArray::from(bytes.clone()), base64()), expected);
    assert_eq!(values(LargeBinaryArray::from(bytes.clone()), base64()), expected);
    assert_eq!(values(BinaryViewArray::from(bytes.clone()), base64()), expected);
    assert_eq!(
        values(BinaryArray::from(bytes), hex()),
        lines(["", "66", "666f", "666f6f", "fffe0001"])
    );
    let fixed = || FixedSizeBinaryArray::try_from_iter([*b"ab", *b"cd"].into_iter()).unwrap();
    assert_eq!(values(fixed(), hex()), "{\"a\":\"6162\"}\n{\"a\":\"6364\"}\n");
    let found = refused(fixed(), Form::Hex { max_bytes: Some(1) });
    assert_eq!(found[0], "0 a: 6162: the value is longer than 1 bytes");
    assert_eq!(values(fixed(), Form::Base64 { max_bytes: Some(2) }).lines().count(), 2);
}

#[test]
fn a_uuid_has_four_hyphens() {
    let bytes: [u8; 16] = std::array::from_fn(|at| 0xf0 - u8::try_from(at).unwrap());
    let array = FixedSizeBinaryArray::try_from_iter([bytes].into_iter()).unwrap();
    let expected = "{\"a\":\"f0efeeed-eceb-eae9-e8e7-e6e5e4e3e2e1\"}\n";
    assert_eq!(values(array, Form::Uuid), expected);
}

#[test]
fn json_stands_there_as_it_is_but_on_one_line() {
    let texts = vec![
        "{\"n\": 12345678901234567890.1234567890e-400,\r\n\t\"s\": \"\\n\\u00e9 \\\"\"}",
        "[1,\n2 , [ ] , {}]",
        " \"null\" ",
        "-0",
        "true",
    ];
    let expected = concat!(
        "{\"a\":{\"n\": 12345678901234567890.1234567890e-400,  \t\"s\": \"\\n\\u00e9 \\\"\"}}\n",
        "{\"a\":[1, 2 , [ ] , {}]}\n",
        "{\"a\": \"null\" }\n",
        "{\"a\":-0}\n",
        "{\"a\":true}\n",
    );
    assert_eq!(values(StringArray::from(texts), JSON), expected);
}

#[test]
fn what_is_not_json_is_a_misfit() {
    let texts = [
        "",
        " ",
        "nul",
        "tru",
        "truex",
        "+1",
        "01",
        "-",
        "1.",
        ".5",
        "1e",
        "1e+",
        "0x1",
        "NaN",
        "'a'",
        "\"",
        "\"\n\"",
        "\"\\x\"",
        "\"\\u12g4\"",
        "\"\\u12",
        "\"\\",
        "{",
        "[",
        "]",
        "[1",
        "[1,]",
        "[,1]",
        "[1 2]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{a:1}",
        "{1:1}",
        "[1}",
        "{\"a\":1]",
        "1 2",
        "\u{feff}1",
        "1\u{a0}",
        "[1]]",
        "// 1",
        "-01",
        "--1",
        "{,}",
        "[\"a\":1]",
    ];
    let expected = texts.iter().enumerate().map(|(row, text)| {
        let shown = crate::source::Refused::shown(text.as_bytes());
        format!("{row} a: {shown}: the text is not JSON")
    });
    let expected: Vec<_> = expected.collect();
    for text in texts {
        assert!(serde_json::from_str::<serde_json::Value>(text).is_err(), "{text}");
    }
    assert_eq!(refused(StringArray::from(texts.to_vec()), JSON), expected);
}

#[test]
fn json_that_is_nested_too_deep_or_null_is_a_misfit() {
    let texts = vec!["[[[]]]", "[[[[]]]]", "{\"a\":[{\"b\":{}}]}", " null\n", "[null]"];
    let (text, misfits) = column(StringArray::from(texts), JSON);
    assert_eq!(text, "{\"a\":[[[]]]}\n{\"a\":[null]}\n");
    let deep = "the JSON is nested deeper than 3 levels";
    let expected = [
        format!("1 a: [[[[]]]]: {deep}"),
        format!("2 a: {{\"a\":[{{\"b\":{{}}}}]}}: {deep}"),
        "3 a:  null\\n: the JSON `null` would become a NULL".to_owned(),
    ];
    assert_eq!(misfits, expected);
    let deepest = "[".repeat(1_000_000) + &"]".repeat(1_000_000);
    let form = Form::Json { max_depth: 1_000_000 };
    assert_eq!(values(StringArray::from(vec![&*deepest]), form), format!("{{\"a\":{deepest}}}\n"));
}
