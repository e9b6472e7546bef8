//! Where files and manifests are kept: an object store, with the house's errors.
//!
//! Every durable byte goes through here, except the view, which only local folders have. Files are
//! written once under names that nobody else uses; only a manifest is put where others may want to
//! put theirs.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use futures::TryStreamExt;
use object_store::local::LocalFileSystem;
use object_store::path::Path as Key;
use object_store::prefix::PrefixStore;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutPayload};

use crate::connectors::parquet::failure;
use crate::error::{Error, Result};
use crate::stores::Bucket;

/// A folder of an object store.
#[derive(Debug, Clone)]
pub(super) struct Store {
    /// The store itself.
    pub(super) objects: Arc<dyn ObjectStore>,
    shown: String,
    /// The bucket and the folder in it, when it is not on this machine.
    far: Option<(Arc<Bucket>, String)>,
}

/// What became of a put that may not overwrite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Created {
    /// The object is new and ours.
    New,
    /// There was one already.
    Taken,
}

impl Store {
    /// The store in the local folder `root`; `None` when there is no such folder.
    pub(super) fn local(root: &Path) -> Result<Option<Self>> {
        match std::fs::metadata(root) {
            Ok(meta) if meta.is_dir() => Self::open(root).map(Some),
            Ok(_) => Err(not_a_folder(root)),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) if e.kind() == std::io::ErrorKind::NotADirectory => Err(not_a_folder(root)),
            Err(e) => Err(Error::io(&e, "read", root)),
        }
    }

    /// The store in the local folder `root`, which is made if need be.
    pub(super) fn make(root: &Path) -> Result<Self> {
        if let Some(store) = Self::local(root)? {
            return Ok(store);
        }
        std::fs::create_dir_all(root).map_err(|e| match e.kind() {
            std::io::ErrorKind::NotADirectory | std::io::ErrorKind::AlreadyExists => {
                not_a_folder(root)
            }
            _ => Error::io(&e, "create", root),
        })?;
        Self::open(root)
    }

    fn open(root: &Path) -> Result<Self> {
        let shown = root.display().to_string();
        let local = LocalFileSystem::new_with_prefix(root)
            .map_err(|e| failure::of_store(&e, "open", &shown))?
            .with_fsync(true)
            .with_automatic_cleanup(true);
        Ok(Store { objects: Arc::new(local), shown, far: None })
    }

    /// The folder `folder` of `bucket`; a store has no folders, so none is made.
    pub(super) fn in_bucket(bucket: Arc<Bucket>, folder: &str) -> Result<Self> {
        let prefix = Key::parse(folder).map_err(|e| bucket.failed(&e.into(), "open", folder))?;
        let objects = Arc::new(PrefixStore::new(Arc::clone(bucket.objects()), prefix));
        let shown = bucket.shown(folder);
        Ok(Store { objects, shown, far: Some((bucket, folder.to_owned())) })
    }

    /// Whether it is on another machine, where a request takes its time.
    pub(super) fn is_far(&self) -> bool {
        self.far.is_some()
    }

    /// The error for a store that failed while doing `action` (such as "write") to `path`.
    pub(super) fn failed(&self, error: &object_store::Error, action: &str, path: &str) -> Error {
        match &self.far {
            Some((bucket, folder)) => bucket.failed(error, action, &format!("{folder}/{path}")),
            None => failure::of_store(error, action, &self.shown(path)),
        }
    }

    /// `path` as shown to people.
    pub(super) fn shown(&self, path: &str) -> String {
        format!("{}/{path}", self.shown)
    }

    /// Puts `bytes` at `path` unless something is there.
    pub(super) async fn create(&self, path: &str, bytes: Bytes) -> Result<Created> {
        let payload = PutPayload::from_bytes(bytes);
        let put =
            async { self.objects.put_opts(&key(path)?, payload, PutMode::Create.into()).await };
        match put.await {
            Ok(_) => Ok(Created::New),
            Err(object_store::Error::AlreadyExists { .. }) => Ok(Created::Taken),
            Err(e) => Err(self.failed(&e, "write", path)),
        }
    }

    /// Puts `bytes` at `path`, in the place of whatever is there.
    pub(super) async fn put(&self, path: &str, bytes: Bytes) -> Result<()> {
        let put = async { self.objects.put(&key(path)?, PutPayload::from_bytes(bytes)).await };
        put.await.map(|_| ()).map_err(|e| self.failed(&e, "write", path))
    }

    /// The whole object at `path`, if there is one.
    pub(super) async fn read(&self, path: &str) -> Result<Option<Bytes>> {
        let read = async { self.objects.get(&key(path)?).await?.bytes().await };
        match read.await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(e) => Err(self.failed(&e, "read", path)),
        }
    }

    /// Ranges of the object at `path`.
    pub(super) async fn ranges(&self, path: &str, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let read = async { self.objects.get_ranges(&key(path)?, ranges).await };
        read.await.map_err(|e| self.failed(&e, "read", path))
    }

    /// The size of the object at `path` in bytes, if there is one.
    pub(super) async fn size(&self, path: &str) -> Result<Option<u64>> {
        let head = async { self.objects.head(&key(path)?).await };
        match head.await {
            Ok(meta) => Ok(Some(meta.size)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(e) => Err(self.failed(&e, "read", path)),
        }
    }

    /// Every object below `folder`, in the order of their paths.
    pub(super) async fn list(&self, folder: &str) -> Result<Vec<ObjectMeta>> {
        let list = async { self.objects.list(Some(&key(folder)?)).try_collect::<Vec<_>>().await };
        let mut found = list.await.map_err(|e| self.failed(&e, "list", folder))?;
        found.sort_by(|a, b| a.location.cmp(&b.location));
        Ok(found)
    }

    /// Removes the object at `path`, if it is there.
    pub(super) async fn remove(&self, path: &str) -> Result<()> {
        let remove = async { self.objects.delete(&key(path)?).await };
        match remove.await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(e) => Err(self.failed(&e, "remove", path)),
        }
    }

    /// Puts the object at `from` in the place of whatever is at `to`, in one step.
    pub(super) async fn rename(&self, from: &str, to: &str) -> Result<()> {
        let rename = async { self.objects.rename(&key(from)?, &key(to)?).await };
        rename.await.map_err(|e| self.failed(&e, "write", to))
    }
}

/// The store's own form of a path.
pub(super) fn key(path: &str) -> object_store::Result<Key> {
    Ok(Key::parse(path)?)
}

fn not_a_folder(path: &Path) -> Error {
    Error::refused(format!("`{}` cannot be a folder: a file is in its way", path.display()))
        .hint("move the file, or choose another `path`")
}
