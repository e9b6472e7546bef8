//! The promises of the JSON source, each as a test on real files.

use std::io::Write;
use std::sync::{Arc, Mutex};

use arrow::array::AsArray;
use arrow::compute::concat_batches;
use arrow::datatypes::{Float64Type, Int64Type, SchemaRef};
use arrow::record_batch::RecordBatch;
use arrow::util::pretty::pretty_format_batches;
use futures::{StreamExt, TryStreamExt};
use proptest::prelude::*;
use tempfile::TempDir;

use super::CONNECTOR;
use crate::config::{Node, Options, Place, Value};
use crate::connectors::{Context, Role};
use crate::error::{Error, Kind, Result};
use crate::source::{Refuse, Refused, Snapshot, Source, Want, Window};

/// A folder with files and the options to read them.
struct Folder {
    dir: TempDir,
    entries: Vec<(String, Node)>,
}

/// Takes every row that is refused.
#[derive(Debug, Default)]
struct Kept(Mutex<Vec<Refused>>);

impl Refuse for Kept {
    fn refuse(&self, row: Refused) -> Result<()> {
        self.0.lock().unwrap().push(row);
        Ok(())
    }
}

fn place() -> Place {
    Place::without_lines("test")
}

impl Folder {
    fn with(name: &str, bytes: impl AsRef<[u8]>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder { dir, entries: Vec::new() };
        folder.write(name, bytes);
        folder.set("path", name)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.dir.path().join(name), bytes).unwrap();
    }

    fn set(mut self, name: &str, text: &str) -> Self {
        self.entries.retain(|(known, _)| known != name);
        self.entries.push((name.to_owned(), Node::argument(text, &place())));
        self
    }

    fn columns(mut self, columns: &[(&str, &str)]) -> Self {
        let entry = |(name, text): &(&str, &str)| {
            ((*name).to_owned(), place(), Node::argument(*text, &place()))
        };
        let value = Value::Map(columns.iter().map(entry).collect());
        self.entries.push(("columns".to_owned(), Node { value, place: place(), written: None }));
        self
    }

    fn source(&self) -> Result<Arc<dyn Source>> {
        let entries = self.entries.iter().cloned().map(|(name, node)| (name, place(), node));
        let options = Options::new(place(), entries.collect());
        let problems = (CONNECTOR.check)(&options, Role::Source);
        assert_eq!(problems, []);
        let base = self.dir.path().to_owned();
        let context = Context { base, jobs: 1, memory: crate::memory::unlimited(), state: None };
        CONNECTOR.source.unwrap()(&options, &context)
    }

    async fn open(&self) -> Result<Arc<dyn Snapshot>> {
        self.source()?.open(&Window::default()).await
    }

    async fn schema(&self) -> Result<SchemaRef> {
        self.source()?.schema().await
    }

    async fn read(&self) -> Result<RecordBatch> {
        read(&*self.open().await?, &Want::default()).await
    }

    async fn error(&self) -> Error {
        self.read().await.unwrap_err()
    }

    /// The rows that are taken, and those that are refused.
    async fn judge(&self) -> (RecordBatch, Vec<Refused>) {
        let kept = Arc::new(Kept::default());
        let want = Want { refuse: Arc::clone(&kept) as Arc<dyn Refuse>, ..Want::default() };
        let batch = read(&*self.open().await.unwrap(), &want).await.unwrap();
        let refused = kept.0.lock().unwrap().clone();
        (batch, refused)
    }
}

async fn read(snapshot: &dyn Snapshot, want: &Want) -> Result<RecordBatch> {
    let mut batches = Vec::new();
    for split in snapshot.splits() {
        let stream = snapshot.read(split, want).await?;
        batches.extend(stream.try_collect::<Vec<_>>().await?);
    }
    let schema = match &want.columns {
        Some(columns) => Arc::new(snapshot.schema().project(columns).unwrap()),
        None => snapshot.schema(),
    };
    if let Some(batch) = batches.iter().find(|b| b.num_columns() == 0) {
        return Ok(batch.clone());
    }
    Ok(concat_batches(&schema, &batches).unwrap())
}

fn table(batch: &RecordBatch) -> String {
    pretty_format_batches(std::slice::from_ref(batch)).unwrap().to_string()
}

