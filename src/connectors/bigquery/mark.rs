//! The table of marks, `_dhow_mark`: a row that is `intended` before a load is published, and one
//! that says `published` afterwards.
//!
//! A load is published if and only if its publish job has succeeded, and its mark is the intended
//! one that the label of that job names. The second row lets the mark outlive the job, which
//! BigQuery forgets after six months.

use super::BigQuerySink;
use super::field::{Column, Kind, Mode};
use super::job::Jobs;
use super::layout::Shape;
use super::name::{LoadNames, MARKS, hash};
use super::quote::{literal, table as quoted};
use super::rows::Row;
use super::table::Made;
use crate::error::{Error, Result};
use crate::faults::point;
use crate::sink::{LoadId, Mark};
use crate::source::Watermarks;

/// The label of a publish job that names the intent.
pub(super) const INTENT: &str = "dhow_intent";
/// Marks that are looked through for the newest one that counts.
const NEWEST: u32 = 50;
/// Jobs are remembered for 180 days; after this many nothing is concluded from their absence.
const REMEMBERED_DAYS: i64 = 150;
/// Some of these names are words of GoogleSQL.
const COLUMNS: &str = "`load`, `intent`, `state`, `target`, `job`, `rows`, `watermarks`, `at`";

/// A mark as the table has it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Noted {
    /// The mark.
    pub mark: Mark,
    /// What tells it from other marks of the same load.
    pub intent: String,
    /// The job that publishes, or has published, the load with it.
    pub job: String,
    /// Whether that is known to have happened.
    pub is_published: bool,
}

/// What tells `mark` from all others; its time is a part of it.
pub(super) fn intent(mark: &Mark) -> String {
    let mut parts = vec![mark.load.to_string(), mark.rows.to_string(), mark.at.clone()];
    parts.extend(mark.watermarks.iter().flat_map(|(name, at)| [name.clone(), at.0.clone()]));
    hash(parts, 24)
}

/// The marks of one sink.
pub(super) struct Marks<'a> {
    sink: &'a BigQuerySink,
    jobs: &'a Jobs<'a>,
}

impl<'a> Marks<'a> {
    pub(super) fn of(sink: &'a BigQuerySink, jobs: &'a Jobs<'a>) -> Self {
        Marks { sink, jobs }
    }

    /// Makes the table, if it is not there.
    pub(super) async fn make(&self) -> Result<()> {
        let text = |name: &str| Column::new(name, Kind::String(None), Mode::Required);
        let columns = [
            text("load"),
            text("intent"),
            text("state"),
            text("target"),
            text("job"),
            Column::new("rows", Kind::Int64, Mode::Required),
            text("watermarks"),
            text("at"),
        ];
        let name = self.sink.staging(MARKS);
        if self.sink.api.make_table(&name, &columns, &Shape::default(), false).await? == Made::New {
            point("bq.marks_made").await;
        }
        Ok(())
    }

    /// Whether the table is there.
    pub(super) async fn exist(&self) -> Result<bool> {
        Ok(self.sink.api.table(&self.sink.staging(MARKS)).await?.is_some())
    }

    /// What is noted of `load`.
    pub(super) async fn of_load(&self, load: &LoadId) -> Result<Vec<Noted>> {
        let condition = format!("`load` = {} AND {}", literal(load.as_str()), self.condition());
        self.select(&format!("WHERE {condition}")).await
    }

    /// The newest mark of any load of this target.
    pub(super) async fn newest(&self) -> Result<Option<Mark>> {
        let rest = format!("WHERE {} ORDER BY `at` DESC LIMIT {NEWEST}", self.condition());
        for noted in self.select(&rest).await? {
            if noted.is_published || self.has_published(&noted).await? {
                return Ok(Some(noted.mark));
            }
        }
        Ok(None)
    }

    fn condition(&self) -> String {
        format!("`target` = {}", literal(&self.sink.options.target.to_string()))
    }

    async fn select(&self, rest: &str) -> Result<Vec<Noted>> {
        let table = quoted(&self.sink.staging(MARKS));
        let sql = format!("SELECT {COLUMNS} FROM {table} {rest}");
        let rows = self.jobs.rows("could not look for marks", &sql).await?;
        rows.iter().map(noted).collect()
    }

    /// The mark of a load, if one of these counts.
    pub(super) async fn settled(&self, noted: &[Noted]) -> Result<Option<Mark>> {
        if let Some(published) = noted.iter().find(|noted| noted.is_published) {
            return Ok(Some(published.mark.clone()));
        }
        for noted in noted {
            if self.has_published(noted).await? {
                return Ok(Some(noted.mark.clone()));
            }
        }
        Ok(None)
    }

    /// Whether the job of an intended mark has published the load with it. One that runs is waited
    /// for, because nobody can take it back.
    async fn has_published(&self, noted: &Noted) -> Result<bool> {
        let Some(job) = self.jobs.get(&noted.job).await? else {
            return forgotten(noted);
        };
        let job = self.jobs.done(&noted.job, job).await?;
        Ok(job.failure().is_none() && job.label(INTENT) == Some(noted.intent.as_str()))
    }

