//! dhow's own readers and connectorx side by side: where both can read, both give the same.

use arrow::compute::cast;
use arrow::datatypes::{DataType, SchemaRef};
use arrow::record_batch::RecordBatch;
use futures::TryStreamExt;

use super::{Context, cluster, mariadb, named};
use crate::config::Options;
use crate::memory::unlimited;
use crate::source::{Want, Window};

/// The columns and all rows, in one batch.
async fn rows(connector: &str, entries: &[(&str, &str)]) -> (SchemaRef, RecordBatch) {
    let options = Options::of_arguments(entries);
    let problems = super::check(connector, &options, super::Role::Source);
    assert!(problems.is_empty(), "{problems:?}");
    let context = Context { base: "/".into(), jobs: 2, memory: unlimited(), state: None };
    let source = super::open(named(connector).unwrap(), &options, &context).unwrap();
    let snapshot = source.open(&Window::default()).await.unwrap();
    let mut batches = Vec::new();
    for split in snapshot.splits() {
        let read = snapshot.read(split, &Want::default()).await.unwrap();
        batches.extend(read.try_collect::<Vec<_>>().await.unwrap());
    }
    let schema = batches[0].schema();
    let all = arrow::compute::concat_batches(&schema, &batches).unwrap();
    (snapshot.schema(), all)
}

/// The same through both, but for the kind of text and of bytes.
async fn same_through_both(connector: &str, entries: &[(&str, &str)]) {
    let (own, own_rows) = rows(connector, entries).await;
    let (other, other_rows) =
        rows(connector, &[entries, &[("reader", "connectorx")]].concat()).await;
    let kinds = |schema: &SchemaRef| -> Vec<(String, DataType)> {
        schema.fields().iter().map(|f| (f.name().clone(), plain(f.data_type()))).collect()
    };
    assert_eq!(kinds(&own), kinds(&other));
    assert_eq!(own_rows.num_rows(), other_rows.num_rows());
    assert!(own_rows.num_rows() > 0);
    for (at, field) in own.fields().iter().enumerate() {
        let kind = plain(field.data_type());
        let [own, other] = [&own_rows, &other_rows].map(|b| cast(b.column(at), &kind).unwrap());
        assert_eq!(&own, &other, "{}", field.name());
    }
}

fn plain(kind: &DataType) -> DataType {
    match kind {
        DataType::Utf8View | DataType::LargeUtf8 => DataType::Utf8,
        DataType::BinaryView | DataType::LargeBinary => DataType::Binary,
        other => other.clone(),
    }
}

#[tokio::test]
async fn postgres_gives_the_same_through_both() {
    let (url, database) = cluster::SHARED.url("both");
    cluster::SHARED.psql(
        &database,
        "create type mood as enum ('sad', 'glad');
         create table t as select g % 3 = 0 as b, g::oid as o, g::int2 as i2, g as i4, g::int8 * 1e9::int8 as i8,
           (g / 7.0)::float4 as f4, g / 7.0::float8 as f8, (g / 7.0)::numeric(12,2) as n,
           'ä' || g as v, (g || '')::char(5) as c, 'glad'::mood as m, md5(g::text)::uuid as u,
           decode(md5(g::text), 'hex') as y, '0044-03-15 BC'::date + g as d,
           '1969-12-31 23:59:59.999999'::timestamp + g * interval '1 h' as ts,
           '2026-11-21 12:00+01'::timestamptz - g * interval '1 us' as tz
         from generate_series(1, 9000) g;
         insert into t default values",
    );
    same_through_both(
        "postgres",
        &[("url", &url), ("query", "select * from public.t order by i4")],
    )
    .await;
}

#[tokio::test]
async fn sqlite_gives_the_same_through_both() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/types/table.db");
    let query = ("query", "select id, \"Big One\", ratio, \"select\" from \"table\"");
    same_through_both("sqlite", &[("path", path), query]).await;
}

#[tokio::test]
async fn mysql_gives_the_same_through_both() {
    let (url, database) = mariadb::SHARED.url("both");
    mariadb::SHARED.sql(
        &database,
        "create table t as select seq as i8, cast(seq as unsigned) as u8, seq / 7.0e0 as d,
           cast(seq / 7 as decimal(12,2)) as n, concat('ä', seq) as v,
           date '1999-12-31' + interval seq day as da,
           timestamp '2026-11-21 12:00:00.000001' + interval seq second as dt
         from seq_1_to_9000",
    );
    same_through_both("mysql", &[("url", &url), ("query", "select * from t order by i8")]).await;
}
