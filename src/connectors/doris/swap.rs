//! Publishes by a new table in the place of the old one: modes `truncate`, `replace` and
//! `delete+insert`.
//!
//! `ALTER TABLE … REPLACE WITH TABLE …` is atomic, and the comment of the new table goes with it:
//! so the comment of the target tells whether the load is published. The old table is dropped by the
//! same statement, because with `swap = true` a statement that arrives twice would bring it back.

use super::commit::Work;
use super::ddl::Definition;
use super::error::is_label_used;
use super::mark::{self, Attempt};
use super::publish::Outcome;
use super::query::Session;
use super::quote::{columns, columns_of, identifier, literal};
use super::settle::{self, Known, Settled};
use super::stage::{at_places, found, keeps_layout, names_of, new_layout};
use super::table::{self, Table};
use crate::error::{Error, Kind, Result};
use crate::faults::point;
use crate::sink::Mode;

/// Where our evidence begins in a comment, behind what a person has written there.
const BEGIN: &str = " [";

/// The comment without what we have put there.
fn without_evidence(comment: &str) -> &str {
    match comment.rsplit_once('[') {
        Some((own, evidence)) if evidence.starts_with("dhow ") && evidence.ends_with(']') => {
            own.trim_end()
        }
        _ => comment,
    }
}

/// The comment with the evidence of an attempt.
fn with_evidence(comment: &str, evidence: &str) -> String {
    let own = without_evidence(comment);
    format!("{own}{BEGIN}{evidence}]").trim_start().to_owned()
}

/// Makes the new table, fills it, and puts it in place.
///
/// # Errors
/// [`Kind::Unavailable`] when it is not known whether it is in place.
pub(super) async fn publish(
    work: &Work<'_>,
    session: &mut Session,
    attempt: &Attempt,
) -> Result<()> {
    let new = work.names.new_table(attempt.number);
    point("doris.publishing").await;
    make(work, session, attempt, &new).await?;
    point("doris.new_made").await;
    let expected = fill(work, session, attempt, &new).await?;
    point("doris.filled").await;
    let there = table::count(session, &new, "").await?;
    if there != expected {
        return Err(Error::unavailable("the new table does not have the rows that it should have")
            .at("new table", &new)
            .at("expected", expected)
            .at("there", there));
    }
    let now = found(session, &work.target.name).await?;
    if now.comment != attempt.intent.seen {
        return Err(Error::unavailable("another load has replaced the table in the meantime")
            .at("comment", &now.comment));
    }
    point("doris.swapping").await;
    put_in_place(work, session, &new).await?;
    point("doris.swapped").await;
    Ok(())
}

async fn make(work: &Work<'_>, session: &mut Session, attempt: &Attempt, new: &str) -> Result<()> {
    let (options, target) = (&work.sink.options, &work.target);
    let comment = with_evidence(&target.comment, &work.names.evidence(attempt.number));
    let failed = format!("could not make the new table `{new}`");
    let keeps = work.load.mode != Mode::Replace || keeps_layout(target, &work.load.schema, options);
    let sql = match keeps {
        true => {
            let (new, target) = (identifier(new), identifier(&target.name));
            format!("create table if not exists {new} like {target}")
        }
        false => {
            let made: Definition = new_layout(work.load, options, work.bytes, &comment)?;
            made.sql(new, options)
        }
    };
    session.run(&failed, &sql).await?;
    let verb = if options.cluster.starrocks { "comment =" } else { "modify comment" };
    let sql = format!("alter table {} {verb} {}", identifier(new), literal(&comment));
    session.run(&failed, &sql).await
}

/// Fills the new table under the attempt's label; the number of rows that it has afterwards.
async fn fill(work: &Work<'_>, session: &mut Session, attempt: &Attempt, new: &str) -> Result<u64> {
    let kept = match &work.load.mode {
        Mode::DeleteInsert(key) => Some(kept(work, key)),
        _ => None,
    };
    let expected = match &kept {
        None => work.rows,
        Some(kept) => {
            let sql = format!("select count(*) {kept}");
            work.rows + session.number("could not count the rows that stay", &sql).await?
        }
    };
    if expected == 0 {
        return Ok(0);
    }
    let label = work.names.publish(attempt.number);
    let sql = filling(work, new, &label, kept.as_deref());
    let failed = format!("could not fill the new table `{new}`");
    match session.run(&failed, &sql).await {
        Err(error) if is_label_used(&error) || error.kind() == Kind::Unavailable => {
            match settle::label(work.sink, &label, Known::COUNTED).await? {
                Settled::Arrived => {}
                Settled::Open | Settled::Forgotten | Settled::Lost => {
                    return Err(Error::unavailable(failed).at("reason", error));
                }
            }
        }
        done => {
            done?;
            settle::visible(work.sink, &label).await?;
        }
    }
    Ok(expected)
}

