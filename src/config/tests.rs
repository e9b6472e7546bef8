//! Tests of pipeline files, right and wrong.

use std::path::{Path, PathBuf};

use jiff::civil::date;

use super::read::{Given, find, pipeline};
use super::*;
use crate::error::{Error, Kind};

const READ: &[KnownConnector] = &[
    KnownConnector { name: "csv", can_read: true, modes: &[], check: options },
    KnownConnector { name: "json", can_read: true, modes: &[], check: options },
    KnownConnector { name: "parquet", can_read: true, modes: Mode::NAMES, check: options },
    KnownConnector {
        name: "postgres",
        can_read: true,
        modes: Mode::NAMES,
        check: |_, _, _| vec![],
    },
    KnownConnector { name: "sqlite", can_read: true, modes: &["append", "merge"], check: options },
];

fn options(_: &str, options: &Options, _: Role) -> Vec<Problem> {
    let reader = options.reader();
    reader.required("path");
    for name in ["table", "delimiter"] {
        reader.text(name);
    }
    reader.number("skip", 0, 0..=9);
    if let Some(text) = reader.text("quote") {
        let problem = Problem::new(&reader.place_of("quote"), format!("`{text}` is no quote"));
        reader.problem(problem.hint(format!("found {text} here")));
    }
    reader.finish()
}

fn given<'a>(vars: &'a [(String, Var)], variables: &[(&str, &str)]) -> Given<'a> {
    Given {
        known: Known { connectors: READ },
        vars,
        variables: Variables::of(variables.iter().copied()),
        today: date(2026, 3, 1),
    }
}

/// A project of these files.
fn project(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    dir
}

/// The messages about `text` as a pipeline file, each with its line and column.
fn problems(text: &str) -> Vec<String> {
    let dir = project(&[("p.yaml", text), ("m.sql", "select 1"), (".env", "SECRET=hunter2")]);
    let read = pipeline(&dir.path().join("p.yaml"), &given(&[], &[]));
    let line = |error: &Error| match error.shown_excerpt() {
        Some(at) => format!("{}:{} {}", at.line, at.column, error.message()),
        None => error.message().to_owned(),
    };
    let errors = read.err().unwrap_or_default();
    assert!(errors.iter().all(|error| !error.report().contains("hunter2")));
    errors.iter().map(line).collect()
}

/// A pipeline with nothing wrong but what `sink` adds to its only sink.
fn with_sink(sink: &str) -> String {
    format!(
        "connections: {{ lake: {{ type: parquet, delimiter: ';' }} }}\n\
         sources: {{ s: {{ type: csv, path: a.csv }} }}\n\
         sinks:\n  o: {{ {sink} }}\n"
    )
}

fn shown(options: &Options) -> Vec<String> {
    let pair = |(key, _, node): &(String, Place, Node)| match &node.value {
        Value::Scalar { text, .. } => format!("{key}={text}"),
        _ => format!("{key}: {}", node.describe()),
    };
    options.entries().iter().map(pair).collect()
}

