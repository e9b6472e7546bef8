//! Sends one file into the store piece by piece; nobody sees it before it is whole.

use object_store::buffered::BufWriter;
use tokio::io::AsyncWriteExt;

use crate::connectors::parquet::pieces::Pieces;
use crate::connectors::parquet::store::{self, Store};
use crate::error::{Error, Result};

/// Bytes sent to the store at once; object stores take no smaller parts than 5 MiB.
const CHUNK: usize = 8 * 1024 * 1024;
/// Chunks on their way at once, per file.
const CHUNKS_SENT: usize = 2;

/// A file on its way into the store.
#[derive(Debug)]
pub(super) struct Upload {
    store: Store,
    path: String,
    writer: BufWriter,
    sent: u64,
}

impl Upload {
    /// Begins the file at `path`, which must be new.
    pub(super) fn begin(store: &Store, path: &str) -> Result<Self> {
        let key = store::key(path).map_err(|e| store.failed(&e, "write", path))?;
        let writer = BufWriter::with_capacity(store.objects.clone(), key, CHUNK)
            .with_max_concurrency(CHUNKS_SENT);
        Ok(Upload { store: store.clone(), path: path.to_owned(), writer, sent: 0 })
    }

    /// Sends `pieces`, and leaves nothing there.
    pub(super) async fn send(&mut self, pieces: &mut Pieces) -> Result<()> {
        for piece in pieces.take() {
            self.sent += u64::try_from(piece.len()).unwrap_or(u64::MAX);
            let put = self.writer.put(piece).await;
            put.map_err(|e| self.store.failed(&e, "write", &self.path))?;
        }
        Ok(())
    }

    /// Bytes of memory that the store has not taken yet, at most.
    pub(super) fn memory(&self) -> usize {
        let chunks = if self.store.is_far() { 1 + CHUNKS_SENT } else { 1 };
        usize::try_from(self.sent).unwrap_or(usize::MAX).min(chunks * CHUNK)
    }

    /// Ends the file: from now on it is in the store, whole and durable. Answers its size.
    pub(super) async fn finish(mut self) -> Result<u64> {
        match self.writer.shutdown().await {
            Ok(()) => Ok(self.sent),
            Err(error) => Err(match error.downcast::<object_store::Error>() {
                Ok(inner) => self.store.failed(&inner, "write", &self.path),
                Err(error) => {
                    let shown = self.store.shown(&self.path);
                    Error::io(&error, "write", std::path::Path::new(&shown))
                }
            }),
        }
    }

    /// Forgets the file, and what the store has of it.
    pub(super) async fn abandon(mut self) {
        // The error that led here is the one to report; a leftover is removed by the sweep.
        let _ = self.writer.abort().await;
    }
}
