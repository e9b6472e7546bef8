//! A bucket that is open: what is in it, and what its failures mean.

use std::fmt;
use std::sync::Arc;

use futures::TryStreamExt;
use object_store::path::Path as Key;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};

use super::address::{Address, Service};
use super::failure::{self, Party};
use super::object::Object;
use crate::error::{Error, Result};

/// A bucket that is open.
pub struct Bucket {
    objects: Arc<dyn ObjectStore>,
    party: Party,
    can_list: bool,
}

// A store knows its credentials, so it is not asked what it looks like.
impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bucket").field("party", &self.party).finish_non_exhaustive()
    }
}

impl Bucket {
    pub(super) fn new(objects: Arc<dyn ObjectStore>, address: &Address, party: Party) -> Self {
        Bucket { objects, party, can_list: address.service != Service::Web }
    }

    /// The objects themselves.
    pub fn objects(&self) -> &Arc<dyn ObjectStore> {
        &self.objects
    }

    /// The address of `key`.
    pub fn shown(&self, key: &str) -> String {
        format!("{}/{key}", self.party.root)
    }

    /// The error for a store that failed while doing `action` (such as "write") to `key`.
    pub fn failed(&self, error: &object_store::Error, action: &str, key: &str) -> Error {
        failure::of(error, action, &self.shown(key), &self.party)
    }

    /// The object called `key`, if there is one.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub async fn object(self: &Arc<Self>, key: &str) -> Result<Option<Object>> {
        let failed = |error: &object_store::Error| self.failed(error, "read", key);
        let parsed = Key::parse(key).map_err(|error| failed(&error.into()))?;
        match self.objects.head(&parsed).await {
            Ok(meta) => Ok(Some(Object::new(Arc::clone(self), meta))),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(failed(&error)),
        }
    }

    /// The objects below `folder` that `wanted` takes, sorted by their names; all pages are read.
    ///
    /// # Errors
    /// When the store cannot be asked, and for a web server, which has no lists.
    pub async fn list(
        self: &Arc<Self>,
        folder: &str,
        wanted: impl Fn(&str) -> bool + Send + Sync,
    ) -> Result<Vec<Object>> {
        if !self.can_list {
            let shown = self.shown(folder);
            return Err(Error::unsupported(format!("`{shown}` cannot be listed"))
                .hint("a web server gives single files; name them one by one"));
        }
        let failed = |error: object_store::Error| self.failed(&error, "list", folder);
        let parsed = Key::parse(folder).map_err(|error| failed(error.into()))?;
        let mut pages = self.objects.list(Some(&parsed).filter(|key| !key.as_ref().is_empty()));
        let mut found: Vec<ObjectMeta> = Vec::new();
        while let Some(meta) = pages.try_next().await.map_err(failed)? {
            if wanted(meta.location.as_ref()) {
                found.push(meta);
            }
        }
        found.sort_by(|a, b| a.location.cmp(&b.location));
        Ok(found.into_iter().map(|meta| Object::new(Arc::clone(self), meta)).collect())
    }
}
