//! What a CSV source promises, on real files.

use std::path::Path;
use std::sync::Mutex as Lock;

use arrow::array::{Array, AsArray};
use arrow::record_batch::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use futures::TryStreamExt;
use proptest::prelude::*;

use super::*;
use crate::config::{Node, Place, Problem, Value};
use crate::connectors::Role;
use crate::error::Kind;
use crate::files::types::type_name;
use crate::memory::unlimited;
use crate::source::{Refuse, Refused};

/// Takes every refused row.
#[derive(Debug, Default)]
struct TakeAll(Lock<Vec<Refused>>);

impl Refuse for TakeAll {
    fn refuse(&self, row: Refused) -> Result<()> {
        self.0.lock().unwrap().push(row);
        Ok(())
    }
}

/// A folder with files, and options of a source that reads `path` in it.
struct Story {
    dir: tempfile::TempDir,
    entries: Vec<(String, Place, Node)>,
}

fn place() -> Place {
    Place::without_lines("test")
}

fn node(text: &str) -> Node {
    Node::argument(text, &place())
}

fn story(path: &str, files: &[(&str, &[u8])]) -> Story {
    let dir = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        std::fs::write(dir.path().join(name), bytes).unwrap();
    }
    Story { dir, entries: Vec::new() }.with("path", path)
}

fn one(text: &str) -> Story {
    story("a.csv", &[("a.csv", text.as_bytes())])
}

impl Story {
    fn with(self, name: &str, text: &str) -> Self {
        self.with_value(name, node(text).value)
    }

    fn with_list(self, name: &str, texts: &[&str]) -> Self {
        self.with_value(name, Value::List(texts.iter().map(|text| node(text)).collect()))
    }

    fn with_columns(self, columns: &[(&str, &str)]) -> Self {
        let pair = |(name, kind): &(&str, &str)| ((*name).to_owned(), place(), node(kind));
        self.with_value("columns", Value::Map(columns.iter().map(pair).collect()))
    }

    fn with_value(mut self, name: &str, value: Value) -> Self {
        self.entries.push((
            name.to_owned(),
            place(),
            Node { value, place: place(), written: None },
        ));
        self
    }

    fn options(&self) -> Options {
        Options::new(place(), self.entries.clone())
    }

    fn source(&self) -> Result<Arc<dyn Source>> {
        let base = self.dir.path().to_owned();
        source(&self.options(), &Context { base, jobs: 2, memory: unlimited(), state: None })
    }

    async fn open(&self) -> Result<Arc<dyn Snapshot>> {
        self.source()?.open(&Window::default()).await
    }

    async fn rows(&self) -> Result<Vec<String>> {
        self.rows_wanted(&Want::default()).await
    }

    async fn rows_wanted(&self, want: &Want) -> Result<Vec<String>> {
        let snapshot = self.open().await?;
        let mut rows = Vec::new();
        for split in snapshot.splits() {
            for batch in snapshot.read(split, want).await?.try_collect::<Vec<_>>().await? {
                rows.extend(shown(&batch));
            }
        }
        Ok(rows)
    }

    async fn types(&self) -> Result<String> {
        let schema = self.source()?.schema().await?;
        let shown =
            |f: &Arc<arrow::datatypes::Field>| format!("{} {}", f.name(), type_name(f.data_type()));
        Ok(schema.fields().iter().map(shown).collect::<Vec<_>>().join(", "))
    }

    async fn fails(&self) -> Error {
        self.rows().await.unwrap_err()
    }
}

/// Rows as texts with `|` between their values; NULL is `~`.
fn shown(batch: &RecordBatch) -> Vec<String> {
    let options = FormatOptions::new().with_null("~");
    let columns = batch.columns().iter();
    let columns: Vec<_> =
        columns.map(|array| ArrayFormatter::try_new(array, &options).unwrap()).collect();
    let row = |row| columns.iter().map(|c| c.value(row).to_string()).collect::<Vec<_>>().join("|");
    (0..batch.num_rows()).map(row).collect()
}

