//! The commit protocol, tried by killing: the first file of tests of this house.
//!
//! A *site* is a source, a target, a ledger and nothing else; a *process* does what `dhow run` does
//! for one sink. Processes are killed at every pair of points, hold each other up at every point,
//! run two at once in random interleavings, and see the source move at every point. Afterwards one
//! process runs undisturbed, and the oracle looks at the target: every row exactly once, never from
//! two snapshots, and the watermark equals the data.
//!
//! The tests of the tests: each of these planted bugs takes one rule of the protocol away and must
//! be found ([`every_planted_bug_is_found`]):
//!
//! | rule | planted bug |
//! |---|---|
//! | 1 | `memory::Planted::NoMark`: rows are published without a mark |
//! | 2 | `memory::Planted::OwnWatermark`: commit answers what was asked, not what is in the target |
//! | 2 | `state::Planted::Republish`: an old mark is copied again after later ones |
//! | 3 | `memory::Planted::SharedPlace`: two writes of a part stage in one place |
//! | 4 | `state::Planted::NoFence`: receipts are accepted under any snapshot |
//! | 5 | `state::Planted::MixSnapshots`: a resumed load keeps parts of another snapshot |
//! | 6 | `memory::Planted::LiveRows`: the rows of a snapshot move under it |
//!
//! Rule 7, the lease, is tested where it lives (`state/lease.rs`); none of these tests takes one.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arrow::array::{ArrayRef, AsArray, Int64Array};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use futures::{FutureExt, StreamExt};
use tokio::sync::Notify;

use super::job::{Job, Rows};
use super::load::Settling;
use super::reject::Budget;
use super::{Cancel, LoadReport, Settings};
use crate::config::Rejects;
use crate::connectors::memory::{self, MemorySink, MemorySource, Store, Table};
use crate::error::{Error, Kind, Result};
use crate::event::Observers;
use crate::faults::{Script, point};
use crate::plan::{LoadStep, TargetSize};
use crate::sink::{Load, Mode};
use crate::source::{
    BatchStream, Refuse, Snapshot, SnapshotId, Source, Split, Want, Watermarks, Window,
};
use crate::state::{self, Ledger};
use crate::transform::{Limits, Meter};

/// How the load works, and what the source does when it moves on.
#[derive(Debug, Clone, PartialEq)]
struct Story {
    mode: Mode,
    /// Rows above the watermark only.
    incremental: bool,
    /// Whether a moving source changes all rows, or adds some at the end.
    changes: Moves,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Moves {
    /// New rows, with a higher cursor.
    Adds,
    /// A third of the rows get a new version and a higher cursor, and there are new ones.
    Updates,
    /// All rows get a new version.
    Rewrites,
}

fn stories() -> Vec<Story> {
    let id = || vec!["id".to_owned()];
    let story = |mode, incremental, changes| Story { mode, incremental, changes };
    vec![
        story(Mode::Append, true, Moves::Adds),
        story(Mode::Append, false, Moves::Rewrites),
        story(Mode::Truncate, false, Moves::Rewrites),
        story(Mode::Replace, false, Moves::Rewrites),
        story(Mode::Merge(id()), true, Moves::Updates),
        story(Mode::DeleteInsert(id()), false, Moves::Updates),
    ]
}

#[derive(Debug, Clone, Copy, Default)]
struct Bugs {
    store: Option<memory::Planted>,
    ledger: Option<state::Planted>,
}

/// A source, a target and a ledger.
struct Site {
    story: Story,
    store: Arc<Store>,
    ledger: Arc<Ledger>,
    moves: AtomicUsize,
    processes: AtomicUsize,
}

fn schema() -> SchemaRef {
    let field = |name| Field::new(name, DataType::Int64, false);
    Arc::new(Schema::new(vec![field("id"), field("cursor"), field("version")]))
}

/// One row: id, cursor, version.
type Row = [i64; 3];

fn batches(rows: &[Row]) -> Vec<RecordBatch> {
    let batch = |rows: &[Row]| {
        let column = |at: usize| -> ArrayRef {
            Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row[at])))
        };
        RecordBatch::try_new(schema(), vec![column(0), column(1), column(2)]).unwrap()
    };
    // Three splits, however many rows.
    rows.chunks(rows.len().div_ceil(3)).map(batch).collect()
}