    /// Notes that `mark` is to be published by `job`.
    pub(super) async fn intend(&self, names: &LoadNames, mark: &Mark, job: &str) -> Result<()> {
        self.note(names, mark, job, "intended").await
    }

    /// Notes that `mark` has been published by `job`.
    pub(super) async fn publish(&self, names: &LoadNames, mark: &Mark, job: &str) -> Result<()> {
        self.note(names, mark, job, "published").await
    }

    async fn note(&self, names: &LoadNames, mark: &Mark, job: &str, state: &str) -> Result<()> {
        let watermarks = serde_json::to_string(&mark.watermarks)
            .map_err(|error| Error::bug("watermarks could not be written").at("reason", error))?;
        let intent = intent(mark);
        let target = self.sink.options.target.to_string();
        let texts = [mark.load.as_str(), &intent, state, &target, job].map(literal).join(", ");
        let sql = format!(
            "INSERT INTO {} ({COLUMNS}) VALUES ({texts}, {}, {}, {})",
            quoted(&self.sink.staging(MARKS)),
            mark.rows,
            literal(&watermarks),
            literal(&mark.at)
        );
        // Several attempts may want the same mark.
        let id = |attempt| names.mark_job(state, &hash([&intent, job], 16), attempt);
        self.jobs.run("could not note a mark", &sql, id).await
    }

    /// The intended mark that the publish job `id`, which has succeeded, names.
    pub(super) async fn named(&self, load: &LoadId, intent: Option<&str>) -> Result<Mark> {
        let noted = self.of_load(load).await?;
        let found = noted.into_iter().find(|noted| Some(noted.intent.as_str()) == intent);
        found.map(|noted| noted.mark).ok_or_else(|| {
            Error::conflict("the load is published, but its mark is gone")
                .at("load", load)
                .at("table", self.sink.staging(MARKS))
                .hint("do not remove rows of this table; begin a new load")
        })
    }
}

/// A job that is not there has not published anything, unless it is so old that it is forgotten.
fn forgotten(noted: &Noted) -> Result<bool> {
    let at: Option<jiff::Timestamp> = noted.mark.at.parse().ok();
    let age = at.map(|at| jiff::Timestamp::now().as_second() - at.as_second());
    if age.is_some_and(|age| age < REMEMBERED_DAYS * 24 * 3600) {
        return Ok(false);
    }
    Err(Error::conflict("it cannot be told whether a load was published")
        .at("load", &noted.mark.load)
        .at("begun", &noted.mark.at)
        .at("job", &noted.job)
        .hint("BigQuery has forgotten the job; see whether its rows are in the table, and remove its row from `_dhow_mark`"))
}

fn noted(row: &Row) -> Result<Noted> {
    let text = |at: usize| row.get(at).and_then(Option::as_deref).unwrap_or_default();
    let broken = || Error::conflict(format!("a row of `{MARKS}` is not one that dhow has written"));
    let load: LoadId = text(0).parse().map_err(|_| broken())?;
    let watermarks: Watermarks = serde_json::from_str(text(6)).map_err(|_| broken())?;
    Ok(Noted {
        mark: Mark {
            load,
            rows: text(5).parse().map_err(|_| broken())?,
            watermarks,
            at: text(7).to_owned(),
        },
        intent: text(1).to_owned(),
        job: text(4).to_owned(),
        is_published: text(2) == "published",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_of_one_load_differ_by_anything_they_say() {
        let mark = |rows, at: &str, watermark: &str| Mark {
            load: "l".parse().unwrap(),
            rows,
            watermarks: [("s".to_owned(), crate::source::Watermark(watermark.to_owned()))].into(),
            at: at.to_owned(),
        };
        let one = intent(&mark(1, "a", "w"));
        assert_eq!(one, intent(&mark(1, "a", "w")));
        for other in [mark(2, "a", "w"), mark(1, "b", "w"), mark(1, "a", "x")] {
            assert_ne!(one, intent(&other));
        }
        // It is a label of a job.
        assert!(one.len() <= 63 && one.chars().all(|c| c.is_ascii_hexdigit()));
    }

    #[test]
    fn a_mark_is_read_as_it_was_written() {
        let cells =
            ["l1", "i", "published", "p.d.t", "j", "3", r#"{"s":"w"}"#, "2026-11-21T09:00:00Z"];
        let row: Row = cells.map(|cell| Some(cell.to_owned())).to_vec();
        let read = noted(&row).unwrap();
        assert_eq!((read.mark.rows, read.is_published, read.job.as_str()), (3, true, "j"));
        assert_eq!(read.mark.watermarks["s"].0, "w");
        let mut wrong = row.clone();
        wrong[5] = None;
        assert!(noted(&wrong).is_err());
    }

    #[test]
    fn nothing_is_concluded_from_a_job_that_is_too_old_to_be_remembered() {
        let of = |at: String| Noted {
            mark: Mark { load: "l".parse().unwrap(), rows: 1, watermarks: [].into(), at },
            intent: "i".into(),
            job: "j".into(),
            is_published: false,
        };
        assert!(!forgotten(&of(jiff::Timestamp::now().to_string())).unwrap());
        assert!(forgotten(&of("2020-01-01T00:00:00Z".into())).is_err());
    }
}
