//! What is compared: each case reads files and writes one Parquet table.

use std::fs::File;
use std::path::{Path, PathBuf};

use parquet::file::reader::{FileReader, SerializedFileReader};

use crate::Result;
use crate::data::Data;

/// One case.
pub(crate) struct Case {
    /// The name in the table.
    pub(crate) name: &'static str,
    /// The statement; `None` copies the one source.
    pub(crate) sql: Option<PathBuf>,
    /// The files that are read, by their name in SQL.
    pub(crate) sources: Vec<(&'static str, PathBuf)>,
    /// Rows of all sources together.
    pub(crate) rows: u64,
}

impl Case {
    /// Bytes of all sources together, as stored.
    pub(crate) fn bytes(&self) -> Result<u64> {
        self.sources.iter().map(|(_, path)| Ok(std::fs::metadata(path)?.len())).sum()
    }

    fn copy(name: &'static str, source: PathBuf, rows: u64) -> Self {
        Case { name, sql: None, sources: vec![("lineitem", source)], rows }
    }

    fn query(name: &'static str, sql: &str, sources: Vec<(&'static str, PathBuf)>) -> Result<Self> {
        let rows = sources.iter().map(|(_, path)| rows_of(path)).sum::<Result<u64>>()?;
        let sql = Path::new(env!("CARGO_MANIFEST_DIR")).join(sql);
        Ok(Case { name, sql: Some(sql), sources, rows })
    }
}

/// Every case, in the order of the table. The flights are left out when they are not there:
/// nothing downloads them by itself.
pub(crate) fn all(data: &Data) -> Result<Vec<Case>> {
    let lineitem = || ("lineitem", data.file("lineitem.parquet"));
    let orders = || ("orders", data.file("orders.parquet"));
    let customer = || ("customer", data.file("customer.parquet"));
    let rows = rows_of(&data.file("lineitem.parquet"))?;
    let mut cases = vec![
        Case::copy("csv to parquet", data.file("lineitem.csv"), rows),
        Case::copy("ndjson to parquet", data.file("lineitem.ndjson"), rows),
        Case::copy("parquet to parquet", data.file("lineitem.parquet"), rows),
        Case::query("tpch q1", "benches/tpch/q1.sql", vec![lineitem()])?,
        Case::query("tpch q3", "benches/tpch/q3.sql", vec![lineitem(), orders(), customer()])?,
        Case::query("tpch q6", "benches/tpch/q6.sql", vec![lineitem()])?,
        Case::query("tpch q18", "benches/tpch/q18.sql", vec![lineitem(), orders(), customer()])?,
    ];
    let flights = data.flights();
    if flights.exists() {
        let sql = "sql/models/departures_by_airport.sql";
        cases.push(Case::query("flights by airport", sql, vec![("staged_flights", flights)])?);
    }
    Ok(cases)
}

/// The rows of a Parquet file, from its footer.
fn rows_of(path: &Path) -> Result<u64> {
    let reader = SerializedFileReader::new(File::open(path)?)?;
    Ok(u64::try_from(reader.metadata().file_metadata().num_rows())?)
}
