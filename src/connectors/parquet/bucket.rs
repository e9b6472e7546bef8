//! Finds the files of a table in a store: one object, a glob, what a manifest lists, or a folder.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::folder::{Found, keys};
use super::manifest::Manifest;
use super::store::Store;
use super::{manifest, options};
use crate::error::{Error, Result};
use crate::files::{Places, Stamp, is_hidden};
use crate::stores::{Address, Bucket, Object};

/// The files that `path` names, which is the address of an object, a glob or a folder.
pub(super) fn find(places: &Places, path: &str) -> Result<Vec<Found>> {
    let address = Address::parse(path)?;
    if address.key().contains(['*', '?', '[']) {
        return Ok(places.find(path)?.into_iter().map(Found::alone).collect());
    }
    places.asked(&address, of_table)
}

async fn of_table(bucket: Arc<Bucket>, address: Address) -> Result<Vec<Found>> {
    let table = address.with_key(address.key());
    let key = table.key();
    // One object is what it is now, whoever wrote it last; a folder is what its manifest says.
    let is_object = key.to_ascii_lowercase().ends_with(".parquet");
    if is_object && let Some(object) = bucket.object(key).await? {
        return Ok(vec![Found::alone(Stamp::of_object(object))]);
    }
    if let Some(found) = of_manifest(&bucket, &table).await? {
        return Ok(found);
    }
    let is_folder = is_object || key.is_empty() || address.key().ends_with('/');
    if !is_folder && let Some(object) = bucket.object(key).await? {
        return Ok(vec![Found::alone(Stamp::of_object(object))]);
    }
    of_folder(&bucket, &table).await
}

/// The files of a table that dhow wrote: those of its newest manifest, whatever else there is.
async fn of_manifest(bucket: &Arc<Bucket>, address: &Address) -> Result<Option<Vec<Found>>> {
    let Some(house) = options::house_in_store(address.key()) else { return Ok(None) };
    let store = Store::in_bucket(Arc::clone(bucket), &house)?;
    let Some(current) = manifest::current(&store).await? else { return Ok(None) };
    let listed = bucket.list(&format!("{house}/{}", super::stage::FOLDER), |_| true).await?;
    let mut objects: BTreeMap<String, Object> =
        listed.into_iter().map(|object| (object.key().to_owned(), object)).collect();
    let mut found = Vec::with_capacity(current.files.len());
    for file in &current.files {
        let key = format!("{house}/{}", file.path);
        let object = objects.remove(&key).filter(|object| object.bytes() == file.bytes);
        let Some(object) = object else {
            return Err(Error::conflict(format!(
                "`{}` is not as it was written",
                bucket.shown(&key)
            ))
            .at("table", address)
            .hint("something else changed or removed it; load with `mode: replace`"));
        };
        found.push(Found { stamp: Stamp::of_object(object), keys: partition(&current, file) });
    }
    Ok(Some(found))
}

fn partition(manifest: &Manifest, file: &manifest::DataFile) -> Vec<(String, Option<String>)> {
    manifest.partition_by.iter().cloned().zip(file.partition.iter().cloned()).collect()
}

/// Every `*.parquet` below a folder that somebody else wrote.
async fn of_folder(bucket: &Arc<Bucket>, address: &Address) -> Result<Vec<Found>> {
    let folder = address.key();
    let below =
        |key: &str| key.get(folder.len()..).map(|rest| rest.trim_start_matches('/').to_owned());
    let wanted = |key: &str| {
        key.to_ascii_lowercase().ends_with(".parquet")
            && below(key).is_some_and(|below| !below.split('/').any(is_hidden))
    };
    let objects = bucket.list(folder, wanted).await?;
    if objects.is_empty() {
        return Err(Error::missing(format!("`{address}` holds no Parquet file"))
            .hint("an object of this name, or objects below it that end in `.parquet`, are read"));
    }
    let found = |object: Object| {
        let below = below(object.key()).unwrap_or_default();
        let folders = below.rsplit_once('/').map_or("", |(folders, _)| folders);
        Found { keys: keys(folders), stamp: Stamp::of_object(object) }
    };
    Ok(objects.into_iter().map(found).collect())
}