fn rows(batches: &[RecordBatch]) -> Vec<Row> {
    let of_batch = |batch: &RecordBatch| {
        let column = |at: usize| batch.column(at).as_primitive::<Int64Type>().clone();
        let (a, b, c) = (column(0), column(1), column(2));
        (0..batch.num_rows()).map(|n| [a.value(n), b.value(n), c.value(n)]).collect::<Vec<_>>()
    };
    let mut rows: Vec<Row> = batches.iter().flat_map(of_batch).collect();
    rows.sort_unstable();
    rows
}

impl Site {
    fn new(story: &Story, bugs: Bugs) -> Arc<Self> {
        let mut store = Store::default();
        store.planted = bugs.store;
        let mut ledger = Ledger::in_memory();
        ledger.planted = bugs.ledger;
        let first: Vec<Row> = (0..6).map(|id| [id, id + 1, 0]).collect();
        store.put("source", schema(), batches(&first));
        Arc::new(Site {
            story: story.clone(),
            store: Arc::new(store),
            ledger: Arc::new(ledger),
            moves: AtomicUsize::new(0),
            processes: AtomicUsize::new(0),
        })
    }

    fn source(&self) -> Vec<Row> {
        rows(&self.store.table("source").unwrap().batches)
    }

    /// The source moves on.
    fn moves_on(&self) {
        let version = i64::try_from(self.moves.fetch_add(1, Ordering::SeqCst)).unwrap() + 1;
        let mut rows = self.source();
        let mut cursor = rows.iter().map(|row| row[1]).max().unwrap();
        let mut next = || {
            cursor += 1;
            cursor
        };
        for row in &mut rows {
            match self.story.changes {
                Moves::Updates if row[0] % 3 == version % 3 => *row = [row[0], next(), version],
                Moves::Rewrites => *row = [row[0], row[1], version],
                Moves::Adds | Moves::Updates => {}
            }
        }
        let ids = i64::try_from(rows.len()).unwrap();
        if self.story.changes != Moves::Rewrites {
            rows.extend((ids..ids + 3).map(|id| [id, next(), version]));
        }
        self.store.put("source", schema(), batches(&rows));
    }

    /// Does what `dhow run` does for one sink.
    async fn process(self: Arc<Self>) -> Result<LoadReport> {
        let number = self.processes.fetch_add(1, Ordering::SeqCst);
        let run = self.ledger.begin_run("p", &format!("run{number}"))?.id;
        point("run.begun").await;
        let sink = Arc::new(MemorySink::new(Arc::clone(&self.store), "target"));
        let rejects = Arc::new(MemorySink::new(Arc::clone(&self.store), "rejects"));
        let mode = self.story.mode.clone();
        let settling = Settling {
            pipeline: "p",
            run: &run,
            sink_name: "s",
            ledger: &self.ledger,
            sink: &*sink,
            rejects: &*rejects,
        };
        settling.settle(|id| Load::question(id, &mode)).await?;
        let above = match self.story.incremental {
            true => self.ledger.watermarks("p", "s")?,
            false => Watermarks::new(),
        };
        let cursor = self.story.incremental.then(|| "cursor".to_owned());
        let source = MemorySource::new(Arc::clone(&self.store), "source").with_cursor(cursor);
        let window = Window { above: above.get("source").cloned(), memo: None };
        let snapshot = source.open(&window).await?;
        let high = snapshot.high().map(|high| ("source".to_owned(), high.clone()));
        let job = Arc::new(Job {
            pipeline: "p".into(),
            run: run.clone(),
            step: step(mode),
            ledger: Arc::clone(&self.ledger),
            sink,
            rejects,
            rejects_name: "rejects".into(),
            budget: Budget::new(Rejects::default(), crate::memory::unlimited()),
            snapshot: SnapshotId::of([snapshot.id().0.clone(), format!("{:?}", window.above)]),
            rows: Arc::new(Straight(snapshot)),
            above,
            high: high.into_iter().collect(),
            notes: vec![],
            late: vec![],
            settings: settings(),
            tally: Arc::default(),
        });
        let report = super::load::run(&job).await?;
        self.ledger.finish_run(&run)?;
        point("run.finished").await;
        Ok(report)
    }

