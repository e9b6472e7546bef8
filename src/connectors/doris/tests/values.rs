//! Values of every type on their way into a table.

use arrow::array::{
    BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int32Array,
    TimestampMicrosecondArray, UInt64Array,
};

use super::*;
use crate::error::Kind;

fn all() -> RecordBatch {
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(Int32Array::from(vec![1, 2]))),
        ("big", Arc::new(UInt64Array::from(vec![Some(u64::MAX), None]))),
        ("flag", Arc::new(BooleanArray::from(vec![Some(true), None]))),
        ("ratio", Arc::new(Float64Array::from(vec![Some(0.1), None]))),
        (
            "amount",
            Arc::new(
                Decimal128Array::from(vec![Some(-1_234_567), None])
                    .with_precision_and_scale(20, 4)
                    .unwrap(),
            ),
        ),
        ("word", Arc::new(StringArray::from(vec![Some("ä \"\\ \n"), None]))),
        ("bytes", Arc::new(BinaryArray::from(vec![Some(&b"\x00\xff"[..]), None]))),
        ("day", Arc::new(Date32Array::from(vec![Some(0), None]))),
        ("at", Arc::new(TimestampMicrosecondArray::from(vec![Some(1), None]))),
        (
            "utc",
            Arc::new(TimestampMicrosecondArray::from(vec![Some(-1), None]).with_timezone("+02:00")),
        ),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, c)| (n, c, true)))
        .unwrap()
}

#[tokio::test]
async fn every_value_arrives_as_it_was() {
    let rows = all();
    for (name, value) in [("compression", "none"), ("compression", "gz"), ("request_bytes", "1B")] {
        let yard = Yard::new("").option(name, value);
        let load = load_of("l1", Mode::Append, &rows);
        let sink = yard.sink();
        sink.prepare(&load).await.unwrap();
        let staged = [sink.write(&load, part_of("p", &rows)).await.unwrap()];
        sink.commit(&load, &staged, &high("w")).await.unwrap();
        assert_eq!(
            yard.doris.rows("t"),
            [
                r#"{"id":1,"big":18446744073709551615,"flag":true,"ratio":0.1,"amount":-123.4567,"word":"ä \"\\ \n","bytes":"AP8=","day":"1970-01-01","at":"1970-01-01 00:00:00.000001","utc":"1969-12-31 23:59:59.999999"}"#,
                r#"{"id":2,"big":null,"flag":null,"ratio":null,"amount":null,"word":null,"bytes":null,"day":null,"at":null,"utc":null}"#,
            ],
            "{name} {value}"
        );
    }
}

#[tokio::test]
async fn a_value_that_does_not_fit_is_refused_before_it_is_sent() {
    let table = "create table t (id int not null, word varchar(4)) duplicate key (id) \
                 distributed by hash (id) buckets 1 properties ('replication_num' = '1')";
    let yard = Yard::new(table);
    for (row, reason) in [((1, "ääa"), "word"), ((1 << 40, "a"), "id")] {
        let load = load("l1", Mode::Append);
        let sink = yard.sink();
        sink.prepare(&load).await.unwrap();
        let error = sink.write(&load, part("p", &[(0, "fits"), row])).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Data);
        assert!(error.report().contains(&format!("column: {reason}")), "{}", error.report());
        assert!(error.report().contains("p row 2"), "{}", error.report());
        sink.sweep(&load).await.unwrap();
    }
    assert_eq!(yard.rows(), "");
}

#[tokio::test]
async fn many_requests_of_a_part_are_found_again_each_by_its_place() {
    let yard = Yard::new(&table(&Mode::Append)).option("request_bytes", "1B");
    let load = load("l1", Mode::Append);
    let sink = yard.sink();
    sink.prepare(&load).await.unwrap();
    let batches = |n: i64| (0..n).map(|id| Ok(batch(&[(id, "x")]))).collect::<Vec<_>>();
    let part = |n| Part::new("p", stream::iter(batches(n)).boxed(), Arc::new(Stop));
    // The source breaks off after some requests.
    let broken = batches(3).into_iter().chain([Err(crate::error::Error::unavailable("gone"))]);
    let first = Part { batches: stream::iter(broken.collect::<Vec<_>>()).boxed(), ..part(0) };
    assert_eq!(sink.write(&load, first).await.unwrap_err().message(), "gone");
    let sent = |yard: &Yard| yard.doris.labels().len();
    let before = sent(&yard);
    let receipt = sink.write(&load, part(5)).await.unwrap();
    assert_eq!((receipt.rows, sent(&yard) - before), (5, 2));
    sink.commit(&load, &[receipt], &high("w")).await.unwrap();
    assert_eq!(yard.rows(), "0=x 1=x 2=x 3=x 4=x");
}

#[tokio::test]
async fn arrow_and_parquet_carry_the_same_values() {
    let rows = all().project(&[0, 1, 2, 3, 4, 5, 7, 8, 9]).unwrap();
    for format in ["arrow", "parquet"] {
        let yard = Yard::new("").option("format", format);
        let load = load_of("l1", Mode::Append, &rows);
        let sink = yard.sink();
        sink.prepare(&load).await.unwrap();
        let staged = [sink.write(&load, part_of("p", &rows)).await.unwrap()];
        sink.commit(&load, &staged, &high("w")).await.unwrap();
        assert_eq!(
            yard.doris.rows("t")[0],
            r#"{"id":1,"big":18446744073709551615,"flag":true,"ratio":0.1,"amount":-123.4567,"word":"ä \"\\ \n","day":"1970-01-01","at":"1970-01-01 00:00:00.000001","utc":"1969-12-31 23:59:59.999999"}"#,
            "{format}"
        );
    }
    let bytes = all().project(&[0, 6]).unwrap();
    let yard = Yard::new("").option("format", "arrow");
    let load = load_of("l1", Mode::Append, &bytes);
    let sink = yard.sink();
    sink.prepare(&load).await.unwrap();
    let error = sink.write(&load, part_of("p", &bytes)).await.unwrap_err();
    assert_eq!(error.message(), "column `bytes` can only be sent as JSON");
}

#[tokio::test]
async fn a_text_that_is_no_json_is_refused_and_every_other_text_stays_what_it_is() {
    let table = "create table t (id bigint, word json) duplicate key (id) distributed by hash (id) \
                 buckets 1 properties ('replication_num' = '1')";
    let yard = Yard::new(table);
    let load = load("l1", Mode::Append);
    let sink = yard.sink();
    sink.prepare(&load).await.unwrap();
    let error = sink.write(&load, part("p", &[(1, "{}"), (2, "{")])).await.unwrap_err();
    assert_eq!(error.message(), "the text is no JSON");
    assert!(error.report().contains("p row 2"), "{}", error.report());
}
