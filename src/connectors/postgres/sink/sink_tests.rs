//! The contract of a sink, kept by a table of a real server, in every mode; read back with psql.

use std::sync::Arc;

use arrow::array::RecordBatch;

use crate::config::Options;
use crate::connectors::Context;
use crate::connectors::postgres::cluster::SHARED;
pub(in crate::connectors::postgres) use crate::connectors::sink_tests::{
    PARTS, Row, after, columns, high, key, load, load_of, modes, part, part_of, stage, under,
};
use crate::error::{Kind, Result};
use crate::memory::unlimited;
use crate::sink::{Load, Mark, Mode, Part, Sink};
use crate::source::{Refuse, Refused};

/// A database of its own for each test, and sinks that write the table `t` of it.
pub(in crate::connectors::postgres) struct Yard {
    pub(in crate::connectors::postgres) url: String,
    pub(in crate::connectors::postgres) database: String,
    options: Vec<(&'static str, &'static str)>,
}

impl Yard {
    pub(in crate::connectors::postgres) fn new(sql: &str) -> Self {
        let (url, database) = SHARED.url("sink");
        let yard = Yard { url, database, options: vec![("table", "t"), ("lock_timeout", "1s")] };
        if !sql.is_empty() {
            yard.psql(sql);
        }
        yard
    }

    pub(in crate::connectors::postgres) fn option(
        mut self,
        name: &'static str,
        value: &'static str,
    ) -> Self {
        self.options.retain(|(known, _)| *known != name);
        self.options.push((name, value));
        self
    }

    pub(in crate::connectors::postgres) fn sink(&self) -> Arc<dyn Sink> {
        let mut options = self.options.clone();
        options.push(("url", &self.url));
        let options = Options::of_arguments(&options);
        let problems = crate::connectors::postgres::source::options::check(
            &options,
            crate::connectors::Role::Sink,
        );
        assert!(problems.is_empty(), "{problems:?}");
        let base = std::path::PathBuf::new();
        let context = Context { base, jobs: 2, memory: unlimited(), state: None };
        super::open(&options, &context).unwrap()
    }

    pub(in crate::connectors::postgres) fn psql(&self, sql: &str) -> String {
        SHARED.psql(&self.database, sql)
    }

    /// The rows of the table `t`, as `1=a 2=b`.
    pub(in crate::connectors::postgres) fn rows(&self) -> String {
        self.psql(
            "select coalesce(string_agg(id || '=' || word, ' ' order by id, word), '') from t",
        )
    }

    /// What there is in the schema `_dhow` beside its own tables, and parts noted there.
    pub(in crate::connectors::postgres) fn left(&self) -> String {
        self.psql(
            "select coalesce(string_agg(relname, ' ' order by relname), '') || ' ' || \
             (select count(*) from _dhow.part) from pg_class \
             where relnamespace = '_dhow'::regnamespace and relkind = 'r' \
             and relname not in ('load', 'part', 'mark')",
        )
    }

    /// Plans and loads `rows` as one part.
    pub(in crate::connectors::postgres) async fn load_columns(
        &self,
        id: &str,
        mode: Mode,
        rows: &RecordBatch,
    ) -> Result<Vec<String>> {
        let (sink, load) = (self.sink(), load_of(id, mode, rows));
        let target = sink.inspect(&load).await?;
        sink.prepare(&load).await?;
        let staged = [sink.write(&load, part_of("p0", rows)).await?];
        sink.commit(&load, &staged, &high("w")).await?;
        sink.sweep(&load).await?;
        Ok(target.notes)
    }

    /// The columns of the table `t`, as `id bigint, word text`.
    pub(in crate::connectors::postgres) fn shape(&self) -> String {
        self.psql(
            "select string_agg(attname || ' ' || format_type(atttypid, atttypmod), ', ' \
             order by attnum) from pg_attribute \
             where attrelid = 't'::regclass and attnum > 0 and not attisdropped",
        )
    }

    /// One load with `parts`, from `prepare` to `sweep`.
    pub(in crate::connectors::postgres) async fn load(
        &self,
        load: &Load,
        parts: &[&[Row]],
    ) -> Result<Mark> {
        let sink = self.sink();
        sink.prepare(load).await?;
        let staged = stage(&sink, load, parts).await?;
        let mark = sink.commit(load, &staged, &high("w")).await?;
        sink.sweep(load).await?;
        Ok(mark)
    }
}

