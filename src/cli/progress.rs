//! Shows a run while it works: a bar per load on a terminal, otherwise a line per change of state.
//!
//! The observer notes events on a [`Board`], which takes no I/O; the thread of the screen looks
//! at the board ten times a second and draws.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::board::Board;
use super::screen::{Screen, write};
use crate::event::{Event, Observer};

/// How a board is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// A bar for each load.
    Bars,
    /// Plain lines; a load that works speaks once in this time.
    Lines(Duration),
}

/// The observer of a run that is shown; drawing ends when it is dropped.
#[derive(Debug)]
pub(super) struct Progress {
    board: Arc<Mutex<Board>>,
}

impl Progress {
    /// Draws on `screen` from now on, until [`Screen::hide`].
    pub(super) fn on(screen: &Screen, style: Style) -> Self {
        let board = Arc::new(Mutex::new(Board::default()));
        screen.show(Arc::clone(&board), style);
        Progress { board }
    }
}

impl Observer for Progress {
    fn on(&self, event: &Event) {
        locked(&self.board).apply(event, Instant::now());
    }
}

/// A board that only counts is right after every panic of somebody else.
fn locked(board: &Mutex<Board>) -> std::sync::MutexGuard<'_, Board> {
    board.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Draws a board; lives in the thread of the screen.
#[derive(Debug)]
pub(super) struct Painter {
    board: Arc<Mutex<Board>>,
    how: How,
}

#[derive(Debug)]
enum How {
    Bars(MultiProgress, Vec<(String, ProgressBar)>),
    Lines(Duration),
}

impl Painter {
    /// A painter that has drawn nothing yet.
    pub(super) fn new(board: Arc<Mutex<Board>>, style: Style) -> Self {
        let how = match style {
            Style::Bars => {
                let target = ProgressDrawTarget::stderr_with_hz(10);
                How::Bars(MultiProgress::with_draw_target(target), Vec::new())
            }
            Style::Lines(interval) => How::Lines(interval),
        };
        Painter { board, how }
    }

    /// Draws what has changed.
    pub(super) fn paint(&mut self) {
        match &mut self.how {
            How::Bars(all, bars) => paint_bars(&locked(&self.board), all, bars),
            How::Lines(interval) => {
                let news = locked(&self.board).news(Instant::now(), *interval);
                let time = jiff::Zoned::now().strftime("%H:%M:%S").to_string();
                news.iter().for_each(|line| write(format!("{time} {line}\n").as_bytes()));
            }
        }
    }

    /// Runs `write` while no bar is on the terminal.
    pub(super) fn beside(&self, write: impl FnOnce()) {
        match &self.how {
            How::Bars(all, _) => all.suspend(write),
            How::Lines(_) => write(),
        }
    }

    /// Draws a last time and lets the bars stand.
    pub(super) fn finish(mut self) {
        self.paint();
        if let How::Bars(_, bars) = &self.how {
            bars.iter().for_each(|(_, bar)| bar.abandon());
        }
    }
}

fn paint_bars(board: &Board, all: &MultiProgress, bars: &mut Vec<(String, ProgressBar)>) {
    let now = Instant::now();
    let width = board.loads().iter().map(|load| load.name.chars().count()).max().unwrap_or(0);
    for load in board.loads() {
        let known = bars.iter().position(|(name, _)| *name == load.name);
        let at = known.unwrap_or_else(|| {
            let bar = all.add(ProgressBar::new(1000).with_style(style()));
            bars.push((load.name.clone(), bar));
            bars.len() - 1
        });
        let bar = &bars[at].1;
        bar.set_prefix(format!("{:<width$}", load.name));
        bar.set_message(load.numbers(now));
        bar.set_position(load.thousandths());
    }
}

fn style() -> ProgressStyle {
    let style = ProgressStyle::with_template("{prefix}  {bar:24}  {wide_msg}");
    style.expect("the template is constant and right").progress_chars("━╸─")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_board_is_painted_without_a_terminal_and_without_a_panic() {
        for how in [Style::Bars, Style::Lines(Duration::ZERO)] {
            let board = Arc::new(Mutex::new(Board::default()));
            let observer = Progress { board: Arc::clone(&board) };
            observer.on(&Event::RowsRead { sink: "delays".into(), rows: 1, bytes: 8 });
            let mut painter = Painter::new(board, how);
            painter.paint();
            painter.finish();
        }
    }
}
