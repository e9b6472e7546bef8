//! Receipts, marks and watermarks: durable, and must be right. Its errors stop the run.
//!
//! The ledger knows what is *staged*; the target alone knows what is *published*. So the ledger
//! never makes up a watermark: [`Ledger::publish`] copies the mark that was found in the target.
//! Receipts belong to a snapshot: they are neither accepted nor handed out under another one.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use super::entry::{Entry, Frozen, OpenRun, Planted, Staged};
use super::record::{from_json, rejects_json, rows_staged, staged_from, to_json};
use crate::error::{Error, Result};
use crate::sink::{LoadId, Mark};
use crate::source::{Memo, SnapshotId, Watermark, Watermarks};

/// The ledger of one project.
#[derive(Debug)]
pub struct Ledger {
    db: Mutex<Connection>,
    path: PathBuf,
    #[cfg(test)]
    pub(crate) planted: Option<Planted>,
}

impl Ledger {
    /// Opens the ledger in the folder `state`.
    pub fn open(state: &Path) -> Result<Self> {
        Ok(Ledger {
            db: Mutex::new(super::open(state)?),
            path: state.join(super::FILE),
            #[cfg(test)]
            planted: None,
        })
    }

    /// Whether the folder `state` has a ledger already.
    pub fn exists(state: &Path) -> bool {
        state.join(super::FILE).exists()
    }

    /// A ledger that is gone when it is dropped, for tests.
    #[cfg(test)]
    pub(crate) fn in_memory() -> Self {
        let mut db = Connection::open_in_memory().unwrap();
        super::migrate(&mut db).unwrap();
        Ledger { db: Mutex::new(db), path: ":memory:".into(), planted: None }
    }

    /// The unfinished run of `pipeline`, or a new one called `fresh`.
    pub fn begin_run(&self, pipeline: &str, fresh: &str) -> Result<OpenRun> {
        self.change(|db| {
            let open: Option<String> = db
                .query_row(
                    "select id from runs where pipeline = ?1 and finished is null",
                    [pipeline],
                    |row| row.get(0),
                )
                .optional()?;
            if let Some(id) = open {
                return Ok(OpenRun { id, resumed: true });
            }
            db.execute(
                "insert into runs (id, pipeline, started) values (?1, ?2, ?3)",
                [fresh, pipeline, &now()],
            )?;
            Ok(OpenRun { id: fresh.to_owned(), resumed: false })
        })
    }

    /// Nothing is left to do for `run`.
    pub fn finish_run(&self, run: &str) -> Result<()> {
        self.change(|db| {
            db.execute("update runs set finished = ?2 where id = ?1", [run, &now()])?;
            Ok(())
        })
    }

    /// Forgets the unfinished run and the watermarks of `pipeline`: the next run reads everything.
    pub fn forget(&self, pipeline: &str) -> Result<()> {
        self.change(|db| {
            db.execute(
                "delete from receipts where load in (select l.id from loads l join runs r \
                 on r.id = l.run where r.pipeline = ?1 and r.finished is null)",
                [pipeline],
            )?;
            db.execute(
                "update runs set finished = ?2 where pipeline = ?1 and finished is null",
                [pipeline, &now()],
            )?;
            db.execute("delete from watermarks where pipeline = ?1", [pipeline])?;
            Ok(())
        })
    }

    /// The newest load of `sink` within `run`.
    pub fn newest(&self, run: &str, sink: &str) -> Result<Option<Entry>> {
        let found = self.change(|db| {
            db.query_row(
                "select id, fingerprint, snapshot, mark from loads \
                 where run = ?1 and sink = ?2 order by number desc limit 1",
                [run, sink],
                |row| {
                    Ok((
                        row.get::<_, String>(0)?,
                        row.get::<_, String>(1)?,
                        row.get::<_, Option<String>>(2)?,
                        row.get::<_, Option<String>>(3)?,
                    ))
                },
            )
            .optional()
        })?;
        let Some((id, fingerprint, snapshot, mark)) = found else { return Ok(None) };
        Ok(Some(Entry {
            id: id.parse()?,
            fingerprint,
            snapshot: snapshot.map(SnapshotId),
            mark: mark.as_deref().map(from_json).transpose()?,
        }))
    }

    /// Begins a new load of `sink` within `run`, whatever became of the ones before it.
    pub fn begin_load(&self, run: &str, sink: &str, fingerprint: &str) -> Result<LoadId> {
        let id = self.change(|db| {
            let number: i64 = db.query_row(
                "select coalesce(max(number), 0) + 1 from loads where run = ?1 and sink = ?2",
                [run, sink],
                |row| row.get(0),
            )?;
            let id = load_name(run, sink, number);
            db.execute(
                "delete from receipts where load in \
                 (select id from loads where run = ?1 and sink = ?2)",
                [run, sink],
            )?;
            db.execute(
                "insert into loads (id, run, sink, number, fingerprint) values (?1, ?2, ?3, ?4, ?5)",
                params![id, run, sink, number, fingerprint],
            )?;
            Ok(id)
        })?;
        id.parse()
    }

