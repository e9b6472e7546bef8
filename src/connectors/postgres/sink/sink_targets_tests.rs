//! Targets of all kinds, and roles that may not write them.

use super::sink_tests::{PARTS, Yard, after, hide, high, key, load, modes, stage};
use crate::connectors::postgres::cluster::Cluster;
use crate::error::Kind;
use crate::sink::{Load, Mode};

#[tokio::test]
async fn a_table_that_others_reference_is_not_emptied_and_the_error_says_why() {
    let yard = Yard::new(
        "create table t (id bigint primary key, word text); insert into t values (1, 'old'); \
         create table child (t bigint references t)",
    );
    let error = yard.load(&load("l1", Mode::Truncate), PARTS).await.unwrap_err();
    insta::assert_snapshot!(hide(&yard, &error.report()), @r#"
    error: could not empty `public.t`
      reason: foreign keys of other tables reference it

    hint: use `mode: replace` or `merge`, which leave rows with the same key in place
    "#);
    assert_eq!(yard.rows(), "1=old");
}

#[tokio::test]
async fn a_partitioned_and_an_unlogged_table_take_every_mode() {
    let partitioned = "create table t (id bigint PRIMARY, word text) partition by range (id); \
        create table low partition of t for values from (0) to (3); \
        create table high partition of t default; \
        insert into t values (1, 'old'), (2, 'old')";
    let unlogged = "create unlogged table t (id bigint PRIMARY, word text); \
        insert into t values (1, 'old'), (2, 'old')";
    for table in [partitioned, unlogged] {
        for mode in modes() {
            let primary = if mode == Mode::Append { "" } else { "primary key" };
            let yard = Yard::new(&table.replace("PRIMARY", primary));
            let kind = "select relkind::text || relpersistence::text from pg_class where oid = 't'::regclass";
            let before = yard.psql(kind);
            yard.load(&load("l1", mode.clone()), PARTS).await.unwrap();
            assert_eq!(yard.rows(), after(&mode), "{mode}");
            assert_eq!(yard.psql(kind), before, "{mode}");
            assert_eq!(yard.left(), " 0", "{mode}");
        }
    }
}

#[tokio::test]
async fn identities_and_generated_columns_are_kept() {
    for mode in modes() {
        let primary = if mode == Mode::Append { "" } else { "primary key" };
        let yard = Yard::new(&format!(
            "create table t (id bigint generated always as identity {primary}, word text, \
             up text generated always as (upper(word)) stored); \
             insert into t overriding system value values (1, 'old'), (2, 'old')"
        ));
        yard.load(&load("l1", mode.clone()), PARTS).await.unwrap();
        assert_eq!(yard.rows(), after(&mode), "{mode}");
        assert_eq!(yard.psql("select distinct up from t where word = 'new'"), "NEW", "{mode}");
        let always = yard.psql(
            "select string_agg(attidentity::text || attgenerated::text, ',' order by attnum) \
             from pg_attribute where attrelid = 't'::regclass and attnum > 0 and not attisdropped",
        );
        assert_eq!(always, "a,,s", "{mode}");
    }
}

#[tokio::test]
async fn a_view_is_no_target() {
    let yard = Yard::new("create table x (id bigint, word text); create view t as select * from x");
    for mode in modes() {
        let error = yard.sink().inspect(&load("l1", mode.clone())).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Unsupported, "{mode}");
        assert_eq!(error.message(), "`public.t` is a view, not a table", "{mode}");
    }
}

#[tokio::test]
async fn the_plan_finds_out_what_the_role_may_not_do() {
    let mut yard = Yard::new("create table t (id bigint primary key, word text)");
    let role = format!("plain_{}", yard.database);
    yard.psql(&format!("create role {role} login; grant usage on schema public to {role}"));
    yard.url = yard.url.replace("postgres@", &format!("{role}@"));
    let refused = |mode: Mode| {
        let sink = yard.sink();
        async move { sink.inspect(&load("l1", mode)).await.unwrap_err() }
    };
    let mut reports = String::new();
    let error = refused(Mode::Append).await;
    assert_eq!(error.kind(), Kind::Denied);
    reports.push_str(&hide(&yard, &error.report()));
    yard.psql(&format!("create schema _dhow authorization {role}"));
    yard.psql(&format!("grant create on database {} to {role}", yard.database));
    for mode in modes() {
        let error = refused(mode.clone()).await;
        assert_eq!(error.kind(), Kind::Denied, "{mode}");
        reports.push_str(&format!("\n{}", hide(&yard, &error.report())));
    }
    insta::assert_snapshot!(reports.replace(&role, "role"), @r#"
    error: this role may not make the schema `_dhow`

    hint: grant it `create` on the database, or make the schema and let it own that
    error: this role may not insert into table `public.t`

    hint: grant it that: mode `append` needs it
    error: this role may not insert into table `public.t`

    hint: grant it that: mode `truncate` needs it
    error: this role may not replace table `public.t`

    hint: let it own the table
    error: this role may not insert into table `public.t`

    hint: grant it that: mode `merge` needs it
    error: this role may not insert into table `public.t`

    hint: grant it that: mode `delete+insert` needs it
    "#);
    yard.psql(&format!("grant insert, select, update on t to {role}"));
    yard.load(&load("l1", Mode::Merge(key(&["id"]))), PARTS).await.unwrap();
    assert_eq!(yard.rows(), "2=new 3=new 4=new");
}

#[tokio::test]
async fn a_server_that_crashes_between_parts_costs_no_row() {
    let own = Cluster::start(&[]);
    for table in ["table", "unlogged table"] {
        for mode in modes() {
            let (url, database) = own.url("crash");
            let primary = if mode == Mode::Append { "" } else { "primary key" };
            own.psql(&database, &format!("create {table} t (id bigint {primary}, word text)"));
            let mut yard = Yard::new("");
            yard.url = url;
            let load: Load = load("l1", mode.clone());
            let sink = yard.sink();
            sink.prepare(&load).await.unwrap();
            let first = stage(&sink, &load, &PARTS[..1]).await.unwrap();
            own.order("crash");
            // As the engine does: what has a receipt is not written again, the rest is tried again.
            let lost = sink.write(&load, super::sink_tests::part("p1", PARTS[1])).await;
            if let Err(error) = lost {
                assert_eq!(error.kind(), Kind::Unavailable, "{mode}: {}", error.report());
            }
            let staged = stage(&sink, &load, PARTS).await.unwrap();
            assert_eq!(staged[0], first[0], "{mode}");
            sink.commit(&load, &staged, &high("w")).await.unwrap();
            sink.sweep(&load).await.unwrap();
            let rows =
                own.psql(&database, "select string_agg(id || '=' || word, ' ' order by id) from t");
            assert_eq!(rows, "2=new 3=new 4=new", "{table} {mode}");
        }
    }
}
