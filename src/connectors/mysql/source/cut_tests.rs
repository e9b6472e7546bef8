//! Tests of cuts by key: whatever the key, each row satisfies exactly one predicate.

use std::sync::Arc;

use super::kept::Kept;
use super::source_tests::{lines, snapshot};
use crate::connectors::mysql::mariadb::SHARED;
use crate::source::Snapshot;

/// For each piece the predicate, as the server has to judge it.
pub(super) fn predicates(snapshot: &Arc<dyn Snapshot>) -> Vec<String> {
    let kept = Kept::of(snapshot.memo().as_ref()).unwrap();
    kept.pieces.iter().map(|piece| piece.conditions.join(" and ")).collect()
}

/// How many rows are in none of the pieces, or in more than one.
fn misplaced(db: &str, table: &str, predicates: &[String]) -> String {
    let one = |p: &String| match p.is_empty() {
        true => "1".to_owned(),
        false => format!("case when {p} then 1 else 0 end"),
    };
    let sum: Vec<_> = predicates.iter().map(one).collect();
    let sql = format!("select count(*) from {table} where ({}) <> 1", sum.join(" + "));
    SHARED.sql(db, &format!("set time_zone = '+00:00', sql_mode = ''; {sql}"))
}

const WORDS: &str = "elt(1 + floor(rand() * 17), 'a','A','ä','Z','z','zz','','a ','é','É','ß','ss',\
                     '-a','_a','1','10','2')";

