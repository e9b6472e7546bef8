//! Values of all types on their way into a new table, as JSON and as Parquet.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::*;
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, Fields, Int32Type, Schema};

use super::*;
use crate::error::Kind;

/// Columns that both formats carry.
fn plain() -> Vec<(&'static str, ArrayRef)> {
    let decimals = |values: Vec<Option<i128>>, precision, scale| {
        let values = Decimal128Array::from(values).with_precision_and_scale(precision, scale);
        Arc::new(values.unwrap()) as ArrayRef
    };
    let items: Vec<Option<i32>> = vec![Some(1), Some(2)];
    let lists = ListArray::from_iter_primitive::<Int32Type, _, _>(vec![Some(items), Some(vec![])]);
    let inner = Fields::from(vec![Field::new("x", DataType::Int64, true)]);
    let ints: ArrayRef = Arc::new(Int64Array::from(vec![Some(i64::MAX), None]));
    let structs = StructArray::new(inner, vec![ints], None);
    let micros = vec![Some(1_700_000_000_123_456), None];
    vec![
        ("flag", Arc::new(BooleanArray::from(vec![Some(true), None]))),
        ("small", Arc::new(Int8Array::from(vec![Some(-128), None]))),
        ("large", Arc::new(UInt64Array::from(vec![Some(u64::MAX), None]))),
        ("ratio", Arc::new(Float64Array::from(vec![Some(f64::NEG_INFINITY), Some(0.1)]))),
        ("amount", decimals(vec![Some(-12_345), None], 12, 2)),
        ("precise", decimals(vec![Some(1), None], 38, 20)),
        ("text", Arc::new(StringArray::from(vec![Some("ä\n\"\u{1f600}"), Some("")]))),
        ("bytes", Arc::new(BinaryArray::from(vec![Some(&[0_u8, 255][..]), None]))),
        ("day", Arc::new(Date32Array::from(vec![Some(-719_162), Some(2_932_896)]))),
        ("time", Arc::new(Time64MicrosecondArray::from(vec![Some(86_399_999_999), None]))),
        ("moment", Arc::new(TimestampMicrosecondArray::from(micros.clone()))),
        ("instant", Arc::new(TimestampMicrosecondArray::from(micros).with_timezone("+02:00"))),
        ("list", Arc::new(lists)),
        ("record", Arc::new(structs)),
        (
            "word",
            Arc::new(vec![Some("a"), None].into_iter().collect::<DictionaryArray<Int32Type>>()),
        ),
    ]
}

fn expected() -> [Value; 2] {
    [
        json!({
            "flag": true, "small": -128, "large": "18446744073709551615", "ratio": "-Infinity",
            "amount": "-123.45", "precise": "0.00000000000000000001", "text": "ä\n\"\u{1f600}",
            "bytes": "AP8=", "day": "0001-01-01", "time": "23:59:59.999999",
            "moment": "2023-11-14T22:13:20.123456", "instant": "2023-11-14T22:13:20.123456Z",
            "list": [1, 2], "record": { "x": 9_223_372_036_854_775_807_i64 }, "word": "a",
        }),
        json!({
            "flag": null, "small": null, "large": null, "ratio": 0.1, "amount": null,
            "precise": null, "text": "", "bytes": null, "day": "9999-12-31", "time": null,
            "moment": null, "instant": null, "list": [], "record": { "x": null }, "word": null,
        }),
    ]
}

const KINDS: [&str; 15] = [
    "flag BOOLEAN",
    "small INTEGER",
    "large NUMERIC",
    "ratio FLOAT",
    "amount NUMERIC",
    "precise BIGNUMERIC",
    "text STRING",
    "bytes BYTES",
    "day DATE",
    "time TIME",
    "moment DATETIME",
    "instant TIMESTAMP",
    "list INTEGER REPEATED",
    "record RECORD",
    "word STRING",
];

#[tokio::test]
async fn each_value_arrives_as_it_was_in_either_format() {
    for format in ["json", "parquet"] {
        let yard = Yard::empty().option("format", format);
        yard.load_rows("l1", Mode::Append, &columns(&plain())).await.unwrap();
        assert_eq!(yard.gate.columns("d.t"), KINDS, "{format}");
        let mut rows = yard.gate.rows("d.t");
        rows.sort_by_key(|row| row["flag"].is_null());
        assert_eq!(rows, expected(), "{format}");
    }
}