#[tokio::test]
async fn a_file_is_read_with_types_inferred_from_its_values() {
    let text = "id,price,day,at,ok,name\n1,2.50,2001-02-03,2001-02-03 04:05,true,x\n\
                -2,,,2001-02-03T04:05:06.5,FALSE,\"\"\n";
    let story = one(text);
    let types = story.types().await.unwrap();
    assert_eq!(types, "id bigint, price double, day date, at timestamp, ok boolean, name text");
    assert_eq!(
        story.rows().await.unwrap(),
        ["1|2.5|2001-02-03|2001-02-03T04:05:00|true|x", "-2|~|~|2001-02-03T04:05:06.500|false|"]
    );
}

#[tokio::test]
async fn every_declared_type_is_read() {
    let columns = [
        ("a", "smallint"),
        ("b", "int"),
        ("c", "decimal(5,2)"),
        ("d", "text"),
        ("e", "timestamptz"),
        ("f", "time"),
        ("g", "boolean"),
        ("h", "timestamp"),
    ];
    let text =
        "a,b,c,d,e,f,g,h\n007,+1, 1.50 ,007,2001-02-03 04:05+02:00,04:05:06,yes,2001-02-03\n";
    let story = one(text).with_columns(&columns);
    assert_eq!(
        story.rows().await.unwrap(),
        ["7|1|1.50|007|2001-02-03T02:05:00Z|04:05:06|true|2001-02-03T00:00:00"]
    );
}

#[tokio::test]
async fn numbers_that_would_lose_a_digit_are_decimals_or_text() {
    let text = "a,b,c,d\n12345678901234567.25,007,+1,1234567890123456789012345678901234567890\n";
    let story = one(text);
    assert_eq!(story.types().await.unwrap(), "a decimal(38,2), b text, c text, d text");
    assert_eq!(
        story.rows().await.unwrap(),
        ["12345678901234567.25|007|+1|1234567890123456789012345678901234567890"]
    );
}

/// So many rows that the sample is over, then `last`.
fn long(last: &str) -> String {
    format!("amount\n{}{last}\n", "1000000000000000\n".repeat(70_000))
}

#[tokio::test]
async fn a_late_misfit_is_refused_and_never_null() {
    let story = one(&long("12a"));
    assert_eq!(
        story.fails().await.report(),
        "error: the value is no bigint, the inferred type of its column\n  \
         place:  a.csv:70002\n  column: amount\n  value:  12a\n\n\
         hint: the type was inferred: declare another one, such as `columns: {amount: text}`, \
         or set `infer: all`"
    );
    for late in ["007", "1.5", "9223372036854775808"] {
        assert_eq!(one(&long(late)).fails().await.kind(), Kind::Data, "{late}");
    }
}

#[tokio::test]
async fn with_infer_all_the_last_value_counts_too() {
    let story = one(&long("1.5")).with("infer", "all").with("split_bytes", "100000");
    assert_eq!(story.types().await.unwrap(), "amount double");
    assert_eq!(story.rows().await.unwrap().len(), 70_001);
}

#[tokio::test]
async fn each_misfit_is_refused_with_its_place_and_the_other_rows_are_read() {
    let columns = [("a", "int"), ("b", "decimal(4,1)"), ("c", "date")];
    let text = "a,b,c,d\n1,1,2001-01-01,x\n2147483648,1,,x\n1,9999,,x\n1,1,2001-02-30,x\n\
                \"\",1,,x\n1,1\n1,1,,x,y\n1,1,,\"x\"y\n1,1,,a\0b\n9,9.9,,\"mul\nti\"\n1,x,,\"\n\"\n";
    let take = Arc::new(TakeAll::default());
    for size in ["1", "1000"] {
        let story = one(text).with_columns(&columns).with("split_bytes", size);
        let want = Want { refuse: take.clone(), ..Want::default() };
        let rows = story.rows_wanted(&want).await.unwrap();
        assert_eq!(rows, ["1|1.0|2001-01-01|x", "9|9.9|~|mul\nti"]);
        let row = |row: Refused| {
            let column = row.column.unwrap_or_default();
            format!("{} {column} [{}] {}", row.place, row.value.unwrap(), row.reason)
        };
        let refused: Vec<_> =
            std::mem::take(&mut *take.0.lock().unwrap()).into_iter().map(row).collect();
        assert_eq!(
            refused,
            [
                "a.csv:3 a [2147483648] the number does not fit the declared type integer exactly",
                "a.csv:4 b [9999] the number does not fit the declared type decimal(4,1) exactly",
                "a.csv:5 c [2001-02-30] the value is no date, the declared type of its column",
                "a.csv:6 a [] the value is no integer, the declared type of its column",
                "a.csv:7  [1,1] the row has 2 fields, but there are 4 columns",
                "a.csv:8  [1,1,,x,y] the row has 5 fields, but there are 4 columns",
                "a.csv:9  [1,1,,\"x\"y] a quoted field goes on after its closing quote",
                "a.csv:10  [1,1,,a\\u{0}b] the row holds a NUL byte",
                "a.csv:13 b [x] the value is no decimal(4,1), the declared type of its column",
            ]
        );
    }
}