fn filling(work: &Work<'_>, new: &str, label: &str, kept: Option<&str>) -> String {
    let staged = names_of(&work.columns);
    let added =
        format!("from {} s where {}", identifier(&work.stage), at_places("s", &work.places));
    let into = format!("insert into {} with label {}", identifier(new), identifier(label));
    let Some(kept) = kept else {
        let list = columns(staged.iter().copied());
        let read = columns_of("s", staged.iter().copied());
        return format!("{into} ({list}) select {read} {added}");
    };
    // Every column of the rows that stay, and NULL in those that the load does not have.
    let all = names_of(&work.target.columns);
    let is_staged = |name: &str| staged.iter().any(|staged| staged.eq_ignore_ascii_case(name));
    let read: Vec<_> =
        all.iter()
            .map(|name| {
                if is_staged(name) { format!("s.{}", identifier(name)) } else { "null".to_owned() }
            })
            .collect();
    format!(
        "{into} ({}) select {} {kept} union all select {} {added}",
        columns(all.iter().copied()),
        columns_of("t", all.iter().copied()),
        read.join(", ")
    )
}

/// The rows of the target whose key is not in the load.
fn kept(work: &Work<'_>, key: &[String]) -> String {
    let same = |name: &String| {
        let name = identifier(name);
        format!("s.{name} = t.{name}")
    };
    format!(
        "from {} t where not exists (select 1 from {} s where {} and {})",
        identifier(&work.target.name),
        identifier(&work.stage),
        at_places("s", &work.places),
        key.iter().map(same).collect::<Vec<_>>().join(" and ")
    )
}

async fn put_in_place(work: &Work<'_>, session: &mut Session, new: &str) -> Result<()> {
    let (target, new) = (identifier(&work.target.name), identifier(new));
    let sql = match work.sink.options.cluster.starrocks {
        true => format!("alter table {target} swap with {new}"),
        false => {
            format!("alter table {target} replace with table {new} properties ('swap' = 'false')")
        }
    };
    let failed = format!("could not put the new table in the place of `{}`", work.target.name);
    session.run(&failed, &sql).await
}

/// Whether the target is the new table of an attempt.
///
/// # Errors
/// [`Kind::Conflict`] when nothing tells any more, for a person to look at.
pub(super) async fn settle(
    work: &Work<'_>,
    session: &mut Session,
    attempt: &Attempt,
) -> Result<Outcome> {
    let target = found(session, &work.target.name).await?;
    if is_in_place(work, &target, attempt) {
        return Ok(Outcome::Published);
    }
    let new = work.names.new_table(attempt.number);
    let is_untouched = target.comment == attempt.intent.seen;
    if is_untouched || Table::find(session, &new).await?.is_some() {
        return Ok(Outcome::Open);
    }
    let label = work.names.publish(attempt.number);
    let witness = work.names.intent(attempt.number);
    let known = Known { witness: Some(&witness), is_broken: false };
    match settle::label(work.sink, &label, known).await? {
        Settled::Open | Settled::Forgotten => Ok(Outcome::Open),
        Settled::Arrived | Settled::Lost => Err(replaced(work, &target, attempt)),
    }
}

/// Gives an attempt up: its new table goes, so that it cannot be put in place any more.
pub(super) async fn burn(
    work: &Work<'_>,
    session: &mut Session,
    attempt: &Attempt,
) -> Result<bool> {
    let label = work.names.publish(attempt.number);
    let took_label = mark::burn(session, work.marking(), attempt, &label).await?;
    if !took_label {
        table::drop(session, &work.names.new_table(attempt.number)).await?;
        // It may have been put in place just before.
        let target = found(session, &work.target.name).await?;
        if is_in_place(work, &target, attempt) {
            return Ok(false);
        }
        mark::burn(session, work.marking(), attempt, &work.names.burnt(attempt.number)).await?;
    }
    Ok(true)
}

/// The attempt whose new table is in place, if one is: even one that was given up may have come to
/// its end while nobody looked.
pub(super) fn in_place<'a>(work: &Work<'_>, attempts: &'a [Attempt]) -> Option<&'a Attempt> {
    attempts.iter().find(|attempt| is_in_place(work, &work.target, attempt))
}

fn is_in_place(work: &Work<'_>, target: &Table, attempt: &Attempt) -> bool {
    target.comment.ends_with(&format!("[{}]", work.names.evidence(attempt.number)))
}

fn replaced(work: &Work<'_>, target: &Table, attempt: &Attempt) -> Error {
    Error::conflict("nobody knows any more whether this load was published")
        .at("load", &attempt.intent.mark.load)
        .at("comment", &target.comment)
        .hint(format!(
            "its new table is gone, and `{}` was replaced by somebody else since. If the load was \
             in place in between, set `phase` to `published` in the row of `{}` with load_key \
             `{}`; if not, delete that row; then run again",
            target.name,
            mark::TABLE,
            work.names.key()
        ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_has_written_stays_and_our_evidence_is_replaced() {
        let once = with_evidence("the orders", "dhow a 0");
        assert_eq!(once, "the orders [dhow a 0]");
        assert_eq!(with_evidence(&once, "dhow b 1"), "the orders [dhow b 1]");
        assert_eq!(with_evidence("", "dhow a 0"), "[dhow a 0]");
        assert_eq!(with_evidence("[dhow a 0]", "dhow a 1"), "[dhow a 1]");
        assert_eq!(without_evidence("see [1]"), "see [1]");
    }
}
