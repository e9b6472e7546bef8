//! Tests of cuts by key, of what is kept between processes, and of windows.

use std::sync::Arc;

use super::kept::Kept;
use super::source_tests::{lines, numbers, read, snapshot, source};
use crate::connectors::postgres::cluster::SHARED;
use crate::error::Kind;
use crate::source::{Snapshot, Want, Watermark, Window};

/// For each piece the predicate, as the server has to judge it.
fn predicates(snapshot: &Arc<dyn Snapshot>) -> Vec<String> {
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
    SHARED.psql(db, &format!("select count(*) from {table} where ({}) <> 1", sum.join(" + ")))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_satisfies_exactly_one_range_whatever_the_key() {
    let (url, db) = SHARED.url("keys");
    SHARED.psql(&db, "create extension citext; create type mood as enum ('sad', 'ok', 'happy')");
    let words = "(array['a','A','ä','Z','z','zz','','a ','é','É','ß','ss','-a','_a','1','10','2'])\
                 [1 + (random() * 16)::int]";
    let kinds = [
        ("int", "(random() * 1000 - 500)::int"),
        (
            "bigint",
            "(array[-9223372036854775808, 9223372036854775807, 0, 7])[1 + (random() * 3)::int]",
        ),
        ("uuid", "gen_random_uuid()"),
        ("text collate \"C\"", words),
        ("text collate \"en-x-icu\"", words),
        ("text collate \"de-x-icu\"", words),
        ("varchar(5)", words),
        ("char(4)", words),
        ("citext", words),
        ("mood", "(array['sad','ok','happy'])[1 + (random() * 2)::int]::mood"),
        (
            "float8",
            "(array['NaN','-0','0','Infinity','-Infinity','1e-300','0.1'])[1 + (random() * 6)::int]::float8",
        ),
        (
            "numeric",
            "(array['NaN','1.0','1.00','Infinity','-5'])[1 + (random() * 4)::int]::numeric",
        ),
        ("timestamptz", "now() + random() * interval '400 days'"),
        ("bytea", "decode(md5(random()::text), 'hex')"),
        (
            "interval",
            "(random() * 50)::int * interval '1 day' + (random() * 2)::int * interval '1 month'",
        ),
    ];
    for (number, (kind, value)) in kinds.iter().enumerate() {
        for nulls in [false, true] {
            let table = format!("t{number}{}", if nulls { "n" } else { "" });
            let value = if nulls {
                format!("case when random() < 0.1 then null else {value} end")
            } else {
                (*value).to_owned()
            };
            SHARED.psql(&db, &format!(
                "create table {table} (\"odd \"\"k\" {kind}, b int, c int); \
                 insert into {table} select {value}, (random() * 5)::int, nullif((random() * 5)::int, 0) \
                 from generate_series(1, 300)"));
            for by in ["odd \"k", "all"] {
                let mut options =
                    vec![("table", table.as_str()), ("split_rows", "17"), ("consistency", "split")];
                let view = format!("v{table}");
                if by == "all" {
                    SHARED.psql(
                        &db,
                        &format!(
                            "create view {view} as select \"odd \"\"k\" as k, b, c from {table}"
                        ),
                    );
                    options[0] = ("table", view.as_str());
                    options.push(("split_by", "k"));
                } else {
                    options.push(("split_by", by));
                }
                let snapshot = snapshot(&url, &options).await;
                assert!(snapshot.splits().len() > 2, "{kind} {by}");
                assert_eq!(
                    misplaced(&db, options[0].1, &predicates(&snapshot)),
                    "0",
                    "{kind} {by}"
                );
                assert_eq!(lines(&snapshot).await.len(), 300, "{kind} {by}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_composite_key_with_equal_beginnings_is_cut_on_all_its_columns() {
    let (url, db) = SHARED.url("composite");
    SHARED.psql(
        &db,
        "create table t (a int, b text collate \"en-x-icu\", c int, primary key (a, b, c)); \
        insert into t select n / 400, chr(65 + n % 40), n from generate_series(0, 799) n; \
        create table u (a int, b int, unique (a, b)); \
        insert into u select nullif(n % 7, 0), nullif(n, 5) from generate_series(0, 99) n; \
        insert into u values (null, null), (null, null), (1, null)",
    );
    let options = [("table", "t"), ("split_rows", "50"), ("consistency", "split")];
    let keyed = snapshot(&url, &options).await;
    assert_eq!(keyed.splits().len(), 16);
    assert_eq!(misplaced(&db, "t", &predicates(&keyed)), "0");
    let options = [("table", "u"), ("split_rows", "10"), ("consistency", "split")];
    let keyed = snapshot(&url, &options).await;
    assert!(keyed.splits().len() > 5, "{:?}", keyed.splits());
    assert_eq!(misplaced(&db, "u", &predicates(&keyed)), "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_by_split_is_opened_again_with_its_borders_and_another_table_is_not() {
    let (url, db) = SHARED.url("memo");
    SHARED.psql(
        &db,
        "create table t (id int primary key); insert into t select generate_series(1, 100)",
    );
    let options = [("table", "t"), ("split_rows", "10"), ("consistency", "split")];
    let source = source(&url, &options);
    let first = source.open(&Window::default()).await.unwrap();
    SHARED.psql(&db, "insert into t select generate_series(101, 200); delete from t where id < 6");
    let window = Window { memo: first.memo(), above: None };
    let again = source.open(&window).await.unwrap();
    assert_eq!((again.id(), again.splits()), (first.id(), first.splits()));
    assert!(again.notes().iter().any(|note| note.contains("are kept")), "{:?}", again.notes());
    assert_eq!(numbers(&again, &Want::default()).await, (6..=200).collect::<Vec<_>>());
    SHARED.psql(&db, "drop table t; create table t (id int primary key); insert into t select generate_series(1, 100)");
    let error = read(&again, &again.splits()[0], &Want::default()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Conflict);
    let other = source.open(&window).await.unwrap();
    assert_ne!(other.id(), first.id());
    assert!(other.notes().iter().any(|note| note.contains("starts over")), "{:?}", other.notes());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_is_gone_is_not_taken_for_another() {
    let (url, db) = SHARED.url("rest");
    SHARED.psql(
        &db,
        "create table t (id int primary key); insert into t select generate_series(1, 100)",
    );
    let source = source(&url, &[("table", "t")]);
    let first = source.open(&Window::default()).await.unwrap();
    let window = Window { memo: first.memo(), above: None };
    let id = first.id().clone();
    drop(first);
    SHARED.psql(&db, "update t set id = -id");
    let again = source.open(&window).await.unwrap();
    assert_ne!(*again.id(), id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_committer_is_in_the_next_window_and_nothing_is_lost() {
    let (url, db) = SHARED.url("late");
    SHARED.psql(
        &db,
        "create table t (id int, at timestamptz not null default now()); \
        insert into t select n, now() - interval '1 hour' from generate_series(1, 5) n",
    );
    let source = source(&url, &[("table", "t"), ("cursor", "at")]);
    let mut late = Psql::start(&db);
    late.run("begin; insert into t (id) values (6);");
    SHARED.psql(&db, "insert into t (id) values (7)");
    let first = source.open(&Window::default()).await.unwrap();
    assert_eq!(numbers(&first, &Want::default()).await, [1, 2, 3, 4, 5]);
    late.run("commit;");
    late.end();
    let high = first.high().cloned();
    // What was not seen is above the end of the window: the next one has it.
    let lost = format!("select count(*) from t where id > 5 and at <= '{}'", high.clone().unwrap());
    assert_eq!(SHARED.psql(&db, &lost), "0");
    SHARED.psql(&db, "update t set at = at - interval '5.5 seconds' where id > 5");
    let second = source.open(&Window { above: None, memo: None }).await.unwrap();
    let mut found = numbers(&second, &Want::default()).await;
    found.sort_unstable();
    assert_eq!(found, [1, 2, 3, 4, 5, 6, 7]);
    assert!(second.high() > high.as_ref());
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_wait_for_whoever_may_still_add_a_lower_one() {
    let (url, db) = SHARED.url("serial");
    SHARED.psql(
        &db,
        "create table t (id serial primary key, who text); insert into t (who) values ('a')",
    );
    let source = source(&url, &[("table", "t"), ("cursor", "id")]);
    let mut late = Psql::start(&db);
    late.run("begin; insert into t (who) values ('late');");
    SHARED.psql(&db, "insert into t (who) values ('b')");
    let opening = tokio::spawn({
        let source = Arc::clone(&source);
        async move { source.open(&Window::default()).await }
    });
    // It waits for the one that has number 2, and sees it then.
    while SHARED.psql(
        &db,
        "select count(*) from pg_stat_activity where query like '%pg_sleep(0.1)%' \
        and datname = current_database() and pid <> pg_backend_pid()",
    ) == "0"
    {}
    late.run("commit;");
    late.end();
    let first = opening.await.unwrap().unwrap();
    assert_eq!(numbers(&first, &Want::default()).await, [1, 2, 3]);
    assert_eq!(first.high(), Some(&Watermark("3".to_owned())));
    SHARED.psql(&db, "insert into t (who) values ('c')");
    let window = Window { above: first.high().cloned(), memo: None };
    let second = source.open(&window).await.unwrap();
    assert_eq!(numbers(&second, &Want::default()).await, [4]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_cannot_see_the_others_is_told_what_it_needs() {
    let (url, db) = SHARED.url("blind");
    SHARED.psql(&db, "create table t (at timestamptz); grant select on t to public; create role reader_blind login");
    let url = url.replace("postgres@", "reader_blind@");
    let error = source(&url, &[("table", "t"), ("cursor", "at")])
        .open(&Window::default())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Denied);
    assert!(error.advice().unwrap().contains("pg_read_all_stats"), "{error:?}");
    let best = [("table", "t"), ("cursor", "at"), ("overlap", "10m")];
    assert!(source_ok(&url, &best).await);
}

async fn source_ok(url: &str, options: &[(&str, &str)]) -> bool {
    source(url, options).open(&Window::default()).await.is_ok()
}

/// A session of psql that stays open between statements.
struct Psql {
    child: std::process::Child,
    orders: std::process::ChildStdin,
    answers: std::io::BufReader<std::process::ChildStdout>,
}

impl Psql {
    fn start(db: &str) -> Self {
        let mut child = std::process::Command::new("psql")
            .args([
                "-X",
                "-q",
                "-A",
                "-t",
                "-U",
                "postgres",
                "-p",
                &SHARED.port.to_string(),
                "-d",
                db,
                "-h",
            ])
            .arg(&SHARED.socket)
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let orders = child.stdin.take().unwrap();
        let answers = std::io::BufReader::new(child.stdout.take().unwrap());
        Psql { child, orders, answers }
    }

    fn run(&mut self, sql: &str) {
        use std::io::{BufRead, Write};
        writeln!(self.orders, "{sql}\n\\echo done").unwrap();
        let mut line = String::new();
        while self.answers.read_line(&mut line).unwrap() > 0 && !line.ends_with("done\n") {}
    }

    fn end(self) {
        let Psql { mut child, orders, .. } = self;
        drop(orders);
        child.wait().unwrap();
    }
}
