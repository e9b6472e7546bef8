//! A file that is open, on this machine or in a store.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;

use crate::stores::Object;

/// A file that is open.
#[derive(Debug)]
pub enum Opened {
    /// A file of this machine.
    Local(File),
    /// An object of a store.
    Object(Object),
}

impl Opened {
    /// The bytes in `range`, as far as the file reaches. Of a file of this machine only one reader
    /// is of use at a time.
    pub fn reader(&self, range: Range<u64>) -> io::Result<Box<dyn Read + Send>> {
        match self {
            Opened::Object(object) => Ok(Box::new(object.reader(range))),
            Opened::Local(file) => {
                let mut file = file.try_clone()?;
                file.seek(SeekFrom::Start(range.start))?;
                Ok(Box::new(file.take(range.end.saturating_sub(range.start))))
            }
        }
    }
}
