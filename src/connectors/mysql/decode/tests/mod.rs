//! Every type of a real server, and what only hand-made rows can show.

mod large;
mod noise;
mod types;

use std::sync::{Arc, Mutex};

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Schema, TimeUnit};
use arrow::util::display::array_value_to_string;

use super::{Decoder, Policies, Reading, reading};
use crate::connectors::mysql::wire::{Connection, Failure, tests::session};
use crate::error::Error;
use crate::source::{Refuse, Refused};

/// Keeps the rows that were refused.
#[derive(Debug, Default)]
struct Kept(Mutex<Vec<Refused>>);

impl Refuse for Kept {
    fn refuse(&self, row: Refused) -> crate::error::Result<()> {
        self.0.lock().unwrap().push(row);
        Ok(())
    }
}

/// What came of a statement.
struct Read {
    readings: Vec<Reading>,
    batches: Vec<RecordBatch>,
    refused: Vec<Refused>,
}

/// Reads a statement; the policies see the columns as the catalog would declare them.
async fn read(connection: &mut Connection, sql: &str, policies: &Policies) -> Read {
    try_read(connection, sql, policies, &[]).await.unwrap()
}

fn told(failure: Failure) -> Error {
    match failure {
        Failure::Told(error) => error,
        other => Error::bug(format!("{other:?}")),
    }
}

async fn try_read(
    connection: &mut Connection,
    sql: &str,
    policies: &Policies,
    declared: &[(&str, &str)],
) -> crate::error::Result<Read> {
    let mut columns = connection.describe(sql).await.map_err(told)?;
    for column in &mut columns {
        let found = declared.iter().find(|(name, _)| *name == column.name);
        column.declared = found.map(|(_, shown)| (*shown).to_owned()).or(column.declared.take());
    }
    let readings = columns.iter().map(|column| reading(column, policies));
    let readings = readings.collect::<crate::error::Result<Vec<_>>>()?;
    let selects: Vec<_> =
        readings.iter().map(|r| r.select(&format!("`{}`", r.field.name()))).collect();
    let sql = format!("select {} from ({sql}) as t", selects.join(", "));
    let kept = Arc::new(Kept::default());
    let refuse = Arc::clone(&kept) as Arc<dyn Refuse>;
    let mut decoder = Decoder::new(&readings, 1000, "shop.orders 000000", refuse);
    let mut rows = connection.rows(&sql).await.map_err(told)?;
    let mut batches = Vec::new();
    while let Some(batch) = rows.next(&mut decoder).await.map_err(told)? {
        batches.push(batch);
    }
    drop(rows);
    assert!(connection.is_usable());
    let refused = std::mem::take(&mut *kept.0.lock().unwrap());
    Ok(Read { readings, batches, refused })
}

impl Read {
    /// All rows in one batch.
    fn batch(&self) -> RecordBatch {
        let fields: Vec<_> = self.readings.iter().map(|r| r.field.clone()).collect();
        let schema = Arc::new(Schema::new(fields));
        concat_batches(&schema, &self.batches).unwrap()
    }

    /// The types of the columns.
    fn types(&self) -> Vec<String> {
        self.readings.iter().map(|r| r.field.data_type().to_string()).collect()
    }

    /// The types that the columns had at the source.
    fn sources(&self) -> Vec<String> {
        let metadata = |r: &Reading| r.field.metadata().get(super::SOURCE_TYPE).cloned();
        self.readings.iter().map(|r| metadata(r).unwrap_or_default()).collect()
    }

    /// The values of each row as Arrow writes them; `null` for NULL.
    fn rows(&self) -> Vec<Vec<String>> {
        // The display of moments knows zones by their distance alone.
        let zone = DataType::Timestamp(TimeUnit::Microsecond, Some("+00:00".into()));
        let batch = self.batch();
        let shown = |column: &ArrayRef| match column.data_type() {
            DataType::Timestamp(_, Some(_)) => cast(column, &zone).unwrap(),
            _ => Arc::clone(column),
        };
        let columns: Vec<_> = batch.columns().iter().map(shown).collect();
        let value = |column: &ArrayRef, row| match column.is_null(row) {
            true => "null".to_owned(),
            false => array_value_to_string(column, row).unwrap(),
        };
        (0..batch.num_rows())
            .map(|row| columns.iter().map(|column| value(column, row)).collect())
            .collect()
    }

    /// Place, column, value and reason of each refused row.
    fn refused(&self) -> Vec<String> {
        let one = |row: &Refused| {
            let column = row.column.as_deref().unwrap_or("-");
            let value = row.value.as_deref().unwrap_or("-");
            format!("{}: {column} = {value}: {}", row.place, row.reason)
        };
        self.refused.iter().map(one).collect()
    }
}
