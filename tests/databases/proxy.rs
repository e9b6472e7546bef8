//! Stands between dhow and a server on the loopback and does to their bytes what networks do:
//! latency, resets, black holes, cuts in the middle, and the answer to a COMMIT that gets lost.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// How often a thread that waits for bytes looks whether it should end.
const TICK: Duration = Duration::from_millis(10);

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// To the server.
    Up,
    /// From the server.
    Down,
}

/// What happens to bytes. Those that end a session happen once, to the first session that comes
/// to it; then everything passes again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// They pass.
    None,
    /// They pass late, each piece by so much.
    Latency(Duration),
    /// They are taken and dropped, while the session stays open.
    BlackHole,
    /// A session is closed when exactly so many bytes of it, from its beginning, have gone this way.
    Cut(Way, usize),
    /// After so many COMMITs that pass, the answer to one is dropped and the session closed; the
    /// server has committed by then.
    SwallowCommit(usize),
}

/// A proxy in front of a server; it ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Proxy {
    /// Where it listens on the loopback.
    pub(crate) port: u16,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    fault: Mutex<Fault>,
    /// Sessions of a number below this are over, by a reset.
    reset_below: AtomicUsize,
    sessions: AtomicUsize,
    fired: AtomicUsize,
    is_over: AtomicBool,
}

impl Proxy {
    /// A proxy that passes everything on to this port of the loopback, until told otherwise.
    pub(crate) fn to(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let shared = Arc::new(Shared {
            fault: Mutex::new(Fault::None),
            reset_below: AtomicUsize::new(0),
            sessions: AtomicUsize::new(0),
            fired: AtomicUsize::new(0),
            is_over: AtomicBool::new(false),
        });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || accept(&listener, server, &accepting));
        Proxy { port, shared }
    }

    /// Through it to a database of the server behind it, as `postgres` and without encryption.
    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// What happens from now on.
    pub(crate) fn set(&self, fault: Fault) {
        *self.shared.fault.lock().expect("nobody panics with it") = fault;
    }

    /// Ends all sessions that are open, with a reset and not with an end.
    pub(crate) fn reset(&self) {
        let sessions = self.shared.sessions.load(Ordering::SeqCst);
        self.shared.reset_below.store(sessions, Ordering::SeqCst);
    }

    /// How often a fault has ended a session: 1 after a cut or a swallowed COMMIT.
    pub(crate) fn fired(&self) -> usize {
        self.shared.fired.load(Ordering::SeqCst)
    }

    /// How many sessions have come so far.
    pub(crate) fn sessions(&self) -> usize {
        self.shared.sessions.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        self.reset();
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

impl Shared {
    fn fault(&self) -> Fault {
        *self.fault.lock().expect("nobody panics with it")
    }

    /// Whether `fault` is still to happen; then it is ours, and nobody else's.
    fn take(&self, fault: Fault) -> bool {
        let mut current = self.fault.lock().expect("nobody panics with it");
        let is_ours = *current == fault;
        if is_ours {
            *current = Fault::None;
            self.fired.fetch_add(1, Ordering::SeqCst);
        }
        is_ours
    }

    /// Counts a COMMIT; whether its answer is to be swallowed.
    fn swallows(&self) -> bool {
        let mut current = self.fault.lock().expect("nobody panics with it");
        match *current {
            Fault::SwallowCommit(0) => {
                *current = Fault::None;
                true
            }
            Fault::SwallowCommit(more) => {
                *current = Fault::SwallowCommit(more - 1);
                false
            }
            _ => false,
        }
    }
}

fn accept(listener: &TcpListener, server: u16, shared: &Arc<Shared>) {
    for client in listener.incoming() {
        if shared.is_over.load(Ordering::SeqCst) {
            return;
        }
        let (Ok(client), Ok(server)) = (client, TcpStream::connect(("127.0.0.1", server))) else {
            continue;
        };
        for stream in [&client, &server] {
            stream.set_nodelay(true).expect("a socket");
            stream.set_read_timeout(Some(TICK)).expect("a socket");
        }
        let session = Arc::new(Session {
            number: shared.sessions.fetch_add(1, Ordering::SeqCst),
            shared: Arc::clone(shared),
            client,
            server,
            swallowing: AtomicBool::new(false),
            is_closed: AtomicBool::new(false),
        });
        let up = Arc::clone(&session);
        thread::spawn(move || up.pump(Way::Up));
        thread::spawn(move || session.pump(Way::Down));
    }
}

struct Session {
    number: usize,
    shared: Arc<Shared>,
    client: TcpStream,
    server: TcpStream,
    /// A COMMIT is on its way up, and nothing comes down any more.
    swallowing: AtomicBool,
    is_closed: AtomicBool,
}

impl Session {
    /// Moves bytes one way until the session ends.
    fn pump(&self, way: Way) {
        let (mut from, to) = match way {
            Way::Up => (&self.client, &self.server),
            Way::Down => (&self.server, &self.client),
        };
        let (mut piece, mut sent, mut messages) = (vec![0; 64 * 1024], 0, Messages::default());
        while self.is_open() {
            let length = match from.read(&mut piece) {
                Ok(0) => break,
                Ok(length) => length,
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    continue;
                }
                Err(_) => break,
            };
            let piece = &piece[..length];
            if !self.is_open() {
                break;
            }
            // Noted before it goes up: the answer must not be faster than we are.
            if way == Way::Up && messages.feed(piece) > 0 && self.shared.swallows() {
                self.swallowing.store(true, Ordering::SeqCst);
            }
            if !self.pass(way, piece, &mut sent, to) {
                break;
            }
        }
        self.close();
    }

    fn is_open(&self) -> bool {
        if self.number < self.shared.reset_below.load(Ordering::SeqCst) {
            // Without this, the sockets would end in an orderly way when they are dropped.
            for stream in [&self.client, &self.server] {
                let _ = socket2::SockRef::from(stream).set_linger(Some(Duration::ZERO));
            }
            return false;
        }
        !self.is_closed.load(Ordering::SeqCst)
    }

    /// Passes a piece on as the fault of the moment has it; whether the session goes on.
    fn pass(&self, way: Way, piece: &[u8], sent: &mut usize, mut to: &TcpStream) -> bool {
        if way == Way::Down && self.swallowing.load(Ordering::SeqCst) {
            let is_done = piece.windows(7).any(|bytes| bytes == b"COMMIT\0");
            self.shared.fired.fetch_add(usize::from(is_done), Ordering::SeqCst);
            return !is_done;
        }
        let fault = self.shared.fault();
        match fault {
            Fault::BlackHole => return true,
            Fault::Latency(delay) => thread::sleep(delay),
            Fault::Cut(cut, after)
                if cut == way && (*sent..=*sent + piece.len()).contains(&after) =>
            {
                if self.shared.take(fault) {
                    let _ = to.write_all(&piece[..after.saturating_sub(*sent)]);
                    return false;
                }
            }
            Fault::None | Fault::Cut(..) | Fault::SwallowCommit(_) => {}
        }
        *sent += piece.len();
        to.write_all(piece).is_ok()
    }

    fn close(&self) {
        if !self.is_closed.swap(true, Ordering::SeqCst)
            && self.number >= self.shared.reset_below.load(Ordering::SeqCst)
        {
            let _ = self.client.shutdown(Shutdown::Both);
            let _ = self.server.shutdown(Shutdown::Both);
        }
    }
}

