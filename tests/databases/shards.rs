//! A table of two databases, copied into one: a shard that breaks leaves the other alone.

use crate::cluster::SHARED;
use crate::project::{Ended, Project};
use crate::proxy::{Fault, Proxy, Way};

/// Rows of each shard: about a megabyte.
const ROWS: u32 = 10_000;

/// A database with a table of rows, all of them of its own.
fn shard(what: &str) -> String {
    let database = SHARED.database(what);
    SHARED.psql(
        &database,
        &format!(
            "create table t (id int primary key, name text not null);
             insert into t select id, '{what}' || repeat('x', 100) from generate_series(1, {ROWS}) id;
             analyze t"
        ),
    );
    database
}

/// The rows of the target that are missing or too many.
fn verdict(target: &str) -> String {
    let found = "select shard, id, left(name, 2) from copy";
    let expected =
        format!("select s, id, s from (values ('eu'), ('us')) s(s), generate_series(1, {ROWS}) id");
    SHARED.psql(
        target,
        &format!(
            "select 'lost ' || count(*) from (({expected}) except all ({found})) l \
             union all select 'too many ' || count(*) from (({found}) except all ({expected})) d"
        ),
    )
}

#[test]
fn the_plan_shows_what_reads_the_first_split_and_what_the_target_will_be_sent() {
    let (database, (target_url, target)) = (shard("eu"), SHARED.url("target"));
    let url = SHARED.url_of(&database);
    SHARED.psql(&target, "create table t (id bigint, name text)");
    let project = Project::of(&format!(
        "sources:\n  rows: {{ type: postgres, table: t, split_rows: 4000, shards: {{ eu: \"{url}\" }} }}\n\
         sinks:\n  files: {{ from: rows, type: parquet, path: out/t, mode: replace }}\n  \
         out: {{ from: rows, type: postgres, url: \"{target_url}\", table: t, mode: append, \
         on_schema_change: append_new_columns }}\n"
    ));
    let planned = project.dhow(&["plan", "--sql"]);
    assert_eq!(planned.code, Some(0), "{}", planned.err);
    let (_, statements) = planned.out.split_once("\n-- ").expect("there are statements");
    let house = include_str!("../../src/connectors/postgres/sink/house.sql");
    assert_eq!(
        statements,
        format!(
            "source rows: the first of 3 splits\n\
             copy (select \"id\", \"name\" from only \"public\".\"t\" \
             where ctid < '(70,0)'::pg_catalog.tid) to stdout (format binary)\n\n\
             -- sink out\n-- where dhow keeps its notes, once for a database\n{house}\
             alter table \"public\".\"t\" add column \"shard\" text;\n\
             -- each part of the rows, in a transaction of its own\n\
             copy \"public\".\"t\" (\"shard\", \"id\", \"name\") from stdin (format binary);\n\n\
             nothing was written\n"
        )
    );
    assert_eq!(
        SHARED.psql(&target, "select count(*) from pg_namespace where nspname = '_dhow'"),
        "0"
    );
}

/// The shard that an error in the JSON of `ended` names.
fn blamed(ended: &Ended) -> serde_json::Value {
    let report: serde_json::Value = serde_json::from_str(&ended.out).expect("JSON");
    assert_eq!(report["error"]["others"], serde_json::json!([]), "{report:#}");
    report["error"]["places"]["shard"].clone()
}

#[test]
fn a_shard_that_breaks_in_mid_load_is_named_and_the_parts_of_the_others_are_kept() {
    let (eu, us) = (shard("eu"), shard("us"));
    let (target_url, target) = SHARED.url("target");
    let proxy = Proxy::to(SHARED.port);
    // Split by split, so that what was read before is of use to a later process.
    let pipeline = format!(
        "sources:\n  rows:\n    type: postgres\n    table: t\n    split_rows: 2000\n    \
         consistency: split\n    user: postgres\n    port: {}\n    shards:\n      \
         eu: {{ host: 127.0.0.1, port: {}, database: {eu}, tls: disable }}\n      \
         us: {{ host: {}, database: {us} }}\n\
         sinks:\n  out: {{ from: rows, type: postgres, url: \"{target_url}\", table: copy, mode: append }}\n",
        SHARED.port,
        proxy.port,
        SHARED.socket.display(),
    );
    let project = Project::of(&pipeline);
    let run = ["run", "--output", "json", "--tries", "1", "--jobs", "1"];
    // A session says little before it sends rows: so many bytes are in the first split of `eu`,
    // which comes before all of `us`.
    proxy.set(Fault::Cut(Way::Down, 100_000));
    let broken = project.dhow(&run);
    assert_eq!((broken.code, proxy.fired()), (Some(6), 1), "{}", broken.err);
    assert_eq!(blamed(&broken), "eu");

    SHARED.psql("postgres", &format!("alter database {eu} allow_connections false"));
    let closed = project.dhow(&run);
    assert_ne!(closed.code, Some(0));
    assert_eq!(blamed(&closed), "eu");

    SHARED.psql("postgres", &format!("alter database {eu} allow_connections true"));
    let whole = project.dhow(&run);
    assert_eq!(whole.code, Some(0), "{}", whole.err);
    assert_eq!(verdict(&target), "lost 0\ntoo many 0");
    let report: serde_json::Value = serde_json::from_str(&whole.out).expect("JSON");
    let load = &report["loads"][0];
    assert_eq!(load["shards"], serde_json::json!({ "eu": ROWS, "us": ROWS }));
    // All of `us`.
    assert_eq!((&load["parts"], &load["kept"]), (&10.into(), &5.into()));
}

#[test]
fn a_run_over_shards_that_was_killed_goes_on_in_the_snapshot_of_each() {
    let (eu, us) = (shard("eu"), shard("us"));
    let (target_url, target) = SHARED.url("target");
    let pipeline = format!(
        "sources:\n  rows:\n    type: postgres\n    table: t\n    split_rows: 2000\n    \
         user: postgres\n    port: {}\n    host: {}\n    shards:\n      \
         eu: {{ database: {eu} }}\n      us: {{ database: {us} }}\n\
         sinks:\n  out: {{ from: rows, type: postgres, url: \"{target_url}\", table: copy, mode: append }}\n",
        SHARED.port,
        SHARED.socket.display(),
    );
    let project = Project::of(&pipeline);
    assert!(project.run(Some("part.recorded:3")).was_killed());
    for database in [&eu, &us] {
        SHARED.psql(database, "update t set name = 'new'");
        SHARED.psql(database, "vacuum t");
    }
    let whole = project.dhow(&["run", "--output", "json"]);
    assert_eq!(whole.code, Some(0), "{}", whole.err);
    assert_eq!(verdict(&target), "lost 0\ntoo many 0");
    let report: serde_json::Value = serde_json::from_str(&whole.out).expect("JSON");
    assert_eq!(report["loads"][0]["kept"], 3);
}