#[tokio::test]
async fn a_row_that_is_not_utf8_is_refused_with_its_line() {
    let story = story("a.csv", &[("a.csv", b"a,b\n1,\xc3\xa4\n2,\xe4\n3,c\n")]);
    let take = Arc::new(TakeAll::default());
    let want = Want { refuse: take.clone(), ..Want::default() };
    assert_eq!(story.rows_wanted(&want).await.unwrap(), ["1|ä", "3|c"]);
    let refused = take.0.lock().unwrap();
    assert_eq!((refused[0].place.as_str(), refused.len()), ("a.csv:3", 1));
    assert_eq!(refused[0].reason, "the row is not UTF-8");
}

#[tokio::test]
async fn what_is_wrong_with_a_whole_file_is_one_clear_error() {
    for (bytes, message) in [
        (&b""[..], "`a.csv` is empty"),
        (b"\xef\xbb\xbf", "`a.csv` is empty"),
        (b"\n\n", "`a.csv` is empty"),
        (b"a,b,a\n1,2,3\n", "two columns are named `a`"),
        (b"a,,c\n1,2,3\n", "column 2 has no name"),
        (b"a,\" \"\n1,2\n", "column 2 has no name"),
        (b"a,b\xff\n1,2\n", "the name of column 2 is not UTF-8: `b\u{fffd}`"),
        (b"a,\0b\n1,2\n", "the name of column 2 holds a NUL byte: `\\u{0}b`"),
        (b"a,\"b\"c\n1,2\n", "a name in the header goes on after its closing quote"),
        (b"a,b\r1,2\r3,4\r", "the lines of `a.csv` end in CR alone"),
        (b"a,b\n1,x\ry\n", "a carriage return stands alone outside quotes"),
        (b"\xff\xfea\0\n\0", "`a.csv` is UTF-16, not UTF-8"),
        (b"a,b\n1,\"2\n3,4\n", "a quote is opened here and never closed"),
        (b"a,\"b\n1,2\n", "a quote is opened here and never closed"),
    ] {
        let error = story("a.csv", &[("a.csv", bytes)]).fails().await;
        assert_eq!((error.message(), error.kind()), (message, Kind::Data));
        assert!(error.advice().is_some() || error.message().contains("name"), "{message}");
    }
}

#[tokio::test]
async fn an_open_quote_is_shown_where_it_was_opened() {
    let error = one("a,b\n1,2\n\"x\ny\",\"z\nw\n").fails().await;
    assert_eq!(error.places(), [("place".to_owned(), "a.csv:4".to_owned())]);
}

#[tokio::test]
async fn a_row_without_end_is_refused_and_not_buffered_for_ever() {
    let text = format!("a,b\n1,2\n3,\"{}", "x\n".repeat(9 << 20));
    let error = one(&text).with_columns(&[("a", "text"), ("b", "text")]).fails().await;
    assert_eq!(error.message(), "a quote that is opened here does not end within 16 MiB");
    assert_eq!(error.places(), [("place".to_owned(), "a.csv:3".to_owned())]);
    let text = format!("a\n{}\n", "x".repeat(17 << 20));
    let error = one(&text).fails().await;
    assert_eq!(error.message(), "a row does not end within 16 MiB");
}

#[tokio::test]
async fn line_ends_and_marks_and_blank_lines_change_nothing() {
    for text in [
        "a,b\n1,x\n2,y\n",
        "a,b\r\n1,x\r\n2,y\r\n",
        "a,b\r\n1,x\n2,y",
        "\u{feff}a,b\n1,x\n\n2,y\n\n\n",
        "\u{feff}\"a\",\"b\"\n1,\"x\"\n2,\"y\"",
    ] {
        let story = one(text);
        assert_eq!(story.types().await.unwrap(), "a bigint, b text", "{text:?}");
        assert_eq!(story.rows().await.unwrap(), ["1|x", "2|y"], "{text:?}");
    }
}

