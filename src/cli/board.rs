//! What a run has done so far, load by load: events go in, lines of text come out. Pure.

use std::time::{Duration, Instant};

use super::show;
use crate::event::Event;

/// A run as it stands.
#[derive(Debug, Default)]
pub(super) struct Board {
    loads: Vec<Progress>,
    news: Vec<String>,
}

/// One load as it stands.
#[derive(Debug)]
pub(super) struct Progress {
    /// The sink's name.
    pub(super) name: String,
    parts: Option<u64>,
    kept: u64,
    staged: u64,
    rows_expected: Option<u64>,
    rows: u64,
    bytes: u64,
    refused: u64,
    last_part: Option<String>,
    begun: Instant,
    /// How it ended, in a word, and after how long.
    ended: Option<(&'static str, Duration)>,
    told: Option<Instant>,
    has_news: bool,
}

impl Board {
    /// Takes note of `event`, which happened at `now`.
    pub(super) fn apply(&mut self, event: &Event, now: Instant) {
        match event {
            Event::RunStarted { run, pipeline, resumed } => {
                let verb = if *resumed { "resumed" } else { "started" };
                self.news.push(format!("{pipeline} {verb} run={run}"));
            }
            Event::CheckFinished { check, rows, refused } => {
                self.news.push(format!("{check} checked rows={rows} refused={refused}"));
            }
            Event::RunFinished { run, succeeded, elapsed } => {
                let outcome = if *succeeded { "succeeded" } else { "failed" };
                let elapsed = show::duration(*elapsed);
                self.news.push(format!("run {outcome} run={run} elapsed={elapsed:?}"));
            }
            Event::LoadStarted { sink, load, parts, kept, rows, .. } => {
                let parts = parts.map(number);
                let shown = parts.map_or("unknown".to_owned(), |n| n.to_string());
                self.news.push(format!("{sink} started load={load} parts={shown} kept={kept}"));
                let load = Progress::new(sink, now);
                self.loads.retain(|other| other.name != *sink);
                let kept = number(*kept);
                self.loads.push(Progress { parts, kept, rows_expected: *rows, ..load });
            }
            Event::LoadStartedOver { sink, reason, .. } => {
                self.news.push(format!("{sink} started over reason={reason:?}"));
                self.load(sink, now).kept = 0;
            }
            Event::RowsRead { sink, rows, bytes } => self.load(sink, now).read(*rows, *bytes),
            Event::RowsWritten { .. } => {}
            Event::PartStaged { sink, part, .. } => self.load(sink, now).stage(part),
            Event::PartRetried { sink, part, attempt, error, .. } => {
                let news =
                    format!("{sink} tries again part={part} attempt={attempt} error={error:?}");
                self.news.push(news);
            }
            Event::RowsRefused { sink, rows, table } => {
                self.news.push(format!("{sink} refused rows={rows} table={table}"));
                let load = self.load(sink, now);
                load.refused = load.refused.saturating_add(*rows);
            }
            Event::LoadPublished { sink, mark, found } => {
                let verb = if *found { "was published before" } else { "published" };
                self.news.push(format!("{sink} {verb} rows={}", mark.rows));
                self.load(sink, now).end("done", now);
            }
            Event::LoadSkipped { sink, .. } => {
                self.news.push(format!("{sink} skipped: published before, and nothing changed"));
                self.load(sink, now).end("skipped", now);
            }
            Event::LoadFailed { sink, error } => {
                self.news.push(format!("{sink} failed error={error:?}"));
                self.load(sink, now).end("failed", now);
            }
        }
    }

    /// The loads, in the order in which they began.
    pub(super) fn loads(&self) -> &[Progress] {
        &self.loads
    }

    /// Lines for a log since the last call: changes of state, and for each load that works a line
    /// at most once in `interval`.
    pub(super) fn news(&mut self, now: Instant, interval: Duration) -> Vec<String> {
        let mut news = std::mem::take(&mut self.news);
        news.extend(self.loads.iter_mut().filter_map(|load| load.news(now, interval)));
        news
    }

    fn load(&mut self, sink: &str, now: Instant) -> &mut Progress {
        let at = self.loads.iter().position(|load| load.name == sink);
        let at = at.unwrap_or_else(|| {
            self.loads.push(Progress::new(sink, now));
            self.loads.len() - 1
        });
        &mut self.loads[at]
    }
}

impl Progress {
    fn new(sink: &str, now: Instant) -> Self {
        Progress {
            name: sink.to_owned(),
            parts: None,
            kept: 0,
            staged: 0,
            rows_expected: None,
            rows: 0,
            bytes: 0,
            refused: 0,
            last_part: None,
            begun: now,
            ended: None,
            told: None,
            has_news: false,
        }
    }

    fn read(&mut self, rows: u64, bytes: u64) {
        self.rows = self.rows.saturating_add(rows);
        self.bytes = self.bytes.saturating_add(bytes);
        self.has_news = true;
    }

    fn stage(&mut self, part: &str) {
        self.staged += 1;
        self.last_part = Some(part.to_owned());
        self.has_news = true;
    }

    fn end(&mut self, how: &'static str, now: Instant) {
        self.ended = Some((how, now.duration_since(self.begun)));
        self.has_news = false;
    }

    /// How much is done, in thousandths; rows count as long as no part is finished.
    pub(super) fn thousandths(&self) -> u64 {
        if matches!(self.ended, Some(("done" | "skipped", _))) {
            return 1000;
        }
        let by_rows = self.rows_expected.and_then(|all| part_of(self.rows, all)).unwrap_or(0);
        let done = self.kept + self.staged;
        let by_parts = self.parts.and_then(|all| part_of(done, all)).unwrap_or(0);
        by_rows.max(by_parts).min(999)
    }