    /// What is wrong with the target after an undisturbed process.
    fn verdict(&self) -> Result<(), String> {
        let target = self.store.table("target").ok_or("there is no target")?;
        let (found, source) = (rows(&target.batches), self.source());
        match self.story.mode {
            Mode::Append if !self.story.incremental => whole_copies(&target, &source)?,
            _ if found == source => {}
            _ => return Err(format!("target {found:?} is not source {source:?}")),
        }
        if !self.story.incremental {
            return Ok(());
        }
        let high = found.iter().map(|row| row[1]).max().map(|high| high.to_string());
        let mark = target.marks.last().and_then(|mark| mark.watermarks.get("source"));
        let ledger = self.ledger.watermarks("p", "s").map_err(|e| e.to_string())?;
        if mark.map(|w| w.0.clone()) != high || ledger.get("source") != mark {
            return Err(format!("data {high:?}, mark {mark:?}, ledger {ledger:?}"));
        }
        Ok(())
    }
}

/// A full append adds one whole snapshot for each mark, and each run adds a snapshot once; the
/// newest one is there.
fn whole_copies(target: &Table, source: &[Row]) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    let mut copies = target.batches.chunks(3);
    for mark in &target.marks {
        let copy = rows(copies.next().ok_or("a mark without rows")?);
        let version = copy.first().map_or(0, |row| row[2]);
        let whole: Vec<Row> = source.iter().map(|row| [row[0], row[1], version]).collect();
        if copy != whole {
            return Err(format!("load {} is {copy:?}", mark.load));
        }
        let run = mark.load.as_str().split('-').next().map(str::to_owned);
        if !seen.insert((version, run)) {
            return Err(format!("load {} adds version {version} a second time", mark.load));
        }
    }
    if copies.next().is_some() {
        return Err("rows without a mark".to_owned());
    }
    match seen.last().map(|(version, _)| *version) == source.first().map(|row| row[2]) {
        true => Ok(()),
        false => Err(format!("the newest version is not among {seen:?}")),
    }
}

fn step(mode: Mode) -> LoadStep {
    LoadStep {
        sink: "s".into(),
        from: "source".into(),
        target: "memory target".into(),
        mode,
        allow_empty: false,
        schema: schema(),
        by_split_of: Some("source".into()),
        source_key: vec![],
        reads: vec!["source".into()],
        rejecting: vec![],
        splits: None,
        parts: None,
        part_bytes: None,
        rows: None,
        bytes: None,
        before: TargetSize::default(),
        fingerprint: "f".into(),
    }
}

fn settings() -> Settings {
    Settings {
        state: "unused".into(),
        limits: Limits { memory: 1 << 30, jobs: 2, spill: "unused".into(), spill_bytes: 0 },
        select: vec![],
        full_refresh: false,
        limit: None,
        tries: 1,
        retry_delay: Duration::ZERO,
        observers: Observers::default(),
        cancel: Cancel::default(),
    }
}

/// Rows straight from the snapshot, without SQL.
#[derive(Debug)]
struct Straight(Arc<dyn Snapshot>);

#[async_trait]
impl Rows for Straight {
    fn splits(&self) -> &[Split] {
        self.0.splits()
    }

    async fn open(
        &self,
        split: Option<&Split>,
        refuse: Arc<dyn Refuse>,
        _: Arc<dyn Meter>,
    ) -> Result<Vec<BatchStream>> {
        let want = Want { refuse, ..Want::default() };
        Ok(vec![self.0.read(split.unwrap(), &want).await?])
    }
}

/// What happens when a process passes its `at`-th point.
#[derive(Clone)]
struct Trap {
    at: usize,
    passed: Arc<AtomicUsize>,
    sprung: Arc<Notify>,
    then: Then,
}

#[derive(Clone)]
enum Then {
    /// It is never heard of again.
    Die,
    /// It sleeps until it is woken.
    Sleep(Arc<Notify>),
    /// The source moves on.
    Move(Arc<Site>),
}

