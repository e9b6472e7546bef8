//! Batches cut into pieces that can be encoded one at a time.

use arrow::record_batch::RecordBatch;

use crate::error::{Error, Result};

/// `batch` in slices of about `bytes` bytes: wide rows make large batches.
pub fn slices(
    batch: &RecordBatch,
    bytes: usize,
) -> Result<impl DoubleEndedIterator<Item = RecordBatch> + use<>> {
    let mut held = 0;
    for column in batch.columns() {
        let size = column.to_data().get_slice_memory_size();
        held += size.map_err(|e| Error::bug("a batch could not be measured").at("arrow", e))?;
    }
    let (batch, rows) = (batch.clone(), batch.num_rows());
    let each = rows.div_ceil(held.div_ceil(bytes.max(1)).max(1)).max(1);
    Ok((0..rows).step_by(each).map(move |start| batch.slice(start, each.min(rows - start))))
}