    /// Loads of `sink` that were frozen and that nobody will finish: their run is over, or another
    /// load has taken their place.
    pub fn abandoned(&self, pipeline: &str, sink: &str) -> Result<Vec<LoadId>> {
        let ids = self.change(|db| {
            let mut query = db.prepare(
                "select l.id from loads l join runs r on r.id = l.run \
                 where r.pipeline = ?1 and l.sink = ?2 and l.snapshot is not null \
                 and l.mark is null and l.given_up is null and (r.finished is not null or \
                 l.number < (select max(number) from loads where run = l.run and sink = l.sink))",
            )?;
            let ids = query.query_map([pipeline, sink], |row| row.get::<_, String>(0))?;
            ids.collect::<rusqlite::Result<Vec<_>>>()
        })?;
        ids.iter().map(|id| id.parse()).collect()
    }

    /// What `load` had staged has been taken back.
    pub fn give_up(&self, load: &LoadId) -> Result<()> {
        self.change(|db| {
            db.execute("update loads set given_up = ?2 where id = ?1", [load.as_str(), &now()])?;
            Ok(())
        })
    }

    /// What the snapshot of `source` in `run` left for the next process.
    pub fn memo(&self, run: &str, source: &str) -> Result<Option<Memo>> {
        self.change(|db| {
            let sql = "select memo from snapshots where run = ?1 and source = ?2";
            db.query_row(sql, [run, source], |row| row.get(0).map(Memo)).optional()
        })
    }

    /// Keeps what the snapshot of `source` leaves, or forgets what an earlier one left.
    pub fn remember(&self, run: &str, source: &str, memo: Option<&Memo>) -> Result<()> {
        self.change(|db| {
            match memo {
                Some(Memo(memo)) => db.execute(
                    "insert or replace into snapshots (run, source, memo) values (?1, ?2, ?3)",
                    [run, source, memo],
                )?,
                None => db.execute(
                    "delete from snapshots where run = ?1 and source = ?2",
                    [run, source],
                )?,
            };
            Ok(())
        })
    }

    /// Binds `load` to `snapshot`: hands out what is staged under it, and forgets what is staged
    /// under another one.
    ///
    /// # Errors
    /// [`crate::error::Kind::Conflict`] when the watermarks that the snapshot's window began at
    /// (`above`) are no longer those of the ledger, or the load is already published.
    pub fn freeze(&self, load: &LoadId, snapshot: &SnapshotId, above: &Above) -> Result<Frozen> {
        let found = self.change(|db| {
            if watermarks(db, above.pipeline, above.sink)? != *above.watermarks {
                return Ok(None);
            }
            let (bound, published): (Option<String>, bool) = db.query_row(
                "select snapshot, mark is not null from loads where id = ?1",
                [load.as_str()],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )?;
            if published {
                return Ok(None);
            }
            let over = bound.as_deref().is_some_and(|bound| bound != snapshot.0);
            if over && !self.is_planted(Planted::MixSnapshots) {
                db.execute("delete from receipts where load = ?1", [load.as_str()])?;
            }
            db.execute(
                "update loads set snapshot = ?2 where id = ?1",
                [load.as_str(), &snapshot.0],
            )?;
            Ok(Some((over, rows_staged(db, load)?)))
        })?;
        let Some((over, kept)) = found else { return Err(overtaken(load)) };
        Ok(Frozen { kept: staged_from(kept)?, over })
    }

    /// Takes note of staged parts, all of them or none.
    ///
    /// # Errors
    /// [`crate::error::Kind::Conflict`] when the load is bound to another snapshot by now, or is
    /// published: the parts then belong to nobody.
    pub fn record(&self, load: &LoadId, snapshot: &SnapshotId, staged: &[Staged]) -> Result<()> {
        let rows = staged.iter().map(|s| Ok((s, to_json(&s.receipt)?, rejects_json(s)?)));
        let rows = rows.collect::<Result<Vec<_>>>()?;
        let accepted = self.change(|db| {
            if !is_bound(db, load, snapshot)? && !self.is_planted(Planted::NoFence) {
                return Ok(false);
            }
            for (staged, receipt, rejects) in &rows {
                db.execute(
                    "insert or replace into receipts (load, part, receipt, rejects) \
                     values (?1, ?2, ?3, ?4)",
                    params![load.as_str(), staged.receipt.part, receipt, rejects],
                )?;
            }
            Ok(true)
        })?;
        if accepted { Ok(()) } else { Err(overtaken(load)) }
    }

