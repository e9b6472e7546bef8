//! Booleans as `true` and `false`.

use arrow::buffer::BooleanBuffer;

use super::cells::Values;
use super::unfit::Unfit;

/// The booleans of a column.
pub(super) struct Booleans(pub BooleanBuffer);

impl Values for Booleans {
    fn most(&self) -> Option<usize> {
        Some(5)
    }

    fn bound(&self, _row: usize) -> usize {
        5
    }

    #[inline(always)]
    fn write(&self, row: usize, out: &mut [u8], at: usize) -> Result<usize, Unfit> {
        let is_true = self.0.value(row);
        out[at..at + 5].copy_from_slice(if is_true { b"true " } else { b"false" });
        Ok(at + if is_true { 4 } else { 5 })
    }
}
