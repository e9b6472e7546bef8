//! Waiting between two questions about something that is under way. To ask again is not to try
//! again: what is asked about is never sent a second time.

use std::time::{Duration, Instant};

/// Pauses that grow until they are as long as they may be.
#[derive(Debug)]
pub struct Pauses {
    next: Duration,
    longest: Duration,
    /// When there have been enough of them.
    until: Option<Instant>,
}

impl Pauses {
    /// Pauses from `first` to `longest`, without end.
    pub fn new(first: Duration, longest: Duration) -> Self {
        Pauses { next: first, longest, until: None }
    }

    /// The same for so long.
    #[must_use]
    pub fn within(self, limit: Duration) -> Self {
        Pauses { until: Some(Instant::now() + limit), ..self }
    }

    /// Waits for the next question; `false` when there has been enough of them.
    pub async fn pause(&mut self) -> bool {
        let left = self.until.map(|until| until.saturating_duration_since(Instant::now()));
        if left.is_some_and(|left| left.is_zero()) {
            return false;
        }
        tokio::time::sleep(left.map_or(self.next, |left| left.min(self.next))).await;
        self.next = (self.next * 3 / 2).min(self.longest);
        true
    }
}