impl Trap {
    fn new(at: usize, then: Then) -> Self {
        Trap { at, passed: Arc::default(), sprung: Arc::default(), then }
    }

    fn script(&self) -> Script {
        let trap = self.clone();
        Script::new(move |_| {
            let trap = trap.clone();
            async move {
                let number = trap.passed.fetch_add(1, Ordering::SeqCst) + 1;
                if number < trap.at || (number > trap.at && !matches!(trap.then, Then::Die)) {
                    return;
                }
                trap.sprung.notify_one();
                match &trap.then {
                    Then::Die => std::future::pending().await,
                    Then::Sleep(woken) => woken.notified().await,
                    Then::Move(site) => site.moves_on(),
                }
            }
            .boxed()
        })
    }
}

/// A process that dies at its `at`-th point; false when it lived.
async fn dies(site: &Arc<Site>, at: usize) -> bool {
    let trap = Trap::new(at, Then::Die);
    tokio::select! {
        biased;
        () = trap.sprung.notified() => true,
        _ = trap.script().scope(Arc::clone(site).process()) => false,
    }
}

/// A process that nobody disturbs must succeed, and its target must stand the oracle.
async fn clean(site: &Arc<Site>) -> Result<(), String> {
    Arc::clone(site).process().await.map_err(|e| e.report())?;
    site.verdict()
}

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

/// Kills at every pair of points, with a source that stands still or moves on after each death.
/// Returns how many processes died, or the first violation.
fn kill_twice(story: &Story, bugs: Bugs) -> Result<usize, String> {
    let mut deaths = 0;
    for moving in [false, true] {
        for first in 1.. {
            let mut lived = false;
            for second in 1.. {
                let site = Site::new(story, bugs);
                let died = block_on(async {
                    let one = dies(&site, first).await;
                    if one && moving {
                        site.moves_on();
                    }
                    let two = one && dies(&site, second).await;
                    if two && moving {
                        site.moves_on();
                    }
                    let at = format!("{story:?}, moving {moving}, killed at {first} and {second}");
                    clean(&site).await.map_err(|e| format!("{at}: {e}"))?;
                    Ok::<_, String>((one, two))
                })?;
                deaths += usize::from(died.0) + usize::from(died.1);
                lived = !died.0;
                if lived || !died.1 {
                    break;
                }
            }
            if lived {
                break;
            }
        }
    }
    Ok(deaths)
}

/// A process sleeps at each point while the source moves on and one or two successors run, then
/// wakes up and goes on as if nothing had happened.
fn sleep_through(story: &Story, bugs: Bugs) -> Result<usize, String> {
    let mut sleeps = 0;
    for successors in [1, 2] {
        for at in 1.. {
            let site = Site::new(story, bugs);
            let slept = block_on(async {
                let woken = Arc::new(Notify::new());
                let trap = Trap::new(at, Then::Sleep(Arc::clone(&woken)));
                let zombie = tokio::spawn(trap.script().scope(Arc::clone(&site).process()));
                tokio::select! {
                    biased;
                    () = trap.sprung.notified() => {}
                    () = finished(&zombie) => return Ok(false),
                }
                let place = format!("{story:?}, {successors} successors, asleep at {at}");
                for _ in 0..successors {
                    site.moves_on();
                    clean(&site).await.map_err(|e| format!("{place}, successor: {e}"))?;
                }
                woken.notify_one();
                // It may succeed, or find out that it was overtaken; it must do no harm.
                let _ = zombie.await.map_err(|e| format!("{place}: {e}"))?;
                clean(&site).await.map_err(|e| format!("{place}, afterwards: {e}"))?;
                Ok::<_, String>(true)
            })?;
            if !slept {
                break;
            }
            sleeps += 1;
        }
    }
    Ok(sleeps)
}

async fn finished<T>(task: &tokio::task::JoinHandle<T>) {
    while !task.is_finished() {
        tokio::task::yield_now().await;
    }
}

