//! What `replace` carries over, what it leaves in place; and loads that are killed at every point.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::FutureExt;

use super::sink_tests::{PARTS, Yard, after, before, high, load, modes, stage};
use crate::error::Kind;
use crate::faults::{POSTGRES, Script};
use crate::sink::Mode;

const RICH: &str = "create role reader; create role owner; grant create on schema public to owner; \
    create table parent (word text primary key); insert into parent values ('old'), ('new'); \
    create table t (id bigint primary key, word text not null references parent, \
      n int generated always as identity (start 5), s serial, up text default 'x', check (id > 0)); \
    create unique index t_pair on t (word, id); create index t_lower on t (lower(word)) where id > 1; \
    comment on table t is 'tab'; comment on column t.word is 'wörd'; comment on index t_lower is 'ix'; \
    alter table t alter word set statistics 77; alter table t set (fillfactor = 70); \
    insert into t (id, word) values (1, 'old'), (2, 'old'); \
    alter table t owner to owner; grant select on t to reader; grant update (word) on t to reader";

/// Everything that is known of `t`.
const KNOWN: &str = "select string_agg(x, E'\\n' order by x) from (\
    select pg_get_indexdef(indexrelid) || coalesce(obj_description(indexrelid), '') from pg_index \
      where indrelid = 't'::regclass \
    union all select conname || pg_get_constraintdef(oid) from pg_constraint \
      where conrelid = 't'::regclass \
    union all select attname || attnotnull || atttypid || attstattarget || attidentity::text \
      || coalesce(attacl::text, '') || coalesce(col_description(attrelid, attnum), '') \
      || coalesce(pg_get_expr(d.adbin, d.adrelid), '') \
      || coalesce(pg_get_serial_sequence('t', attname), '') \
      from pg_attribute a left join pg_attrdef d on d.adrelid = attrelid and d.adnum = attnum \
      where attrelid = 't'::regclass and attnum > 0 \
    union all select relowner || relacl::text || reloptions::text || obj_description(oid) \
      from pg_class where oid = 't'::regclass) x (x)";

#[tokio::test]
async fn a_replaced_table_keeps_indexes_constraints_owner_grants_comments_and_sequences() {
    let own = crate::connectors::postgres::cluster::Cluster::start(&[]);
    let (url, database) = own.url("sink");
    own.psql(&database, RICH);
    let known = own.psql(&database, KNOWN);
    let mut yard = Yard::new("");
    yard.url = url;
    for name in ["l1", "l2"] {
        yard.load(&load(name, Mode::Replace), PARTS).await.unwrap();
        assert_eq!(own.psql(&database, KNOWN), known, "{name}");
    }
    let rows = own.psql(&database, "select string_agg(id || word || up, ' ' order by id) from t");
    assert_eq!(rows, "2newx 3newx 4newx");
    own.psql(&database, "insert into t (id, word) values (9, 'new')");
    let left = "select count(*) from pg_class where relnamespace = '_dhow'::regnamespace \
        and relname like 's\\_%'";
    assert_eq!(own.psql(&database, left), "0");
}

#[tokio::test]
async fn a_table_with_views_or_foreign_keys_stays_and_gets_other_rows() {
    let yard = Yard::new(
        "create table t (id bigint primary key, word text); create view v as select * from t; \
         insert into t values (1, 'old'), (2, 'old'); \
         create table child (t bigint references t); insert into child values (2)",
    );
    let oid = yard.psql("select 't'::regclass::oid");
    yard.load(&load("l1", Mode::Replace), PARTS).await.unwrap();
    assert_eq!(yard.rows(), "2=new 3=new 4=new");
    assert_eq!(yard.psql("select count(*) from v"), "3");
    assert_eq!(yard.psql("select 't'::regclass::oid"), oid);
    // A row that another table needs does not go.
    let error = yard.load(&load("l2", Mode::Replace), &[&[(3, "x")]]).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Data);
    assert_eq!(yard.rows(), "2=new 3=new 4=new");
}

#[tokio::test]
async fn killed_at_any_point_and_run_again_every_row_is_there_exactly_once() {
    let mut deaths = std::collections::BTreeSet::new();
    for mode in modes() {
        for point in POSTGRES {
            for nth in [1, 2] {
                let yard = Yard::new(before(&mode));
                let load = load("l1", mode.clone());
                let (died, passed) = (Arc::new(tokio::sync::Notify::new()), AtomicUsize::new(0));
                let dead = died.clone();
                let script = Script::new(move |name| {
                    let dies = name == *point && passed.fetch_add(1, Ordering::SeqCst) + 1 == nth;
                    let dead = dead.clone();
                    async move {
                        if dies {
                            dead.notify_one();
                            std::future::pending::<()>().await;
                        }
                    }
                    .boxed()
                });
                let told = format!("{mode} killed at {point}:{nth}");
                tokio::select! {
                    done = script.scope(yard.load(&load, PARTS)) => { done.expect(&told); }
                    () = died.notified() => { deaths.insert(*point); }
                }
                let sink = yard.sink();
                sink.prepare(&load).await.expect(&told);
                // As the engine does: what the target says is done is not done again.
                if sink.inspect(&load).await.expect(&told).mark.is_none() {
                    let staged = stage(&sink, &load, PARTS).await.expect(&told);
                    sink.commit(&load, &staged, &high("w")).await.expect(&told);
                }
                sink.sweep(&load).await.expect(&told);
                assert_eq!(yard.rows(), after(&mode), "{told}");
                assert_eq!(yard.left(), " 0", "{told}");
            }
        }
    }
    let never: Vec<_> = POSTGRES.iter().filter(|point| !deaths.contains(*point)).collect();
    assert_eq!(never, [&"pg.taken_back", &"pg.refilled"]);
}
