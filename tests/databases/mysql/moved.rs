//! A table of many types, moved: the same rows, letter by letter.

use std::fs::File;
use std::path::{Path, PathBuf};

use arrow::util::display::{ArrayFormatter, FormatOptions};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::into_postgres;
use crate::cluster::SHARED as POSTGRES;
use crate::mariadb::SHARED;
use crate::project::Project;

/// Rows enough for several splits, with what is easily lost.
const TABLE: &str = "create table t (id int primary key, big bigint unsigned not null, \
       amount decimal(65,30), name varchar(50) collate utf8mb4_general_ci, \
       at datetime(6), seen timestamp(6) null, day date, part double, kind enum('b','ä'), \
       raw varbinary(20), j json); \
     insert into t select seq, 18446744073709551615 - seq, \
       concat(seq, '.', lpad(seq, 30, '0')), elt(1 + seq % 4, 'ж', 'it''s', '', '😀 \\t\\\\'), \
       '2026-10-25 02:30:00.000001' + interval seq second, \
       '2026-10-25 00:59:59.999999' + interval seq second, '1000-01-01' + interval seq day, \
       0.1 * seq, 1 + seq % 2, unhex(lpad(hex(seq), 8, '0')), '{\"a\": [1,  2]}' \
     from seq_1_to_5000; \
     insert into t (id, big) values (-5, 0); analyze table t";

/// What is compared, as MariaDB and as PostgreSQL write it alike.
const MARIADB: &str = "select concat_ws('|', id, big, coalesce(amount, 'null'), \
     coalesce(hex(name), 'null'), \
     coalesce(date_format(at, '%Y-%m-%d %H:%i:%s.%f'), 'null'), \
     coalesce(date_format(seen, '%Y-%m-%d %H:%i:%s.%f'), 'null'), coalesce(day, 'null'), \
     coalesce(part, 'null'), coalesce(hex(convert(kind using utf8mb4)), 'null'), \
     coalesce(hex(raw), 'null'), coalesce(j, 'null')) from t order by id";
const POSTGRESQL: &str = "select concat_ws('|', id, big, coalesce(amount::text, 'null'), \
     coalesce(upper(encode(name::bytea, 'hex')), 'null'), \
     coalesce(to_char(at, 'YYYY-MM-DD HH24:MI:SS.US'), 'null'), \
     coalesce(to_char(seen at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US'), 'null'), \
     coalesce(day::text, 'null'), coalesce(part::text, 'null'), \
     coalesce(upper(encode(kind::bytea, 'hex')), 'null'), \
     coalesce(upper(encode(raw, 'hex')), 'null'), coalesce(j::text, 'null')) \
     from (select id, big, amount, convert_to(name, 'UTF8') as name, at, seen, day, part, \
       convert_to(kind, 'UTF8') as kind, raw, j from copy) c order by id";

fn stored(db: &str) -> Vec<String> {
    let rows = SHARED.sql(db, &format!("set time_zone = '+00:00'; {MARIADB}"));
    rows.lines().map(str::to_owned).collect()
}

#[test]
fn a_table_of_many_types_is_the_same_in_postgres() {
    let (url, db) = SHARED.url("moved");
    SHARED.sql(&db, TABLE);
    let (project, target) =
        into_postgres(&format!("url: \"{url}\", table: t, split_rows: 700"), "mode: replace");
    let ended = project.run(None);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let found = POSTGRES.psql(&target, POSTGRESQL);
    let (found, stored): (Vec<_>, _) = (found.lines().collect(), stored(&db));
    assert_eq!(found.len(), 5001);
    for (found, stored) in found.iter().zip(&stored) {
        assert_eq!(found, stored);
    }
}

#[test]
fn a_table_of_many_types_is_the_same_in_parquet() {
    let (url, db) = SHARED.url("moved");
    SHARED.sql(&db, TABLE);
    let project = Project::of(&format!(
        "sources:\n  rows: {{ type: mysql, url: \"{url}\", table: t, split_rows: 700 }}\n\
         sinks:\n  out: {{ from: rows, type: parquet, path: out }}\n"
    ));
    let ended = project.run(None);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let mut files = Vec::new();
    list(&project.path("out"), &mut files);
    assert!(files.len() > 2, "{files:?}");
    let mut rows: Vec<_> = files.iter().flat_map(|path| lines(path)).collect();
    rows.sort_by_key(|line| line.split('|').next().and_then(|id| id.parse::<i64>().ok()));
    let stored = stored(&db);
    assert_eq!(rows.len(), 5001);
    for (found, stored) in rows.iter().zip(&stored) {
        // Texts are hexadecimal only in the other's words.
        assert_eq!(found, stored);
    }
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true if path.file_name().is_some_and(|name| name == "_dhow") => {}
            true => list(&path, files),
            false if path.extension().is_some_and(|end| end == "parquet") => files.push(path),
            false => {}
        }
    }
}

/// The rows of a file in the words of [`MARIADB`].
fn lines(path: &Path) -> Vec<String> {
    let file = File::open(path).expect("a file");
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("a Parquet file");
    let options = FormatOptions::default()
        .with_null("null")
        .with_timestamp_format(Some("%Y-%m-%d %H:%M:%S%.6f"))
        .with_timestamp_tz_format(Some("%Y-%m-%d %H:%M:%S%.6f"));
    let mut lines = Vec::new();
    for batch in reader.build().expect("a reader") {
        let batch = batch.expect("rows");
        let cells: Vec<_> = batch
            .columns()
            .iter()
            .map(|column| ArrayFormatter::try_new(column, &options).expect("a format"))
            .collect();
        for row in 0..batch.num_rows() {
            let cell = |(at, cell): (usize, &ArrayFormatter<'_>)| {
                let text = cell.value(row).to_string();
                match at {
                    // A name and a kind; bytes are hexadecimal already.
                    3 | 8 if text != "null" => {
                        text.bytes().map(|byte| format!("{byte:02X}")).collect()
                    }
                    7 => text.strip_suffix(".0").map_or(text.clone(), str::to_owned),
                    9 => {
                        if text == "null" {
                            text
                        } else {
                            text.to_uppercase()
                        }
                    }
                    _ => text,
                }
            };
            lines.push(cells.iter().enumerate().map(cell).collect::<Vec<_>>().join("|"));
        }
    }
    lines
}
