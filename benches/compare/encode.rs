//! How fast rows become lines of JSON: dhow's own writer beside those of arrow and DuckDB.
//!
//! All of them have the rows decoded in memory, use one thread, and write to nowhere: dhow and arrow
//! to something that counts bytes, DuckDB to `/dev/null`. The first two run in this process.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use arrow::datatypes::{DataType, Schema};
use arrow::record_batch::RecordBatch;
use dhow::ndjson::{Column, Form, Lines};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::child::Tools;
use crate::data::Data;
use crate::table::float;
use crate::{Result, Settings};

/// The name of the case.
const NAME: &str = "encode";

/// Rows of `lineitem` that are held in memory.
const ROWS: usize = 1_000_000;

/// Rows of a batch, as a source has them.
const BATCH_ROWS: usize = 8_192;

/// What one encoder did in its best round.
struct Best {
    seconds: f64,
    bytes: u64,
}

impl Best {
    /// No round yet.
    fn none() -> Self {
        Best { seconds: f64::INFINITY, bytes: 0 }
    }

    /// Keeps the faster one.
    fn take(&mut self, seconds: f64, bytes: u64) {
        *self = Best { seconds: self.seconds.min(seconds), bytes };
    }

    fn line(&self, name: &str, rows: u64, dhow: &Best) -> String {
        format!(
            "| {name} | {:.3} | {:.2} | {:.0} | {:.0} |",
            self.seconds,
            self.seconds / dhow.seconds,
            float(rows) / self.seconds,
            float(self.bytes) / 1e6 / self.seconds,
        )
    }
}

/// Counts what is written.
#[derive(Default)]
pub(crate) struct Count(u64);

impl Write for Count {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Lets all encoders write the same rows in turn, and prints a table.
pub(crate) fn bench(settings: &Settings, data: &Data) -> Result<()> {
    if !settings.wants(NAME) {
        return Ok(());
    }
    let path = data.file("lineitem.parquet");
    let batches = decode(&path)?;
    let Some(first) = batches.first() else { return Err("there are no rows to encode".into()) };
    same(first)?;
    let rows = u64::try_from(batches.iter().map(RecordBatch::num_rows).sum::<usize>())?;
    let python = Tools::find(&settings.folder)?.python;
    let (mut dhow, mut arrow, mut duckdb) = (Best::none(), Best::none(), Best::none());
    for _ in 0..settings.rounds.max(1) {
        let start = Instant::now();
        let bytes = ours(&batches)?;
        dhow.take(start.elapsed().as_secs_f64(), bytes);
        let start = Instant::now();
        let bytes = theirs(&batches)?;
        arrow.take(start.elapsed().as_secs_f64(), bytes);
        // DuckDB does not tell how many bytes it wrote; its objects are those of the others.
        duckdb.take(peer(&python, &path)?, bytes);
    }
    println!(
        "\n{rows} rows of lineitem to lines of JSON, one thread, best of {} rounds\n",
        settings.rounds
    );
    println!("| encoder | s | of dhow's time | rows/s | MB/s |\n|---|--:|--:|--:|--:|");
    for (name, best) in [("dhow", &dhow), ("arrow-json", &arrow), ("DuckDB", &duckdb)] {
        println!("{}", best.line(name, rows, &dhow));
    }
    Ok(())
}

fn decode(path: &Path) -> Result<Vec<RecordBatch>> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path)?)?;
    let reader = reader.with_batch_size(BATCH_ROWS).with_limit(ROWS).build()?;
    Ok(reader.collect::<std::result::Result<_, _>>()?)
}

/// Ends the bench unless dhow and arrow write the same bytes.
fn same(batch: &RecordBatch) -> Result<()> {
    let mut out = Vec::new();
    lines(&batch.schema())?.write(batch, &mut out)?;
    let mut writer = arrow_json::LineDelimitedWriter::new(Vec::new());
    writer.write(batch)?;
    if out == writer.into_inner() { Ok(()) } else { Err("dhow and arrow differ".into()) }
}

fn ours(batches: &[RecordBatch]) -> Result<u64> {
    let Some(first) = batches.first() else { return Ok(0) };
    let (mut lines, mut out, mut count) = (lines(&first.schema())?, Vec::new(), Count::default());
    for batch in batches {
        out.clear();
        if !lines.write(batch, &mut out)?.is_empty() {
            return Err("a row of lineitem does not fit".into());
        }
        count.write_all(&out)?;
    }
    Ok(count.0)
}

fn theirs(batches: &[RecordBatch]) -> Result<u64> {
    let mut writer = arrow_json::LineDelimitedWriter::new(Count::default());
    for batch in batches {
        writer.write(batch)?;
    }
    writer.finish()?;
    Ok(writer.into_inner().0)
}

/// Seconds that DuckDB takes for the same rows, which it has read into a table before.
fn peer(python: &Path, path: &Path) -> Result<f64> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/duckdb_encode.py");
    let rows = ROWS.to_string();
    let output = Command::new(python).arg(script).arg(path).arg(rows).output()?;
    let told = String::from_utf8_lossy(&output.stdout);
    told.trim().parse().map_err(|_| String::from_utf8_lossy(&output.stderr).into_owned().into())
}

/// The columns of `lineitem` as arrow writes them: numbers without quotes.
pub(crate) fn lines(schema: &Schema) -> Result<Lines> {
    let form = |kind: &DataType| match kind {
        DataType::Decimal128(..) => {
            Form::Decimal { integer_digits: 29, fraction_digits: 9, quoted: false }
        }
        DataType::Date32 => Form::Date,
        DataType::Int32 | DataType::Int64 => Form::Integer { bits: 64, quoted: false },
        _ => Form::Text { limit: None },
    };
    let column =
        |field: &arrow::datatypes::FieldRef| Column::new(field.name(), form(field.data_type()));
    Ok(Lines::new(schema, schema.fields().iter().map(column).collect())?)
}
