//! The contract of a sink, kept by a table of the stand-in; and what only Doris has.

mod contract;
mod doubt;
mod encrypted;
mod modes;
mod values;

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use futures::{StreamExt, stream};

use super::stand_in::{Doris, Layout};
use crate::config::{Node, Options, Place, Value};
use crate::connectors::Context;
use crate::connectors::sink_tests::{
    PARTS, Row, after, batch, high, key, load, load_of, modes, part, part_of, stage, under,
};
use crate::error::Result;
use crate::memory::unlimited;
use crate::sink::{Load, Mark, Mode, Part, Receipt, Sink};
use crate::source::Stop;

/// A cluster of its own for each test, and sinks that write the table `t` of it.
struct Yard {
    doris: Doris,
    options: Vec<(String, String)>,
}

impl Yard {
    fn new(sql: &str) -> Self {
        Yard::with(&Layout::default(), sql)
    }

    fn with(layout: &Layout, sql: &str) -> Self {
        let doris = Doris::with(layout);
        if !sql.is_empty() {
            doris.sql(sql);
        }
        let (fes, queries) = doris.fronts();
        let options = [
            ("fe", fes.join(",").replace('"', "")),
            ("query", queries.join(",").replace('"', "")),
            ("database", doris.database.clone()),
            ("user", doris.user.clone()),
            ("password", doris.password.clone()),
            ("table", "t".to_owned()),
            ("replication_num", "1".to_owned()),
        ];
        let options = options.map(|(key, value)| (key.to_owned(), value));
        Yard { doris, options: options.to_vec() }
    }

    fn option(mut self, name: &str, value: &str) -> Self {
        self.options.retain(|(known, _)| known != name);
        self.options.push((name.to_owned(), value.to_owned()));
        self
    }

    fn sink(&self) -> Arc<dyn Sink> {
        let place = Place::without_lines("test");
        let entries = self.options.iter().map(|(key, value)| {
            let node = match value.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
                None => Node::argument(value, &place),
                Some(pair) => {
                    let (from, to) = pair.split_once(" = ").unwrap();
                    let entry = (from.to_owned(), place.clone(), Node::argument(to, &place));
                    Node { value: Value::Map(vec![entry]), ..Node::argument("", &place) }
                }
            };
            (key.clone(), place.clone(), node)
        });
        let options = Options::new(place.clone(), entries.collect());
        let problems = super::options::check(&options, crate::connectors::Role::Sink);
        assert!(problems.is_empty(), "{problems:?}");
        let base = std::path::PathBuf::new();
        let context = Context { base, jobs: 2, memory: unlimited(), state: None };
        super::open(&options, &context).unwrap()
    }

    /// The rows of the table `t`, as `1=a 2=b`.
    fn rows(&self) -> String {
        let rows = self.doris.sql("select id, word from t order by id, word");
        let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "NULL".to_owned());
        let row = |row: &Vec<Option<String>>| format!("{}={}", text(&row[0]), text(&row[1]));
        rows.iter().map(row).collect::<Vec<_>>().join(" ")
    }

    /// Tables beside the target and that of the marks.
    fn left(&self) -> Vec<String> {
        let mut tables = self.doris.tables();
        tables.retain(|name| name != "t" && name != "dhow__mark");
        tables
    }

    /// One load with `parts`, from `prepare` to `sweep`.
    async fn load(&self, load: &Load, parts: &[&[Row]]) -> Result<Mark> {
        let sink = self.sink();
        sink.prepare(load).await?;
        let staged = stage(&sink, load, parts).await?;
        let mark = sink.commit(load, &staged, &high("w")).await?;
        sink.sweep(load).await?;
        Ok(mark)
    }
}

/// A yard with two rows, in a table for this mode.
fn yard(mode: &Mode) -> Yard {
    let yard = Yard::new(&table(mode));
    yard.doris.sql("insert into t values (1, 'old'), (2, 'old')");
    yard
}

fn table(mode: &Mode) -> String {
    let model = if matches!(mode, Mode::Merge(_)) { "unique" } else { "duplicate" };
    format!(
        "create table t (id bigint not null, word varchar(20)) {model} key (id) comment 'words' \
         distributed by hash (id) buckets 1 properties ('replication_num' = '1')"
    )
}
