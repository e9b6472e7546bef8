//! Tests of decoding: made bytes, broken bytes, and a real server.

mod bytes;
mod passing;
mod server;
mod values;

use std::sync::{Arc, Mutex};

use crate::error::Result;
use crate::source::{Refuse, Refused};

/// Keeps what is refused.
#[derive(Debug, Default)]
struct Basket(Mutex<Vec<Refused>>);

impl Refuse for Basket {
    fn refuse(&self, row: Refused) -> Result<()> {
        self.0.lock().unwrap().push(row);
        Ok(())
    }
}

impl Basket {
    fn new() -> Arc<Self> {
        Arc::default()
    }

    fn taken(&self) -> Vec<Refused> {
        self.0.lock().unwrap().clone()
    }
}
