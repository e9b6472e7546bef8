//! dhow's own readers of SQLite and SQL Server beside `reader: connectorx`: the same rows to Parquet by
//! both roads. Postgres and MySQL have cases of their own, in which both roads take part as well.

use std::path::Path;

use rusqlite::Connection;

use crate::child::{Run, Tools};
use crate::data::Data;
use crate::shards;
use crate::table::{self, Line};
use crate::{Result, Settings};

/// How both roads are called in the table, and their folders.
const ROADS: [(&str, &str); 2] = [("dhow", "own"), ("dhow (reader: connectorx)", "other")];

/// Reads both databases by both roads and prints a table for each.
pub(crate) fn bench(settings: &Settings, data: &Data) -> Result<()> {
    if !cfg!(feature = "connectorx") {
        return Ok(());
    }
    if settings.wants("sqlite to parquet") {
        let path = data.sqlite()?;
        let rows: u64 =
            Connection::open(&path)?
                .query_row("select count(*) from lineitem", [], |row| row.get(0))?;
        let bytes = std::fs::metadata(&path)?.len() / 1_000_000;
        println!("\nsqlite to parquet: {rows} rows, {bytes} MB in SQLite\n");
        let own = format!("type: sqlite, path: \"{}\", table: lineitem", path.display());
        let other = format!("{own}, reader: connectorx, split_by: l_orderkey, partitions: 2");
        compare(settings, [own, other])?;
    }
    if settings.wants("sqlserver to parquet") {
        let server = shards::with_rows()?;
        println!("\nsqlserver to parquet: {} rows of a stand-in\n", shards::ROWS);
        let source = format!("type: sqlserver, url: \"{}\", table: logins", server.url("shop"));
        let own = format!("{source}, tls: disable");
        let other = format!("{source}, reader: connectorx, split_by: id, partitions: 2");
        compare(settings, [own, other])?;
    }
    Ok(())
}

/// Reads by both roads in turn, compares their rows and prints the table.
fn compare(settings: &Settings, sources: [String; 2]) -> Result<()> {
    let tools = Tools::find(&settings.folder)?;
    let folder = settings.folder.join("roads");
    let mut lines = ROADS.map(|(name, _)| Line::new(name.to_owned()));
    for _ in 0..settings.rounds.max(1) {
        for ((line, (_, at)), source) in lines.iter_mut().zip(ROADS).zip(&sources) {
            line.add(dhow(&tools, &folder.join(at), source)?, 0.0);
        }
    }
    tools.compare(&folder, ROADS.map(|(_, at)| at), &[])?;
    println!("{}", table::CONTESTANTS);
    for line in table::lines(&lines) {
        println!("{line}");
    }
    Ok(std::fs::remove_dir_all(folder)?)
}

/// Runs a pipeline of one copy.
fn dhow(tools: &Tools, folder: &Path, source: &str) -> Result<Run> {
    let pipeline = format!(
        "name: roads\nsources:\n  rows: {{ {source} }}\n\
         sinks:\n  out: {{ from: rows, type: parquet, path: out, mode: replace }}\n"
    );
    tools.pipeline(folder, &pipeline)
}