/// A type of a key, and its values.
const KINDS: [(&str, &str); 27] = [
    ("int", "floor(rand() * 1000 - 500)"),
    ("tinyint unsigned", "floor(rand() * 256)"),
    ("bigint", "elt(1 + floor(rand() * 4), -9223372036854775808, 9223372036854775807, 0, 7)"),
    ("bigint unsigned", "elt(1 + floor(rand() * 3), 18446744073709551615, 0, 9223372036854775808)"),
    ("int(8) unsigned zerofill", "floor(rand() * 1000)"),
    (
        "decimal(65,30)",
        "elt(1 + floor(rand() * 4), -0.5, 12345678901234567890123456789012345.000000000000000000000000000001, 0, 7)",
    ),
    ("float", "rand() * 10 - 5"),
    ("double", "elt(1 + floor(rand() * 5), -0e0, 0e0, 1.7e308, 1e-300, 0.1)"),
    ("uuid", "uuid()"),
    ("inet6", "concat('::', hex(floor(rand() * 60000)))"),
    ("char(36) character set ascii", "uuid()"),
    ("varchar(5) collate utf8mb4_general_ci", WORDS),
    ("varchar(5) collate utf8mb4_uca1400_as_cs", WORDS),
    ("varchar(5) collate utf8mb4_nopad_bin", WORDS),
    ("varchar(5) character set latin1 collate latin1_german2_ci", WORDS),
    ("varchar(5) character set cp1251", "elt(1 + floor(rand() * 4), 'ж', 'Ж', 'a', '')"),
    ("char(4)", WORDS),
    ("varbinary(16)", "unhex(md5(rand()))"),
    ("binary(4)", "elt(1 + floor(rand() * 3), '\\0\\0', 'a', x'ff00ff00')"),
    ("enum('z','a','m')", "1 + floor(rand() * 3)"),
    ("set('z','a','m')", "floor(rand() * 8)"),
    ("bit(9)", "floor(rand() * 512)"),
    ("year", "elt(1 + floor(rand() * 3), 0, 1999, 2155)"),
    (
        "date",
        "elt(1 + floor(rand() * 5), '0000-00-00', '2026-02-00', '2026-02-30', '1000-01-01', '9999-12-31')",
    ),
    (
        "datetime(6)",
        "elt(1 + floor(rand() * 3), '0000-00-00', '2026-03-29 02:30:00.000001', '1999-01-01')",
    ),
    (
        "timestamp(3)",
        "elt(1 + floor(rand() * 4), '2026-03-29 01:30:00.123', '2026-10-25 00:59:59', '2038-01-19 03:14:07', '0000-00-00')",
    ),
    (
        "time(2)",
        "elt(1 + floor(rand() * 4), '-838:59:59', '838:59:59', '00:00:00.01', '-00:00:00.01')",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_row_satisfies_exactly_one_range_whatever_the_key() {
    let (url, db) = SHARED.url("keys");
    for (number, (kind, value)) in KINDS.iter().enumerate() {
        for nulls in [false, true] {
            let table = format!("t{number}{}", if nulls { "n" } else { "" });
            let (declared, value) = match nulls {
                true => ("null", format!("if(rand() < 0.1, null, {value})")),
                false => ("not null", (*value).to_owned()),
            };
            SHARED.sql(
                &db,
                &format!(
                    "set time_zone = '+00:00', sql_mode = ''; \
                     create table {table} (`odd ``k` {kind} {declared}, b int, c int); \
                     insert into {table} select {value}, floor(rand() * 5), \
                       nullif(floor(rand() * 5), 0) from seq_1_to_300; \
                     create view v{table} as select `odd ``k` as k, b, c from {table}; \
                     analyze table {table}"
                ),
            );
            let view = format!("v{table}");
            for (table, by) in [(&table, "odd `k"), (&view, "k")] {
                let options = [
                    ("table", table.as_str()),
                    ("split_by", by),
                    ("split_rows", "17"),
                    ("consistency", "split"),
                ];
                let snapshot = snapshot(&url, &options).await;
                assert!(snapshot.splits().len() > 1, "{kind} {by}");
                let predicates = predicates(&snapshot);
                assert_eq!(misplaced(&db, table, &predicates), "0", "{kind} {by} {predicates:#?}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_composite_key_with_equal_beginnings_is_cut_on_all_its_columns() {
    let (url, db) = SHARED.url("composite");
    SHARED.sql(
        &db,
        "create table t (a int, b varchar(9) collate utf8mb4_uca1400_ai_ci, c int, \
           primary key (a, b, c)); \
         insert into t select seq div 400, char(65 + seq % 40), seq from seq_0_to_799; \
         create table u (a int, b int, unique (a, b)); \
         insert into u select nullif(seq % 7, 0), nullif(seq, 5) from seq_0_to_99; \
         insert into u values (null, null), (null, null), (1, null); \
         create table n (a int); insert into n select seq from seq_1_to_500; \
         create table p (t text, unique (t(3))); insert into p values ('abc'), ('abd'); \
         analyze table t, u, n, p",
    );
    let cut = async |table: &str, rows: &str| {
        let options = [("table", table), ("split_rows", rows), ("consistency", "split")];
        snapshot(&url, &options).await
    };
    let keyed = cut("t", "50").await;
    assert_eq!(keyed.splits().len(), 16);
    assert_eq!(misplaced(&db, "t", &predicates(&keyed)), "0");
    assert_eq!(lines(&keyed).await.len(), 800);
    let keyed = cut("u", "10").await;
    assert!(keyed.splits().len() > 5, "{:?}", keyed.splits());
    assert_eq!(misplaced(&db, "u", &predicates(&keyed)), "0");
    // Neither no key nor the beginnings of texts order rows.
    for table in ["n", "p"] {
        assert_eq!(cut(table, "1").await.splits().len(), 1, "{table}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_with_gaps_and_heaps_is_cut_evenly_enough() {
    let (url, db) = SHARED.url("gaps");
    SHARED.sql(
        &db,
        "create table g (id bigint primary key, x int); \
         insert into g select seq * 1000000000000000, 0 from seq_1_to_9000; \
         insert into g select cast(seq as signed) - 9223372036854775807, 0 from seq_1_to_9000; \
         create table h (a int, b int, primary key (a, b)); \
         insert into h select 1, seq from seq_1_to_10000; \
         insert into h select seq, 0 from seq_2_to_100; analyze table g, h",
    );
    for (table, rows) in [("g", 18_000), ("h", 10_099)] {
        let options = [("table", table), ("split_rows", "1000"), ("consistency", "split")];
        let cut = snapshot(&url, &options).await;
        assert_eq!(misplaced(&db, table, &predicates(&cut)), "0");
        let predicates = predicates(&cut);
        let found = predicates.iter().map(|p| {
            let found = SHARED.sql(&db, &format!("select count(*) from {table} where {p}"));
            found.parse::<u64>().unwrap()
        });
        let counts: Vec<_> = found.collect();
        assert_eq!(counts.iter().sum::<u64>(), rows);
        assert!(counts.iter().all(|count| *count <= 4000), "{table} {counts:?}");
        assert!(counts.len() >= 6, "{table} {counts:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn splits_of_one_row_and_of_more_than_all_are_cut_too() {
    let (url, db) = SHARED.url("sizes");
    SHARED.sql(
        &db,
        "create table t (id varchar(9) primary key); insert into t select seq from seq_1_to_9; \
         analyze table t",
    );
    for (rows, splits) in [("1", 9), ("8", 2), ("9", 1), ("10", 1)] {
        let options = [("table", "t"), ("split_rows", rows), ("consistency", "split")];
        let cut = snapshot(&url, &options).await;
        assert_eq!(cut.splits().len(), splits, "{rows}");
        assert_eq!(lines(&cut).await.len(), 9, "{rows}");
    }
}