    /// What is staged for `load` under `snapshot`, sorted by part.
    ///
    /// # Errors
    /// As [`Ledger::record`].
    pub fn staged(&self, load: &LoadId, snapshot: &SnapshotId) -> Result<Vec<Staged>> {
        let rows = self.change(|db| {
            if !is_bound(db, load, snapshot)? && !self.is_planted(Planted::NoFence) {
                return Ok(None);
            }
            rows_staged(db, load).map(Some)
        })?;
        staged_from(rows.ok_or_else(|| overtaken(load))?)
    }

    /// Everything that is staged for `load`, whatever it belongs to: for a load that the target
    /// says is published.
    pub fn left(&self, load: &LoadId) -> Result<Vec<Staged>> {
        staged_from(self.change(|db| rows_staged(db, load))?)
    }

    /// Copies the mark that is in the target: the load is published, its receipts are forgotten,
    /// and the next window starts where the mark says.
    pub fn publish(&self, pipeline: &str, sink: &str, mark: &Mark) -> Result<()> {
        let json = to_json(mark)?;
        self.change(|db| {
            let load = mark.load.as_str();
            let first = "update loads set mark = ?2 where id = ?1 and mark is null";
            // A process that slept through later loads must not turn the watermark back.
            if db.execute(first, [load, &json])? == 0 && !self.is_planted(Planted::Republish) {
                return Ok(());
            }
            db.execute("delete from receipts where load = ?1", [load])?;
            for (source, value) in &mark.watermarks {
                db.execute(
                    "insert or replace into watermarks (pipeline, sink, source, value, load) \
                     values (?1, ?2, ?3, ?4, ?5)",
                    [pipeline, sink, source, &value.0, load],
                )?;
            }
            Ok(())
        })
    }

    /// Where the next window of each source of `sink` starts.
    pub fn watermarks(&self, pipeline: &str, sink: &str) -> Result<Watermarks> {
        self.change(|db| watermarks(db, pipeline, sink))
    }

    #[cfg(test)]
    fn is_planted(&self, bug: Planted) -> bool {
        self.planted == Some(bug)
    }

    #[cfg(not(test))]
    fn is_planted(&self, _: Planted) -> bool {
        false
    }

    /// Takes over the watermarks found in the target, for a ledger that has none for this sink.
    pub fn adopt(&self, pipeline: &str, sink: &str, found: &Watermarks) -> Result<()> {
        self.change(|db| {
            for (source, value) in found {
                db.execute(
                    "insert or ignore into watermarks (pipeline, sink, source, value, load) \
                     values (?1, ?2, ?3, ?4, ?5)",
                    [pipeline, sink, source, &value.0, "found in the target"],
                )?;
            }
            Ok(())
        })
    }

    /// Runs `act` in one transaction that nobody else writes beside.
    fn change<T>(&self, act: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>) -> Result<T> {
        let mut db = self.lock();
        let result = (|| {
            let change = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let value = act(&change)?;
            change.commit()?;
            Ok(value)
        })();
        result.map_err(|e: rusqlite::Error| super::failed(&e, &self.path))
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        // A transaction that panicked was rolled back; the connection is as good as before.
        self.db.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a load's window began at, to be compared with what the ledger says now.
#[derive(Debug, Clone, Copy)]
pub struct Above<'a> {
    /// The pipeline's name.
    pub pipeline: &'a str,
    /// The sink's name.
    pub sink: &'a str,
    /// The watermarks that were used.
    pub watermarks: &'a Watermarks,
}

fn is_bound(db: &Transaction<'_>, load: &LoadId, to: &SnapshotId) -> rusqlite::Result<bool> {
    db.query_row(
        "select count(*) = 1 from loads where id = ?1 and snapshot = ?2 and mark is null",
        [load.as_str(), &to.0],
        |row| row.get(0),
    )
}

fn watermarks(db: &Transaction<'_>, pipeline: &str, sink: &str) -> rusqlite::Result<Watermarks> {
    let mut query =
        db.prepare("select source, value from watermarks where pipeline = ?1 and sink = ?2")?;
    let rows =
        query.query_map([pipeline, sink], |row| Ok((row.get(0)?, Watermark(row.get(1)?))))?;
    rows.collect()
}

fn overtaken(load: &LoadId) -> Error {
    Error::conflict(format!("load `{load}` was taken over by another process"))
        .hint("let that process finish; what this one staged is not used")
}

/// Sinks have long names at times, and ids are file names: the name is cut, the id stays unique
/// through the run and a hash of the whole name.
fn load_name(run: &str, sink: &str, number: i64) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let short: String = sink.chars().filter(|c| fits(*c)).take(40).collect();
    if short == sink {
        return format!("{run}-{short}-{number}");
    }
    let hash = blake3::hash(sink.as_bytes()).to_hex();
    format!("{run}-{short}-{}-{number}", &hash[..8])
}

fn now() -> String {
    jiff::Timestamp::now().to_string()
}

#[cfg(test)]
#[path = "ledger_tests.rs"]
mod tests;
