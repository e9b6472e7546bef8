//! The `json` connector: rows of JSON files as Arrow batches, nested values kept.
//!
//! A file holds one object in each line, one list of objects, or objects one after the other; its
//! first bytes tell which. Columns and types are declared, or found in a sample: the first 20,480
//! rows or 8 MiB of the first file, and 1,024 rows or 512 KiB of each other one. Objects become
//! structs and lists stay lists; dates and times stay text unless they are declared. A value that does not fit its column exactly is refused with its
//! place: it never becomes NULL and never loses a digit. A key that is missing or `null` is NULL.
//!
//! Splits are ranges of bytes that end with a row; a compressed file is one split.

mod borders;
mod column;
mod cursor;
mod infer;
mod layout;
mod moment;
mod number;
mod object;
mod options;
mod part;
mod read;
mod rows;
mod shape;
mod split;
mod survey;
#[cfg(test)]
mod tests;
mod trouble;

use std::sync::Arc;

use crate::config::{Options, Problem};
use crate::connectors::{Capability, Connector, Context, Role};
use crate::error::{Error, Result};
use crate::files::Places;
use crate::source::Source;

use options::Asked;
use read::JsonSource;

/// The `json` connector.
pub static CONNECTOR: Connector = Connector {
    name: "json",
    summary: "JSON files: one object in each line, or one list of objects; also compressed",
    can: Capability {
        endings: &["json", "jsonl", "ndjson"],
        schemes: &[],
        splits: Some("byte range of a file"),
        reopen: true,
        modes: &[],
    },
    options: options::DOCS,
    types: None,
    check,
    source: Some(source),
    sink: None,
};

fn check(options: &Options, role: Role) -> Vec<Problem> {
    match role {
        Role::Source => Asked::read(options).2,
        Role::Sink => vec![
            Problem::new(options.place(), "JSON files cannot be written")
                .hint("write Parquet instead: `type: parquet`"),
        ],
    }
}

fn source(options: &Options, context: &Context) -> Result<Arc<dyn Source>> {
    let (asked, access, problems) = Asked::read(options);
    if !problems.is_empty() {
        return Err(Error::several(problems.into_iter().map(|p| p.into_error(None)).collect()));
    }
    let places = Places::new(&context.base, &access);
    Ok(Arc::new(JsonSource::new(asked, places, context.clone())))
}
