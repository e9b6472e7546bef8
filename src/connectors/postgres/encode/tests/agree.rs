//! Any value: the server makes the same of both formats, and shows it as Arrow does.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, Date32Array, Decimal128Array, Decimal256Array,
    Float32Array, Float64Array, Int64Array, IntervalMonthDayNanoArray, ListArray, StringArray,
    Time64MicrosecondArray, TimestampMicrosecondArray, UInt64Array,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{Decimal128Type, Decimal256Type, Field, IntervalMonthDayNano, i256};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::{Database, Format, batch};

const ROWS: usize = 700;

/// So many values of `strategy`, some of them NULL.
fn any_of<T: std::fmt::Debug>(
    runner: &mut TestRunner,
    strategy: impl Strategy<Value = T>,
) -> Vec<Option<T>> {
    let strategy = proptest::collection::vec(proptest::option::of(strategy), ROWS);
    strategy.new_tree(runner).unwrap().current()
}

/// Columns of each kind with their types on the server.
fn columns(runner: &mut TestRunner) -> Vec<(&'static str, ArrayRef)> {
    let most = 10_i128.pow(38) - 1;
    let decimals: Decimal128Array =
        any_of(runner, any::<i128>().prop_map(move |v| (v % most) >> (v & 127)))
            .into_iter()
            .collect();
    let large = any::<(i128, u128)>().prop_map(|(high, low)| {
        i256::from_parts(low, high % 10_i128.pow(37)) % i256::from_string(&"9".repeat(76)).unwrap()
    });
    let large: Decimal256Array = any_of(runner, large).into_iter().collect();
    let instants = any_of(runner, -210_866_803_200_000_000..=i64::MAX);
    let span = any::<(i32, i32, i64)>();
    let spans = any_of(
        runner,
        span.prop_map(|(months, days, nanos)| {
            IntervalMonthDayNano::new(months % 1_000_000, days, nanos / 1_000 * 1_000)
        }),
    );
    let texts: StringArray = any_of(runner, "[^\0]{0,12}").into_iter().collect();
    let lists = ListArray::new(
        Arc::new(Field::new_list_field(arrow::datatypes::DataType::Utf8, true)),
        OffsetBuffer::from_lengths([0, 1].into_iter().cycle().take(ROWS)),
        Arc::new(texts.slice(0, ROWS / 2)),
        None,
    );
    vec![
        ("bigint", Arc::new(Int64Array::from(any_of(runner, any::<i64>())))),
        ("numeric", Arc::new(UInt64Array::from(any_of(runner, any::<u64>())))),
        ("real", Arc::new(Float32Array::from(any_of(runner, any::<f32>())))),
        ("double precision", Arc::new(Float64Array::from(any_of(runner, any::<f64>())))),
        ("numeric", Arc::new(decimals.clone().with_precision_and_scale(38, 11).unwrap())),
        ("numeric", Arc::new(decimals.clone().with_precision_and_scale(38, 38).unwrap())),
        ("numeric(38,3)", Arc::new(decimals.with_precision_and_scale(38, 3).unwrap())),
        ("numeric", Arc::new(large.clone().with_precision_and_scale(76, 9).unwrap())),
        ("numeric(76,76)", Arc::new(large.with_precision_and_scale(76, 76).unwrap())),
        ("date", Arc::new(Date32Array::from(any_of(runner, -2_440_588..2_145_042_906)))),
        ("time", Arc::new(Time64MicrosecondArray::from(any_of(runner, 0..86_400_000_001_i64)))),
        ("timestamp", Arc::new(TimestampMicrosecondArray::from(instants.clone()))),
        (
            "timestamptz",
            Arc::new(TimestampMicrosecondArray::from(instants).with_timezone("+01:00")),
        ),
        ("interval", Arc::new(IntervalMonthDayNanoArray::from(spans))),
        ("bytea", Arc::new(any_of(runner, any::<Vec<u8>>()).into_iter().collect::<BinaryArray>())),
        ("text", Arc::new(texts)),
        ("text[]", Arc::new(lists)),
    ]
}