#[test]
fn a_whole_pipeline_is_read() {
    let text = r#"
name: nightly-2
description: the order book
version: 1
vars: { day: 2026-03-01, share: 0.05, plain: "5", strict: true, folder: "${FOLDER}" }
connections:
  files: { type: csv, delimiter: ";", skip: 1 }
sources:
  flights: { type: json, path: "{folder}/flights-{day}-*.json" }
  airports: { connection: files, path: data/airports.csv, skip: 2 }
models:
  daily: { sql: sql/models/daily.sql }
  weekly: sql/models/weekly.sql
  inline: { select: "select '{day}', '{{', 1 as no" }
checks:
  no-negative: { sql: sql/checks/no_negative.sql, refused: warn }
  short: sql/checks/no_negative.sql
sinks:
  delays: { from: daily, type: parquet, path: "out/{YYYY}/{MM}", mode: replace, allow_empty: true }
  merged: { from: airports, type: sqlite, path: a.db, table: t, mode: upsert, key: [a, b] }
  more: { from: weekly, type: sqlite, path: a.db, table: u, mode: merge, primary_key: a }
  off: { from: daily, type: parquet, path: "${NOT_SET_ANYWHERE}", disabled: true }
rejects: { max_ratio: 0.01, path: refused }
"#;
    let dir = project(&[
        ("pipelines/p.yaml", text),
        ("sql/models/daily.sql", "select 1"),
        ("sql/models/weekly.sql", "select 2"),
        ("sql/checks/no_negative.sql", "select 3"),
        (".env", "FOLDER=data {x}\n"),
    ]);
    let vars = [("day".to_owned(), Var::Date(date(2026, 2, 28)))];
    let read = pipeline(&dir.path().join("pipelines/p.yaml"), &given(&vars, &[])).unwrap();

    assert_eq!(read.name, "nightly-2");
    assert_eq!(read.description.as_deref(), Some("the order book"));
    assert_eq!(read.base, dir.path());
    let vars = [
        ("date", Var::Date(date(2026, 3, 1))),
        ("day", Var::Date(date(2026, 2, 28))),
        ("folder", Var::Text("data {x}".into())),
        ("plain", Var::Text("5".into())),
        ("share", Var::Decimal("0.05".into())),
        ("strict", Var::Boolean(true)),
    ];
    assert_eq!(read.vars, vars.map(|(name, var)| (name.to_owned(), var)).into());

    let sources: Vec<_> =
        read.sources.iter().map(|s| (&*s.name, &*s.connector, shown(&s.options))).collect();
    let flights = vec!["path=data {x}/flights-2026-02-28-*.json".to_owned()];
    let airports = ["path=data/airports.csv", "skip=2", "delimiter=;"].map(str::to_owned);
    assert_eq!(sources, [("flights", "json", flights), ("airports", "csv", airports.to_vec())]);

    let sql = |file: &str, text: &str| Sql { file: file.to_owned(), text: text.to_owned() };
    let shown_file = dir.path().join("pipelines/p.yaml").display().to_string();
    let inline = sql(&format!("{shown_file}: models.inline"), "select '{day}', '{{', 1 as no");
    let model = |name: &str, sql: Sql| ModelDef { name: name.to_owned(), sql };
    let models = [
        model("daily", sql("sql/models/daily.sql", "select 1")),
        model("weekly", sql("sql/models/weekly.sql", "select 2")),
        model("inline", inline),
    ];
    assert_eq!(read.models, models);
    let check = |name: &str, refused| CheckDef {
        name: name.to_owned(),
        sql: sql("sql/checks/no_negative.sql", "select 3"),
        refused,
    };
    let checks = [check("no-negative", OnRefused::Warn), check("short", OnRefused::Stop)];
    assert_eq!(read.checks, checks);

    let sinks: Vec<_> = read
        .sinks
        .iter()
        .map(|s| {
            let mode = format!("{} {} {}", s.connector, s.mode, s.allow_empty);
            (&*s.name, &*s.from, mode, shown(&s.options).join(" "))
        })
        .collect();
    let sink = |mode: &str, options: &str| (mode.to_owned(), options.to_owned());
    let (delays, path) = sink("parquet replace true", "path=out/2026/03");
    let (merged, t) = sink("sqlite merge on a, b false", "path=a.db table=t");
    let (more, u) = sink("sqlite merge on a false", "path=a.db table=u");
    assert_eq!(
        sinks,
        [
            ("delays", "daily", delays, path),
            ("merged", "airports", merged, t),
            ("more", "weekly", more, u),
        ]
    );
    let rejects = Rejects { max_rows: u64::MAX, max_ratio: 0.01, path: "refused".to_owned() };
    assert_eq!(read.rejects, rejects);
}

#[test]
fn json_windows_line_ends_and_a_byte_order_mark_are_read() {
    let json = "\u{feff}{\"sources\": {\"s\": {\"type\": \"csv\", \"path\": \"a\"}},\r\n \
                \"sinks\": {\"o\": {\"from\": \"s\", \"type\": \"parquet\", \"path\": \"b\"}}}\r\n";
    let dir = project(&[("p.json", json)]);
    let read = pipeline(&dir.path().join("p.json"), &given(&[], &[])).unwrap();
    assert_eq!((&*read.name, &*read.sources[0].name, &*read.sinks[0].name), ("p", "s", "o"));
}

