//! Structs, maps and lists in `json` and `jsonb`, as the server reads them.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BinaryArray, Decimal128Array, Float64Array, Int64Array, ListArray, MapBuilder,
    StringArray, StringBuilder, StructArray, TimestampMicrosecondArray, UInt64Array,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, Field, Fields};

use super::{Database, Format, batch};
use crate::connectors::postgres::encode::{fits, new_type};

/// Three places, the last of which is NULL.
fn places() -> StructArray {
    let texts = |texts: [Option<&str>; 3]| Arc::new(StringArray::from_iter(texts)) as ArrayRef;
    let price = Decimal128Array::from(vec![Some(12_345_678_901_234_567_890_150), None, None]);
    let at = TimestampMicrosecondArray::from(vec![Some(1_772_368_200_123_456), None, None]);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("city", texts([Some("Köln \"am\" Rhein\n"), None, Some("x")])),
        ("price", Arc::new(price.with_precision_and_scale(38, 2).unwrap())),
        ("id", Arc::new(UInt64Array::from(vec![Some(u64::MAX), Some(0), None]))),
        ("share", Arc::new(Float64Array::from(vec![Some(0.1), None, None]))),
        ("at", Arc::new(at.with_timezone("UTC"))),
    ];
    let fields: Fields = columns
        .iter()
        .map(|(name, column)| Field::new(*name, column.data_type().clone(), true))
        .collect();
    let columns = columns.into_iter().map(|(_, column)| column).collect();
    StructArray::new(fields, columns, Some(NullBuffer::from(vec![true, true, false])))
}

/// Lists of structs: two, none, NULL.
fn lists() -> ListArray {
    let item = Arc::new(Field::new_list_field(places().data_type().clone(), true));
    let offsets = OffsetBuffer::new(vec![0, 2, 2, 3].into());
    ListArray::new(item, offsets, Arc::new(places()), Some(vec![true, true, false].into()))
}

fn maps() -> ArrayRef {
    let mut maps = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
    maps.keys().append_value("a\"b");
    maps.values().append_null();
    maps.append(true).unwrap();
    maps.append(true).unwrap();
    maps.append(false).unwrap();
    Arc::new(maps.finish())
}

const FIRST: &str = r#"{"city":"Köln \"am\" Rhein\n","price":123456789012345678901.50,"id":18446744073709551615,"share":0.1,"at":"2026-03-01T12:30:00.123456Z"}"#;
const SECOND: &str = r#"{"city":null,"price":null,"id":0,"share":null,"at":null}"#;

#[test]
fn what_has_parts_becomes_json_with_every_digit() {
    let database = Database::new("nested");
    let list = format!("[{FIRST},{SECOND}]");
    let columns: [(ArrayRef, [&str; 3]); 3] = [
        (Arc::new(places()), [FIRST, SECOND, "~"]),
        (Arc::new(lists()), [list.as_str(), "[]", "~"]),
        (maps(), [r#"{"a\"b":null}"#, "{}", "~"]),
    ];
    // A range is sent as text, and everything beside it.
    for (at, beside) in ["int", "int4range"].into_iter().enumerate() {
        for (column, (array, expected)) in columns.iter().enumerate() {
            let table = format!("t{at}{column}");
            database.psql(&format!("create table {table} (v json, w jsonb, r {beside})"));
            let none = Arc::new(arrow::array::NullArray::new(3)) as ArrayRef;
            let sent = [("v", array.clone(), ""), ("w", array.clone(), ""), ("r", none, "")];
            let (format, misfits) = database.copy(&table, &batch(sent.to_vec()));
            assert_eq!(misfits, []);
            assert_eq!(format == Format::Binary, beside == "int");
            let shown = database.psql(&format!("select coalesce(v::text, '~') from {table}"));
            assert_eq!(shown.trim_end().lines().collect::<Vec<_>>(), expected);
            let same = format!("select bool_and(v::jsonb is not distinct from w) from {table}");
            assert_eq!(database.psql(&same).trim_end(), "t");
        }
    }
}

#[test]
fn a_part_that_json_cannot_hold_costs_its_own_row() {
    let database = Database::new("nested_misfits");
    database.psql("create table t (id bigint, v jsonb)");
    let share: ArrayRef = Arc::new(Float64Array::from(vec![1.0, f64::NAN, 2.0, 3.0]));
    let text: ArrayRef = Arc::new(StringArray::from(vec!["a", "b", "c\0", "d"]));
    let fields: Fields = vec![
        Field::new("share", DataType::Float64, true),
        Field::new("text", DataType::Utf8, true),
    ]
    .into();
    let parts: ArrayRef = Arc::new(StructArray::new(fields, vec![share, text], None));
    let ids: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3, 4]));
    let (_, misfits) = database.copy("t", &batch(vec![("id", ids, ""), ("v", parts, "")]));
    let shown: Vec<_> =
        misfits.iter().map(|m| format!("{}: {}: {}", m.row, m.column, m.reason)).collect();
    assert_eq!(
        shown,
        [
            "1: v: the column takes no NaN and no infinity",
            "2: v: the JSON has `\\u0000`, which `jsonb` does not hold"
        ]
    );
    let rows = "1|{\"text\": \"a\", \"share\": 1.0}\n4|{\"text\": \"d\", \"share\": 3.0}";
    assert_eq!(database.psql("select id, v from t order by id").trim_end(), rows);
}

#[test]
fn only_what_json_can_say_goes_there() {
    let database = Database::new("nested_types");
    database.psql("create table t (j jsonb, js jsonb[], t text)");
    let columns = database.columns("t");
    let of =
        |name: &str, kind: DataType| DataType::Struct(vec![Field::new(name, kind, true)].into());
    let twice = Fields::from(vec![
        Field::new("a", DataType::Utf8, true),
        Field::new("a", DataType::Utf8, true),
    ]);
    let bytes = BinaryArray::from(vec![&b"x"[..]]).data_type().clone();
    let list = |kind: DataType| DataType::new_list(kind, true);
    let plain = of("a", DataType::Int8);
    for (kind, expected, new) in [
        (plain.clone(), [true, false, false], Some("jsonb")),
        (list(plain.clone()), [true, true, false], Some("jsonb")),
        (list(DataType::Int8), [true, false, false], Some("smallint[]")),
        (of("a", list(plain)), [true, false, false], Some("jsonb")),
        (of("a", bytes), [false, false, false], None),
        (DataType::Struct(twice), [false, false, false], None),
    ] {
        let field = Field::new("v", kind, true);
        let found: Vec<_> = columns.iter().map(|column| fits(&field, column)).collect();
        assert_eq!(found, expected, "{field:?}");
        assert_eq!(new_type(&field).ok().as_deref(), new, "{field:?}");
    }
}