#[tokio::test]
async fn a_file_with_nothing_but_a_header_is_a_table_without_rows() {
    for text in ["a,b", "a,b\r\n"] {
        let story = one(text).with_columns(&[("b", "int")]);
        assert_eq!(story.types().await.unwrap(), "a text, b integer");
        assert_eq!(story.rows().await.unwrap(), Vec::<String>::new());
        assert_eq!(story.open().await.unwrap().splits(), []);
    }
}

#[tokio::test]
async fn the_options_of_the_dialect_are_followed() {
    let tabs = story("a.tsv", &[("a.tsv", b"a\tb\n1\tx,y\n")]);
    assert_eq!(tabs.rows().await.unwrap(), ["1|x,y"]);
    let other = one("# about\na;b\n1;'x;''y'\n# 2;z\n").with("delimiter", ";");
    let other = other.with("quote", "'").with("comment", "#");
    assert_eq!(other.rows().await.unwrap(), ["1|x;'y"]);
    let latin = story("a.csv", &[("a.csv", b"a\n# \xe4\nx\n# \xe4\n")]).with("comment", "#");
    assert_eq!(latin.rows().await.unwrap(), ["x"]);
    let bare = one("a,b\n1,\"x\n").with("quote", "");
    assert_eq!(bare.rows().await.unwrap(), ["1|\"x"]);
    let nulls = one("a,b\nNA,NA\n1,\"NA\"\n2,\n").with_list("null", &["NA"]);
    assert_eq!(nulls.rows().await.unwrap(), ["~|~", "1|NA", "2|"]);
    let headless = one("1,x\n2,y\n").with("header", "false");
    assert_eq!(headless.types().await.unwrap(), "column1 bigint, column2 text");
    assert_eq!(headless.rows().await.unwrap(), ["1|x", "2|y"]);
    let named = one("1,x\n").with("header", "false").with_list("names", &["id", "name"]);
    assert_eq!(named.types().await.unwrap(), "id bigint, name text");
    let named = one("1,x\n").with("header", "false").with_list("names", &["id"]);
    assert_eq!(named.fails().await.message(), "the first row has 2 fields, but `names` has 1");
}

#[tokio::test]
async fn declared_moments_are_read_in_the_format_of_their_author() {
    let story = one("d,t\n3.2.2001,2001/01/01 06:55\n").with("date_format", "%d.%m.%Y");
    let story = story.with("timestamp_format", "%Y/%m/%d %H:%M");
    assert_eq!(story.types().await.unwrap(), "d text, t text");
    let story = story.with_columns(&[("d", "date"), ("t", "timestamp")]);
    assert_eq!(story.rows().await.unwrap(), ["2001-02-03|2001-01-01T06:55:00"]);
}

#[tokio::test]
async fn files_are_matched_by_name_and_must_have_the_same_columns() {
    let files: &[(&str, &[u8])] = &[("1.csv", b"a,b\n1,x\n"), ("2.csv", b"b,a\ny,2.5\n")];
    let both = story("*.csv", files);
    assert_eq!(both.types().await.unwrap(), "a double, b text");
    assert_eq!(both.rows().await.unwrap(), ["1.0|x", "2.5|y"]);
    let files: &[(&str, &[u8])] = &[("1.csv", b"a,b\n1,x\n"), ("2.csv", b"a,c\n2,y\n")];
    let error = story("*.csv", files).fails().await;
    assert_eq!(
        error.report(),
        "error: two files of one source have different columns\n  only in `1.csv`: b\n  \
         only in `2.csv`: c\n\nhint: make two sources of them and join or union them in a model"
    );
    let listed = story("1.csv", files).with_columns(&[("x", "int")]);
    let error = listed.fails().await;
    assert_eq!(error.message(), "`columns` names `x`, which no file has");
    assert_eq!(error.kind(), Kind::Config);
}

#[tokio::test]
async fn a_list_of_paths_is_read_in_its_order_and_each_file_once() {
    let files: &[(&str, &[u8])] = &[("1.csv", b"a\n1\n"), ("2.csv", b"a\n2\n")];
    let mut both = story("1.csv", files);
    both.entries.clear();
    let both = both.with_list("path", &["2.csv", "*.csv"]);
    assert_eq!(both.rows().await.unwrap(), ["2", "1"]);
}