#[test]
fn words_that_other_yaml_readers_change_stay_text() {
    for word in ["no", "on", "012", "1e3", "1:30", ".inf", "yes", "0x1f", "2026-03-01"] {
        let text = with_sink(&format!("from: s, type: parquet, path: x, table: {word}"));
        let dir = project(&[("p.yaml", &*text)]);
        let read = pipeline(&dir.path().join("p.yaml"), &given(&[], &[])).unwrap();
        assert_eq!(shown(&read.sinks[0].options), ["path=x".to_owned(), format!("table={word}")]);
    }
}

#[test]
fn every_mistake_in_a_sink_is_told_with_its_place() {
    let cases: &[(&str, &[&str])] = &[
        ("from: s, type: parquet, path: x", &[]),
        ("type: parquet, path: x", &["4:3 `from` is missing"]),
        ("from: s, path: x", &["4:3 `type` is missing"]),
        ("from: s, type: parquet", &["4:3 `path` is missing"]),
        ("from: t, type: parquet, path: x", &["4:14 there is no source or model `t`"]),
        ("from: [s], type: parquet, path: x", &["4:14 `from` must be a single value, not a list"]),
        ("from: s, type: csv, path: x", &["4:23 `csv` cannot be a sink"]),
        ("from: s, type: cvs, path: x", &["4:23 there is no connector `cvs`"]),
        ("from: s, connection: lake, path: x", &[]),
        ("from: s, connection: sea, path: x", &["4:29 there is no connection `sea`"]),
        (
            "from: s, connection: lake, type: sqlite, path: x",
            &["4:41 `type` is `sqlite` here, `parquet` there"],
        ),
        ("from: s, type: parquet, path: x, mode: add", &["4:47 there is no mode `add`"]),
        ("from: s, type: parquet, path: x, mode: merge", &["4:47 mode `merge` needs a key"]),
        ("from: s, type: parquet, path: x, key: a", &["4:3 mode `append` takes no key"]),
        (
            "from: s, type: parquet, path: x, mode: merge, key: [a, b, a]",
            &["4:59 the key names the column `a` twice"],
        ),
        (
            "from: s, type: parquet, path: x, mode: merge, key: a, primary_key: a",
            &["4:75 `key` and `primary_key` are the same"],
        ),
        (
            "from: s, type: sqlite, path: x, mode: replace",
            &["4:46 `sqlite` cannot be written by this mode"],
        ),
        (
            "from: s, type: parquet, path: x, allow_empty: yes",
            &["4:54 `allow_empty` must be `true` or `false`, not `yes`"],
        ),
        ("from: s, type: parquet, path: x, tabel: y", &["4:41 there is no option `tabel`"]),
    ];
    for (sink, expected) in cases {
        assert_eq!(problems(&with_sink(sink)), *expected, "{sink}");
    }
}

#[test]
fn all_problems_come_at_once_and_by_line() {
    let text = "\
name: a b
sources: { 1s: { type: csv, path: a }, t: { type: csv }, T: 5, u: { connection: c, path: x } }
connections: { c: { skip: 10 } }
models: { m: { sql: none.sql }, n: { sql: m.sql, select: x }, o: {}, p: m.sql, q: { sq: m.sql } }
checks: { c: { sql: m.sql, refused: halt }, d: [] }
sinks: { o: { from: p, type: parquet, path: x, mode: append }, r/s: { from: p } }
rejects: { max_rows: -1, max_ratio: 2, paht: x }
vars: { day: 2026-02-30, none: , list: [1], 'a-b': 1 }
sinsk: {}
";
    assert_eq!(
        problems(text),
        [
            "1:7 `a b` cannot be the name of a pipeline",
            "2:12 `1s` cannot be the name of a source",
            "2:40 `path` is missing",
            "2:58 the name `T` is taken by a source",
            "2:61 the source `T` must be a map, not `5`",
            "2:64 `type` is missing",
            "4:21 the SQL file `none.sql` does not exist",
            "4:58 the model `n` has both `sql` and `select`",
            "4:63 the model `o` has no SQL",
            "4:80 the model `q` has no SQL",
            "4:85 there is no key `sq`",
            "5:37 `refused` must be one of stop, warn, reject, not `halt`",
            "5:45 the check `d` has no SQL, but a list",
            "6:64 `r/s` cannot be the name of a sink",
            "6:64 `type` is missing",
            "7:22 `max_rows` must be a whole number from 0 to 18446744073709551615, not `-1`",
            "7:37 `max_ratio` must be a number from 0 to 1, not `2`",
            "7:40 there is no key `paht`",
            "8:14 `2026-02-30` is not a date or time of the calendar",
            "8:26 the parameter `none` has no value",
            "8:40 `list` must be a single value, not a list",
            "8:45 `a-b` cannot be the name of a parameter",
            "9:1 there is no key `sinsk`",
        ]
    );
}

