//! Finds texts that are no JSON where a column takes nothing else: the server would, too, but for
//! the whole request.

use arrow::array::{Array, ArrayRef, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Schema};
use arrow::record_batch::RecordBatch;
use serde::de::IgnoredAny;

use crate::connectors::doris::kind::Kind;
use crate::connectors::doris::table::Column;
use crate::error::{Error, Result};
use crate::sink::{Misfit, without};
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
        let mut fits = vec![true; batch.num_rows()];
        for (at, name) in &self.0 {
            let texts = texts(batch.column(*at))?;
            for (row, fits) in fits.iter_mut().enumerate().filter(|(_, fits)| **fits) {
                let is_json = |text| serde_json::from_str::<IgnoredAny>(text).is_ok();
                *fits = texts.is_null(row) || is_json(texts.value(row));
                if !*fits {
                    misfits.push(misfit(row, name, texts.value(row)));
                }
            }
        }
        if misfits.is_empty() {
            return Ok(Sifted { rows: batch.clone(), at: None, misfits });
        }
        let rows = without(batch, &misfits)?;
        let at = (0..fits.len()).filter(|row| fits[*row]).collect();
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