/// The source moves on while a process passes each of its points.
fn move_under(story: &Story, bugs: Bugs) -> Result<usize, String> {
    for at in 1.. {
        let site = Site::new(story, bugs);
        let moved = block_on(async {
            let trap = Trap::new(at, Then::Move(Arc::clone(&site)));
            let done = trap.script().scope(Arc::clone(&site).process()).await;
            let place = format!("{story:?}, source moved at {at}");
            done.map_err(|e| format!("{place}: {}", e.report()))?;
            clean(&site).await.map_err(|e| format!("{place}: {e}"))?;
            Ok::<_, String>(trap.passed.load(Ordering::SeqCst) >= at)
        })?;
        if !moved {
            return Ok(at);
        }
    }
    Ok(0)
}

/// Two processes run the load at once, each held up at random at each point; the source may move
/// between their beginnings, and one of them may die.
fn two_at_once(story: &Story, bugs: Bugs, seed: u64) -> Result<(), String> {
    let random = Arc::new(Mutex::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1));
    let below = move |n: u64| {
        let mut state = random.lock().unwrap();
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        *state % n
    };
    let site = Site::new(story, bugs);
    block_on(async {
        let held_up = |deadly: bool| {
            let (below, dead) = (below.clone(), Arc::new(AtomicUsize::new(0)));
            Script::new(move |_| {
                let (below, dead) = (below.clone(), Arc::clone(&dead));
                async move {
                    if deadly && (dead.load(Ordering::SeqCst) == 1 || below(25) == 0) {
                        dead.store(1, Ordering::SeqCst);
                        std::future::pending().await
                    }
                    for _ in 0..below(6) {
                        tokio::task::yield_now().await;
                    }
                }
                .boxed()
            })
        };
        let one = tokio::spawn(held_up(below(2) == 0).scope(Arc::clone(&site).process()));
        for _ in 0..below(60) {
            tokio::task::yield_now().await;
        }
        if below(2) == 0 {
            site.moves_on();
        }
        let two = held_up(false).scope(Arc::clone(&site).process()).await;
        let allowed = |kind| matches!(kind, Kind::Conflict | Kind::Unavailable);
        if let Err(error) = two
            && !allowed(error.kind())
        {
            return Err(error.report());
        }
        for _ in 0..200 {
            tokio::task::yield_now().await;
        }
        one.abort();
        clean(&site).await
    })
    .map_err(|e| format!("{story:?}, seed {seed}: {e}"))
}

#[test]
fn a_load_killed_at_any_pair_of_points_is_there_exactly_once() {
    let deaths: usize = stories().iter().map(|s| kill_twice(s, Bugs::default()).unwrap()).sum();
    assert!(deaths > 5_000, "{deaths}");
}

#[test]
fn a_process_that_slept_through_its_successors_does_no_harm() {
    let sleeps: usize = stories().iter().map(|s| sleep_through(s, Bugs::default()).unwrap()).sum();
    assert!(sleeps > 200, "{sleeps}");
}

#[test]
fn a_source_that_moves_during_a_load_is_read_as_it_was() {
    for story in stories() {
        assert!(move_under(&story, Bugs::default()).unwrap() > 15);
    }
}

#[test]
fn two_processes_at_once_load_every_row_once() {
    for seed in 0..500 {
        for story in stories() {
            two_at_once(&story, Bugs::default(), seed).unwrap();
        }
    }
}

/// The first violation that any of the tests above finds.
fn find_violation(bugs: Bugs) -> Option<String> {
    stories().iter().find_map(|story| {
        let tries = [kill_twice, sleep_through, move_under];
        let found = tries.iter().find_map(|attempt| attempt(story, bugs).err());
        found.or_else(|| (0..500).find_map(|seed| two_at_once(story, bugs, seed).err()))
    })
}

#[test]
fn every_planted_bug_is_found() {
    use memory::Planted::{LiveRows, NoMark, OwnWatermark, SharedPlace};
    use state::Planted::{MixSnapshots, NoFence, Republish};
    for bug in [NoMark, OwnWatermark, SharedPlace, LiveRows] {
        let found = find_violation(Bugs { store: Some(bug), ledger: None });
        assert!(found.is_some(), "nothing finds {bug:?}");
    }
    for bug in [NoFence, MixSnapshots, Republish] {
        let found = find_violation(Bugs { store: None, ledger: Some(bug) });
        assert!(found.is_some(), "nothing finds {bug:?}");
    }
    assert_eq!(find_violation(Bugs::default()), None);
}

