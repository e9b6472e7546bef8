//! Standard error: one thread writes everything there, so that nobody else ever waits for a slow
//! terminal, and log lines never run through a progress bar.

use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::board::Board;
use super::progress::{Painter, Style};
use crate::config::scrub_bytes;

/// Lines that wait for the terminal, at most; further log lines are counted and left out.
const QUEUE: usize = 4096;
/// Time between two looks at the board.
const TICK: Duration = Duration::from_millis(100);

/// A handle on standard error; clones share it.
#[derive(Debug, Clone)]
pub(super) struct Screen {
    queue: SyncSender<Message>,
    dropped: Arc<AtomicU64>,
}

#[derive(Debug)]
enum Message {
    Text(Vec<u8>),
    Show(Arc<Mutex<Board>>, Style),
    Hide,
    Flush(SyncSender<()>),
}

impl Screen {
    /// Starts the thread.
    pub(super) fn start() -> Self {
        let (queue, messages) = sync_channel(QUEUE);
        std::thread::spawn(move || work(&messages));
        Screen { queue, dropped: Arc::default() }
    }

    /// Writes a line, waiting for room in the queue.
    pub(super) fn line(&self, text: &str) {
        self.send(Message::Text(format!("{text}\n").into_bytes()));
    }

    /// Writes bytes if there is room in the queue; never waits.
    pub(super) fn log(&self, bytes: &[u8]) {
        if self.queue.try_send(Message::Text(bytes.to_vec())).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Draws `board` from now on.
    pub(super) fn show(&self, board: Arc<Mutex<Board>>, style: Style) {
        self.send(Message::Show(board, style));
    }

    /// Draws the board a last time and lets it stand.
    pub(super) fn hide(&self) {
        self.send(Message::Hide);
        self.flush();
    }

    /// Waits until everything so far is written.
    pub(super) fn flush(&self) {
        match self.dropped.swap(0, Ordering::Relaxed) {
            0 => {}
            lines => {
                self.line(&format!("warning: {lines} log lines were left out: too many at once"))
            }
        }
        let (done, written) = sync_channel(1);
        self.send(Message::Flush(done));
        // An error means that the thread is gone: then there is nothing to wait for.
        let _ = written.recv();
    }

    fn send(&self, message: Message) {
        // The thread ends only with the process; there is nobody to tell.
        let _ = self.queue.send(message);
    }
}

fn work(messages: &Receiver<Message>) {
    let mut painter: Option<Painter> = None;
    let mut looked = Instant::now();
    loop {
        let message = match messages.recv_timeout(TICK) {
            Ok(message) => Some(message),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        match message {
            Some(Message::Text(text)) => match &painter {
                Some(painter) => painter.beside(|| write(&text)),
                None => write(&text),
            },
            Some(Message::Show(board, style)) => painter = Some(Painter::new(board, style)),
            Some(Message::Hide) => {
                if let Some(painter) = painter.take() {
                    painter.finish();
                }
            }
            Some(Message::Flush(done)) => {
                // Whoever asked may have gone.
                let _ = done.send(());
            }
            None => {}
        }
        if looked.elapsed() >= TICK {
            looked = Instant::now();
            if let Some(painter) = &mut painter {
                painter.paint();
            }
        }
    }
}

/// Writes to standard error, without any secret; when that is closed there is nowhere left to
/// complain.
pub(super) fn write(text: &[u8]) {
    let _ = std::io::stderr().write_all(&scrub_bytes(text));
}
