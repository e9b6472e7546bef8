//! What ran, when, and how it ended: nice to have. Nothing is decided by it, so whoever writes it
//! treats an error as a warning.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, params};

use crate::error::{Error, Result};

/// One run of the past.
#[derive(Debug, Clone, PartialEq)]
pub struct PastRun {
    /// The run's id.
    pub id: String,
    /// The pipeline's name.
    pub pipeline: String,
    /// When it began, in RFC 3339.
    pub started: String,
    /// How long the last process worked on it; `None` when that was killed, or is still at work.
    pub seconds: Option<f64>,
    /// `succeeded`, `failed`, or `unfinished`.
    pub outcome: String,
    /// The error's message, if it failed.
    pub error: Option<String>,
    /// Each load.
    pub loads: Vec<PastLoad>,
}

/// One load of a past run.
#[derive(Debug, Clone, PartialEq)]
pub struct PastLoad {
    /// The sink's name.
    pub sink: String,
    /// How the table changed.
    pub mode: String,
    /// Rows read.
    pub rows_read: u64,
    /// Rows written.
    pub rows_written: u64,
    /// Rows refused.
    pub rows_refused: u64,
    /// Bytes staged.
    pub bytes: u64,
    /// Seconds it took.
    pub seconds: f64,
}

/// Notes that a process works on `run` now.
pub fn begin(state: &Path, run: &str, pipeline: &str) -> Result<()> {
    write(state, |db| {
        db.execute(
            "insert into past_runs (id, pipeline, started, outcome) \
             values (?1, ?2, ?3, 'unfinished') \
             on conflict (id) do update set seconds = null, outcome = 'unfinished', error = null",
            [run, pipeline, &jiff::Timestamp::now().to_string()],
        )?;
        Ok(())
    })
}

/// Notes how a run ended: `past` as a whole takes the place of what was noted before, except for
/// the time when it began.
pub fn end(state: &Path, past: &PastRun) -> Result<()> {
    write(state, |db| {
        db.execute(
            "update past_runs set seconds = ?2, outcome = ?3, error = ?4 where id = ?1",
            params![past.id, past.seconds, past.outcome, past.error],
        )?;
        db.execute("delete from past_loads where run = ?1", [&past.id])?;
        for load in &past.loads {
            db.execute(
                "insert into past_loads values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                params![
                    past.id,
                    load.sink,
                    load.mode,
                    stored(load.rows_read),
                    stored(load.rows_written),
                    stored(load.rows_refused),
                    stored(load.bytes),
                    load.seconds
                ],
            )?;
        }
        Ok(())
    })
}

/// The newest `most` runs of the project whose state folder this is, newest first; `pipeline`
/// narrows it to one pipeline. A project that never ran has none.
pub fn runs(state: &Path, pipeline: Option<&str>, most: usize) -> Result<Vec<PastRun>> {
    read(state, |db| {
        let mut query = db.prepare(
            "select id from past_runs where ?1 is null or pipeline = ?1 \
             order by started desc, id desc limit ?2",
        )?;
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let ids = query.query_map(params![pipeline, most], |row| row.get::<_, String>(0))?;
        ids.map(|id| one(db, &id?)).collect()
    })
}

/// One run by its id or the beginning of it.
///
/// # Errors
/// [`crate::error::Kind::Missing`] when there is none, [`crate::error::Kind::Config`] when there
/// are several.
pub fn run(state: &Path, id: &str) -> Result<PastRun> {
    let mut found = read(state, |db| {
        let mut query = db
            .prepare("select id from past_runs where substr(id, 1, length(?1)) = ?1 order by id")?;
        let ids = query.query_map([id], |row| row.get::<_, String>(0))?;
        ids.map(|id| one(db, &id?)).collect::<rusqlite::Result<Vec<_>>>()
    })?;
    match (found.pop(), found.len()) {
        (Some(run), 0) => Ok(run),
        (None, _) => Err(Error::missing(format!("there is no run `{id}`"))
            .hint("`dhow runs` lists the runs of this project")),
        (Some(_), others) => {
            Err(Error::config(format!("`{id}` begins {} runs", others + 1))
                .hint("give more of the id"))
        }
    }
}

