//! Makes the columns that connectorx gives those that the source promised, exactly or not at all.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray};
use arrow::compute::{CastOptions, cast_with_options, filter_record_batch};
use arrow::datatypes::{DataType, Date32Type, SchemaRef, TimeUnit, TimestampMicrosecondType};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};

use crate::error::{Error, Result};
use crate::source::{Refuse, Refused};

/// What connectorx makes of the infinities of dates: the first and the last day that it knows.
const DAYS: [i32; 2] = [-96_465_292, 95_026_236];
/// The same of timestamps, in microseconds.
const MICROS: [i64; 2] = [-8_334_601_228_800_000_000, 8_210_266_876_799_999_999];

/// Makes batches of one split.
#[derive(Debug)]
pub(super) struct Fitter {
    /// The columns that the source promised, in the order of the statement.
    pub schema: SchemaRef,
    /// The table or query, for people.
    pub label: String,
    /// The split, for people.
    pub split: String,
    /// Where rows go that cannot be read.
    pub refuse: Arc<dyn Refuse>,
    /// Rows that were given so far.
    pub seen: usize,
}

impl Fitter {
    /// The batch, without the rows that are refused.
    pub(super) fn batch(&mut self, columns: &[ArrayRef], rows: usize) -> Result<RecordBatch> {
        if columns.len() != self.schema.fields().len() {
            return Err(self.changed());
        }
        let pairs = columns.iter().zip(self.schema.fields());
        let fitted = pairs.map(|(column, field)| self.column(column, field.data_type()));
        let fitted = fitted.collect::<Result<Vec<_>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.schema), fitted, &options);
        let batch = batch.map_err(|e| self.changed().at("arrow", e))?;
        let batch = self.without_infinities(batch)?;
        self.seen += rows;
        Ok(batch)
    }

    fn changed(&self) -> Error {
        Error::conflict(format!("`{}` changed its columns while it was read", self.label))
            .hint("run again once nobody changes them")
    }

    fn column(&self, column: &ArrayRef, kind: &DataType) -> Result<ArrayRef> {
        if column.data_type() == kind {
            return Ok(Arc::clone(column));
        }
        if let (DataType::Timestamp(TimeUnit::Microsecond, _), DataType::Timestamp(unit, zone)) =
            (column.data_type(), kind)
            && *unit == TimeUnit::Microsecond
        {
            // Moments in UTC all of them, whatever the label says.
            let moments = column.as_primitive::<TimestampMicrosecondType>().clone();
            return Ok(Arc::new(moments.with_timezone_opt(zone.clone())));
        }
        let options = CastOptions { safe: false, ..CastOptions::default() };
        cast_with_options(column, kind, &options).map_err(|_| {
            // Arrow's message has the value.
            Error::data(format!("a value of `{}` does not fit its type", self.label))
                .at("type", crate::files::types::type_name(kind))
                .hint("ask for the column as text: `columns: {name: text}`")
        })
    }

    fn without_infinities(&self, batch: RecordBatch) -> Result<RecordBatch> {
        let mut stays: Option<Vec<bool>> = None;
        for (column, field) in batch.columns().iter().zip(self.schema.fields()) {
            for row in infinities(column) {
                let stays = stays.get_or_insert_with(|| vec![true; batch.num_rows()]);
                // A row is refused for its first column.
                if stays.get(row).copied().unwrap_or(false) {
                    self.refuse.refuse(self.infinite(row, field.name()))?;
                    if let Some(stays) = stays.get_mut(row) {
                        *stays = false;
                    }
                }
            }
        }
        let Some(stays) = stays else { return Ok(batch) };
        filter_record_batch(&batch, &BooleanArray::from(stays))
            .map_err(|e| Error::bug("refused rows could not be taken out").at("arrow", e))
    }

    fn infinite(&self, row: usize, column: &str) -> Refused {
        Refused {
            place: format!("{} split {} row {}", self.label, self.split, self.seen + row + 1),
            column: Some(column.to_owned()),
            value: Some("infinity".to_owned()),
            reason: "infinity is no date or time that can be kept".to_owned(),
            hint: Some(format!("read it as text, `columns: {{{column}: text}}`, or leave it out")),
        }
    }
}

/// The rows of `column` where connectorx writes an infinity.
fn infinities(column: &ArrayRef) -> Vec<usize> {
    let is_valid = |row: &usize| column.is_valid(*row);
    match column.data_type() {
        DataType::Date32 => {
            let days = column.as_primitive::<Date32Type>().values();
            let found = days.iter().enumerate().filter(|(_, day)| DAYS.contains(day));
            found.map(|(row, _)| row).filter(is_valid).collect()
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            let micros = column.as_primitive::<TimestampMicrosecondType>().values();
            let found = micros.iter().enumerate().filter(|(_, moment)| MICROS.contains(moment));
            found.map(|(row, _)| row).filter(is_valid).collect()
        }
        _ => Vec::new(),
    }
}
