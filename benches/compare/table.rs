//! How results are shown: Markdown, so that they can be pasted into `benches/README.md`.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::Instant;

use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::cases::Case;
use crate::child::{Run, Tools};
use crate::{Outcome, Result};

const MIB: f64 = 1024.0 * 1024.0;

/// The head of the table of cases. Seconds are the best and the median of all rounds; a ratio
/// above 1 means that dhow is faster.
pub(crate) const HEADER: &str = "\
| case | dhow s | DuckDB s | ratio | rows/s | MB/s | CPU s | DuckDB CPU s \
| peak MiB | above --memory | DuckDB peak MiB |\n\
|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|";

/// One line of the table of cases.
pub(crate) fn row(case: &Case, outcome: &Outcome, tools: &Tools) -> String {
    let (dhow, duckdb) = (Figures::of(&outcome.dhow), Figures::of(&outcome.duckdb));
    let bytes = case.bytes().unwrap_or_default();
    format!(
        "| {} | {:.2} ({:.2}) | {:.2} ({:.2}) | {:.2} | {:.0} | {:.0} | {:.2} | {:.2} | {:.0} | {:.0} | {:.0} |",
        case.name,
        dhow.best,
        dhow.median,
        duckdb.best,
        duckdb.median,
        duckdb.best / dhow.best,
        float(case.rows) / dhow.best,
        float(bytes) / 1e6 / dhow.best,
        dhow.cpu,
        duckdb.cpu,
        dhow.peak_mib,
        (dhow.peak_mib - float(tools.memory_mib)).max(0.0),
        duckdb.peak_mib,
    )
}

/// The plain limits: how fast each file can be read at all, and, for Parquet, decoded by one
/// thread.
pub(crate) fn limits(cases: &[Case]) -> Result<String> {
    let files: BTreeSet<&Path> =
        cases.iter().flat_map(|case| &case.sources).map(|(_, path)| path.as_path()).collect();
    let mut text = "| file | MB | read s | one thread decodes, s |\n|---|--:|--:|--:|\n".to_owned();
    for path in files {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // The first look brings the file into memory; the second one counts.
        read(path)?;
        let (bytes, seconds) = read(path)?;
        let decoded = match path.extension().is_some_and(|end| end == "parquet") {
            true => format!("{:.2}", decode(path)?),
            false => String::new(),
        };
        let line = format!("| {name} | {:.0} | {seconds:.2} | {decoded} |\n", float(bytes) / 1e6);
        text.push_str(&line);
    }
    Ok(text)
}

/// Bytes of a file, and seconds to read it, as `cat` would to nowhere.
fn read(path: &Path) -> Result<(u64, f64)> {
    let start = Instant::now();
    let mut file = File::open(path)?;
    let mut buffer = vec![0; 1 << 20];
    let mut bytes = 0;
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok((bytes, start.elapsed().as_secs_f64())),
            some => bytes += u64::try_from(some)?,
        }
    }
}

/// Seconds that one thread takes to decode every column of a Parquet file.
fn decode(path: &Path) -> Result<f64> {
    let start = Instant::now();
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path)?)?;
    for batch in reader.with_batch_size(8192).build()? {
        std::hint::black_box(batch?);
    }
    Ok(start.elapsed().as_secs_f64())
}

/// The head of a table of contestants. Seconds are the median and the best of all rounds; a ratio
/// above 1 means that dhow is faster, by the medians.
pub(crate) const CONTESTANTS: &str = "\
| | s | (best) | ratio | CPU s | server CPU s | peak MiB |\n\
|---|--:|--:|--:|--:|--:|--:|";

/// All rounds of one contestant in one case.
pub(crate) struct Line {
    /// The name in the table.
    pub(crate) name: String,
    runs: Vec<Run>,
    server_seconds: Vec<f64>,
}

impl Line {
    /// Nothing has been run yet.
    pub(crate) fn new(name: String) -> Self {
        Line { name, runs: Vec::new(), server_seconds: Vec::new() }
    }

    /// Adds one round, with the processor time of the server in it.
    pub(crate) fn add(&mut self, run: Run, server_seconds: f64) {
        self.runs.push(run);
        self.server_seconds.push(server_seconds);
    }
}

/// One line of the table for each contestant; the first one is dhow.
pub(crate) fn lines(lines: &[Line]) -> Vec<String> {
    let dhow = lines.first().map_or(f64::NAN, |line| Figures::of(&line.runs).median);
    let shown = |line: &Line| {
        let figures = Figures::of(&line.runs);
        let mut server = line.server_seconds.clone();
        server.sort_by(f64::total_cmp);
        format!(
            "| {} | {:.2} | ({:.2}) | {:.2} | {:.2} | {:.2} | {:.0} |",
            line.name,
            figures.median,
            figures.best,
            figures.median / dhow,
            figures.cpu,
            server[server.len() / 2],
            figures.peak_mib,
        )
    };
    lines.iter().map(shown).collect()
}

/// All rounds of one program in one case.
struct Figures {
    best: f64,
    median: f64,
    cpu: f64,
    peak_mib: f64,
}

impl Figures {
    /// Best and median of the time; processor time of the median round; the highest peak.
    fn of(runs: &[Run]) -> Self {
        let mut runs = runs.to_vec();
        runs.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
        let peak = runs.iter().map(|run| run.peak_bytes).max().unwrap_or_default();
        let median = &runs[runs.len() / 2];
        Figures {
            best: runs[0].seconds,
            median: median.seconds,
            cpu: median.cpu_seconds,
            peak_mib: float(peak) / MIB,
        }
    }
}

/// A count as a floating-point number, to show it.
#[expect(clippy::cast_precision_loss, reason = "three digits of it are shown")]
pub(crate) fn float(count: u64) -> f64 {
    count as f64
}
