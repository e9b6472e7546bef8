//! What is said beforehand of a load is what the server hears of it: its log is the witness.

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, Schema};

use super::sink_tests::{PARTS, Yard, before, key, load, modes};
use crate::connectors::postgres::cluster::Cluster;
use crate::sink::{Load, Mode};

/// A server that writes down every statement, under the name of its database.
static LOGGING: LazyLock<Cluster> =
    LazyLock::new(|| Cluster::start(&["-c log_statement=all", "-c log_line_prefix=%d:"]));

/// What the server heard in `database`, apart from questions, settings, the ends of transactions and notes
/// in the schema `_dhow`.
fn heard(database: &str) -> Vec<String> {
    let log = std::fs::read_to_string(LOGGING.socket.join("log")).unwrap();
    let mut entries: Vec<String> = Vec::new();
    for line in log.lines() {
        match (line.strip_prefix('\t'), entries.last_mut()) {
            (Some(more), Some(last)) => last.extend(["\n", more]),
            _ => entries.push(line.to_owned()),
        }
    }
    let statement = |entry: &String| {
        let said = entry.strip_prefix(&format!("{database}:LOG:  "))?;
        let (how, sql) = said.split_once(": ")?;
        assert!(how == "statement" || how.starts_with("execute "), "{said}");
        let counts = !asks(sql) && !notes(sql);
        counts.then(|| sql.trim_end().trim_end_matches(';').to_owned())
    };
    entries.iter().filter_map(statement).collect()
}

/// Whether `sql` changes nothing by itself; a question to the catalog begins with what it is for.
fn asks(sql: &str) -> bool {
    let first = sql.split([' ', ';', '\n']).next();
    ["--", "select", "set", "begin", "commit", "rollback"].contains(&first.unwrap_or_default())
}

/// Whether `sql` changes one of dhow's own tables.
fn notes(sql: &str) -> bool {
    let table = ["insert into ", "update ", "delete from "]
        .iter()
        .find_map(|verb| sql.strip_prefix(verb)?.strip_prefix("_dhow."));
    table.is_some_and(|table| ["load", "part", "mark"].iter().any(|name| table.starts_with(name)))
}

/// What was said beforehand of `load` of [`PARTS`] by a sink with `options`, without comments and the `;`
/// at the end of each, and what writes a part as often as there are parts; and what the server heard when it
/// ran.
async fn said_and_heard(
    before: &str,
    load: &Load,
    options: &[(&'static str, &'static str)],
) -> [Vec<String>; 2] {
    let (url, database) = LOGGING.url("script");
    if !before.is_empty() {
        LOGGING.psql(&database, before);
    }
    let known = heard(&database);
    let mut yard =
        options.iter().fold(Yard::new(""), |yard, (name, value)| yard.option(name, value));
    yard.url = url;
    let said = yard.sink().statements(load).await.unwrap();
    assert_eq!(heard(&database), known, "nothing is changed by saying it");
    yard.load(load, PARTS).await.unwrap();
    let said = said.into_iter().filter(|line| !line.starts_with("--"));
    let said = said.flat_map(|line| {
        let sql = line.strip_suffix(';').expect("a whole statement").to_owned();
        let times = if sql.starts_with("copy ") { PARTS.len() } else { 1 };
        vec![sql; times]
    });
    [said.collect(), heard(&database).split_off(known.len())]
}

#[tokio::test]
async fn every_mode_says_beforehand_what_the_server_will_hear() {
    for mode in modes() {
        for repeatable in [true, false] {
            let load = Load { repeatable, source_key: key(&["id"]), ..load("l1", mode.clone()) };
            for before in ["", before(&mode)] {
                let [said, heard] = said_and_heard(before, &load, &[]).await;
                assert_eq!(said, heard, "{mode}, after `{before}`");
            }
        }
    }
}

#[tokio::test]
async fn a_key_of_the_loads_own_is_said_for_a_table_that_has_none() {
    let load = load("l1", Mode::Replace);
    let key = [("table_key", "id")];
    for before in ["", "create table t (id bigint, word text); create index on t (word)"] {
        let [said, heard] = said_and_heard(before, &load, &key).await;
        assert_eq!(said, heard, "after `{before}`");
        assert!(said.iter().any(|sql| sql.contains("primary key (\"id\")")), "{said:?}");
    }
}