fn one(db: &Connection, id: &str) -> rusqlite::Result<PastRun> {
    let mut query = db.prepare(
        "select sink, mode, rows_read, rows_written, rows_refused, bytes, seconds \
         from past_loads where run = ?1 order by rowid",
    )?;
    let loads = query.query_map([id], |row| {
        Ok(PastLoad {
            sink: row.get(0)?,
            mode: row.get(1)?,
            rows_read: shown(row.get(2)?),
            rows_written: shown(row.get(3)?),
            rows_refused: shown(row.get(4)?),
            bytes: shown(row.get(5)?),
            seconds: row.get(6)?,
        })
    })?;
    let loads = loads.collect::<rusqlite::Result<Vec<_>>>()?;
    db.query_row(
        "select pipeline, started, seconds, outcome, error from past_runs where id = ?1",
        [id],
        |row| {
            Ok(PastRun {
                id: id.to_owned(),
                pipeline: row.get(0)?,
                started: row.get(1)?,
                seconds: row.get(2)?,
                outcome: row.get(3)?,
                error: row.get(4)?,
                loads,
            })
        },
    )
}

fn write(state: &Path, act: impl FnOnce(&Connection) -> rusqlite::Result<()>) -> Result<()> {
    let mut db = super::open(state)?;
    let result = (|| {
        let change = db.transaction()?;
        act(&change)?;
        change.commit()
    })();
    result.map_err(|e| super::failed(&e, &state.join(super::FILE)))
}

/// Reading makes no folder: `dhow runs` in the wrong place leaves nothing behind.
fn read<T: Default>(
    state: &Path,
    act: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> Result<T> {
    if !state.join(super::FILE).exists() {
        return Ok(T::default());
    }
    let db = super::open(state)?;
    let found = act(&db).optional().map_err(|e| super::failed(&e, &state.join(super::FILE)))?;
    Ok(found.unwrap_or_default())
}

/// SQLite's integers are signed; no load has more than 2^63 rows.
fn stored(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn shown(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[test]
    fn a_run_is_unfinished_until_its_end_is_noted() {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join(".dhow");
        assert_eq!(runs(&state, None, 9).unwrap(), []);
        assert!(!state.exists());

        begin(&state, "r1", "nightly").unwrap();
        begin(&state, "r2", "hourly").unwrap();
        let mut past = run(&state, "r1").unwrap();
        assert_eq!((past.outcome.as_str(), past.seconds), ("unfinished", None));

        past.outcome = "failed".into();
        past.seconds = Some(1.5);
        past.error = Some("no".into());
        past.loads = vec![PastLoad {
            sink: "s".into(),
            mode: "append".into(),
            rows_read: 3,
            rows_written: 2,
            rows_refused: 1,
            bytes: 9,
            seconds: 1.0,
        }];
        end(&state, &past).unwrap();
        assert_eq!(runs(&state, Some("nightly"), 9).unwrap(), [past]);
        assert_eq!(runs(&state, None, 1).unwrap().len(), 1);
    }

    #[test]
    fn a_run_is_found_by_the_beginning_of_its_id() {
        let dir = tempfile::tempdir().unwrap();
        begin(dir.path(), "2026-a", "p").unwrap();
        begin(dir.path(), "2026-b", "p").unwrap();
        assert_eq!(run(dir.path(), "2026-b").unwrap().id, "2026-b");
        assert_eq!(run(dir.path(), "2026").unwrap_err().kind(), Kind::Config);
        assert_eq!(run(dir.path(), "2027").unwrap_err().kind(), Kind::Missing);
    }
}
