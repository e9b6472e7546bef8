//! Keys of the rows that are to be published: none is NULL, and none stands there twice where a row
//! would silently take the place of another.

use super::query::Session;
use super::quote::{columns_of, identifier};
use super::stage::at_places;
use super::table::{Model, Table};
use crate::error::{Error, Result};
use crate::sink::Mode;
use crate::source::Refused;

/// Looks at the keys of what is staged at `places`.
///
/// # Errors
/// [`crate::error::Kind::Data`], with the first key that is none.
pub(super) async fn check(
    session: &mut Session,
    (stage, places): (&str, &[String]),
    mode: &Mode,
    target: &Table,
) -> Result<()> {
    if !mode.key().is_empty() {
        not_null(session, (stage, places), mode.key()).await?;
    }
    let unique: Vec<String> = match (mode, target.model) {
        (Mode::Merge(key), _) => key.clone(),
        // The rows of the load would replace each other.
        (_, Model::Unique) => target.key().map(str::to_owned).collect(),
        _ => return Ok(()),
    };
    once(session, (stage, places), &unique).await
}

async fn not_null(
    session: &mut Session,
    (stage, places): (&str, &[String]),
    key: &[String],
) -> Result<()> {
    let is_null = |name: &String| format!("s.{} is null", identifier(name));
    let sql = format!(
        "select {} from {} s where {} and ({}) limit 1",
        columns_of("s", key.iter().map(String::as_str)),
        identifier(stage),
        at_places("s", places),
        key.iter().map(is_null).collect::<Vec<_>>().join(" or ")
    );
    let rows = session.rows("could not look at the keys of the load", &sql).await?;
    match rows.first() {
        None => Ok(()),
        Some(row) => Err(Error::data("a row of the load has no key, but NULL")
            .at("key", shown(key, row))
            .hint("leave such rows out in a model")),
    }
}

async fn once(
    session: &mut Session,
    (stage, places): (&str, &[String]),
    key: &[String],
) -> Result<()> {
    let columns = columns_of("s", key.iter().map(String::as_str));
    let sql = format!(
        "select {columns} from {} s where {} group by {columns} having count(*) > 1 limit 1",
        identifier(stage),
        at_places("s", places),
    );
    let rows = session.rows("could not look at the keys of the load", &sql).await?;
    match rows.first() {
        None => Ok(()),
        Some(row) => Err(Error::data("two rows of the load have the same key")
            .at("key", shown(key, row))
            .hint("keep one row of each key in a model")),
    }
}

fn shown(key: &[String], row: &[Option<String>]) -> String {
    let value = |text: &Option<String>| match text {
        Some(text) => Refused::shown(text.as_bytes()),
        None => "NULL".to_owned(),
    };
    let pair = |(name, text): (&String, &Option<String>)| format!("{name}={}", value(text));
    key.iter().zip(row).map(pair).collect::<Vec<_>>().join(", ")
}
