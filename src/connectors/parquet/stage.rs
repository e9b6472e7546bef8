//! Stages one part: its rows go to files of its own, one or more per partition.
//!
//! Buffers are drawn from the run's memory. When it runs out, the largest file in progress gives
//! its memory back: alone it ends its row group early, among several it is finished and its
//! partition goes on in another file.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;

use crate::connectors::parquet::encode::{Encoding, OpenFile};
use crate::connectors::parquet::hive::{Partitions, Values};
use crate::connectors::parquet::manifest::DataFile;
use crate::connectors::parquet::store::Store;
use crate::error::{Error, Result};
use crate::memory::{Memory, Reservation};
use crate::sink;
use crate::sink::LoadId;

/// Where everything that is staged and every file of the table is.
pub(super) const FOLDER: &str = "data";
/// Partitions that one part may write to.
const PARTITIONS_MAX: usize = 1000;
/// Without more memory than this a file cannot be written at all, so it is used unasked.
const MEMORY_FLOOR: usize = 1024 * 1024;

/// One part on its way into the store.
pub(super) struct Stage<'a> {
    store: &'a Store,
    encoding: &'a Encoding,
    prefix: String,
    partitions: Partitions,
    open: BTreeMap<Values, OpenFile>,
    seen: BTreeSet<Values>,
    done: Vec<DataFile>,
    memory: Box<dyn Reservation>,
}

/// The folder of everything that `load` ever staged, below `base`.
pub(super) fn folder(base: &str, load: &LoadId) -> String {
    format!("{base}{FOLDER}/{load}")
}

impl<'a> Stage<'a> {
    /// Begins the part called `part` in `folder`: rows with `schema`, which are those stored.
    pub(super) fn begin(
        store: &'a Store,
        encoding: &'a Encoding,
        memory: &dyn Memory,
        (folder, part): (&str, &str),
        (schema, partition_by): (&Schema, &[String]),
    ) -> Result<Self> {
        Ok(Stage {
            store,
            encoding,
            prefix: format!("{folder}/{}-{}", plain(part), sink::nonce()),
            partitions: Partitions::new(schema, partition_by)?,
            open: BTreeMap::new(),
            seen: BTreeSet::new(),
            done: Vec::new(),
            memory: memory.reserve("parquet writer"),
        })
    }

    /// Adds rows.
    pub(super) async fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        for (values, rows) in self.partitions.divide(batch)? {
            if rows.num_rows() > 0 {
                self.write_to(values, &rows).await?;
            }
        }
        self.bound_memory().await
    }

    /// Ends every file; they are what was staged, in the order of the partitions.
    pub(super) async fn finish(mut self) -> Result<Vec<DataFile>> {
        while let Some((_, file)) = self.open.pop_first() {
            let done = file.finish(self.store).await;
            match done {
                Ok(done) => self.done.push(done),
                Err(error) => {
                    self.discard().await;
                    return Err(error);
                }
            }
        }
        Ok(self.done)
    }

    /// Ends the part with one file without rows, in the partition of NULLs.
    pub(super) async fn finish_empty(self, partition_by: &[String]) -> Result<DataFile> {
        let file = self.begin_file(vec![None; partition_by.len()], None)?;
        file.finish(self.store).await
    }

    /// Removes what was staged, as well as can be: what is left is an orphan.
    pub(super) async fn discard(self) {
        for (_, file) in self.open {
            file.abandon().await;
        }
        for file in self.done {
            let _ = self.store.remove(&file.path).await;
        }
    }

    async fn write_to(&mut self, values: Values, rows: &RecordBatch) -> Result<()> {
        let mut file = match self.open.remove(&values) {
            Some(file) => file,
            None => {
                self.remember(&values)?;
                self.begin_file(values.clone(), Some(rows))?
            }
        };
        let written = file.write(self.store, rows).await;
        if written.is_ok() && file.bytes() >= self.encoding.file_bytes {
            self.done.push(file.finish(self.store).await?);
        } else {
            self.open.insert(values, file);
        }
        written
    }

    fn begin_file(&self, values: Values, sample: Option<&RecordBatch>) -> Result<OpenFile> {
        let path = format!("{}-{:04}.parquet", self.prefix, self.done.len() + self.open.len());
        let schema = self.partitions.file_schema().clone();
        OpenFile::begin(self.store, path, (schema, sample), values, self.encoding)
    }

    fn remember(&mut self, values: &Values) -> Result<()> {
        self.seen.insert(values.clone());
        if self.seen.len() <= PARTITIONS_MAX {
            return Ok(());
        }
        Err(Error::config(format!("one part writes to more than {PARTITIONS_MAX} partitions"))
            .hint("partition by a coarser column, such as the month instead of the time"))
    }

    /// Gives memory back until what is left is ours to use.
    async fn bound_memory(&mut self) -> Result<()> {
        loop {
            let used: usize = self.open.values().map(OpenFile::memory).sum();
            let fits = used <= 2 * self.encoding.row_group_bytes.max(MEMORY_FLOOR);
            if fits && (self.memory.resize(used).is_ok() || used <= MEMORY_FLOOR) {
                return Ok(());
            }
            let alone = self.open.len() == 1;
            let largest = self.open.iter().max_by_key(|(_, file)| file.memory());
            let Some(values) = largest.map(|(values, _)| values.clone()) else { return Ok(()) };
            let Some(mut file) = self.open.remove(&values) else { return Ok(()) };
            if alone {
                file.flush(self.store).await?;
                let _ = self.memory.resize(file.memory());
                self.open.insert(values, file);
                return Ok(());
            }
            self.done.push(file.finish(self.store).await?);
        }
    }
}

/// `part` as a piece of a file name: what is not a letter, a digit, `-` or `.` becomes `_`.
///
/// Two parts may get the same piece; the nonce behind it keeps them apart.
fn plain(part: &str) -> String {
    let fits = |c: char| if c.is_ascii_alphanumeric() || "-.".contains(c) { c } else { '_' };
    let piece: String = part.chars().take(80).map(fits).collect();
    // Readers of a folder ignore names that begin with `_` or `.`.
    format!("part-{piece}")
}
