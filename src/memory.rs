//! The one budget from which everything large is drawn.
//!
//! Joins and sorts draw from DataFusion's pool; buffers of readers and writers draw from the same
//! pool through [`Memory`], so that `--memory` bounds their sum.

use std::fmt::Debug;
use std::sync::Arc;

use crate::error::Result;

/// A budget of bytes.
pub trait Memory: Debug + Send + Sync {
    /// A reservation of nothing yet, which shows up as `name` when the budget runs out.
    fn reserve(&self, name: &str) -> Box<dyn Reservation>;

    /// The whole budget in bytes; `None` when there is no limit.
    fn limit(&self) -> Option<u64>;
}

/// Bytes held by somebody; given back when dropped.
pub trait Reservation: Debug + Send + Sync {
    /// Holds `bytes` altogether from now on, more or less than before.
    ///
    /// # Errors
    /// [`crate::error::Kind::Limit`] when the budget does not have them; then nothing changes.
    fn resize(&mut self, bytes: usize) -> Result<()>;

    /// Bytes held now.
    fn held(&self) -> usize;
}

/// A budget without a limit, for tests and for plans.
#[derive(Debug, Default, Clone, Copy)]
pub struct Unlimited;

impl Memory for Unlimited {
    fn reserve(&self, _name: &str) -> Box<dyn Reservation> {
        Box::new(Held(0))
    }

    fn limit(&self) -> Option<u64> {
        None
    }
}

#[derive(Debug)]
struct Held(usize);

impl Reservation for Held {
    fn resize(&mut self, bytes: usize) -> Result<()> {
        self.0 = bytes;
        Ok(())
    }

    fn held(&self) -> usize {
        self.0
    }
}

/// A budget that nobody has to bound.
pub fn unlimited() -> Arc<dyn Memory> {
    Arc::new(Unlimited)
}

#[cfg(test)]
pub(crate) mod small {
    //! A budget for tests, which remembers how much was drawn from it at most.

    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::{Arc, Memory, Reservation, Result};
    use crate::error::Error;

    /// So many bytes and no more.
    #[derive(Debug, Clone)]
    pub(crate) struct Small {
        bytes: usize,
        drawn: Arc<AtomicUsize>,
        peak: Arc<AtomicUsize>,
    }

    impl Small {
        /// A budget of `bytes`.
        pub(crate) fn new(bytes: usize) -> Self {
            Small { bytes, drawn: Arc::default(), peak: Arc::default() }
        }

        /// The most bytes that were drawn at once.
        pub(crate) fn peak(&self) -> usize {
            self.peak.load(Ordering::SeqCst)
        }

        /// The bytes that are drawn now.
        pub(crate) fn drawn(&self) -> usize {
            self.drawn.load(Ordering::SeqCst)
        }
    }

    impl Memory for Small {
        fn reserve(&self, _name: &str) -> Box<dyn Reservation> {
            Box::new(Drawn { of: self.clone(), held: 0 })
        }

        fn limit(&self) -> Option<u64> {
            u64::try_from(self.bytes).ok()
        }
    }

    #[derive(Debug)]
    struct Drawn {
        of: Small,
        held: usize,
    }

    impl Reservation for Drawn {
        fn resize(&mut self, bytes: usize) -> Result<()> {
            let others = self.of.drawn() - self.held;
            if others + bytes > self.of.bytes && bytes > self.held {
                return Err(Error::limit("the memory limit is reached"));
            }
            self.held = bytes;
            self.of.drawn.store(others + bytes, Ordering::SeqCst);
            self.of.peak.fetch_max(others + bytes, Ordering::SeqCst);
            Ok(())
        }

        fn held(&self) -> usize {
            self.held
        }
    }

    impl Drop for Drawn {
        fn drop(&mut self) {
            self.of.drawn.fetch_sub(self.held, Ordering::SeqCst);
        }
    }
}