#[tokio::test]
async fn the_format_of_the_rows_is_said_also_for_columns_that_are_not_there_yet() {
    let kind = [("dhow.source_type".to_owned(), "postgres:tsquery".to_owned())];
    let word = Field::new("word", DataType::Utf8, true).with_metadata(kind.into());
    let schema = Schema::new([Arc::new(Field::new("id", DataType::Int64, false)), Arc::new(word)]);
    let load = Load { schema: Arc::new(schema), ..load("l1", Mode::Append) };
    let [said, heard] = said_and_heard("", &load, &[]).await;
    assert_eq!(said, heard);
    assert_eq!(said[2], r#"copy "public"."t" ("id", "word") from stdin (format text)"#);
}

#[tokio::test]
async fn columns_that_are_added_or_widened_are_said() {
    let load = load("l1", Mode::Append);
    let policy = [("on_schema_change", "widen")];
    let [said, heard] = said_and_heard("create table t (id integer)", &load, &policy).await;
    assert_eq!(said, heard);
    assert_eq!(
        said[1..4],
        [
            r#"alter table "public"."t" alter column "id" type bigint"#,
            r#"alter table "public"."t" add column "word" text"#,
            r#"copy "public"."t" ("id", "word") from stdin (format binary)"#,
        ]
    );
}

/// What is carried over depends on what the server gives the new table by itself, so that a comment
/// stands for it.
#[tokio::test]
async fn a_replaced_table_is_said_to_get_its_indexes_and_keys_again() {
    let before = "create table parent (word text primary key); insert into parent values ('new'); \
        create table t (id bigint primary key, word text references parent, gone int); \
        create index of_word on t (word); create index of_gone on t (gone); \
        comment on table t is 'words'";
    let [said, heard] = said_and_heard(before, &load("l1", Mode::Replace), &[]).await;
    let (carried, rest): (Vec<_>, Vec<_>) = heard.into_iter().partition(|sql| !said.contains(sql));
    assert_eq!(said, rest);
    insta::assert_snapshot!(carried.join("\n"), @"comment on table public.t is 'words'");
    insta::assert_snapshot!(rest[1..].join("\n"), @r#"
    create table "_dhow"."s_6e245fd2a3d8c678" (like "public"."t" including all excluding indexes excluding statistics)
    alter table "_dhow"."s_6e245fd2a3d8c678" drop column "gone" cascade
    copy "_dhow"."s_6e245fd2a3d8c678" ("id", "word") from stdin (format binary)
    copy "_dhow"."s_6e245fd2a3d8c678" ("id", "word") from stdin (format binary)
    create unique index "s_6e245fd2a3d8c678_c899f4592d8b9b05" on "_dhow"."s_6e245fd2a3d8c678" USING btree (id); alter table "_dhow"."s_6e245fd2a3d8c678" add constraint "s_6e245fd2a3d8c678_c899f4592d8b9b05" primary key using index "s_6e245fd2a3d8c678_c899f4592d8b9b05"
    create index "s_6e245fd2a3d8c678_6d44d88d20c6d071" on "_dhow"."s_6e245fd2a3d8c678" USING btree (word)
    alter table "_dhow"."s_6e245fd2a3d8c678" add constraint t_word_fkey FOREIGN KEY (word) REFERENCES public.parent(word)
    analyze "_dhow"."s_6e245fd2a3d8c678"
    lock table "public"."t" in access exclusive mode
    alter table "public"."t" rename to "s_6e245fd2a3d8c678_old"
    alter table "_dhow"."s_6e245fd2a3d8c678" set schema "public"
    alter table "public"."s_6e245fd2a3d8c678" rename to "t"
    drop table "public"."s_6e245fd2a3d8c678_old"
    alter table "public"."t" rename constraint "s_6e245fd2a3d8c678_c899f4592d8b9b05" to "t_pkey"
    alter index "public"."s_6e245fd2a3d8c678_6d44d88d20c6d071" rename to "of_word"
    drop table if exists "_dhow"."s_6e245fd2a3d8c678"
    "#);
}

#[tokio::test]
async fn a_table_that_stays_for_its_views_is_said_to_get_other_rows() {
    let table =
        "create table t (id bigint primary key, word text); create view v as select * from t";
    let child = "; create table child (t bigint references t)";
    for before in [table.to_owned(), format!("{table}{child}")] {
        let [said, heard] = said_and_heard(&before, &load("l1", Mode::Replace), &[]).await;
        assert_eq!(said, heard, "after `{before}`");
    }
}