/// A table with two rows before each load, and what each mode makes of [`PARTS`].
pub(in crate::connectors::postgres) const BEFORE: &str = "create table t (id bigint primary key, word text); \
     insert into t values (1, 'old'), (2, 'old')";
pub(in crate::connectors::postgres) fn before(mode: &Mode) -> &'static str {
    match mode {
        Mode::Append => {
            "create table t (id bigint, word text); \
             insert into t values (1, 'old'), (2, 'old')"
        }
        _ => BEFORE,
    }
}

#[tokio::test]
async fn each_mode_changes_the_table_as_it_says_and_leaves_its_mark_and_nothing_else() {
    for mode in modes() {
        for repeatable in [true, false] {
            let yard = Yard::new(before(&mode));
            let load = Load { repeatable, ..load("l1", mode.clone()) };
            let mark = yard.load(&load, PARTS).await.unwrap();
            assert_eq!(yard.rows(), after(&mode), "{mode}");
            assert_eq!((mark.rows, &mark.watermarks), (3, &high("w")), "{mode}");
            let target = yard.sink().inspect(&load).await.unwrap();
            assert_eq!(target.mark, Some(mark), "{mode}");
            assert_eq!(target.watermarks, high("w"), "{mode}");
            assert_eq!(yard.left(), " 0", "{mode}");
        }
    }
}

#[tokio::test]
async fn a_missing_table_is_made_with_types_and_keys_and_not_null() {
    for mode in modes() {
        let yard = Yard::new("");
        assert_eq!(yard.sink().inspect(&load("l1", mode.clone())).await.unwrap().schema, None);
        yard.load(&load("l1", mode.clone()), PARTS).await.unwrap();
        assert_eq!(yard.rows(), "2=new 3=new 4=new", "{mode}");
        let columns = yard.psql(
            "select string_agg(attname || ' ' || atttypid::regtype || ' ' || attnotnull, ', ' \
             order by attnum) from pg_attribute where attrelid = 't'::regclass and attnum > 0",
        );
        assert_eq!(columns, "id bigint true, word text false", "{mode}");
        let keys = yard.psql(
            "select string_agg(pg_get_constraintdef(oid), ', ') \
             from pg_constraint where conrelid = 't'::regclass",
        );
        let expected = if matches!(mode, Mode::Merge(_)) { "PRIMARY KEY (id)" } else { "" };
        assert_eq!(keys, expected, "{mode}");
    }
}

#[tokio::test]
async fn sink_1_inspect_changes_nothing_and_knows_an_empty_table() {
    for mode in modes() {
        let yard = Yard::new("create table t (id bigint primary key, word text)");
        let sink = yard.sink();
        let target = sink.inspect(&load("l1", mode.clone())).await.unwrap();
        assert_eq!(target.rows, Some(0), "{mode}");
        assert_eq!(target.schema, Some(load("l1", mode.clone()).schema), "{mode}");
        sink.inspect(&Load::question("l1".parse().unwrap(), &mode)).await.unwrap();
        assert_eq!(yard.psql("select count(*) from pg_namespace where nspname = '_dhow'"), "0");
        yard.psql("insert into t values (1, 'a')");
        assert_eq!(sink.inspect(&load("l1", mode.clone())).await.unwrap().rows, None, "{mode}");
    }
}

#[tokio::test]
async fn sink_2_parts_are_not_seen_before_the_commit_except_those_of_an_append() {
    for mode in modes() {
        let yard = Yard::new(before(&mode));
        let load = load("l1", mode.clone());
        let sink = yard.sink();
        sink.prepare(&load).await.unwrap();
        let first = stage(&sink, &load, PARTS).await.unwrap();
        let seen = if mode == Mode::Append { after(&mode) } else { "1=old 2=old" };
        assert_eq!(yard.rows(), seen, "{mode}");
        // Written again: nothing changes, and the receipts are the same.
        assert_eq!(stage(&sink, &load, PARTS).await.unwrap(), first, "{mode}");
        sink.commit(&load, &first, &high("w")).await.unwrap();
        assert_eq!(yard.rows(), after(&mode), "{mode}");
    }
}

