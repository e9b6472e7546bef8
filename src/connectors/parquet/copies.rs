//! What readers of a bucket list: copies of exactly the files of the newest manifest.
//!
//! A store has no links and changes one object at a time. So the copies follow the commit: those
//! that are missing are made first, by the store itself, then those of the manifest before are
//! removed. Who lists the table meanwhile may find a load in part, or rows both old and new; who
//! follows the manifest, as dhow does, never does. Objects that are not dhow's are never touched.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::try_join_all;
use object_store::ObjectStoreExt;
use object_store::path::Path as Key;
use serde::{Deserialize, Serialize};

use crate::connectors::parquet::hive;
use crate::connectors::parquet::manifest::{self, DataFile, Manifest};
use crate::connectors::parquet::store::Store;
use crate::error::{Error, Result};
use crate::faults;
use crate::stores::{Address, Bucket, Object};

/// How the names of copies begin; what begins otherwise is somebody else's.
const OURS: &str = "dhow-";
/// The object, in the house of the table, that says what has been shown.
const SHOWN: &str = "shown";
/// Copies that the store makes at once.
const AT_ONCE: usize = 8;
/// How often the newest manifest is shown while others go on publishing.
const TRIES: usize = 20;

/// The copies that readers of a table list, or the one object that is the table.
#[derive(Debug)]
pub(super) struct Copies {
    bucket: Arc<Bucket>,
    table: String,
    house: String,
    is_single: bool,
}

/// What has been shown.
#[derive(Debug, Serialize, Deserialize)]
struct Shown {
    manifest: u64,
    /// The version of the one object that is the table; empty where it has more.
    version: String,
}

/// What is below the table.
struct Listed {
    /// Copies by their keys, with their sizes.
    ours: BTreeMap<String, u64>,
    /// The first object that is not dhow's.
    foreign: Option<String>,
}

impl Copies {
    /// The copies at `table`, whose files are below the key `house`.
    pub(super) fn new(bucket: Arc<Bucket>, table: &Address, house: &str) -> Self {
        let is_single = table.key().ends_with(".parquet");
        Copies { bucket, table: table.key().to_owned(), house: house.to_owned(), is_single }
    }

    /// Makes sure that there is nothing that is not dhow's. Reads only.
    ///
    /// # Errors
    /// [`crate::error::Kind::Refused`] when there is, or when somebody removed the copies and
    /// `keeps_rows` says that their rows would come back.
    pub(super) async fn check(&self, store: &Store, keeps_rows: bool) -> Result<()> {
        if self.is_single {
            return self.check_object(store).await;
        }
        let listed = self.list().await?;
        let shown = self.bucket.shown(&self.table);
        if let Some(foreign) = listed.foreign {
            return Err(Error::refused(format!("`{shown}` holds objects that dhow did not write"))
                .at("object", self.bucket.shown(&foreign))
                .hint("nothing was touched; move them away, or choose another `path`"));
        }
        if keeps_rows && listed.ours.is_empty() && shown_before(store).await?.is_some() {
            let house = self.bucket.shown(&self.house);
            return Err(Error::refused(format!("`{shown}` was removed, but its rows were not"))
                .at("rows", &house)
                .hint(format!("to begin the table anew, remove `{house}` as well")));
        }
        Ok(())
    }

    /// An object that is replaced must be a Parquet file, whoever wrote it.
    async fn check_object(&self, store: &Store) -> Result<()> {
        let Some(object) = self.bucket.object(&self.table).await? else { return Ok(()) };
        let before = shown_before(store).await?;
        if before.is_some_and(|before| before.version == object.version()) {
            return Ok(());
        }
        let end = object.bytes();
        let tail = object.get(end.saturating_sub(4)..end).await?;
        if tail.as_ref() == b"PAR1" {
            return Ok(());
        }
        Err(Error::refused(format!("`{}` is not a Parquet file", object.shown()))
            .hint("nothing was touched; move it away, or choose another `path`"))
    }

    /// Shows the newest manifest.
    pub(super) async fn show(&self, store: &Store) -> Result<()> {
        let mut newest = manifest::current(store).await?;
        for _ in 0..TRIES {
            let Some(manifest) = newest else { return Ok(()) };
            let version = match self.is_single {
                true => self.show_object(store, &manifest).await?,
                false => self.show_files(&manifest).await?,
            };
            self.remember(store, Shown { manifest: manifest.number, version }).await?;
            // Another load may have been published, and shown, in the meantime: then some of what
            // was just copied is superseded already.
            newest = manifest::current(store).await?;
            if newest.as_ref().is_some_and(|newest| newest.number == manifest.number) {
                return Ok(());
            }
        }
        Err(Error::unavailable("the table changes faster than it can be shown")
            .at("table", self.bucket.shown(&self.table)))
    }

