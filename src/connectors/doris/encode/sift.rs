//! Finds texts that are no JSON where a column takes nothing else: the server would, too, but for
//! the whole request.

use arrow::array::{Array, ArrayRef, BooleanArray, StringArray};
use arrow::compute::{cast, filter_record_batch};
use arrow::datatypes::{DataType, Schema};
use arrow::record_batch::RecordBatch;
use serde::de::IgnoredAny;

use crate::connectors::doris::kind::Kind;
use crate::connectors::doris::table::Column;
use crate::error::{Error, Result};
use crate::sink::Misfit;
use crate::source::Refused;

/// The columns whose texts have to be JSON: their places and names.
#[derive(Debug)]
pub(super) struct Sift(Vec<(usize, String)>);

/// Rows that are left, where they stood, and those that are left out.
pub(super) struct Sifted {
    pub rows: RecordBatch,
    /// For each row that is left, its number before; `None` when all are.
    pub at: Option<Vec<usize>>,
    pub misfits: Vec<Misfit>,
}

impl Sift {
    pub(super) fn new(schema: &Schema, columns: &[Column]) -> Self {
        let takes_json = |name: &str| {
            columns.iter().any(|column| {
                column.name.eq_ignore_ascii_case(name)
                    && matches!(column.kind, Kind::Json | Kind::Variant)
            })
        };
        let fields = schema.fields().iter().enumerate();
        let fields = fields.filter(|(_, field)| takes_json(field.name()));
        Sift(fields.map(|(at, field)| (at, field.name().clone())).collect())
    }

    pub(super) fn sift(&self, batch: &RecordBatch) -> Result<Sifted> {
        let mut misfits: Vec<Misfit> = Vec::new();
        for (at, name) in &self.0 {
            let texts = texts(batch.column(*at))?;
            for row in (0..texts.len()).filter(|row| texts.is_valid(*row)) {
                let is_new = misfits.iter().all(|misfit| misfit.row != row);
                if is_new && serde_json::from_str::<IgnoredAny>(texts.value(row)).is_err() {
                    misfits.push(misfit(row, name, texts.value(row)));
                }
            }
        }
        if misfits.is_empty() {
            return Ok(Sifted { rows: batch.clone(), at: None, misfits });
        }
        let is_bad = |row: &usize| misfits.iter().any(|misfit| misfit.row == *row);
        let at: Vec<usize> = (0..batch.num_rows()).filter(|row| !is_bad(row)).collect();
        let keep: BooleanArray = (0..batch.num_rows()).map(|row| Some(!is_bad(&row))).collect();
        let rows = filter_record_batch(batch, &keep)
            .map_err(|error| Error::bug("rows could not be left out").at("arrow", error))?;
        Ok(Sifted { rows, at: Some(at), misfits })
    }
}

fn texts(column: &ArrayRef) -> Result<StringArray> {
    let texts = cast(column, &DataType::Utf8)
        .map_err(|error| Error::bug("a text could not be read").at("arrow", error))?;
    Ok(StringArray::from(texts.to_data()))
}

fn misfit(row: usize, column: &str, value: &str) -> Misfit {
    Misfit {
        row,
        column: column.to_owned(),
        value: Refused::shown(value.as_bytes()),
        reason: "the text is no JSON".to_owned(),
        hint: Some("leave such rows out in a model, or load into a STRING".to_owned()),
    }
}