#[tokio::test]
async fn rows_that_do_not_fit_are_left_out_of_parquet_as_well() {
    let yard = Yard::empty().option("format", "parquet");
    let days = Date32Array::from(vec![Some(0), Some(3_000_000), Some(1)]);
    let rows = columns(&[("day", Arc::new(days))]);
    let error = yard.load_rows("l1", Mode::Append, &rows).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Data);
    let json = Field::new("j", DataType::Utf8, true).with_metadata(source("postgres:jsonb"));
    let batch = RecordBatch::new_empty(Arc::new(Schema::new(vec![json])));
    let yard = Yard::empty().option("format", "parquet");
    let error = yard.load_rows("l2", Mode::Append, &batch).await.unwrap_err();
    assert!(error.advice().unwrap().contains("format: json"), "{}", error.report());
}

fn source(kind: &str) -> HashMap<String, String> {
    [("dhow.source_type".to_owned(), kind.to_owned())].into()
}

#[tokio::test]
async fn json_geography_uuids_maps_and_comments_are_what_their_source_says() {
    let yard = Yard::empty().option("columns", "place: GEOGRAPHY; code: STRING(3)");
    let mut comment = source("mysql:json");
    comment.insert("dhow.comment".to_owned(), "what was said".to_owned());
    let mut maps = MapBuilder::new(None, StringBuilder::new(), Int64Builder::new());
    maps.keys().append_value("k");
    maps.values().append_value(7);
    maps.append(true).unwrap();
    let maps = maps.finish();
    let fields = vec![
        Field::new("said", DataType::Utf8, true).with_metadata(comment),
        Field::new("place", DataType::Utf8, true),
        Field::new("code", DataType::Utf8, false),
        Field::new("id", DataType::FixedSizeBinary(16), true)
            .with_metadata(source("postgres:uuid")),
        Field::new("map", maps.data_type().clone(), true),
    ];
    let text = |text: &str| Arc::new(StringArray::from(vec![text])) as ArrayRef;
    let id = FixedSizeBinaryArray::try_from_iter([[0xab_u8; 16]].into_iter()).unwrap();
    let arrays = vec![
        text(r#"{"a": [1, null]}"#),
        text("POINT(1 2)"),
        text("abc"),
        Arc::new(id),
        Arc::new(maps),
    ];
    let rows = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap();
    yard.load_rows("l1", Mode::Append, &rows).await.unwrap();
    assert_eq!(
        yard.gate.columns("d.t"),
        [
            "said JSON",
            "place GEOGRAPHY",
            "code STRING NOT NULL",
            "id STRING",
            "map RECORD REPEATED"
        ]
    );
    let table = yard.gate.table("d.t").unwrap();
    assert_eq!(table["schema"]["fields"][0]["description"], "what was said");
    assert_eq!(table["schema"]["fields"][2]["maxLength"], "3");
    assert_eq!(
        yard.gate.rows("d.t"),
        [json!({
            "said": { "a": [1, null] }, "place": "POINT(1 2)", "code": "abc",
            "id": "abababab-abab-abab-abab-abababababab", "map": [{ "key": "k", "value": 7 }],
        })]
    );
}

#[tokio::test]
async fn decimals_are_floats_only_where_that_is_asked_for() {
    let long = Decimal256Array::from(vec![arrow::datatypes::i256::from_i128(15)]);
    let long = long.with_precision_and_scale(76, 1).unwrap();
    let rows = columns(&[("x", Arc::new(long))]);
    for (decimals, kind, value) in
        [("exact", "x STRING", json!("1.5")), ("float", "x FLOAT", json!(1.5))]
    {
        let yard = Yard::empty().option("decimals", decimals);
        yard.load_rows("l1", Mode::Append, &rows).await.unwrap();
        assert_eq!(yard.gate.columns("d.t"), [kind]);
        assert_eq!(yard.gate.rows("d.t"), [json!({ "x": value })]);
    }
}

#[tokio::test]
async fn a_null_in_place_of_a_list_is_refused_or_empty() {
    let item = Arc::new(Field::new("item", DataType::Int64, true));
    let values = Arc::new(Int64Array::from(vec![1]));
    let nulls = vec![true, false].into();
    let offsets = OffsetBuffer::new(vec![0, 1, 1].into());
    let lists = ListArray::new(item, offsets, values, Some(nulls));
    let rows = columns(&[("l", Arc::new(lists))]);
    let error = Yard::empty().load_rows("l1", Mode::Append, &rows).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Data);
    let yard = Yard::empty().option("null_lists", "empty");
    yard.load_rows("l1", Mode::Append, &rows).await.unwrap();
    assert_eq!(yard.gate.rows("d.t"), [json!({ "l": [1] }), json!({ "l": [] })]);
}