fn types(schema: &SchemaRef) -> Vec<String> {
    schema.fields().iter().map(|f| format!("{}: {}", f.name(), f.data_type())).collect()
}

#[tokio::test]
async fn lines_a_list_and_indented_objects_read_equal() {
    let rows = "{\"a\":1,\"b\":{\"c\":[true,null]}}\r\n\n{\"b\":null}\n{\"b\":{},\"a\":3}";
    let list =
        "\u{feff} [ {\"a\":1,\"b\":{\"c\":[true,null]}} ,{\"b\":null}\n,{\"b\":{},\"a\":3}] ";
    let indented = "{\n\"a\":1,\"b\":{\"c\":[true,\nnull]}}{\"b\":null}\n\n{\"b\":{},\"a\":3}";
    let expected = "\
+---+------------------+
| a | b                |
+---+------------------+
| 1 | {c: [true, ]}    |
|   |                  |
| 3 | {c: }            |
+---+------------------+";
    let squeeze = |text: &str| text.replace([' ', '-'], "");
    for text in [rows, list, indented] {
        let batch = Folder::with("a.json", text).read().await.unwrap();
        assert_eq!(squeeze(&table(&batch)), squeeze(expected), "{text}");
        assert_eq!(batch.num_rows(), 3);
    }
}

#[tokio::test]
async fn compressed_files_are_one_split_and_known_by_their_content() {
    let text = "{\"a\":1}\n{\"a\":2}\n";
    let gzip = {
        let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        out.write_all(text.as_bytes()).unwrap();
        out.finish().unwrap()
    };
    let zstd = zstd::encode_all(text.as_bytes(), 1).unwrap();
    for bytes in [&gzip, &zstd] {
        let folder = Folder::with("a.json", bytes).set("split_bytes", "1");
        let snapshot = folder.open().await.unwrap();
        assert_eq!(snapshot.splits().len(), 1);
        assert_eq!(snapshot.splits()[0].bytes, Some(bytes.len() as u64));
        let batch = folder.read().await.unwrap();
        assert_eq!(batch.column(0).as_primitive::<Int64Type>().values(), &[1, 2]);
    }
    let error = Folder::with("a.json", &gzip[..gzip.len() - 9]).error().await;
    assert_eq!(error.kind(), Kind::Data);
    assert!(error.message().contains("cannot be decompressed"), "{}", error.report());
}

#[tokio::test]
async fn types_are_found_and_always_empty_columns_are_text() {
    let text = r#"{"b":true,"i":1,"d":1,"t":"2024-01-01","u":18446744073709551615,"n":null,"e":[]}
                  {"d":1.5,"s":{"x":[{"y":"z"}]},"long":0.12345678901234567890}"#;
    let schema = Folder::with("a.json", text).schema().await.unwrap();
    assert_eq!(
        types(&schema),
        [
            "b: Boolean",
            "i: Int64",
            "d: Float64",
            "t: Utf8",
            "u: Decimal128(38, 0)",
            "n: Utf8",
            "e: List(Utf8)",
            "s: Struct(\"x\": List(Struct(\"y\": Utf8)))",
            "long: Decimal128(38, 19)",
        ]
    );
}

