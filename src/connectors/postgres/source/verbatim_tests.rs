//! Which rows a source can hand on as they are, and what it hands on then.

use futures::TryStreamExt;

use super::source_tests::{snapshot, without_encoding};
use crate::connectors::postgres::cluster::SHARED;
use crate::source::{Block, RowForm};

/// The types of rows that can be handed on; `None` where they cannot.
async fn types(url: &str, options: &[(&str, &str)]) -> Option<Vec<String>> {
    let snapshot = snapshot(url, options).await;
    let verbatim = snapshot.verbatim(&snapshot.splits()[0])?;
    assert_eq!(verbatim.form.layout, "postgres copy binary");
    Some(verbatim.form.types)
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_handed_on_where_each_of_their_types_means_the_same_everywhere() {
    let (url, db) = SHARED.url("verbatim");
    SHARED.psql(
        &db,
        "create type mood as enum ('sad'); create domain small as int; \
         create table t (a bigint, b numeric(12,2), c varchar(3), d char(2), e timestamp(3), f jsonb); \
         insert into t values (1, 1.50, 'a', 'b', now(), '{}')",
    );
    let all = ["bigint", "numeric(12,2)", "character varying(3)", "character(2)"];
    let all = all.into_iter().chain(["timestamp(3) without time zone", "jsonb"]);
    let all = Some(all.map(str::to_owned).collect::<Vec<_>>());
    assert_eq!(types(&url, &[("table", "t")]).await, all);
    assert_eq!(types(&url, &[("query", "select * from public.t")]).await, all);
    // Whoever says what becomes of values wants them looked at.
    for stated in [("nan", "refuse"), ("infinity", "null"), ("columns", "a=text")] {
        assert_eq!(types(&url, &[("table", "t"), stated]).await, None, "{stated:?}");
    }
    for kind in ["mood", "small", "money", "numeric", "inet", "int[]", "int4range", "oid"] {
        SHARED.psql(
            &db,
            &format!(
                "drop table if exists u; create table u (x {kind}); insert into u values (null)"
            ),
        );
        assert_eq!(types(&url, &[("table", "u")]).await, None, "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_of_a_database_without_an_encoding_are_looked_at() {
    let url = without_encoding("create table t (name text); insert into t values ('x')");
    assert_eq!(types(&url, &[("table", "t")]).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_of_the_moment_is_in_one_block_and_nothing_is_asked_before_it_is_wanted() {
    let (url, db) = SHARED.url("verbatim");
    SHARED.psql(
        &db,
        "create table t (id int primary key); insert into t select generate_series(1, 3); analyze t",
    );
    let snapshot = snapshot(&url, &[("table", "t"), ("split_by", "id"), ("split_rows", "2")]).await;
    let copies = "select count(*) from pg_stat_activity where query like 'copy %' \
                  and datname = current_database()";
    let all: Vec<_> = snapshot.splits().iter().map(|s| snapshot.verbatim(s).unwrap()).collect();
    assert_eq!(SHARED.psql(&db, copies), "0");
    SHARED.psql(&db, "delete from t where id = 2; insert into t values (0), (9)");
    let (mut rows, mut bytes) = (0, Vec::new());
    for verbatim in all {
        assert_eq!(
            verbatim.form,
            RowForm { layout: "postgres copy binary", types: vec!["integer".into()] }
        );
        let blocks: Vec<Block> = verbatim.blocks.try_collect().await.unwrap();
        for block in blocks {
            rows += block.rows;
            bytes.extend_from_slice(&block.bytes);
        }
    }
    let row = |id: u8| [0, 1, 0, 0, 0, 4, 0, 0, 0, id];
    assert_eq!((rows, bytes), (3, [row(1), row(2), row(3)].concat()));
}
