//! From Parquet into BigQuery and Doris: how much longer it takes than making the bodies alone.
//!
//! The servers are the stand-ins of the tests, which here count the rows that arrive and forget
//! them. They run in this process, on the same cores; a real service would run elsewhere.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use flate2::Compression;
use flate2::write::GzEncoder;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::child::{Run, Tools};
use crate::data::Data;
use crate::encode::{Count, lines};
use crate::table::float;
use crate::{Result, Settings};

#[allow(unused_imports, reason = "a bench has no tests, and with them go what they import")]
#[path = "../../tests/databases/bigquery/gate/mod.rs"]
mod gate;
#[path = "../../tests/databases/doris/stand/mod.rs"]
mod stand_in;

use gate::{Gate, PROJECT};
use stand_in::{Doris, Layout};

/// The name of the case.
const NAME: &str = "upload";

/// What is sent where.
struct Case {
    label: &'static str,
    gzip: Option<Compression>,
    /// The sink of the pipeline.
    sink: String,
}

/// What a case took at best.
struct Best {
    alone: f64,
    bytes: u64,
    run: Option<Run>,
}

/// Does each case in turn and prints a table.
pub(crate) fn bench(settings: &Settings, data: &Data) -> Result<()> {
    if !settings.wants(NAME) {
        return Ok(());
    }
    let gate = Gate::counting().with_dataset("sales", "EU");
    let doris = Doris::with(&Layout { counting: true, ..Layout::default() });
    let (tools, path) = (Tools::find(&settings.folder)?, data.file("lineitem.parquet"));
    println!("\nlineitem to stand-ins that count rows, best of {} rounds\n", settings.rounds);
    println!(
        "| into | encoding alone, s | dhow, s | of encoding | CPU s | peak MiB | MB/s of JSON |"
    );
    println!("|---|--:|--:|--:|--:|--:|--:|");
    for case in cases(&gate, &doris) {
        let mut best = Best { alone: f64::INFINITY, bytes: 0, run: None };
        for round in 0..settings.rounds.max(1) {
            let start = Instant::now();
            best.bytes = alone(&path, case.gzip)?;
            best.alone = best.alone.min(start.elapsed().as_secs_f64());
            let run = dhow(&tools, &settings.folder.join("upload"), &path, &case, round)?;
            best.run = best.run.filter(|old| old.seconds <= run.seconds).or(Some(run));
        }
        println!("{}", line(&case, &best));
    }
    // Each round of two cases appends to BigQuery; of Doris, dhow itself has asked what arrived.
    let groups = ParquetRecordBatchReaderBuilder::try_new(File::open(&path)?)?;
    let rows = u64::try_from(groups.metadata().file_metadata().num_rows())?;
    let expected = 2 * rows * u64::try_from(settings.rounds.max(1))?;
    let arrived = gate.count("sales.lineitem");
    if arrived != expected {
        return Err(format!("the stand-in counted {arrived} rows of {expected}").into());
    }
    Ok(())
}

fn cases(gate: &Gate, doris: &Doris) -> [Case; 4] {
    let bigquery = |level: u32| {
        format!(
            "type: bigquery, endpoint: \"{}\", project: {PROJECT}, dataset: sales, \
             table: lineitem, mode: append, gzip_level: {level}",
            gate.url()
        )
    };
    let doris = format!(
        "type: doris, fe: \"{}\", query: \"{}\", user: {}, password: \"{}\", database: {}, \
         table: lineitem, mode: append, replication_num: 1, tls: disable",
        doris.fe(),
        doris.query(),
        doris.user,
        doris.password,
        doris.database
    );
    [
        Case {
            label: "Doris, gzip",
            gzip: Some(Compression::fast()),
            sink: format!("{doris}, compression: gz"),
        },
        Case { label: "Doris, plain", gzip: None, sink: doris },
        Case { label: "BigQuery, plain", gzip: None, sink: bigquery(0) },
        Case { label: "BigQuery, gzip", gzip: Some(Compression::fast()), sink: bigquery(1) },
    ]
}

/// Reads and encodes, on all cores; the bytes of JSON.
fn alone(path: &Path, gzip: Option<Compression>) -> Result<u64> {
    let groups = ParquetRecordBatchReaderBuilder::try_new(File::open(path)?)?;
    let groups: Vec<usize> = (0..groups.metadata().num_row_groups()).collect();
    let threads = std::thread::available_parallelism()?.get();
    std::thread::scope(|scope| {
        let shares = groups.chunks(groups.len().div_ceil(threads).max(1));
        let workers = shares
            .map(|share| scope.spawn(|| encode(path, share, gzip).map_err(|e| e.to_string())));
        let mut bytes = 0;
        for worker in workers.collect::<Vec<_>>() {
            bytes += worker.join().map_err(|_| "an encoder broke off")??;
        }
        Ok(bytes)
    })
}

fn encode(path: &Path, groups: &[usize], gzip: Option<Compression>) -> Result<u64> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path)?)?;
    let mut lines = lines(reader.schema())?;
    let mut packed = gzip.map(|level| GzEncoder::new(Count::default(), level));
    let (mut out, mut bytes) = (Vec::new(), 0);
    for batch in reader.with_row_groups(groups.to_vec()).build()? {
        out.clear();
        lines.write(&batch?, &mut out)?;
        bytes += u64::try_from(out.len())?;
        if let Some(packed) = &mut packed {
            packed.write_all(&out)?;
        }
    }
    if let Some(packed) = packed {
        packed.finish()?;
    }
    Ok(bytes)
}

/// Runs the pipeline in an empty folder, under another name in each round: one that has forgotten
/// what it did would find its stage tables in the servers.
fn dhow(tools: &Tools, folder: &Path, path: &Path, case: &Case, round: usize) -> Result<Run> {
    let pipeline = format!(
        "name: upload_{round}\nsources:\n  rows: {{ type: parquet, path: {} }}\nsinks:\n  out: {{ from: rows, {} }}\n",
        path.display(),
        case.sink
    );
    tools.pipeline(folder, &pipeline)
}

fn line(case: &Case, best: &Best) -> String {
    let Best { alone, bytes, run: Some(run) } = best else { return String::new() };
    format!(
        "| {} | {alone:.2} | {:.2} | {:.2} | {:.2} | {:.0} | {:.0} |",
        case.label,
        run.seconds,
        run.seconds / alone,
        run.cpu_seconds,
        float(run.peak_bytes) / 1_048_576.0,
        float(*bytes) / 1e6 / run.seconds,
    )
}
