//! Makes the TPC-H files once, row by row, so that any scale fits into memory.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use arrow::record_batch::RecordBatchReader;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use tpchgen::csv::LineItemCsv;
use tpchgen::generators::{CustomerGenerator, LineItem, LineItemGenerator, OrderGenerator};
use tpchgen_arrow::{CustomerArrow, LineItemArrow, OrderArrow};

use crate::Result;

/// Rows of a row group: enough for several groups per core at scale 1.
const GROUP_ROWS: usize = 1_000_000;
/// Bytes that are collected before they are written.
const BUFFER_BYTES: usize = 1 << 20;

/// The files that are read by the cases.
pub(crate) struct Data {
    folder: PathBuf,
    tables: PathBuf,
    scale: f64,
}

impl Data {
    /// Makes every file under `folder` that is not there yet.
    pub(crate) fn make(folder: &Path, scale: f64) -> Result<Self> {
        let tables = folder.join(format!("tpch-{scale}"));
        let data = Data { folder: folder.to_owned(), tables, scale };
        std::fs::create_dir_all(&data.tables)?;
        let items = || LineItemGenerator::new(scale, 1, 1);
        data.once("lineitem.csv", |path| csv(path, items()))?;
        data.once("lineitem.ndjson", |path| ndjson(path, items()))?;
        data.once("lineitem.parquet", |path| parquet(path, LineItemArrow::new(items())))?;
        let orders = || OrderArrow::new(OrderGenerator::new(scale, 1, 1));
        data.once("orders.parquet", |path| parquet(path, orders()))?;
        let customers = || CustomerArrow::new(CustomerGenerator::new(scale, 1, 1));
        data.once("customer.parquet", |path| parquet(path, customers()))?;
        Ok(data)
    }

    /// A file of this scale.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.tables.join(name)
    }

    /// `lineitem` in SQLite, made when it is asked for; digits after the point are floating point
    /// there, as SQLite has no other.
    pub(crate) fn sqlite(&self) -> Result<PathBuf> {
        let items = LineItemGenerator::new(self.scale, 1, 1);
        self.once("lineitem.sqlite", |path| sqlite(path, items))?;
        Ok(self.file("lineitem.sqlite"))
    }

    /// `flights-3m.parquet` of the npm package vega-datasets, which may not be there.
    pub(crate) fn flights(&self) -> PathBuf {
        self.folder.join("flights-3m.parquet")
    }

    /// A file under its own name is whole: it is made under another one and moved.
    fn once(&self, name: &str, make: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
        let path = self.file(name);
        if path.exists() {
            return Ok(());
        }
        println!("makes {}", path.display());
        let unfinished = path.with_extension("unfinished");
        make(&unfinished)?;
        Ok(std::fs::rename(unfinished, path)?)
    }
}

fn csv(path: &Path, items: LineItemGenerator<'static>) -> Result<()> {
    let mut file = BufWriter::with_capacity(BUFFER_BYTES, File::create(path)?);
    writeln!(file, "{}", LineItemCsv::header())?;
    for item in items.iter() {
        writeln!(file, "{}", LineItemCsv::new(item))?;
    }
    Ok(file.flush()?)
}

fn ndjson(path: &Path, items: LineItemGenerator<'static>) -> Result<()> {
    let mut file = BufWriter::with_capacity(BUFFER_BYTES, File::create(path)?);
    for item in items.iter() {
        write_object(&mut file, &item)?;
    }
    Ok(file.flush()?)
}

/// One line of JSON. No text of TPC-H holds a quote or a backslash, so none is escaped.
fn write_object(file: &mut impl Write, item: &LineItem) -> std::io::Result<()> {
    write!(
        file,
        "{{\"l_orderkey\":{},\"l_partkey\":{},\"l_suppkey\":{},\"l_linenumber\":{},",
        item.l_orderkey, item.l_partkey, item.l_suppkey, item.l_linenumber,
    )?;
    write!(
        file,
        "\"l_quantity\":{},\"l_extendedprice\":{},\"l_discount\":{},\"l_tax\":{},",
        item.l_quantity, item.l_extendedprice, item.l_discount, item.l_tax,
    )?;
    write!(
        file,
        "\"l_returnflag\":\"{}\",\"l_linestatus\":\"{}\",\"l_shipdate\":\"{}\",",
        item.l_returnflag, item.l_linestatus, item.l_shipdate,
    )?;
    write!(
        file,
        "\"l_commitdate\":\"{}\",\"l_receiptdate\":\"{}\",\"l_shipinstruct\":\"{}\",",
        item.l_commitdate, item.l_receiptdate, item.l_shipinstruct,
    )?;
    writeln!(file, "\"l_shipmode\":\"{}\",\"l_comment\":\"{}\"}}", item.l_shipmode, item.l_comment)
}

/// Writes a database of one table.
fn sqlite(path: &Path, items: LineItemGenerator<'static>) -> Result<()> {
    let mut database = rusqlite::Connection::open(path)?;
    database.execute_batch("pragma journal_mode = off; pragma synchronous = off")?;
    database.execute_batch(
        "create table lineitem (
            l_orderkey bigint not null, l_partkey bigint not null, l_suppkey bigint not null,
            l_linenumber integer not null, l_quantity bigint not null, l_extendedprice real not null,
            l_discount real not null, l_tax real not null, l_returnflag text not null,
            l_linestatus text not null, l_shipdate date not null, l_commitdate date not null,
            l_receiptdate date not null, l_shipinstruct text not null, l_shipmode text not null,
            l_comment text not null)",
    )?;
    let rows = database.transaction()?;
    let places = vec!["?"; 16].join(", ");
    let mut insert = rows.prepare(&format!("insert into lineitem values ({places})"))?;
    for item in items.iter() {
        insert.execute(rusqlite::params![
            item.l_orderkey,
            item.l_partkey,
            item.l_suppkey,
            item.l_linenumber,
            item.l_quantity,
            item.l_extendedprice.as_f64(),
            item.l_discount.as_f64(),
            item.l_tax.as_f64(),
            item.l_returnflag,
            item.l_linestatus,
            item.l_shipdate.to_string(),
            item.l_commitdate.to_string(),
            item.l_receiptdate.to_string(),
            item.l_shipinstruct,
            item.l_shipmode,
            item.l_comment,
        ])?;
    }
    drop(insert);
    Ok(rows.commit()?)
}

/// Writes a plain Parquet file, without the Arrow schema that other writers would not leave either.
fn parquet(path: &Path, batches: impl RecordBatchReader) -> Result<()> {
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .build();
    let options =
        ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
    let mut writer =
        ArrowWriter::try_new_with_options(File::create(path)?, batches.schema(), options)?;
    for batch in batches {
        writer.write(&batch?)?;
    }
    writer.close()?;
    Ok(())
}
