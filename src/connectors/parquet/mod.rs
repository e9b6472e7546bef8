//! The `parquet` connector: tables as folders of Parquet files, or as one file.
//!
//! # Target
//!
//! `path: out/orders` is a folder that any reader may list. Beside it, `out/_dhow/orders/` holds
//! the table itself: `data/` with files that are written once, and `manifest/` with numbered lists
//! of files; the list with the highest number is the table, and putting it is the commit, rows and
//! mark in one step. The folder that readers list is made of hard links to exactly those files and
//! exchanged in one step, so nobody ever sees half a load. To drop a table, remove both folders.
//!
//! `path: out/orders.parquet` is a single file; only `truncate` and `replace` can write it.
//!
//! `path: s3://bucket/out/orders` is the same in a store, where `s3://bucket/out/_dhow/orders/` is
//! the table. A manifest is put only where nothing was before, and a store that cannot promise that
//! is refused. A store has no links: readers that list find copies, which follow the commit one by
//! one (`copies`). dhow itself reads what the newest manifest lists.
//!
//! Appending, merging and deleting need the columns of the table: the same names and types, in any
//! order. Superseded files stay until `dhow clean`, which keeps those of the newest ten manifests.

mod bucket;
mod bytes;
mod chunk;
mod clean;
mod copies;
mod decode;
mod delete;
mod dictionary;
mod encode;
mod failure;
mod fit;
mod folder;
mod footer;
mod groups;
mod hive;
mod home;
mod keys;
mod local;
mod manifest;
mod options;
mod pieces;
mod prune;
mod read;
mod receipts;
mod single;
mod source;
#[cfg(test)]
mod source_tests;
mod splice;
mod stage;
mod store;
mod stored;
mod table;
#[cfg(test)]
mod tests;
mod upload;
mod view;

use std::sync::Arc;

pub use clean::{Orphan, clean};

use crate::config::{Options, Problem};
use crate::connectors::parquet::encode::Encoding;
use crate::connectors::parquet::home::Home;
use crate::connectors::parquet::single::SingleFile;
use crate::connectors::parquet::table::Table;
use crate::connectors::{Capability, Connector, Context, Role};
use crate::error::Result;
use crate::sink::{Mode, Sink};

/// The `parquet` connector.
pub static CONNECTOR: Connector = Connector {
    name: "parquet",
    summary: "Parquet files: a folder per table, or a single file",
    can: Capability {
        endings: &["parquet"],
        schemes: &[],
        splits: Some("row group"),
        reopen: true,
        modes: Mode::NAMES,
    },
    options: options::DOCS,
    types: None,
    check,
    source: Some(source::open),
    sink: Some(sink),
};

fn check(options: &Options, role: Role) -> Vec<Problem> {
    match role {
        Role::Source => source::check(options),
        Role::Sink => options::check(options),
    }
}

pub(super) fn sink(options: &Options, context: &Context) -> Result<Arc<dyn Sink>> {
    let (target, problems) = options::read(options);
    if let Some(problem) = problems.into_iter().next() {
        return Err(problem.into_error(None));
    }
    let encoding = Encoding::of(&target, context.jobs, context.memory.limit());
    let memory = context.memory.clone();
    let is_single = target.is_single_file();
    let home = match target.address {
        Some(address) => {
            let table = address.with_key(address.key());
            Home::far(target.access.based(&context.base), table, target.is_shown)
        }
        None => {
            let places = target.places(&context.base);
            if is_single {
                return Ok(Arc::new(SingleFile::new(target.path, places, encoding, memory)));
            }
            Home::local(places.0, places.1)
        }
    };
    Ok(Arc::new(Table::new(home, is_single, target.partition_by, encoding, memory)))
}