    /// The numbers beside the bar. Bytes are those of the rows in memory.
    pub(super) fn numbers(&self, now: Instant) -> String {
        let parts = self.parts.map_or(String::new(), |all| {
            format!("{}/{all} parts", (self.kept + self.staged).min(all))
        });
        let rows = format!("{} rows", show::short_count(self.rows));
        let bytes = show::bytes(self.bytes);
        let elapsed = now.duration_since(self.begun);
        let end = match self.ended {
            Some((how, elapsed)) => format!("{how} in {}", show::duration(elapsed)),
            None => [self.rate(elapsed), self.left(elapsed)]
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
                .join("   "),
        };
        let refused = match self.refused {
            0 => String::new(),
            refused => format!("   {} refused", show::rows(refused)),
        };
        format!("{parts:>12}   {rows:>12}   {bytes:>9}   {end}{refused}").trim_end().to_owned()
    }

    fn rate(&self, elapsed: Duration) -> Option<String> {
        let rate = show::per_second(self.bytes, elapsed).filter(|rate| *rate > 0)?;
        Some(format!("{}/s", show::bytes(rate)))
    }

    /// Time left, once enough is done to tell.
    fn left(&self, elapsed: Duration) -> Option<String> {
        // What an earlier process did took none of our time.
        let kept = self.parts.and_then(|all| part_of(self.kept, all)).unwrap_or(0);
        let done = self.thousandths().checked_sub(kept).filter(|done| *done >= 20)?;
        let todo = 1000_u64.saturating_sub(self.thousandths());
        let millis = elapsed.as_millis() * u128::from(todo) / u128::from(done);
        let left = Duration::from_millis(u64::try_from(millis).ok()?);
        Some(format!("{} left", show::clock(left)))
    }

    fn news(&mut self, now: Instant, interval: Duration) -> Option<String> {
        let since = self.told.unwrap_or(self.begun);
        if !self.has_news || self.ended.is_some() || now.duration_since(since) < interval {
            return None;
        }
        self.told = Some(now);
        self.has_news = false;
        let verb = match self.last_part.take() {
            Some(part) => format!("staged part={part}"),
            None => "reads".to_owned(),
        };
        let done = self.kept + self.staged;
        let parts = self.parts.map_or(done.to_string(), |all| format!("{done}/{all}"));
        Some(format!("{} {verb} parts={parts} rows={} bytes={}", self.name, self.rows, self.bytes))
    }
}

/// `part` of `all` in thousandths; `None` of nothing.
fn part_of(part: u64, all: u64) -> Option<u64> {
    u64::try_from((u128::from(part) * 1000).checked_div(u128::from(all))?).ok()
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::Mark;

    fn started(parts: Option<usize>, kept: usize, rows: Option<u64>) -> Event {
        Event::LoadStarted {
            sink: "delays".into(),
            load: "l1".into(),
            parts,
            kept,
            rows,
            bytes: None,
        }
    }

    fn staged(part: &str) -> Event {
        Event::PartStaged { sink: "delays".into(), part: part.into(), rows: 10, bytes: 100 }
    }

    fn read(rows: u64) -> Event {
        Event::RowsRead { sink: "delays".into(), rows, bytes: rows * 1000 }
    }

    fn published() -> Event {
        let mark = Mark {
            load: "l1".parse().unwrap(),
            rows: 40,
            watermarks: Default::default(),
            at: "2026-11-21T00:00:00Z".into(),
        };
        Event::LoadPublished { sink: "delays".into(), mark, found: false }
    }

    #[test]
    fn a_load_is_measured_by_its_parts_and_its_time_left_by_what_we_did_ourselves() {
        let (mut board, begun) = (Board::default(), Instant::now());
        board.apply(&started(Some(4), 2, None), begun);
        board.apply(&read(1_000_000), begun);
        board.apply(&staged("p3"), begun);
        let load = &board.loads()[0];
        assert_eq!(load.thousandths(), 750);
        assert_eq!(
            load.numbers(begun + Duration::from_secs(10)),
            "   3/4 parts     1.0 M rows      1.0 GB   100.0 MB/s   0:10 left"
        );
        board.apply(&published(), begun + Duration::from_secs(12));
        let load = &board.loads()[0];
        assert_eq!(load.thousandths(), 1000);
        assert!(load.numbers(begun + Duration::from_secs(99)).ends_with("done in 12.0s"));
    }

    #[test]
    fn a_load_without_parts_is_measured_by_rows_and_is_never_full_before_its_end() {
        let (mut board, now) = (Board::default(), Instant::now());
        board.apply(&started(None, 0, Some(100)), now);
        board.apply(&read(25), now);
        assert_eq!(board.loads()[0].thousandths(), 250);
        board.apply(&read(500), now);
        assert_eq!(board.loads()[0].thousandths(), 999);
    }

    #[test]
    fn without_a_terminal_a_load_speaks_once_in_an_interval_and_at_every_change() {
        let (mut board, begun) = (Board::default(), Instant::now());
        let interval = Duration::from_secs(10);
        board.apply(&started(Some(4), 0, None), begun);
        board.apply(&staged("p1"), begun);
        assert_eq!(board.news(begun, interval), ["delays started load=l1 parts=4 kept=0"]);
        board.apply(&staged("p2"), begun);
        let later = begun + interval;
        let line = "delays staged part=p2 parts=2/4 rows=0 bytes=0";
        assert_eq!(board.news(later, interval), [line]);
        assert_eq!(board.news(later + interval, interval), Vec::<String>::new());
        board.apply(&published(), later);
        assert_eq!(board.news(later, interval), ["delays published rows=40"]);
    }
}