#[test]
fn what_came_from_a_variable_is_never_shown() {
    for sink in [
        "from: \"${SECRET}\", type: parquet, path: x",
        "from: s, type: \"${SECRET}\", path: x",
        "from: s, connection: \"${SECRET}\", path: x",
        "from: s, type: parquet, path: x, mode: \"${SECRET}\"",
        "from: s, type: parquet, path: x, allow_empty: \"${SECRET}\"",
        "from: s, type: parquet, path: x, skip: \"${SECRET}\"",
        "from: s, type: parquet, path: x, quote: \"a${SECRET}\"",
        "from: s, type: parquet, path: x, disabled: \"${SECRET}\"",
    ] {
        // The helper looks for the value in every report.
        let told = problems(&with_sink(sink));
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains("${SECRET}"), "{told:?}");
    }
    let dir = project(&[("p.yaml", &with_sink("from: s, type: parquet, path: \"${SECRET}\""))]);
    let read = pipeline(&dir.path().join("p.yaml"), &given(&[], &[("SECRET", "hunter2")])).unwrap();
    assert_eq!(shown(&read.sinks[0].options), ["path=hunter2"]);
    assert!(!format!("{read:?}").contains("hunter2"));
}

#[test]
fn a_parameter_that_nothing_knows_is_refused() {
    let text =
        with_sink("from: s, type: parquet, path: 'x/{region}'") + "vars: { day: 2026-03-01 }";
    let dir = project(&[("p.yaml", &text)]);
    let path = dir.path().join("p.yaml");
    let vars = |names: &[&str]| -> Vec<_> {
        names.iter().map(|name| ((*name).to_owned(), Var::Integer(1))).collect()
    };
    let read = pipeline(&path, &given(&vars(&["region", "day"]), &[])).unwrap();
    assert_eq!(shown(&read.sinks[0].options), ["path=x/1"]);
    let errors = pipeline(&path, &given(&vars(&["region", "dya"]), &[])).unwrap_err();
    let reports: Vec<_> = errors.iter().map(Error::report).collect();
    assert_eq!(
        reports,
        ["error: there is no parameter `dya`\n  place: command line\n\n\
          hint: did you mean `day`? known here: day"]
    );
}

#[test]
fn a_huge_file_and_a_folder_are_one_error_at_once() {
    let dir = project(&[("p/x", "")]);
    let path = dir.path().join("p.yaml");
    std::fs::File::create(&path).unwrap().set_len(100 << 20).unwrap();
    let errors = pipeline(&path, &given(&[], &[])).unwrap_err();
    let messages: Vec<_> = errors.iter().map(Error::message).collect();
    assert_eq!(messages, [format!("`{}` is larger than 1 MiB", path.display())]);
    let errors = pipeline(&dir.path().join("p"), &given(&[], &[])).unwrap_err();
    assert_eq!(errors.len(), 1);
    let errors = pipeline(&dir.path().join("q"), &given(&[], &[])).unwrap_err();
    assert_eq!(errors[0].kind(), Kind::Missing);
}

#[test]
fn a_thousand_problems_are_cut_short_and_a_long_line_is_not_shown() {
    let keys: String = (0..1000).map(|n| format!("k{n}: 1\n")).collect();
    let told = problems(&keys);
    assert_eq!(told.len(), 51);
    assert!(told[50].ends_with("has 952 more problems"), "{}", told[50]);
    let wide = format!("{{\"{}\": 1}}", "x".repeat(900));
    let name = "x".repeat(900);
    assert_eq!(
        problems(&wide),
        [
            "the pipeline has no sinks",
            "the pipeline has no sources",
            &format!("there is no key `{name}`")
        ]
    );
}