/// What Arrow shows of a column, where it shows as the server does.
fn shown(array: &ArrayRef) -> Option<Vec<Option<String>>> {
    let (rows, valid) = (0..array.len(), |row: &usize| array.is_valid(*row));
    if let Some(decimals) = array.as_primitive_opt::<Decimal128Type>() {
        let value = |row| Some(row).filter(valid).map(|row| decimals.value_as_string(row));
        return Some(rows.map(value).collect());
    }
    let decimals = array.as_primitive_opt::<Decimal256Type>()?;
    let value = |row| Some(row).filter(valid).map(|row| decimals.value_as_string(row));
    Some(rows.map(value).collect())
}

#[test]
fn both_formats_bring_the_same_of_any_value() {
    let database = Database::new("agree");
    let mut runner = TestRunner::deterministic();
    for round in 0..4 {
        for (at, (kind, array)) in columns(&mut runner).into_iter().enumerate() {
            let ids: ArrayRef = Arc::new(Int64Array::from_iter_values((0..).take(ROWS)));
            let (one, other) = (format!("b{round}_{at}"), format!("t{round}_{at}"));
            database.psql(&format!(
                "create table {one} (id bigint, v {kind});
                create table {other} (id bigint, v {kind}, f int4range)"
            ));
            let nothing: ArrayRef = Arc::new(StringArray::new_null(ROWS));
            let columns = vec![("id", ids, ""), ("v", array.clone(), "")];
            let copied = database.copy(&one, &batch(columns.clone()));
            assert_eq!(copied, (Format::Binary, vec![]), "{kind}");
            let text = [columns, vec![("f", nothing, "int4range")]].concat();
            assert_eq!(database.copy(&other, &batch(text)), (Format::Text, vec![]), "{kind}");
            // The bytes that are kept are compared: equal numbers and intervals may differ.
            let differ = database.psql(&format!(
                "select count(*) from {one} b full join {other} t
                using (id) where b.v::text is distinct from t.v::text"
            ));
            assert_eq!(differ, "0", "{kind}");
            if let Some(shown) = shown(&array) {
                let values = database.texts(&one);
                for (found, expected) in values.iter().zip(&shown) {
                    assert_eq!(
                        found.as_deref().map(plain),
                        expected.as_deref().map(plain),
                        "{kind}"
                    );
                }
            }
        }
    }
}

/// A number without the sign of zero.
fn plain(text: &str) -> String {
    let is_zero = text.bytes().all(|b| matches!(b, b'-' | b'0' | b'.'));
    if is_zero { "0".to_owned() } else { text.to_owned() }
}

#[test]
fn the_longest_numbers_that_the_server_keeps_arrive() {
    let database = Database::new("longest");
    database.psql("create table t (v numeric)");
    let nines = "9".repeat(131_072);
    let tiny = format!("-0.{}1", "0".repeat(16_382));
    let both = format!("{nines}.{}", "9".repeat(16_383));
    let texts = [nines, tiny, both, format!("{}0001.1000", "0".repeat(200_000))];
    let array: ArrayRef = Arc::new(StringArray::from(texts.to_vec()));
    assert_eq!(database.copy("t", &batch(vec![("v", array, "numeric")])).1, []);
    let found = database.psql("select string_agg(md5(v::text), ' ' order by ctid) from t");
    let expected = database.psql(&format!(
        "select string_agg(md5(v), ' ' order by n) from (values (1, repeat('9', 131072)),
        (2, '-0.' || repeat('0', 16382) || '1'), (3, repeat('9', 131072) || '.' || repeat('9', 16383)),
        (4, '{}')) as t (n, v)",
        "1.1000"
    ));
    assert_eq!(found, expected);
    let longer = [format!("1{}", "0".repeat(131_072)), format!("0.{}1", "0".repeat(16_383))];
    let array: ArrayRef = Arc::new(StringArray::from(longer.to_vec()));
    let (_, misfits) = database.copy("t", &batch(vec![("v", array, "numeric")]));
    assert_eq!(misfits.len(), 2);
}

impl Database {
    /// The values of the column `v` by number.
    fn texts(&self, table: &str) -> Vec<Option<String>> {
        let sql = format!("select v::text from {table} order by id");
        let rows = self.runtime.block_on(self.client.query(&sql, &[])).unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }
}
