//! The table `dhow__mark`: what each load intends to publish, and what it has published.
//!
//! Doris has no transaction over two tables, so the mark is written before the rows, as an intent,
//! and once more after them. An attempt of a load has one intent, because the row of it is written
//! under a label that only one process can have. Whether an intent came true is asked of the
//! target (`settle.rs`).

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ddl::Definition;
use super::error::is_label_used;
use super::kind::Kind;
use super::label::{Names, hash};
use super::options::DorisOptions;
use super::patience;
use super::query::{Session, Texts};
use super::quote::{identifier, literals};
use super::table::{Column, Model, is_missing};
use crate::error::{Error, Result};
use crate::sink::{Mark, Receipt};
use crate::source::Watermarks;

/// The table of marks; names of tables may not begin with an underscore.
pub(super) const TABLE: &str = "dhow__mark";

/// How long a row that is committed may take until it is seen.
const SEEN: Duration = Duration::from_secs(60);

/// How far an attempt is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// It may be published or not: the target knows.
    Intended,
    /// Its rows are in the target.
    Published,
    /// It never was published, and never will be.
    Burnt,
}

impl Phase {
    fn name(self) -> &'static str {
        match self {
            Phase::Intended => "intended",
            Phase::Published => "published",
            Phase::Burnt => "burnt",
        }
    }

    fn named(name: &str) -> Self {
        match name {
            "published" => Phase::Published,
            "burnt" => Phase::Burnt,
            _ => Phase::Intended,
        }
    }
}

/// What an attempt intends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Intent {
    /// The mark that the load leaves.
    pub mark: Mark,
    /// Stands for the receipts that are published.
    pub receipts: String,
    /// The comment of the target when it was written: who has put it there.
    pub seen: String,
}

/// One attempt of a load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Attempt {
    /// Its number, from 0.
    pub number: u32,
    /// How far it is.
    pub phase: Phase,
    /// What it intends.
    pub intent: Intent,
}

/// Now, in a form whose order is that of its text.
pub(super) fn now() -> String {
    Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}

/// What stands for receipts, in any order.
pub(super) fn digest(receipts: &[Receipt]) -> String {
    let mut lines: Vec<String> =
        receipts.iter().map(|r| format!("{} {} {}", r.part, r.rows, r.token)).collect();
    lines.sort();
    hash(&lines.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Makes the table, if it is not there.
pub(super) async fn ensure(session: &mut Session, options: &DorisOptions) -> Result<()> {
    let column = |name: &str, kind, key| Column {
        name: name.to_owned(),
        kind,
        nullable: false,
        key,
        filled: false,
        comment: None,
    };
    let made = Definition {
        columns: vec![
            column("load_key", Kind::Varchar(64), true),
            column("attempt", Kind::Integer(32), true),
            column("load_id", Kind::Varchar(512), false),
            column("target", Kind::Varchar(512), false),
            column("phase", Kind::Varchar(16), false),
            column("at", Kind::Varchar(40), false),
            column("content", Kind::Text, false),
        ],
        model: Model::Unique,
        hashed: vec!["load_key".to_owned()],
        buckets: Some(1),
        comment: "what dhow has published, and when".to_owned(),
    };
    session.run("could not make the table of marks", &made.sql(TABLE, options)).await
}

/// The attempts of the load with this key, in order; none when there is no table yet.
pub(super) async fn attempts(session: &mut Session, key: &str) -> Result<Vec<Attempt>> {
    let sql = format!(
        "select attempt, phase, content from {} where load_key in ({}) order by attempt",
        identifier(TABLE),
        literals([key])
    );
    match session.rows("could not look for the mark of the load", &sql).await {
        Ok(rows) => rows.iter().map(attempt).collect(),
        Err(error) if is_missing(&error) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

fn attempt(row: &Texts) -> Result<Attempt> {
    let strange = || {
        Error::conflict(format!("the table `{TABLE}` has a row that dhow has not written"))
            .hint("look at it, and take the row away if it is of no use")
    };
    let [Some(number), Some(phase), Some(content)] = row.as_slice() else { return Err(strange()) };
    Ok(Attempt {
        number: number.parse().map_err(|_| strange())?,
        phase: Phase::named(phase),
        intent: serde_json::from_str(content).map_err(|_| strange())?,
    })
}

/// The watermarks of the newest load that was published into `target`.
pub(super) async fn newest(session: &mut Session, target: &str) -> Result<Watermarks> {
    let sql = format!(
        "select content from {} where target in ({}) and phase in ('published') \
         order by at desc limit 1",
        identifier(TABLE),
        literals([target])
    );
    let rows = match session.rows("could not look for the newest mark", &sql).await {
        Err(error) if is_missing(&error) => return Ok(Watermarks::default()),
        rows => rows?,
    };
    let content = rows.into_iter().flatten().flatten().next();
    let intent = content.and_then(|text| serde_json::from_str::<Intent>(&text).ok());
    Ok(intent.map(|intent| intent.mark.watermarks).unwrap_or_default())
}

/// Writes the intent of an attempt, unless somebody else has: then theirs stands.
pub(super) async fn intend(
    session: &mut Session,
    (names, target): (&Names, &str),
    attempt: &Attempt,
) -> Result<()> {
    let label = names.intent(attempt.number);
    match put(session, (names, target), attempt, &label).await {
        Err(error) if !is_label_used(&error) => return Err(error),
        _ => {}
    }
    let mut pauses = patience::of(SEEN);
    loop {
        let there = attempts(session, names.key()).await?;
        if there.iter().any(|there| there.number == attempt.number) {
            return Ok(());
        }
        if !pauses.pause().await {
            return Err(Error::unavailable("the intent of the load is written, but not seen yet"));
        }
    }
}

/// Notes that an attempt is published.
pub(super) async fn publish(
    session: &mut Session,
    (names, target): (&Names, &str),
    attempt: &Attempt,
) -> Result<()> {
    let attempt = Attempt { phase: Phase::Published, ..attempt.clone() };
    let label = names.noted(attempt.number);
    match put(session, (names, target), &attempt, &label).await {
        Err(error) if is_label_used(&error) => Ok(()),
        done => done,
    }
}

/// Notes that an attempt never will be published, under this label; `false` when the label is
/// taken.
pub(super) async fn burn(
    session: &mut Session,
    (names, target): (&Names, &str),
    attempt: &Attempt,
    label: &str,
) -> Result<bool> {
    let attempt = Attempt { phase: Phase::Burnt, ..attempt.clone() };
    match put(session, (names, target), &attempt, label).await {
        Ok(()) => Ok(true),
        Err(error) if is_label_used(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

async fn put(
    session: &mut Session,
    (names, target): (&Names, &str),
    attempt: &Attempt,
    label: &str,
) -> Result<()> {
    let content = serde_json::to_string(&attempt.intent)
        .map_err(|error| Error::bug("an intent cannot be written").at("reason", error))?;
    let mark = &attempt.intent.mark;
    let values = literals([
        names.key(),
        &attempt.number.to_string(),
        mark.load.as_str(),
        target,
        attempt.phase.name(),
        &mark.at,
        &content,
    ]);
    let sql = format!(
        "insert into {} with label {} (load_key, attempt, load_id, target, phase, at, content) \
         values ({values})",
        identifier(TABLE),
        identifier(label),
    );
    session.run("could not write the mark of the load", &sql).await
}