#[test]
fn a_pipeline_is_found_by_path_by_name_or_because_it_is_the_only_one() {
    let message = |found: Result<PathBuf, Error>| found.unwrap_err().message().to_owned();
    let dir = project(&[("pipelines/a.yaml", ""), ("pipelines/.b.yaml", ""), ("x/y.txt", "")]);
    let start = dir.path();
    assert_eq!(find(None, start).unwrap(), start.join("pipelines/a.yaml"));
    assert_eq!(find(Some("a"), start).unwrap(), start.join("pipelines/a.yaml"));
    assert_eq!(find(Some("x/y.txt"), start).unwrap(), start.join("x/y.txt"));
    assert_eq!(message(find(Some("b"), start)), "there is no pipeline `b`");
    assert_eq!(message(find(Some("b.yaml"), start)), "`b.yaml` does not exist");
    assert_eq!(message(find(None, &start.join("x"))), "there is no pipeline here");

    std::fs::write(start.join("pipelines/a.yml"), "").unwrap();
    assert_eq!(message(find(None, start)), "there are several pipelines");
    assert_eq!(message(find(Some("a"), start)), "several files are the pipeline `a`");
    std::fs::write(start.join("dhow.yaml"), "").unwrap();
    assert_eq!(find(None, start).unwrap(), start.join("dhow.yaml"));
    assert_eq!(find(None, &start.join("x")).unwrap(), start.join("dhow.yaml"));
}

proptest::proptest! {
    #[test]
    fn a_pipeline_with_any_piece_torn_out_is_read_or_refused_without_a_panic(
        from in 0..300usize, length in 0..12usize, put in "[{}\\[\\]:,$'\"a \n-]{0,4}"
    ) {
        let mut text = with_sink("from: s, connection: lake, path: 'x/{date}/${SECRET}', key: [a]")
            + "models: { m: m.sql }\nchecks: { c: { select: 'select {day}' } }\n\
               vars: { day: 2026-03-01, n: 5 }\nrejects: { max_rows: 1 }\n";
        let end = (from + length).min(text.len());
        text.replace_range(from.min(end)..end, &put);
        problems(&text);
    }
}

/// Mistakes under `fixtures/broken` that reading refuses; the others are found by running.
const REFUSED: &[&str] = &[
    "bad_env_line",
    "bad_yaml",
    "duplicate_key",
    "empty_pipeline",
    "inline_sql_with_variable",
    "merge_without_key",
    "missing_sql_file",
    "missing_variable",
    "name_taken_twice",
    "name_with_dots",
    "nested_variable",
    "no_sinks",
    "not_utf8",
    "nul_byte",
    "nul_in_path",
    "reserved_name",
    "secret_in_message",
    "several_documents",
    "tab_indentation",
    "tag",
    "too_deep",
    "two_sinks_one_place",
    "two_sinks_one_table",
    "unknown_connector",
    "unknown_from",
    "unknown_key",
    "unknown_mode",
    "unknown_placeholder",
    "unquoted_glob",
    "wrong_max_row_parse_failures",
    "wrong_shapes",
    "yaml_bomb",
];

#[test]
fn every_broken_pipeline_says_what_is_expected() {
    for name in REFUSED {
        let folder = Path::new("fixtures/broken").join(name);
        let errors = pipeline(&folder.join("pipeline.yaml"), &given(&[], &[])).unwrap_err();
        let reports: Vec<_> = errors.iter().map(Error::report).collect();
        // As somebody sees it who stands in the folder.
        let told = reports.join("\n\n").replace(&format!("{}/", folder.display()), "") + "\n";
        let told = told.replace(&format!("`{}`", folder.display()), "`.`");
        let expected = folder.join("expected.txt");
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&expected, &told).unwrap();
        }
        assert_eq!(told, std::fs::read_to_string(&expected).unwrap_or_default(), "{name}");
    }
}

#[test]
fn the_database_of_places_is_named_by_a_variable_if_one_likes() {
    let text = "geo_ip: ${PLACES:-data/places.mmdb}\n\
                sources: { a: { type: csv, path: a.csv } }\n\
                sinks: { b: { from: a, type: parquet, path: b } }\n";
    let dir = project(&[("p.yaml", text)]);
    let read =
        |variables| pipeline(&dir.path().join("p.yaml"), &given(&[], variables)).unwrap().geo_ip;
    assert_eq!(read(&[]).as_deref(), Some("data/places.mmdb"));
    assert_eq!(read(&[("PLACES", "/geo/city.mmdb")]).as_deref(), Some("/geo/city.mmdb"));
}