#[tokio::test]
async fn a_compressed_file_is_one_split_and_its_damage_one_error() {
    let text: String = (0..50_000).map(|n| format!("{n},\"x\n{n}\"\n")).collect();
    let text = format!("a,b\n{text}oops,y\n");
    let bytes = zstd::encode_all(text.as_bytes(), 1).unwrap();
    let whole = story("a.csv.zst", &[("a.csv.zst", &bytes)]);
    let whole = whole.with("split_bytes", "1000").with_columns(&[("a", "int")]);
    let snapshot = whole.open().await.unwrap();
    assert_eq!(
        snapshot.splits(),
        [Split { id: "000000-00000".to_owned(), rows: None, bytes: Some(bytes.len() as u64) }]
    );
    let error = whole.fails().await;
    assert_eq!(error.places()[0].1, "a.csv.zst:100002");
    let cut = story("a.csv.zst", &[("a.csv.zst", &bytes[..bytes.len() - 9])]);
    let error = cut.fails().await;
    assert_eq!(error.message(), "`a.csv.zst` is cut off: its zstd data has no end");
}

#[tokio::test]
async fn only_wanted_columns_are_looked_at_and_a_limit_is_kept() {
    let story = one("a,b,c\n1,x,2\n3,y,4\n5,z,bad\n").with_columns(&[("c", "int")]);
    let want = Want { columns: Some(vec![1, 0]), ..Want::default() };
    assert_eq!(story.rows_wanted(&want).await.unwrap(), ["x|1", "y|3", "z|5"]);
    let want = Want { limit: Some(2), batch_rows: 1, ..Want::default() };
    assert_eq!(story.rows_wanted(&want).await.unwrap(), ["1|x|2", "3|y|4"]);
    let want = Want { columns: Some(vec![]), batch_rows: 2, ..Want::default() };
    let snapshot = story.open().await.unwrap();
    let stream = snapshot.read(&snapshot.splits()[0], &want).await.unwrap();
    let batches: Vec<_> = stream.try_collect().await.unwrap();
    assert_eq!(batches.iter().map(RecordBatch::num_rows).collect::<Vec<_>>(), [2, 1]);
}

