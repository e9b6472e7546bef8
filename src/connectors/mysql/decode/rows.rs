//! The rows of a result: which values go where, and which rows are left out.

use std::sync::Arc;

use super::reading::Reading;
use crate::source::Refuse;

/// Makes batches of rows.
#[derive(Debug)]
pub(in crate::connectors::mysql) struct Decoder {
    refuse: Arc<dyn Refuse>,
}

impl Decoder {
    /// A decoder for rows of `readings`; `place` names the split for refused rows, as in
    /// `shop.orders 000017`.
    pub(in crate::connectors::mysql) fn new(
        readings: &[Reading],
        batch_rows: usize,
        place: &str,
        refuse: Arc<dyn Refuse>,
    ) -> Self {
        let _ = (readings, batch_rows, place);
        Decoder { refuse }
    }
}
