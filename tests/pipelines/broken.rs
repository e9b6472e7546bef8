//! Everything in `fixtures/broken` that shows only at run time: one clear error each, an exit code,
//! and nothing half-written.
//!
//! A folder holds a pipeline, its small files, and `expected-run.txt`: what `dhow run` says on
//! standard error, the rows that a reader of `out/orders` then finds, and the exit code. Files that
//! are no text are made here. `UPDATE=1 cargo test` writes what is said now.

use std::io::Write;
use std::path::{Path, PathBuf};

use crate::{Project, ended};

/// Makes files that are not committed.
type Make = fn(&Project);

/// Each mistake, with what makes the files that are not committed.
const MISTAKES: &[(&str, Make)] = &[
    ("bom_and_crlf", |project| {
        project.write("data/orders.csv", b"\xef\xbb\xbfid,qty\r\n1,2\r\n\r\n2,3\r\n");
    }),
    ("connectorx_not_its_option", nothing),
    ("connectorx_not_text", nothing),
    ("connectorx_wrong_url", nothing),
    ("corrupt_parquet", corrupt_parquet),
    ("damaged_gzip", |project| {
        let mut bytes = gzip(&many_orders(3000));
        bytes[40] ^= 0xff;
        project.write("data/orders.csv.gz", bytes);
    }),
    ("different_columns", nothing),
    ("different_types", |project| {
        project.write("data/a.json", "{\"id\":1,\"qty\":2}\n");
        project.write("data/b.json", "{\"id\":1,\"qty\":{\"pieces\":2}}\n");
    }),
    ("division_by_zero", nothing),
    ("duplicate_header", nothing),
    ("empty_file", |project| project.write("data/orders.csv", "")),
    ("failing_cast", nothing),
    ("file_in_the_way", nothing),
    ("geo_ip_damaged_file", |project| {
        let places = places();
        project.write("data/places.mmdb", &places[..places.len() / 2]);
    }),
    ("geo_ip_missing_file", nothing),
    ("geo_ip_no_address", |project| project.write("data/places.mmdb", places())),
    ("geo_ip_unknown_field", |project| project.write("data/places.mmdb", places())),
    ("geo_ip_without_database", nothing),
    ("glob_without_match", nothing),
    ("header_only", nothing),
    ("invalid_utf8", |project| project.write("data/orders.csv", b"id,name\n1,Ada\n2,M\xfcller\n")),
    ("json_fraction", nothing),
    ("json_without_type", nothing),
    ("late_misfit", |project| {
        project.write("data/orders.csv", many_orders(150_000) + "150001,seven\n");
    }),
    ("late_nul_byte", |project| project.write("data/orders.csv", b"id,name\n1,a\n2,b\0c\n")),
    ("merge_twice_the_key", nothing),
    ("missing_file", nothing),
    ("models_in_a_circle", nothing),
    ("mysql_no_database", nothing),
    ("mysql_wrong_url", nothing),
    ("mysql_wrong_words", nothing),
    ("number_too_large", nothing),
    ("own_folder", nothing),
    ("overflow", nothing),
    ("postgres_two_addresses", nothing),
    ("postgres_two_passwords", nothing),
    ("postgres_weaker_tls", nothing),
    ("postgres_wrong_url", nothing),
    ("ragged_rows", nothing),
    ("replace_by_nothing", |project| {
        project.write("data/orders.csv", "id,qty\n1,2\n");
        let first = project.dhow(&["run", "--quiet", "pipeline.yaml"]);
        assert_eq!(first.code, Some(0), "{}", first.err);
        project.write("data/orders.csv", "id,qty\n");
    }),
    ("sqlite_class", a_shop),
    ("sql_syntax", nothing),
    ("sqlserver_nolock", nothing),
    ("sqlserver_two_statements", nothing),
    ("sqlserver_verify_ca", nothing),
    ("sqlserver_wrong_shards", nothing),
    ("stopping_check", nothing),
    ("store_clear_text", nothing),
    ("store_half_a_key", nothing),
    ("store_no_bucket", nothing),
    ("store_not_written", nothing),
    ("store_option_without_store", nothing),
    ("table_name_upwards", a_shop),
    ("truncated_gzip", |project| {
        let bytes = gzip(&many_orders(3000));
        project.write("data/orders.csv.gz", &bytes[..bytes.len() / 2]);
    }),
    ("truncated_parquet", |project| project.write("data/orders.parquet", "PAR1 and no more")),
    ("unknown_column", nothing),
    ("unknown_table", nothing),
    ("user_agent_part", nothing),
    ("wrong_json", |project| {
        project.write("data/orders.json", "{\"id\":1}\n{\"id\":2,}\n{\"id\":3}\n");
    }),
];