/// Reads what a client says, as far as COMMITs are concerned.
#[derive(Default)]
struct Messages {
    has_begun: bool,
    /// The beginning of a message: its kind, its length, and some of what follows.
    head: Vec<u8>,
    /// Bytes of the message that are still to come and say nothing.
    rest: usize,
    /// A COMMIT has been prepared, and waits to be executed.
    is_prepared: bool,
}

impl Messages {
    /// Statements are looked at so far.
    const LOOKED_AT: usize = 64;

    /// Takes the next bytes; how many COMMITs were complete in them.
    fn feed(&mut self, mut bytes: &[u8]) -> usize {
        let mut commits = 0;
        while !bytes.is_empty() {
            let skipped = self.rest.min(bytes.len());
            self.rest -= skipped;
            bytes = &bytes[skipped..];
            if self.rest > 0 {
                break;
            }
            if skipped > 0 {
                commits += usize::from(self.end());
                continue;
            }
            self.head.push(bytes[0]);
            bytes = &bytes[1..];
            let Some(total) = self.total() else { continue };
            let looked_at = total.min(Self::LOOKED_AT);
            if self.head.len() >= looked_at {
                self.rest = total - self.head.len();
                if self.rest == 0 {
                    commits += usize::from(self.end());
                }
            }
        }
        commits
    }

    /// The length of the message, when it is known. Before the session has begun there is no kind.
    fn total(&self) -> Option<usize> {
        let kind = usize::from(self.has_begun);
        let length = self.head.get(kind..kind + 4)?;
        let length = u32::from_be_bytes(length.try_into().ok()?);
        Some(kind + length as usize)
    }

    /// Whether the message that has just ended lets the server commit.
    fn end(&mut self) -> bool {
        let head = std::mem::take(&mut self.head);
        if !self.has_begun {
            // A request for encryption, which the server denies, is followed by the true beginning.
            self.has_begun = head.get(4..8) != Some(&80_877_103_u32.to_be_bytes());
            return false;
        }
        let text = String::from_utf8_lossy(head.get(5..).unwrap_or_default()).to_lowercase();
        match head[0] {
            b'Q' => text.trim_start().starts_with("commit"),
            b'P' => {
                let statement = text.split('\0').nth(1).unwrap_or_default();
                self.is_prepared = statement.trim_start().starts_with("commit");
                false
            }
            b'E' => std::mem::take(&mut self.is_prepared),
            _ => false,
        }
    }
}