#[tokio::test]
async fn sink_3_writes_without_a_receipt_are_not_published() {
    for mode in modes() {
        let yard = Yard::new(before(&mode));
        let load = Load { repeatable: false, ..load("l1", mode.clone()) };
        let sink = yard.sink();
        sink.prepare(&load).await.unwrap();
        stage(&sink, &load, &[&[(7, "lost")], &[(8, "lost")]]).await.unwrap();
        let staged = stage(&sink, &load, PARTS).await.unwrap();
        stage(&sink, &load, &[&[(9, "lost")]]).await.unwrap();
        sink.commit(&load, &staged, &high("w")).await.unwrap();
        assert_eq!(yard.rows(), after(&mode), "{mode}");
    }
}

#[tokio::test]
async fn sink_4_a_second_commit_changes_nothing_and_answers_the_first_mark() {
    for mode in modes() {
        let yard = Yard::new(before(&mode));
        let load = load("l1", mode.clone());
        let sink = yard.sink();
        sink.prepare(&load).await.unwrap();
        let staged = stage(&sink, &load, PARTS).await.unwrap();
        let mark = sink.commit(&load, &staged, &high("w")).await.unwrap();
        yard.psql("update t set word = 'later' where id = 3");
        let rows = yard.rows();
        assert_eq!(yard.sink().commit(&load, &staged, &high("x")).await.unwrap(), mark, "{mode}");
        assert_eq!(yard.rows(), rows, "{mode}");
    }
}

#[tokio::test]
async fn sink_5_two_commits_at_once_publish_once_and_two_loads_publish_both() {
    for mode in modes() {
        let yard = Yard::new(before(&mode));
        let (one, two) = (load("l1", mode.clone()), load("l2", mode.clone()));
        let sink = yard.sink();
        let mut staged = Vec::new();
        for load in [&one, &two] {
            sink.prepare(load).await.unwrap();
        }
        staged.push(stage(&sink, &one, PARTS).await.unwrap());
        staged.push(stage(&sink, &two, &[&[(5, "two")]]).await.unwrap());
        let (w, again) = (high("w"), yard.sink());
        let (first, second, third) = tokio::join!(
            sink.commit(&one, &staged[0], &w),
            again.commit(&one, &staged[0], &w),
            sink.commit(&two, &staged[1], &w),
        );
        assert_eq!(first.unwrap(), second.unwrap(), "{mode}");
        let both = third.as_ref().map(|mark| mark.rows).map_err(|error| error.kind());
        match both {
            Ok(1) | Err(Kind::Unavailable) => {}
            other => panic!("{mode}: {other:?}"),
        }
        let third = sink.commit(&two, &staged[1], &w).await.unwrap();
        assert_eq!(third.rows, 1);
        let rows = yard.rows();
        let ends = match mode {
            Mode::Truncate | Mode::Replace => vec!["5=two".to_owned(), after(&mode).to_owned()],
            _ => vec![format!("{} 5=two", after(&mode))],
        };
        assert!(ends.contains(&rows), "{mode}: {rows}");
    }
}

#[tokio::test]
async fn sink_6_a_sweep_takes_everything_back_and_a_late_write_cannot_bring_it_back() {
    for mode in modes() {
        for repeatable in [true, false] {
            let yard = Yard::new(before(&mode));
            let load = Load { repeatable, ..load("l1", mode.clone()) };
            let sink = yard.sink();
            sink.sweep(&load).await.unwrap();
            sink.prepare(&load).await.unwrap();
            let staged = stage(&sink, &load, PARTS).await.unwrap();
            // A later process knows nothing but the id.
            let question = Load::question("l1".parse().unwrap(), &mode);
            yard.sink().sweep(&question).await.unwrap();
            yard.sink().sweep(&question).await.unwrap();
            assert_eq!(
                (yard.rows().as_str(), yard.left().as_str()),
                ("1=old 2=old", " 0"),
                "{mode}"
            );
            let late = sink.write(&load, part("p9", &[(9, "late")])).await.unwrap_err();
            assert_eq!(late.kind(), Kind::Conflict, "{mode}");
            assert_eq!(sink.prepare(&load).await.unwrap_err().kind(), Kind::Conflict, "{mode}");
            let late = sink.commit(&load, &staged, &high("w")).await.unwrap_err();
            assert_eq!(late.kind(), Kind::Conflict, "{mode}");
            assert_eq!(
                (yard.rows().as_str(), yard.left().as_str()),
                ("1=old 2=old", " 0"),
                "{mode}"
            );
        }
    }
}