#[tokio::test]
async fn splits_are_exact_in_bytes_and_near_in_rows_and_sort_in_order() {
    let text: String = (0..1000).map(|n| format!("{n:04},x\n")).collect();
    let story = one(&format!("a,b\n{text}")).with("split_bytes", "3000");
    let snapshot = story.open().await.unwrap();
    let splits = snapshot.splits();
    let ids: Vec<_> = splits.iter().map(|split| split.id.as_str()).collect();
    assert_eq!(ids, ["000000-00000", "000000-00001", "000000-00002"]);
    assert_eq!(splits.iter().filter_map(|split| split.bytes).sum::<u64>(), 7000);
    assert!((998..=1000).contains(&splits.iter().filter_map(|split| split.rows).sum::<u64>()));
    assert!(
        snapshot
            .read(&Split { id: "x".to_owned(), rows: None, bytes: None }, &Want::default())
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_file_that_changed_after_it_was_planned_is_refused() {
    let story = one("a\n1\n");
    let source = story.source().unwrap();
    let snapshot = source.open(&Window::default()).await.unwrap();
    let same = source.open(&Window::default()).await.unwrap();
    assert_eq!(snapshot.id(), same.id());
    std::fs::write(story.dir.path().join("a.csv"), "a\n1\n2\n").unwrap();
    let error = snapshot.read(&snapshot.splits()[0], &Want::default()).await.err().unwrap();
    assert_eq!(error.kind(), Kind::Conflict);
    let other = source.open(&Window::default()).await.unwrap();
    assert_ne!(snapshot.id(), other.id());
    std::fs::write(story.dir.path().join("a.csv"), "a\nx\n").unwrap();
    assert_eq!(source.open(&Window::default()).await.unwrap_err().kind(), Kind::Conflict);
}

#[tokio::test]
async fn options_that_change_rows_change_the_snapshot() {
    let story = one("a\n1\n");
    let plain = story.open().await.unwrap().id().clone();
    let typed = story.with_columns(&[("a", "text")]).open().await.unwrap().id().clone();
    assert_ne!(plain, typed);
}

#[test]
fn all_problems_of_the_options_are_found_at_once() {
    let story =
        one("").with_columns(&[("a", "varchar")]).with("delimiter", ";;").with("infer", "some");
    let story = story.with("encoding", "latin1").with("names", "x").with("date_format", "%d");
    let story = story.with("split_bytes", "0").with("comment", "\"").with("heder", "true");
    let problems = (CONNECTOR.check)(&story.options(), Role::Source);
    let messages: Vec<_> = problems.into_iter().map(|problem| problem.message).collect();
    assert_eq!(
        messages,
        [
            "`delimiter` must be one ASCII character, not `;;`",
            "`comment` and `quote` are the same character",
            "there is no type `varchar`",
            "`infer` must be one of sample, all, not `some`",
            "`date_format` cannot be `%d`: what it writes cannot be read again",
            "`split_bytes` must be a whole number from 1 to 1099511627776, not `0`",
            "`encoding` must be utf-8, not `latin1`",
            "`names` needs `header: false`",
            "there is no option `heder`",
        ]
    );
}

#[test]
fn every_option_is_in_the_manual() {
    for name in options::DOCS.iter().map(|doc| doc.name) {
        let (.., problems) = Settings::of(&Options::of_arguments(&[("path", "a"), (name, "x")]));
        let is_unknown = |problem: &Problem| problem.message.starts_with("there is no option");
        assert!(!problems.iter().any(is_unknown), "{name}: {problems:?}");
    }
}

/// A value of a random table, and whether quotes are put around it needlessly.
fn cell() -> impl Strategy<Value = (Option<String>, bool)> {
    let text = proptest::string::string_regex("[ab1,\"\r\n é.-]{0,6}").unwrap();
    (proptest::option::weighted(0.8, text), any::<bool>())
}

fn written(rows: &[Vec<(Option<String>, bool)>], end: &str) -> String {
    let field = |(value, quoted): &(Option<String>, bool)| match value {
        None => String::new(),
        Some(text) if *quoted || text.is_empty() || text.contains([',', '"', '\n', '\r']) => {
            format!("\"{}\"", text.replace('"', "\"\""))
        }
        Some(text) => text.clone(),
    };
    let row = |row: &Vec<_>| row.iter().map(field).collect::<Vec<_>>().join(",") + end;
    rows.iter().map(row).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_table_that_was_written_is_read_back_whatever_the_splits(
        rows in proptest::collection::vec(proptest::collection::vec(cell(), 3), 0..30),
        size in 1_u64..200,
        batch_rows in 1_usize..20,
        end in proptest::sample::select(vec!["\n", "\r\n"]),
    ) {
        let text = format!("a,b,c{end}{}", written(&rows, end));
        let text_columns = [("a", "text"), ("b", "text"), ("c", "text")];
        let story = one(&text).with_columns(&text_columns).with("split_bytes", &size.to_string());
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let read = runtime.block_on(async {
            let snapshot = story.open().await.unwrap();
            let mut read = Vec::new();
            let want = Want { batch_rows, ..Want::default() };
            for split in snapshot.splits() {
                let stream = snapshot.read(split, &want).await.unwrap();
                for batch in stream.try_collect::<Vec<_>>().await.unwrap() {
                    prop_assert!(batch.num_rows() <= batch_rows);
                    let columns: Vec<_> = batch.columns().iter().map(|c| c.as_string::<i32>().clone()).collect();
                    for row in 0..batch.num_rows() {
                        let value = |c: &arrow::array::StringArray| c.is_valid(row).then(|| c.value(row).to_owned());
                        read.push(columns.iter().map(value).collect::<Vec<_>>());
                    }
                }
            }
            Ok(read)
        })?;
        let expected: Vec<Vec<_>> = rows.iter().map(|row| row.iter().map(|(v, _)| v.clone()).collect()).collect();
        prop_assert_eq!(read, expected);
    }
}

#[test]
fn a_path_that_matches_nothing_is_missing() {
    let base = Path::new("/nowhere").to_owned();
    let options = Options::of_arguments(&[("path", "x.csv")]);
    let source =
        source(&options, &Context { base, jobs: 1, memory: unlimited(), state: None }).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    assert_eq!(runtime.block_on(source.schema()).unwrap_err().kind(), Kind::Missing);
}