fn nothing(_: &Project) {}

/// The small database of places.
fn places() -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/logins/places.mmdb");
    std::fs::read(path).expect("the fixture can be read")
}

/// A database with a table of which one value is of another class than its column.
fn a_shop(project: &Project) {
    let db = rusqlite::Connection::open(project.path("shop.db")).expect("SQLite works");
    db.execute_batch(
        "create table orders (id integer primary key, qty integer);
         insert into orders values (1, 2), (2, 'two'), (3, 4)",
    )
    .expect("SQLite works");
}

fn many_orders(count: u32) -> String {
    let lines = (1..=count).map(|id| format!("{id},7\n"));
    std::iter::once("id,qty\n".to_owned()).chain(lines).collect()
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text.as_bytes()).expect("memory can be written");
    encoder.finish().expect("memory can be written")
}

/// A Parquet file with a footer of which the first bytes are wrong.
fn corrupt_parquet(project: &Project) {
    let batch = arrow::record_batch::RecordBatch::try_from_iter([(
        "id",
        std::sync::Arc::new(arrow::array::Int64Array::from(vec![1, 2, 3])) as _,
    )]);
    let batch = batch.expect("one column makes a batch");
    let mut bytes = Vec::new();
    let mut writer = parquet::arrow::ArrowWriter::try_new(&mut bytes, batch.schema(), None)
        .expect("Parquet can be written");
    writer.write(&batch).expect("Parquet can be written");
    writer.close().expect("Parquet can be written");
    let end = bytes.len() - 8;
    let length = u32::from_le_bytes(bytes[end..end + 4].try_into().expect("four bytes"));
    let start = end - usize::try_from(length).expect("a footer fits into memory");
    bytes[start..start + 20].fill(0xff);
    project.write("data/orders.parquet", bytes);
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/broken")
}

/// Everything that a person and a reader of the table see of a run.
fn told(name: &str, make: Make) -> String {
    let project = Project::of(&[]);
    crate::copy(&fixtures().join(name), &project.path(""));
    make(&project);
    let before = project.table("out/orders");
    let ended = ended(project.command("", &["run", "--quiet", "pipeline.yaml"]));
    let folder = project.path("").canonicalize().expect("the folder is there");
    let mut told = ended.err.replace(&format!("{}/", folder.display()), "");
    let table = project.table("out/orders");
    told.extend(table.iter().map(|row| format!("row: {row}\n")));
    told.push_str(&format!("exit: {}\n", ended.code.unwrap_or(-1)));
    if name == "own_folder" {
        assert_eq!(
            std::fs::read(project.path("mine/thesis.txt")).ok(),
            Some(b"do not lose me\n".into())
        );
    }
    if ended.code != Some(0) {
        assert_eq!(table, before, "{name}: the table changed");
        assert!(ended.out.is_empty(), "{name}: {}", ended.out);
        nothing_half_written(name, &project.path("out"));
    }
    told
}

/// In `out` there may be folders that dhow keeps for itself, but nothing that a reader would take
/// for a table.
fn nothing_half_written(name: &str, out: &Path) {
    let Ok(entries) = std::fs::read_dir(out) else { return };
    for entry in entries {
        let found = entry.expect("folders can be listed").file_name();
        let known = found == "_dhow" || (name == "replace_by_nothing" && found == "orders");
        assert!(known, "{name} left {found:?}");
    }
}

#[test]
fn every_mistake_that_shows_at_run_time_says_what_is_expected() {
    let mut wrong = Vec::new();
    for (name, make) in MISTAKES {
        let told = told(name, *make);
        let expected = fixtures().join(name).join("expected-run.txt");
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&expected, &told).expect("fixtures can be written");
        }
        if told != std::fs::read_to_string(&expected).unwrap_or_default() {
            wrong.push(format!("--- {name} now says\n{told}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_folder_with_an_expected_run_is_run() {
    let mut folders: Vec<_> = std::fs::read_dir(fixtures())
        .expect("fixtures are there")
        .map(|entry| entry.expect("fixtures can be listed").path())
        .filter(|folder| folder.join("expected-run.txt").exists())
        .filter_map(|folder| Some(folder.file_name()?.to_string_lossy().into_owned()))
        .collect();
    folders.sort();
    let mut known: Vec<_> = MISTAKES.iter().map(|(name, _)| (*name).to_owned()).collect();
    known.sort();
    assert_eq!(folders, known);
}