    async fn show_files(&self, manifest: &Manifest) -> Result<String> {
        let listed = self.list().await?.ours;
        let wanted: BTreeMap<String, &DataFile> =
            manifest.files.iter().map(|file| (self.key_of(manifest, file), file)).collect();
        let mut missing = Vec::new();
        for (key, file) in &wanted {
            if listed.get(key) != Some(&file.bytes) {
                missing.push((key.as_str(), *file));
            }
        }
        for some in missing.chunks(AT_ONCE) {
            let copies: Vec<_> =
                some.iter().map(|(key, file)| self.copy(file, key).boxed()).collect();
            try_join_all(copies).await?;
        }
        for old in listed.keys().filter(|key| !wanted.contains_key(*key)) {
            self.remove(old).await?;
        }
        Ok(String::new())
    }

    async fn show_object(&self, store: &Store, manifest: &Manifest) -> Result<String> {
        let there = self.bucket.object(&self.table).await?.map(|object| object.version());
        let before = shown_before(store).await?;
        let is_shown = |before: &Shown| {
            before.manifest == manifest.number && Some(&before.version) == there.as_ref()
        };
        if let Some(before) = before.filter(is_shown) {
            return Ok(before.version);
        }
        if let Some(file) = manifest.files.first() {
            self.copy(file, &self.table).await?;
        }
        let now = self.bucket.object(&self.table).await?;
        Ok(now.map(|object| object.version()).unwrap_or_default())
    }

    /// Lets the store copy `file` to `key`, and makes sure that all of it is there.
    async fn copy(&self, file: &DataFile, key: &str) -> Result<()> {
        let from = format!("{}/{}", self.house, file.path);
        let copied =
            async { self.bucket.objects().copy(&Key::parse(&from)?, &Key::parse(key)?).await };
        copied.await.map_err(|error| self.bucket.failed(&error, "write", key))?;
        let bytes = self.bucket.object(key).await?.map(|object| object.bytes());
        if bytes != Some(file.bytes) {
            let message = format!("`{}` was not copied whole", self.bucket.shown(&from));
            return Err(Error::unavailable(message).at("copy", self.bucket.shown(key)));
        }
        faults::point("store.copied").await;
        Ok(())
    }

    async fn remove(&self, key: &str) -> Result<()> {
        let removed = async { self.bucket.objects().delete(&Key::parse(key)?).await };
        match removed.await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.bucket.failed(&error, "remove", key)),
        }
    }

    async fn remember(&self, store: &Store, shown: Shown) -> Result<()> {
        let before = shown_before(store).await?;
        if before.is_some_and(|b| b.manifest == shown.manifest && b.version == shown.version) {
            return Ok(());
        }
        let text = serde_json::to_vec(&shown)
            .map_err(|e| Error::bug("a note cannot be written as JSON").at("json", e))?;
        store.put(SHOWN, text.into()).await
    }

    async fn list(&self) -> Result<Listed> {
        let mut listed = Listed { ours: BTreeMap::new(), foreign: None };
        for object in self.bucket.list(&self.table, |_| true).await? {
            match is_ours(&object) {
                // The folder itself, as some tools put it there.
                _ if object.bytes() == 0 && object.key() == self.table => {}
                true => drop(listed.ours.insert(object.key().to_owned(), object.bytes())),
                false => drop(listed.foreign.get_or_insert(object.key().to_owned())),
            }
        }
        Ok(listed)
    }

    fn key_of(&self, manifest: &Manifest, file: &DataFile) -> String {
        let folder = hive::folder(&manifest.partition_by, &file.partition);
        format!("{}/{folder}{OURS}{}", self.table, file.name())
    }
}

fn is_ours(object: &Object) -> bool {
    let name = object.key().rsplit('/').next().unwrap_or_default();
    name.starts_with(OURS) && name.ends_with(".parquet")
}

async fn shown_before(store: &Store) -> Result<Option<Shown>> {
    let Some(bytes) = store.read(SHOWN).await? else { return Ok(None) };
    Ok(serde_json::from_slice(&bytes).ok())
}
