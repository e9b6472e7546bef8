//! Publishes by one `INSERT … SELECT` under a label: modes `append` and `merge`.
//!
//! Whoever has the label has published. So whoever gives an attempt up takes its label first.

use super::commit::Work;
use super::mark::{self, Attempt, Phase};
use super::query::Session;
use super::quote::{columns, columns_of, identifier};
use super::settle::{self, Known, Settled};
use super::stage::{at_places, names_of};
use crate::error::{Error, Result};
use crate::faults::point;

/// What became of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It is published.
    Published,
    /// It is not.
    Open,
    /// Somebody has given it up.
    Burnt,
}

/// Inserts the staged rows, under the attempt's label.
///
/// # Errors
/// [`crate::error::Kind::Unavailable`] when it is not known whether it was done;
/// [`crate::error::Kind::Conflict`] when somebody else has the label.
pub(super) async fn publish(
    work: &Work<'_>,
    session: &mut Session,
    attempt: &Attempt,
) -> Result<()> {
    point("doris.publishing").await;
    if work.rows > 0 {
        let names = names_of(&work.columns);
        let label = work.names.publish(attempt.number);
        let sql = format!(
            "insert into {} with label {} ({}) select {} from {} s where {}",
            identifier(&work.target.name),
            identifier(&label),
            columns(names.iter().copied()),
            columns_of("s", names.iter().copied()),
            identifier(&work.stage),
            at_places("s", &work.places),
        );
        let failed = format!("could not publish the load into `{}`", work.target.name);
        session.run(&failed, &sql).await?;
        settle::visible(work.sink, &label).await?;
    }
    point("doris.published").await;
    Ok(())
}

/// What became of an attempt whose label may have been used.
///
/// # Errors
/// [`crate::error::Kind::Conflict`] when nothing tells any more, for a person to look at.
pub(super) async fn settle(
    work: &Work<'_>,
    session: &mut Session,
    attempt: &Attempt,
) -> Result<Outcome> {
    let label = work.names.publish(attempt.number);
    // The intent was written before, by a label of its own.
    let witness = work.names.intent(attempt.number);
    let known = Known { witness: Some(&witness), is_broken: false };
    match settle::label(work.sink, &label, known).await? {
        Settled::Open | Settled::Forgotten => Ok(Outcome::Open),
        // No rows leave no label, and are published without one.
        Settled::Lost if attempt.intent.mark.rows == 0 => Ok(Outcome::Open),
        Settled::Lost => Err(lost(work, attempt)),
        Settled::Arrived => {
            let there = mark::attempts(session, work.names.key()).await?;
            let is_burnt = there
                .iter()
                .any(|there| there.number == attempt.number && there.phase == Phase::Burnt);
            Ok(if is_burnt { Outcome::Burnt } else { Outcome::Published })
        }
    }
}

/// Takes the label of an attempt, so that nobody can publish it any more; `false` when somebody
/// has the label already.
pub(super) async fn burn(
    work: &Work<'_>,
    session: &mut Session,
    attempt: &Attempt,
) -> Result<bool> {
    let label = work.names.publish(attempt.number);
    mark::burn(session, work.marking(), attempt, &label).await
}

fn lost(work: &Work<'_>, attempt: &Attempt) -> Error {
    let (target, key) = (&work.target.name, work.names.key());
    Error::conflict("nobody knows any more whether this load was published")
        .at("load", &attempt.intent.mark.load)
        .at("begun", &attempt.intent.mark.at)
        .at("label", work.names.publish(attempt.number))
        .at("rows", attempt.intent.mark.rows)
        .hint(format!(
            "the server has forgotten the label. Look whether `{target}` has these rows (they are \
             staged in `{}`): if it has, set `phase` to `published` in the row of `{}` with \
             load_key `{key}`; if not, delete that row; then run again",
            work.stage,
            mark::TABLE
        ))
}
