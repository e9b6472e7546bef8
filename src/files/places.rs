//! Where the files of a source are looked for: below a folder, and in stores.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use glob::{MatchOptions, Pattern};

use crate::error::{Error, Result};
use crate::files::{self, Stamp};
use crate::stores::{self, Access, Address, Bucket, Object};

/// Where the files of a source are looked for.
#[derive(Debug, Clone)]
pub struct Places {
    base: PathBuf,
    access: Access,
}

impl Places {
    /// Paths are relative to `base`; addresses are opened by `access`.
    pub fn new(base: &Path, access: &Access) -> Self {
        Places { base: base.to_owned(), access: access.based(base) }
    }

    /// The folder that paths are relative to.
    pub fn base(&self) -> &Path {
        &self.base
    }

    /// The files that `pattern` names, sorted: see [`files::find`]. An address is looked for in its
    /// store; this waits for the answer.
    ///
    /// # Errors
    /// Those of [`files::find`], and what a store refuses.
    pub fn find(&self, pattern: &str) -> Result<Vec<Stamp>> {
        if !Address::is(pattern) {
            return files::find(&self.base, pattern);
        }
        let address = Address::parse(pattern)?;
        let found = self.asked(&address, of_store)?;
        Ok(found.into_iter().map(Stamp::of_object).collect())
    }

    /// What `question` answers about the bucket of `address`; this waits for it.
    ///
    /// # Errors
    /// What is wrong with the credentials, and those of `question`.
    pub fn asked<T, F>(
        &self,
        address: &Address,
        question: impl FnOnce(Arc<Bucket>, Address) -> F + Send + 'static,
    ) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send,
    {
        let (access, address) = (self.access.clone(), address.clone());
        stores::wait(async move {
            let bucket = access.open(&address).await?;
            question(bucket, address).await
        })
    }
}

/// The objects that the key of `address` names: itself, or a glob.
async fn of_store(bucket: Arc<Bucket>, address: Address) -> Result<Vec<Object>> {
    let key = address.key();
    let is_glob = key.contains(['*', '?', '[']);
    // A key that exists is meant as it stands, even if it holds glob characters. Who may not ask
    // for it may still be allowed to list.
    match bucket.object(key).await {
        Ok(Some(object)) if !key.is_empty() => return Ok(vec![object]),
        Err(error) if !is_glob => return Err(error),
        _ => {}
    }
    if !is_glob {
        let hint = format!("to read all objects below it, write a glob such as `{address}/*`");
        return Err(Error::missing(format!("`{address}` does not exist")).hint(hint));
    }
    let pattern = Pattern::new(key).map_err(|e| {
        Error::config(format!("`{address}` is not a glob: {}", e.msg)).at("character", e.pos + 1)
    })?;
    let found = bucket.list(&fixed(key), |key| matches(&pattern, key)).await?;
    if found.is_empty() {
        return Err(Error::missing(format!("`{address}` matches no object"))
            .hint("`*` stands for names between two `/`, and `**` for folders"));
    }
    Ok(found)
}

/// The folders of a glob before its first wildcard.
fn fixed(glob: &str) -> String {
    let wild = glob.find(['*', '?', '[']).unwrap_or(glob.len());
    glob[..wild].rsplit_once('/').map_or("", |(folders, _)| folders).to_owned()
}

/// Whether `pattern` takes `key`, as it would take a path; names that begin with `.` or `_` below
/// its fixed folders are left out.
fn matches(pattern: &Pattern, key: &str) -> bool {
    let options = MatchOptions { require_literal_separator: true, ..MatchOptions::new() };
    let below = key.get(fixed(pattern.as_str()).len()..).unwrap_or_default();
    pattern.matches_with(key, options) && !below.split('/').any(is_hidden)
}

/// Whether a file or folder of this name is none of a table's; a key of Hive may begin with `_`.
pub fn is_hidden(name: &str) -> bool {
    name.starts_with('.') || (name.starts_with('_') && !name.contains('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_glob_takes_keys_as_it_takes_paths() {
        let takes = |glob: &str, key: &str| matches(&Pattern::new(glob).unwrap(), key);
        assert!(takes("d/*.csv", "d/a b.csv"));
        assert!(!takes("d/*.csv", "d/e/a.csv"));
        assert!(takes("d/**/*.csv", "d/e/f/a.csv"));
        assert!(takes("d/**/*.csv", "d/_k=1/a.csv"));
        assert!(!takes("d/**/*.csv", "d/_dhow/t/a.csv"));
        assert!(!takes("d/*.csv", "d/_a.csv") && !takes("d/*.csv", "d/.a.csv"));
        assert!(takes("_d/*.csv", "_d/a.csv"));
        assert_eq!(fixed("a/b/x*/y"), "a/b");
        assert_eq!(fixed("*.csv"), "");
    }
}