#[tokio::test]
async fn declared_columns_have_their_type_also_when_they_are_missing() {
    let text = r#"{"day":"2024-02-29","at":"2024-02-29T12:00:00.5","z":"2024-02-29T12:00:00+02:00","j":{"a": [1]},"n":1.50,"x":7}
{"j":"s","n":"t","m":12.30,"w":3,"x":true,"c":"23:59"}"#;
    let folder = Folder::with("a.json", text).columns(&[
        ("day", "date"),
        ("at", "timestamp"),
        ("z", "timestamptz"),
        ("j", "json"),
        ("n", "text"),
        ("m", "decimal(4,2)"),
        ("w", "smallint"),
        ("x", "text"),
        ("c", "time"),
        ("never", "integer"),
    ]);
    let batch = folder.read().await.unwrap();
    let expected = "\
+------------+-------------------------+----------------------+------------+------+------+-------+---+----------+-------+
| day        | at                      | z                    | j          | n    | x    | m     | w | c        | never |
+------------+-------------------------+----------------------+------------+------+------+-------+---+----------+-------+
| 2024-02-29 | 2024-02-29T12:00:00.500 | 2024-02-29T10:00:00Z | {\"a\": [1]} | 1.50 | 7    |       |   |          |       |
|            |                         |                      | \"s\"        | t    | true | 12.30 | 3 | 23:59:00 |       |
+------------+-------------------------+----------------------+------------+------+------+-------+---+----------+-------+";
    assert_eq!(table(&batch), expected);
}

/// Rows of which the sample, the first 20,480, shows nothing of the misfit that comes after them.
fn late(good: &str, bad: &str) -> Folder {
    let mut text = format!("{good}\n").repeat(20_480);
    text.push_str(&format!("{bad}\n{good}\n"));
    Folder::with("a.json", text)
}

#[tokio::test]
async fn a_late_misfit_is_refused_and_never_null() {
    let cases = [
        (r#"{"a":1}"#, r#"{"a":1.5}"#, "a", "1.5", "more digits after the point"),
        (r#"{"a":1}"#, r#"{"a":9223372036854775808}"#, "a", "9223372036854775808", "between"),
        (r#"{"a":1.5}"#, r#"{"a":0.123456789012345678}"#, "a", "0.123456789012345678", "digits"),
        (r#"{"a":1.5}"#, r#"{"a":1e999}"#, "a", "1e999", "range of a double"),
        (
            r#"{"a":"x"}"#,
            r#"{"a":1}"#,
            "a",
            "1",
            "the value is a number, but the column holds strings",
        ),
        (r#"{"a":null}"#, r#"{"a":{"b":1}}"#, "a", r#"{"b":1}"#, "an object"),
        (r#"{"a":[{"b":1}]}"#, r#"{"a":[{"b":1},{"b":"x"}]}"#, "a[1].b", r#""x""#, "a string"),
        (r#"{"a":true}"#, r#"{"a":"true"}"#, "a", r#""true""#, "true and false"),
        (r#"{"a":1}"#, r#"{"a":1,"b":2}"#, "b", "2", "does not have this key"),
        (r#"{"a":{"b":1}}"#, r#"{"a":{"c":[]}}"#, "a.c", "[]", "does not have this key"),
        (r#"{"a":"x"}"#, r#"{"a":"\ud800"}"#, "a", r"\ud800", "surrogate"),
    ];
    for (good, bad, column, value, reason) in cases {
        let folder = late(good, bad);
        let (batch, refused) = folder.judge().await;
        assert_eq!(batch.num_rows(), 20_481, "{bad}");
        assert_eq!(batch.column(0).null_count() % 20_481, 0, "{bad}");
        assert_eq!(refused.len(), 1, "{bad}");
        let row = &refused[0];
        assert_eq!(row.place, "a.json:20481");
        assert_eq!(row.column.as_deref(), Some(column), "{bad}");
        assert!(row.value.as_deref().unwrap().starts_with(value), "{bad}: {:?}", row.value);
        assert!(row.reason.contains(reason), "{bad}: {}", row.reason);
        let error = folder.error().await;
        assert_eq!((error.kind(), error.message()), (Kind::Data, row.reason.as_str()));
    }
}

#[tokio::test]
async fn a_broken_row_is_left_out_and_leaves_nothing_behind() {
    let bad: &[&[u8]] = &[
        b"{\"a\":1,\"a\":2}",
        b"{\"a\":1,\"l\":[1,2],\"t\":\"x\xff\"}",
        b"{\"a\":1,\"l\":[1,2],\"t\":\"x",
        b"{\"a\":1,\"l\":[1,2,],\"t\":\"x\"}",
        b"{\"a\":1} x",
        b"{\"a\":01}",
        b"[1]",
        b"{\"a\":1,\"l\":[7],\"t\":\"\t\"}",
    ];
    let good = b"{\"a\":5,\"l\":[6],\"t\":\"y\\u0000\"}\n";
    let text = bad.iter().flat_map(|bad| [*bad, b"\n", good].concat()).collect::<Vec<_>>();
    let (batch, refused) = Folder::with("a.json", [&good[..], &text].concat()).judge().await;
    let places: Vec<_> = refused.iter().map(|r| (r.place.as_str(), r.column.as_deref())).collect();
    assert_eq!(
        places,
        [
            ("a.json:2", Some("a")),
            ("a.json:4", Some("t")),
            ("a.json:6", Some("t")),
            ("a.json:8", Some("l")),
            ("a.json:10", None),
            ("a.json:12", Some("a")),
            ("a.json:14", None),
            ("a.json:16", Some("t")),
        ]
    );
    assert_eq!(batch.column(0).as_primitive::<Int64Type>().values(), &[5; 9]);
    assert!(batch.column(1).as_list::<i32>().iter().all(|list| list.unwrap().len() == 1));
    assert!(batch.column(2).as_string::<i32>().iter().all(|text| text == Some("y\0")));
}

#[tokio::test]
async fn a_broken_list_is_an_error_before_any_row_is_read() {
    for text in
        ["[{\"a\":1},\n{\"a\":2}", "[{\"a\":1}] {}", "[{\"a\":1},]", "[{\"a\":1} {\"a\":2}]"]
    {
        let error = Folder::with("a.json", text).open().await.unwrap_err();
        assert_eq!(error.kind(), Kind::Data, "{text}");
        assert!(error.message().starts_with("`a.json` is no list of objects: "), "{text}");
    }
}

#[tokio::test]
async fn a_refused_element_of_a_list_is_named_by_line_and_number() {
    let text = "[{\"a\":1},{\"a\":2},\n7,{\"a\":3}]";
    let folder = Folder::with("a.json", text).set("split_bytes", "9");
    let (batch, refused) = folder.judge().await;
    assert_eq!(batch.num_rows(), 3);
    assert_eq!(refused[0].place, "a.json:2: element 3");
    assert_eq!(refused[0].reason, "the row is no object");
}

#[tokio::test]
async fn a_value_that_is_object_here_and_string_there_must_be_declared() {
    let folder = Folder::with("a.json", "{\"u\":{\"n\":1}}\n{\"u\":\"x\"}\n");
    let report = folder.error().await.report();
    assert!(report.contains("a string:  a.json:2\n  an object: a.json:1"), "{report}");
    let batch = folder.columns(&[("u", "json")]).read().await.unwrap();
    let texts: Vec<_> = batch.column(0).as_string::<i32>().iter().flatten().collect();
    assert_eq!(texts, ["{\"n\":1}", "\"x\""]);
}

#[tokio::test]
async fn unknown_keys_are_left_out_only_when_asked() {
    let folder = late(r#"{"a":1}"#, r#"{"b":{"c":[]},"a":2}"#).set("unknown_fields", "ignore");
    let (batch, refused) = folder.judge().await;
    assert_eq!((batch.num_rows(), refused.len()), (20_482, 0));
    let all = late(r#"{"a":1}"#, r#"{"b":2.5,"a":2}"#).set("infer", "all");
    assert_eq!(types(&all.schema().await.unwrap()), ["a: Int64", "b: Float64"]);
    assert_eq!(all.read().await.unwrap().num_rows(), 20_482);
}

#[tokio::test]
async fn files_without_rows_are_told_apart() {
    let message = |error: Error| error.message().to_owned();
    let empty = Folder::with("a.json", " \n").error().await;
    assert_eq!(message(empty), "`a.json` is empty");
    let list = Folder::with("a.json", "[ ]").error().await;
    assert!(message(list).contains("columns are not known"));
    let declared = Folder::with("a.json", "[ ]").columns(&[("a", "bigint")]);
    let snapshot = declared.open().await.unwrap();
    assert_eq!((snapshot.splits().len(), types(&snapshot.schema())), (0, vec!["a: Int64".into()]));
    let broken = Folder::with("a.json", "{\"a\":").error().await;
    assert_eq!(message(broken), "the row is not JSON: it ends before a value");
}

#[tokio::test]
async fn one_object_around_the_rows_is_an_error_with_a_way_out() {
    let text = |count| {
        let rows = vec!["{\"a\":1}"; count].join(",\n");
        format!("{{\"type\":\"x\",\"features\":[{rows}]}}")
    };
    assert_eq!(Folder::with("a.json", text(99)).read().await.unwrap().num_rows(), 1);
    let text = text(100);
    let error = Folder::with("a.json", &text).error().await;
    assert!(error.message().contains("its rows seem to be in `features`"));
    let declared = Folder::with("a.json", &text).columns(&[("features", "json")]);
    assert_eq!(declared.read().await.unwrap().num_rows(), 1);
}

#[tokio::test]
async fn a_row_over_64_mib_is_refused_without_being_held() {
    let long = "x".repeat(70 << 20);
    let text = format!("{{\"a\":\"s\"}}\n{{\"a\":\"{long}\"}}\n{{\"a\":\"t\"}}\n");
    let (batch, refused) = Folder::with("a.json", text).judge().await;
    assert_eq!(batch.num_rows(), 2);
    assert_eq!(refused[0].place, "a.json:2");
    assert_eq!(refused[0].reason, "the row is longer than 64 MiB");
    let text = format!("[{{\"a\":\"s\"}},\n{{\"a\":\"{long}\"}},\n{{\"a\":\"t\"}}]");
    let (batch, refused) = Folder::with("a.json", text).judge().await;
    assert_eq!((batch.num_rows(), refused[0].place.as_str()), (2, "a.json:2: element 2"));
}

#[tokio::test]
async fn only_wanted_columns_are_read_in_the_order_wanted() {
    let folder = Folder::with("a.json", "{\"a\":1,\"b\":\"x\",\"c\":[2]}\n".repeat(10));
    let snapshot = folder.open().await.unwrap();
    let want = |columns: &[usize]| Want { columns: Some(columns.to_vec()), ..Want::default() };
    let batch = read(&*snapshot, &want(&[2, 0])).await.unwrap();
    assert_eq!(types(&batch.schema()), ["c: List(Int64)", "a: Int64"]);
    let batch = read(&*snapshot, &want(&[])).await.unwrap();
    assert_eq!((batch.num_columns(), batch.num_rows()), (0, 10));
    let limited = Want { limit: Some(7), batch_rows: 3, ..Want::default() };
    let stream = snapshot.read(&snapshot.splits()[0], &limited).await.unwrap();
    let rows: Vec<_> = stream.map(|batch| batch.unwrap().num_rows()).collect().await;
    assert_eq!(rows, [3, 3, 1]);
}

#[tokio::test]
async fn a_file_that_changes_is_a_conflict_and_never_other_rows() {
    let folder = Folder::with("a.json", "{\"a\":1}\n{\"a\":2}\n");
    let snapshot = folder.open().await.unwrap();
    let before = folder.open().await.unwrap().id().clone();
    assert_eq!(snapshot.id(), &before);
    let mut stream = snapshot
        .read(&snapshot.splits()[0], &Want { batch_rows: 1, ..Want::default() })
        .await
        .unwrap();
    folder.write("a.json", "{\"a\":1}\n{\"a\":7}\n{\"a\":8}\n");
    assert_eq!(stream.next().await.unwrap().unwrap_err().kind(), Kind::Conflict);
    assert!(stream.next().await.is_none());
    let again = snapshot.read(&snapshot.splits()[0], &Want::default()).await;
    assert_eq!(again.err().unwrap().kind(), Kind::Conflict);
    assert_ne!(folder.open().await.unwrap().id(), &before);
}

#[tokio::test]
async fn columns_of_all_files_are_found_and_files_of_another_shape_refused() {
    let folder = Folder::with("a.json", "{\"a\":1}\n").set("path", "*.json");
    folder.write("b.json", "[{\"b\":\"x\"}]");
    let batch = folder.read().await.unwrap();
    assert_eq!(types(&batch.schema()), ["a: Int64", "b: Utf8"]);
    assert_eq!(batch.num_rows(), 2);
    let ids: Vec<_> = folder.open().await.unwrap().splits().iter().map(|s| s.id.clone()).collect();
    assert_eq!(ids, ["000000-00000", "000001-00000"]);
    folder.write("c.json", "{\"a\":\"x\"}");
    assert!(folder.error().await.message().contains("column `a`"));
}

#[tokio::test]
async fn a_name_that_is_also_a_number_is_read_as_written_once_declared() {
    let folder = Folder::with("a.json", "[{\"Title\":\"Heat\"},\n{\"Title\":300}]");
    let error = folder.error().await;
    assert_eq!(
        error.report(),
        "error: column `Title` is a number in one place and a string in another\n  \
         a number: a.json:2: element 2\n  a string: a.json:1: element 1\n\n\
         hint: declare it to keep both as text: `columns: {\"Title\": text}`"
    );
    let batch = folder.columns(&[("Title", "text")]).read().await.unwrap();
    let titles: Vec<_> = batch.column(0).as_string::<i32>().iter().flatten().collect();
    assert_eq!(titles, ["Heat", "300"]);
}

#[tokio::test]
async fn a_refused_row_has_the_same_place_however_the_file_is_split() {
    let good = "{\"a\":1}\n\n";
    let text = format!("{}{{\"a\":1,}}\n{good}{{\"a\":\n{good}", good.repeat(20));
    for split_bytes in ["1", "7", "64", "1000"] {
        let folder = Folder::with("a.json", &text).set("split_bytes", split_bytes);
        let (batch, refused) = folder.judge().await;
        let places: Vec<_> = refused.iter().map(|row| row.place.as_str()).collect();
        assert_eq!((batch.num_rows(), places), (22, vec!["a.json:41", "a.json:44"]));
    }
}

#[tokio::test]
async fn splits_sort_in_the_order_of_the_rows_and_cover_every_byte() {
    let text = "{\"a\":1}\n".repeat(1000);
    let folder = Folder::with("a.json", &text).set("split_bytes", "100");
    let snapshot = folder.open().await.unwrap();
    let splits = snapshot.splits();
    assert!(splits.is_sorted_by(|a, b| a.id < b.id));
    assert_eq!(splits.iter().filter_map(|s| s.bytes).sum::<u64>(), text.len() as u64);
    assert_eq!(splits.iter().filter_map(|s| s.rows).sum::<u64>(), 1000);
}

fn value() -> impl Strategy<Value = serde_json::Value> {
    let object = proptest::option::of((any::<i64>(), proptest::option::of(any::<String>())));
    let row = (
        proptest::option::of(any::<i64>()),
        proptest::option::of(proptest::num::f64::NORMAL),
        proptest::option::of(any::<String>()),
        proptest::collection::vec(object, 0..4),
        any::<bool>(),
    );
    row.prop_map(|(i, d, t, list, b)| {
        let list: Vec<_> =
            list.into_iter().map(|o| o.map(|(x, y)| serde_json::json!({"x": x, "y": y}))).collect();
        serde_json::json!({"i": i, "d": d, "t": t, "l": list, "b": b, "key \"\\\u{1}": b})
    })
}

/// What a row says after a way through Arrow.
fn back(batch: &RecordBatch) -> Vec<serde_json::Value> {
    let mut out = Vec::new();
    let builder = arrow::json::WriterBuilder::new().with_explicit_nulls(true);
    builder.build::<_, arrow::json::writer::LineDelimited>(&mut out).write(batch).unwrap();
    let doubles = batch.column_by_name("d").unwrap().as_primitive::<Float64Type>();
    let lines = out.split(|b| *b == b'\n').filter(|line| !line.is_empty());
    let row = |(line, double): (&[u8], Option<f64>)| {
        let mut row: serde_json::Value = serde_json::from_slice(line).unwrap();
        // Arrow writes doubles with fewer digits than it takes to read them back.
        row["d"] = double.into();
        row
    };
    lines.zip(doubles).map(row).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn rows_written_in_any_layout_read_back_equal_in_splits_of_any_size(
        rows in proptest::collection::vec(value(), 1..30),
        split_bytes in 1_u64..400,
    ) {
        let line = |row: &serde_json::Value| row.to_string();
        let indented = |row: &serde_json::Value| serde_json::to_string_pretty(row).unwrap();
        let lines: Vec<_> = rows.iter().map(line).collect();
        let pretty: Vec<_> = rows.iter().map(indented).collect();
        let texts = [lines.join("\n"), format!("[{}]", pretty.join(" ,\n")), pretty.join("")];
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for text in texts {
            let folder = Folder::with("a.json", &text)
                .columns(&[("d", "double")])
                .set("split_bytes", &split_bytes.to_string());
            let batch = runtime.block_on(folder.read()).unwrap();
            prop_assert_eq!(&back(&batch), &rows);
        }
    }
}
