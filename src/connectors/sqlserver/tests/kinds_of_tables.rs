//! Tables of every kind: what is read of them, what is left out, and what the plan says of it.

use super::{failure, lines, server, snapshot};
use crate::connectors::sqlserver::tds::Tds;
use crate::error::Kind;
use crate::source::Snapshot;

fn has_note(snapshot: &dyn Snapshot, start: &str) -> bool {
    snapshot.notes().iter().any(|note| note.starts_with(start))
}

fn columns(snapshot: &dyn Snapshot) -> Vec<String> {
    snapshot.schema().fields().iter().map(|field| field.name().clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn sparse_columns_arrive_and_a_column_set_in_their_place_is_told() {
    let plain = server(
        "create table t (id int not null primary key, a int sparse null, b nvarchar(9) sparse null);
         insert into t (id, a, b) values (1, 7, null), (2, null, N'x')",
    );
    let found = snapshot(&plain, &[("table", "t")]).await;
    assert_eq!(lines(&found).await, ["1|7|NULL", "2|NULL|x"]);
    assert!(!has_note(&*found, "the column set"), "{:?}", found.notes());

    let set = server(
        "create table t (id int not null primary key, a int sparse null, b nvarchar(9) sparse null,
           extra xml column_set for all_sparse_columns);
         insert into t (id, a, b) values (1, 7, N'x<y'), (2, null, null)",
    );
    let found = snapshot(&set, &[("table", "t")]).await;
    assert_eq!(columns(&*found), ["id", "extra"]);
    assert_eq!(lines(&found).await, ["1|<a>7</a><b>x&lt;y</b>", "2|NULL"]);
    let note = "the column set `extra` comes in place of the sparse columns `a`, `b`: name them in \
                a `query` to read each by itself";
    assert!(found.notes().contains(&note.to_owned()), "{:?}", found.notes());
    let query = [("query", "select id, a, b from t")];
    assert_eq!(lines(&snapshot(&set, &query).await).await, ["1|7|x<y", "2|NULL|NULL"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn hidden_columns_of_periods_and_ledgers_are_left_out_and_told() {
    let temporal = server(
        "create table t (id int not null primary key,
           since datetime2(7) generated always as row start hidden not null,
           until datetime2(7) generated always as row end hidden not null,
           period for system_time (since, until)) with (system_versioning = on);
         insert into t (id) values (1)",
    );
    let found = snapshot(&temporal, &[("table", "t")]).await;
    assert_eq!(lines(&found).await, ["1"]);
    let note = "`since`, `until` are hidden and left out: name them in a `query` to read them";
    assert!(found.notes().contains(&note.to_owned()), "{:?}", found.notes());
    let query = [("query", "select id, since from t")];
    assert_eq!(columns(&*snapshot(&temporal, &query).await), ["id", "since"]);

    let ledger = server(
        "create table t (id int not null primary key,
           tx bigint generated always as transaction_id start hidden not null,
           seq bigint generated always as sequence_number start hidden not null)
         with (ledger = on (append_only = on));
         insert into t (id) values (1)",
    );
    let found = snapshot(&ledger, &[("table", "t")]).await;
    assert_eq!(lines(&found).await, ["1"]);
    assert!(has_note(&*found, "`tx`, `seq` are hidden and left out"), "{:?}", found.notes());
}

#[tokio::test(flavor = "multi_thread")]
async fn visible_columns_of_a_period_are_read_like_others() {
    let server = server(
        "create table t (id int not null primary key,
           until datetime2(0) generated always as row end not null);
         insert into t (id) values (1)",
    );
    let found = snapshot(&server, &[("table", "t"), ("fraction", "truncate")]).await;
    assert_eq!(columns(&*found), ["id", "until"]);
    assert!(!found.notes().iter().any(|note| note.contains("hidden")), "{:?}", found.notes());
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_and_edges_of_a_graph_come_with_their_ids_and_without_what_is_internal() {
    let server = server(
        "create table person (id int not null primary key, name nvarchar(9)) as node;
         create table likes (rating int) as edge;
         insert into person (id, name) values (1, N'ann'), (2, N'bob')",
    );
    let nodes = snapshot(&server, &[("table", "person")]).await;
    let names = columns(&*nodes);
    assert!(names[0].starts_with("$node_id_") && names[1..] == ["id", "name"], "{names:?}");
    let id = |n: usize| format!(r#"{{"type":"node","schema":"dbo","table":"person","id":{n}}}"#);
    let expected = [format!("{}|1|ann", id(0)), format!("{}|2|bob", id(1))];
    assert_eq!(lines(&nodes).await, expected);
    // Nobody can read what is internal, so that nothing is said of it.
    assert!(!nodes.notes().iter().any(|note| note.contains("hidden")), "{:?}", nodes.notes());
    let values = format!("values (N'{}', N'{}', 5)", id(0), id(1));
    server.execute("shop", &format!("insert into likes ([$from_id], [$to_id], rating) {values}"));
    // The index that each graph has is over a column that is internal: it is no key.
    let edges = snapshot(&server, &[("table", "likes"), ("split_rows", "1")]).await;
    let own = r#"{"type":"edge","schema":"dbo","table":"likes","id":0}"#;
    assert_eq!(lines(&edges).await, [format!("{own}|{}|{}|5", id(0), id(1))]);
    assert_eq!(edges.splits().len(), 1);
}

const IN_MEMORY: &str = "create table t (id int not null primary key nonclustered) \
                         with (memory_optimized = on, durability = schema_and_data); \
                         insert into t values (1), (2), (3), (4)";

fn with_snapshots(sql: &str) -> Tds {
    let server = server(sql);
    server.execute("shop", "alter database shop set allow_snapshot_isolation on");
    server
}

#[tokio::test(flavor = "multi_thread")]
async fn a_memory_optimized_table_is_read_without_a_transaction() {
    for setting in ["allow_snapshot_isolation on", "read_committed_snapshot off"] {
        let server = server(IN_MEMORY);
        server.execute("shop", &format!("alter database shop set {setting}"));
        let found = snapshot(&server, &[("table", "t"), ("split_rows", "2")]).await;
        assert_eq!((found.splits().len(), lines(&found).await.len()), (2, 4), "{setting}");
        let start = "the table is memory-optimized: it is read without a transaction";
        assert!(has_note(&*found, start), "{:?}", found.notes());
        let start = "rows are as they are when each split is read";
        assert!(has_note(&*found, start), "{setting}: {:?}", found.notes());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_memory_optimized_table_behind_a_view_a_synonym_or_a_query_is_found() {
    let server = with_snapshots(IN_MEMORY);
    server.execute("shop", "create view v as select id as n from t");
    server.execute("shop", "create synonym s for t");
    server.execute("shop", "create table disk (id int not null)");
    for more in [
        [("table", "v"), ("split_by", "n"), ("split_rows", "2")],
        [("table", "s"), ("split_by", "id"), ("split_rows", "2")],
        [("query", "select id from t"), ("split_by", "id"), ("split_rows", "2")],
    ] {
        let found = snapshot(&server, &more).await;
        assert_eq!((found.splits().len(), lines(&found).await.len()), (2, 4), "{more:?}");
    }
    let view = snapshot(&server, &[("table", "v")]).await;
    assert!(has_note(&*view, "no SNAPSHOT transaction reads this"), "{:?}", view.notes());
    server.forget_log();
    let found = snapshot(&server, &[("query", "select id from disk")]).await;
    assert!(has_note(&*found, "rows are as they are when each split is read"));
    lines(&found).await;
    let log = server.log();
    let read = log.iter().find(|s| s.text.starts_with("select [id] from (")).unwrap();
    assert_eq!(read.isolation, "snapshot", "a query of tables on disk keeps its transaction");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_moment_of_what_no_transaction_keeps_is_refused() {
    let memory = with_snapshots(IN_MEMORY);
    memory.execute("shop", "create view v as select id from t");
    let external = with_snapshots("create external table t (id int) with (location = 'f')");
    external.execute("shop", "create view v as select id from t");
    for (server, table) in [(&memory, "t"), (&memory, "v"), (&external, "t"), (&external, "v")] {
        let more = [("table", table), ("consistency", "snapshot")];
        let error = failure(server, &more).await;
        assert_eq!(error.kind(), Kind::Config, "{error:?}");
        let message = format!("no transaction keeps `{table}` as it is at one moment");
        assert_eq!(error.message(), message);
        assert_eq!(error.advice(), Some("`consistency: split` reads each split as it is then"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_columnstore_is_no_key_and_a_unique_index_beside_it_is_one() {
    let rows = "insert into t (id) values (1), (2), (3), (4)";
    for (sql, splits) in [
        ("create table t (id int not null); create clustered columnstore index c on t", 1),
        (
            "create table t (id int not null); create clustered columnstore index c on t; \
             create unique index u on t (id)",
            2,
        ),
        (
            "create table t (id int not null, big nvarchar(max) null); \
             create clustered columnstore index c on t; \
             create unique index u on t (id) include (big)",
            2,
        ),
        (
            "create table t (id int not null); create clustered columnstore index c on t; \
             create index i on t (id)",
            1,
        ),
        (
            "create table t (id int not null primary key); \
             create nonclustered columnstore index c on t (id)",
            2,
        ),
    ] {
        let server = server(&format!("{sql}; {rows}"));
        let found = snapshot(&server, &[("table", "t"), ("split_rows", "2")]).await;
        assert_eq!((found.splits().len(), lines(&found).await.len()), (splits, 4), "{sql}");
        let killed = "it is read in one piece: a run that is killed starts over";
        assert_eq!(has_note(&*found, killed), splits == 1, "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_external_table_is_read_without_a_transaction_in_one_piece_or_as_told() {
    let server = with_snapshots(
        "create external table t (id int, name nvarchar(9)) with (location = '/f', data_source = d);
         insert into t values (1, N'a'), (2, null)",
    );
    let found = snapshot(&server, &[("table", "t"), ("split_rows", "1")]).await;
    assert_eq!(
        (found.splits().len(), lines(&found).await),
        (1, vec!["1|a".into(), "2|NULL".into()])
    );
    assert!(has_note(&*found, "the table is external: its rows come from outside"));
    let more = [("table", "t"), ("split_by", "id"), ("split_rows", "1")];
    let found = snapshot(&server, &more).await;
    assert_eq!((found.splits().len(), lines(&found).await.len()), (3, 2));
    server.execute("shop", "create view v as select id from t");
    assert_eq!(lines(&snapshot(&server, &[("table", "v")]).await).await, ["1", "2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_synonym_is_the_table_that_it_stands_for() {
    let server = server(
        "create table [a.b] (id int not null primary key, c int sparse null,
           extra xml column_set for all_sparse_columns);
         create synonym s for [dbo].[a.b];
         insert into [a.b] (id) values (1), (2), (3), (4);
         create synonym own for shop.dbo.[a.b]",
    );
    for name in ["s", "own"] {
        let found = snapshot(&server, &[("table", name), ("split_rows", "2")]).await;
        assert_eq!((found.splits().len(), lines(&found).await.len()), (2, 4), "{name}");
        assert!(has_note(&*found, "the column set `extra`"), "{:?}", found.notes());
    }
    let first = snapshot(&server, &[("table", "s")]).await;
    server.execute("shop", "create table other (id int not null primary key, extra xml)");
    server.execute("shop", "drop synonym s");
    server.execute("shop", "create synonym s for other");
    let error = super::read(&first, &first.splits()[0], &Default::default()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Conflict, "{error:?}");
    assert_eq!(error.message(), "`s` changed while it was being read");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_synonym_of_nothing_or_of_another_database_is_refused() {
    let server = server("create table t (id int not null)");
    for (base, kind, message) in [
        ("nowhere", Kind::Missing, "could not look at `s`"),
        (
            "master.dbo.t",
            Kind::Config,
            "`s` is a synonym of `[master].[dbo].[t]`, in another database or server",
        ),
        (
            "srv.shop.dbo.t",
            Kind::Config,
            "`s` is a synonym of `[srv].[shop].[dbo].[t]`, in another database or server",
        ),
    ] {
        server.execute("shop", &format!("create synonym s for {base}"));
        let error = failure(&server, &[("table", "s")]).await;
        assert_eq!((error.kind(), error.message()), (kind, message));
        server.execute("shop", "drop synonym s");
    }
}