/// Rows of two shards, one of which does not answer from its second split on.
#[derive(Debug)]
struct Shards {
    splits: Vec<Split>,
    eu_is_up: bool,
}

impl Shards {
    fn new(eu_is_up: bool) -> Self {
        let ids = ["eu/0", "eu/1", "eu/2", "us/0", "us/1", "us/2"];
        let splits = ids.map(|id| Split { id: id.into(), rows: None, bytes: None }).into();
        Shards { splits, eu_is_up }
    }
}

#[async_trait]
impl Rows for Shards {
    fn splits(&self) -> &[Split] {
        &self.splits
    }

    async fn open(
        &self,
        split: Option<&Split>,
        _: Arc<dyn Refuse>,
        _: Arc<dyn Meter>,
    ) -> Result<Vec<BatchStream>> {
        let at = self.splits.iter().position(|s| Some(s) == split).unwrap();
        if !self.eu_is_up && (1..3).contains(&at) {
            return Err(Error::unavailable("the server did not answer"));
        }
        let id = i64::try_from(at).unwrap();
        let batches = batches(&[[id, id, 0]]).into_iter().map(Ok);
        Ok(vec![futures::stream::iter(batches).boxed()])
    }
}

async fn load_shards(
    store: &Arc<Store>,
    ledger: &Arc<Ledger>,
    shards: Shards,
    part_bytes: Option<u64>,
) -> Result<LoadReport> {
    let run = ledger.begin_run("p", "run")?.id;
    let job = Job {
        pipeline: "p".into(),
        run,
        step: LoadStep { part_bytes, ..step(Mode::Append) },
        ledger: Arc::clone(ledger),
        sink: Arc::new(MemorySink::new(Arc::clone(store), "target")),
        rejects: Arc::new(MemorySink::new(Arc::clone(store), "rejects")),
        rejects_name: "rejects".into(),
        budget: Budget::new(Rejects::default(), crate::memory::unlimited()),
        snapshot: SnapshotId("s".into()),
        rows: Arc::new(shards),
        above: Watermarks::new(),
        high: Watermarks::new(),
        notes: vec![],
        late: vec![],
        settings: Settings { limits: Limits { jobs: 1, ..settings().limits }, ..settings() },
        tally: Arc::default(),
    };
    super::load::run(&Arc::new(job)).await
}

#[tokio::test]
async fn a_shard_that_fails_keeps_no_other_from_being_staged_and_is_named() {
    let store = Arc::new(Store::default());
    let ledger = Arc::new(Ledger::in_memory());
    let error = load_shards(&store, &ledger, Shards::new(false), None).await.unwrap_err();
    assert_eq!(error.places(), [("shard".to_owned(), "eu".to_owned())]);
    assert_eq!(error.others().len(), 0, "{}", error.report());
    assert!(store.table("target").is_none());

    let report = load_shards(&store, &ledger, Shards::new(true), None).await.unwrap();
    assert_eq!((report.parts, report.kept), (6, 4));
    let of_shards = [("eu".to_owned(), 3), ("us".to_owned(), 3)];
    assert_eq!(report.shards.into_iter().collect::<Vec<_>>(), of_shards);
    assert_eq!(rows(&store.table("target").unwrap().batches).len(), 6);
}

#[tokio::test]
async fn splits_that_go_into_one_part_are_all_read_and_the_part_is_kept_as_one() {
    let split = |at| Split { id: format!("us/{at:02}"), rows: None, bytes: Some(10) };
    let shards = |eu_is_up| Shards { splits: (0..32).map(split).collect(), eu_is_up };
    let store = Arc::new(Store::default());
    let ledger = Arc::new(Ledger::in_memory());
    // The second split fails, and with it the part of the first.
    assert!(load_shards(&store, &ledger, shards(false), Some(20)).await.is_err());

    let report = load_shards(&store, &ledger, shards(true), Some(20)).await.unwrap();
    assert_eq!((report.parts, report.kept, report.rows_written), (16, 0, 32));
    let ids: Vec<i64> =
        rows(&store.table("target").unwrap().batches).iter().map(|r| r[0]).collect();
    assert_eq!(ids, (0..32).collect::<Vec<_>>());
}
