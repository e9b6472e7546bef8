//! Removes what no table needs any more: orphans of killed loads, and what was superseded.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::connectors::parquet::local::{self, blocking};
use crate::connectors::parquet::manifest;
use crate::connectors::parquet::store::Store;
use crate::connectors::parquet::view::View;
use crate::connectors::parquet::{home, options, stage};
use crate::error::{Error, Result};
use crate::stores::{Access, Address};

/// Something that no table needs any more.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Orphan {
    /// Where it is, below the folder in which dhow keeps what belongs to the table.
    pub path: String,
    /// Its size in bytes.
    pub bytes: u64,
}

/// Removes from the table at `table` (a folder or a single file) everything that nobody changed
/// for `older_than` and that none of its newest ten manifests lists; answers what that was, sorted.
/// With `dry_run` nothing is removed.
///
/// A load that is still being staged is safe as long as it takes less than `older_than`.
///
/// # Errors
/// When a folder cannot be read or a file cannot be removed.
pub async fn clean(table: &Path, older_than: Duration, dry_run: bool) -> Result<Vec<Orphan>> {
    if let Some(address) = table.to_str().filter(|text| Address::is(text)) {
        return clean_far(&Address::parse(address)?, older_than, dry_run).await;
    }
    let (table, house) = options::houses(table.to_owned());
    let Some(store) = Store::local(&house)? else { return Ok(Vec::new()) };
    let mut paths = superseded(&store).await?;
    let listed = manifest::listed(&store).await?;
    for found in store.list(stage::FOLDER).await? {
        let path = found.location.as_ref();
        if !listed.contains(path) {
            paths.push(path.to_owned());
        }
    }
    blocking(move || {
        let mut files: Vec<PathBuf> = paths.iter().map(|path| house.join(path)).collect();
        files.extend(local::unfinished(&house)?);
        files.retain(|file| local::is_older(file, older_than));
        let mut orphans: Vec<Orphan> = files.iter().map(|file| orphan(&house, file)).collect();
        if !dry_run {
            files.iter().try_for_each(|file| local::remove(file))?;
        }
        if house.exists() {
            let _lock = local::lock(&house)?;
            let views = View::new(table, house.clone()).discard(older_than, dry_run)?;
            // Views are links: removing one frees nothing by itself.
            orphans.extend(views.iter().map(|view| Orphan { bytes: 0, ..orphan(&house, view) }));
        }
        orphans.sort();
        Ok(orphans)
    })
    .await
}

/// The same in a store, which is opened with what the environment says.
async fn clean_far(table: &Address, older_than: Duration, dry_run: bool) -> Result<Vec<Orphan>> {
    let Some(house) = options::house_in_store(table.key()) else {
        return Err(Error::config(format!("`{table}` cannot be a table")));
    };
    let bucket = Access::of_environment(Path::new("")).open(table).await?;
    let store = Store::in_bucket(bucket, &house)?;
    let superseded = superseded(&store).await?;
    let listed = manifest::listed(&store).await?;
    let is_kept = |path: &str| match path.split('/').next() {
        Some(manifest::FOLDER) => !superseded.iter().any(|old| old == path),
        Some(stage::FOLDER) => listed.contains(path),
        Some(home::PROBES) => false,
        _ => true,
    };
    let young = jiff::Timestamp::now().as_second().saturating_sub_unsigned(older_than.as_secs());
    let mut orphans = Vec::new();
    for found in store.list("").await? {
        let path = found.location.as_ref();
        if !is_kept(path) && found.last_modified.timestamp() <= young {
            if !dry_run {
                store.remove(path).await?;
            }
            orphans.push(Orphan { path: path.to_owned(), bytes: found.size });
        }
    }
    Ok(orphans)
}

/// The manifests that are no longer kept.
async fn superseded(store: &Store) -> Result<Vec<String>> {
    let numbers = manifest::numbers(store).await?;
    let old = numbers.len().saturating_sub(manifest::KEPT);
    Ok(numbers[..old].iter().map(|&number| manifest::path_of(number)).collect())
}

fn orphan(house: &Path, path: &Path) -> Orphan {
    let bytes = std::fs::symlink_metadata(path).map(|meta| meta.len()).unwrap_or(0);
    let path = path.strip_prefix(house).unwrap_or(path).display().to_string();
    Orphan { path, bytes }
}