#[tokio::test]
async fn started_over_from_another_snapshot_only_its_rows_are_there() {
    for mode in modes() {
        let yard = Yard::new(before(&mode));
        let first = load("l1", mode.clone());
        let second = under(&first, "s2");
        let sink = yard.sink();
        sink.prepare(&first).await.unwrap();
        stage(&sink, &first, &[&[(2, "gone")], &[(7, "gone")], &[(8, "gone")]]).await.unwrap();
        let other = yard.sink();
        other.prepare(&second).await.unwrap();
        assert_eq!(yard.rows(), "1=old 2=old", "{mode}");
        // The first process wakes up.
        let late = sink.write(&first, part("p1", &[(7, "late")])).await.unwrap_err();
        assert_eq!(late.kind(), Kind::Conflict, "{mode}");
        let late = sink.commit(&first, &[], &high("w")).await.unwrap_err();
        assert_eq!(late.kind(), Kind::Conflict, "{mode}");
        let staged = stage(&other, &second, PARTS).await.unwrap();
        other.commit(&second, &staged, &high("w")).await.unwrap();
        assert_eq!(yard.rows(), after(&mode), "{mode}");
    }
}

#[tokio::test]
async fn rows_of_an_append_that_somebody_changed_are_not_taken_back_but_told() {
    let yard = Yard::new(before(&Mode::Append));
    let first = load("l1", Mode::Append);
    let sink = yard.sink();
    sink.prepare(&first).await.unwrap();
    stage(&sink, &first, PARTS).await.unwrap();
    yard.psql("update t set word = 'mine' where id = 3");
    let error = sink.prepare(&under(&first, "s2")).await.unwrap_err();
    insta::assert_snapshot!(hide(&yard, &error.report()), @r#"
    error: rows of an unfinished load in `public.t` have been changed since
      load:               l1
      put there:          3 rows
      found as they were: 2 rows

    hint: nothing was deleted; put the table right by hand, then let dhow forget the load: delete from _dhow.part where load = 'l1'
    "#);
    assert_eq!(sink.sweep(&first).await.unwrap_err().kind(), Kind::Conflict);
    assert_eq!(yard.rows(), "1=old 2=new 2=old 3=mine 4=new");
    yard.psql("delete from _dhow.part where load = 'l1'");
    sink.prepare(&under(&first, "s2")).await.unwrap();
}

/// The report without what differs from run to run.
pub(in crate::connectors::postgres) fn hide(yard: &Yard, report: &str) -> String {
    let lines = report.lines().filter(|line| !line.trim_start().starts_with("server:"));
    lines.collect::<Vec<_>>().join("\n").replace(&yard.database, "database")
}

#[derive(Debug, Default)]
pub(in crate::connectors::postgres) struct Collect(
    pub(in crate::connectors::postgres) std::sync::Mutex<Vec<Refused>>,
);

impl Refuse for Collect {
    fn refuse(&self, row: Refused) -> Result<()> {
        self.0.lock().unwrap().push(row);
        Ok(())
    }
}

#[tokio::test]
async fn a_row_that_does_not_fit_stops_the_part_or_is_refused_alone() {
    let yard = Yard::new("create table t (id bigint primary key, word varchar(3))");
    let load = load("l1", Mode::Merge(key(&["id"])));
    let sink = yard.sink();
    sink.prepare(&load).await.unwrap();
    let rows: &[Row] = &[(1, "abc"), (2, "a\0b"), (3, "four"), (4, "ok")];
    let error = sink.write(&load, part("p0", rows)).await.unwrap_err();
    insta::assert_snapshot!(hide(&yard, &error.report()), @r#"
    error: the text has a NUL character, which the server does not keep
      place:  p0 row 2, id=2
      column: word
      value:  a\u{0}b

    hint: take it out in the model, such as with `replace(x, chr(0), '')`
    "#);
    for _ in 0..2 {
        // The second time the part is there already, and is refused the same rows.
        let refused = Arc::new(Collect::default());
        let part = Part { refuse: refused.clone(), ..part("p0", rows) };
        let receipt = sink.write(&load, part).await.unwrap();
        assert_eq!(receipt.rows, 2);
        let refused = refused.0.lock().unwrap();
        let lines: Vec<_> = refused.iter().map(|r| format!("{} {:?}", r.place, r.value)).collect();
        assert_eq!(lines, ["p0 row 2, id=2 Some(\"a\\\\u{0}b\")", "p0 row 3, id=3 Some(\"four\")"]);
    }
}
