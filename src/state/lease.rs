//! Keeps two processes off one pipeline.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::Path;

use super::make_private_folder;
use crate::error::{Error, Result};

/// The right to run one pipeline, for as long as it is held.
///
/// It is a lock of the operating system on a file, so it ends with its process, however that ends.
/// The commit protocol stays right where such locks do not work (some network file systems); the
/// lease only spares two processes the trouble.
#[derive(Debug)]
pub struct Lease {
    _file: File,
}

impl Lease {
    /// Takes the lease of `pipeline` in the folder `state`.
    ///
    /// # Errors
    /// [`crate::error::Kind::Conflict`] when another process holds it.
    pub fn take(state: &Path, pipeline: &str) -> Result<Self> {
        make_private_folder(state)?;
        let path = state.join(format!("{pipeline}.lock"));
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(|e| Error::io(&e, "lock", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(held(&mut file, pipeline)),
            Err(TryLockError::Error(e)) => return Err(Error::io(&e, "lock", &path)),
        }
        // Who holds it is a courtesy to whoever finds it held.
        let _ = file.set_len(0);
        let _ = write!(file, "process {}", std::process::id());
        Ok(Lease { _file: file })
    }
}

fn held(file: &mut File, pipeline: &str) -> Error {
    let mut holder = String::new();
    let _ = file.read_to_string(&mut holder);
    Error::conflict(format!("pipeline `{pipeline}` is being run by another process"))
        .at("held by", holder.trim())
        .hint("wait until it ends, or stop it; a killed process lets go by itself")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[test]
    fn a_pipeline_is_run_by_one_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let first = Lease::take(dir.path(), "nightly").unwrap();
        let error = Lease::take(dir.path(), "nightly").unwrap_err();
        assert_eq!(error.kind(), Kind::Conflict);
        assert_eq!(error.places()[0].1, format!("process {}", std::process::id()));
        Lease::take(dir.path(), "hourly").unwrap();
        drop(first);
        Lease::take(dir.path(), "nightly").unwrap();
    }
}
