//! What has changed, load by load.

use super::into_postgres;
use crate::cluster::SHARED as POSTGRES;
use crate::mariadb::SHARED;

#[test]
fn each_load_brings_what_has_changed_and_reads_the_last_rows_again() {
    let (url, db) = SHARED.url("increments");
    SHARED.sql(
        &db,
        "create table t (id int primary key, n int, at timestamp(6) default current_timestamp(6) \
           on update current_timestamp(6)); \
         insert into t (id, n, at) select seq, 0, '2026-01-01' + interval seq hour from seq_1_to_1000",
    );
    let source = format!("url: \"{url}\", table: t, cursor: at, overlap: 10h, split_rows: 200");
    let (project, target) = into_postgres(&source, "mode: merge, key: [id]");
    let run = || {
        let ended = project.dhow(&["run", "--quiet", "--output", "json"]);
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        let report: serde_json::Value = serde_json::from_str(&ended.out).expect("a report");
        report["loads"][0]["rows_read"].as_u64().expect("a number")
    };
    let same = || {
        let sql = "select count(*), sum(n), sum(id) from";
        let there = POSTGRES.psql(&target, &format!("{sql} copy"));
        let here = SHARED.sql(&db, &format!("{sql} t")).replace('\t', "|");
        assert_eq!(there, here);
    };
    assert_eq!(run(), 1000);
    same();
    // The last ten hours are read again, whatever changed.
    assert_eq!(run(), 10);
    SHARED.sql(
        &db,
        "update t set n = 7, at = '2026-02-12 00:00:00' where id in (3, 500); \
         insert into t values (2000, 1, '2026-02-11 12:00:00'), \
           (2001, 1, '2026-02-11 15:30:00')",
    );
    run();
    same();
}
