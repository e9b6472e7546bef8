//! What tests order to go wrong, and at which request.

use std::fmt;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use tokio::sync::watch;

use super::answer::{Answer, Refusal};

/// Which requests are meant. The name of a call is that of Google's document, such as `tables.get`
/// or `jobs.insert`, and for uploads `upload.multipart`, `upload.open`, `upload.put` (a chunk) and
/// `upload.ask` (how much is there?); `token` and `metadata` give tokens.
#[derive(Debug, Clone)]
pub(crate) struct When {
    call: String,
    path: String,
    body: String,
    nth: u32,
    times: u32,
}

/// What happens to a request.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// The connection is closed, and the request has had no effect.
    LostBefore,
    /// The connection is closed, and the request has had its effect.
    LostAfter,
    /// This answer instead of the effect.
    Instead(Answer),
    /// The effect, and then this answer.
    Afterwards(Answer),
    /// The connection is reset after so many bytes of the request's body. What an upload had sent
    /// by then is kept, in whole units of 256 KiB.
    ResetAfter(usize),
    /// The effect; the answer breaks off after so many bytes of its body.
    Truncated(usize),
    /// An upload's chunk of which only so many bytes are kept: 308 with a smaller range.
    KeepOnly(usize),
    /// The session of the upload is gone: this status, now and ever after.
    SessionGone(u16),
    /// The answer comes this much later.
    Slow(Duration),
    /// The job that this request starts ends with this error, without effect.
    JobFails(Refusal),
    /// The job that this request starts is asked for so often before it is `DONE`.
    Pace { pending: u32, running: u32 },
    /// A test waits for this request and holds it, before or after the effect.
    Hold { signal: Signal, after: bool },
}

/// The gate's end of a [`Held`] request.
#[derive(Clone)]
pub(crate) struct Signal {
    arrived: Sender<()>,
    released: watch::Receiver<bool>,
}

/// A request that a test waits for. It goes on when released, or when this is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    arrived: Receiver<()>,
    release: watch::Sender<bool>,
}

/// A rule that waits for its requests.
#[derive(Debug)]
struct Rule {
    when: When,
    fault: Fault,
    seen: u32,
    fired: u32,
}

/// All orders of a test.
#[derive(Debug, Default)]
pub(crate) struct Script(Mutex<Vec<Rule>>);

impl When {
    /// Calls of this name, or all those whose name begins so.
    pub(crate) fn call(name: &str) -> Self {
        When { call: name.to_owned(), path: String::new(), body: String::new(), nth: 1, times: 1 }
    }

    /// Only those with this in path and query.
    pub(crate) fn path(mut self, part: &str) -> Self {
        part.clone_into(&mut self.path);
        self
    }

    /// Only those with this in the body.
    pub(crate) fn body(mut self, part: &str) -> Self {
        part.clone_into(&mut self.body);
        self
    }

    /// From the so-manyth on, counted from 1.
    pub(crate) fn nth(mut self, nth: u32) -> Self {
        self.nth = nth;
        self
    }

    /// So often in a row.
    pub(crate) fn times(mut self, times: u32) -> Self {
        self.times = times;
        self
    }

    /// Every time.
    pub(crate) fn always(self) -> Self {
        self.times(u32::MAX)
    }

    fn fits(&self, call: &str, path: &str, body: &[u8]) -> bool {
        call.starts_with(&self.call)
            && path.contains(&self.path)
            && (self.body.is_empty() || String::from_utf8_lossy(body).contains(&self.body))
    }
}

impl Fault {
    /// An error as Google's API gives it, instead of the effect.
    pub(crate) fn error(status: u16, reason: &str, message: &str) -> Self {
        Fault::Instead(Refusal::new(status, reason, message).answer())
    }

    /// 503, as a busy server says.
    pub(crate) fn unavailable() -> Self {
        Fault::error(
            503,
            "backendError",
            "Error encountered during execution. Retrying may solve the problem.",
        )
    }

    /// 403 `rateLimitExceeded`, which goes away soon.
    pub(crate) fn rate_limited() -> Self {
        let message = "Exceeded rate limits: too many api requests per user per method for this user_method. For more information, see https://cloud.google.com/bigquery/docs/troubleshoot-quotas";
        Fault::error(403, "rateLimitExceeded", message)
    }

    /// 403 `quotaExceeded`, which goes away tomorrow.
    pub(crate) fn quota_exceeded() -> Self {
        let message = "Quota exceeded: Your table exceeded quota for imports or query appends per table. For more information, see https://cloud.google.com/bigquery/docs/troubleshoot-quotas";
        Fault::error(403, "quotaExceeded", message)
    }

    /// 429 with `Retry-After`.
    pub(crate) fn too_many_requests(seconds: u32) -> Self {
        let refusal = Refusal::new(429, "rateLimitExceeded", "Too many requests");
        Fault::Instead(refusal.answer().with("retry-after", &seconds.to_string()))
    }

    /// 401, as for a token that has expired.
    pub(crate) fn expired_token() -> Self {
        Fault::Instead(super::oauth::unauthenticated())
    }

    /// A page of HTML.
    pub(crate) fn html(status: u16) -> Self {
        Fault::Instead(Answer::html(status))
    }

    /// The job never ends.
    pub(crate) fn for_ever() -> Self {
        Fault::Pace { pending: u32::MAX, running: 0 }
    }

    /// Whether it acts while the body is still on its way.
    fn is_of_body(&self) -> bool {
        matches!(self, Fault::ResetAfter(_))
    }
}

impl Script {
    pub(crate) fn order(&self, when: When, fault: Fault) {
        let rule = Rule { when, fault, seen: 0, fired: 0 };
        self.0.lock().expect("no thread panicked").push(rule);
    }

    /// A request that the test waits for.
    pub(crate) fn hold(&self, when: When, after: bool) -> Held {
        let (sender, arrived) = channel();
        let (release, released) = watch::channel(false);
        let signal = Signal { arrived: sender, released };
        self.order(when, Fault::Hold { signal, after });
        Held { arrived, release }
    }

    pub(crate) fn clear(&self) {
        self.0.lock().expect("no thread panicked").clear();
    }

    /// Orders that have not been carried out as often as they say, but for those without an end.
    pub(crate) fn open(&self) -> usize {
        let rules = self.0.lock().expect("no thread panicked");
        rules
            .iter()
            .filter(|rule| rule.when.times != u32::MAX && rule.fired < rule.when.times)
            .count()
    }

    /// What acts on the body of this request.
    pub(crate) fn of_body(&self, call: &str, path: &str) -> Option<Fault> {
        self.take(call, path, &[], true).pop()
    }

    /// What else happens to this request.
    pub(crate) fn of_whole(&self, call: &str, path: &str, body: &[u8]) -> Vec<Fault> {
        self.take(call, path, body, false)
    }

    fn take(&self, call: &str, path: &str, body: &[u8], of_body: bool) -> Vec<Fault> {
        let mut taken = Vec::new();
        let mut rules = self.0.lock().expect("no thread panicked");
        for rule in rules.iter_mut().filter(|rule| rule.fault.is_of_body() == of_body) {
            if !rule.when.fits(call, path, body) {
                continue;
            }
            rule.seen += 1;
            if rule.seen >= rule.when.nth && rule.fired < rule.when.times {
                rule.fired += 1;
                taken.push(rule.fault.clone());
            }
        }
        taken
    }
}

impl Signal {
    /// Says that the request is there and waits until it may go on.
    pub(crate) async fn wait(mut self) {
        let _ = self.arrived.send(());
        let _ = self.released.wait_for(|released| *released).await;
    }
}

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signal")
    }
}

impl Held {
    /// Waits until the request is there.
    pub(crate) fn wait(&self) {
        let arrived = self.arrived.recv_timeout(Duration::from_secs(60));
        arrived.expect("the request that the test waits for comes within a minute");
    }

    /// Lets the request go on.
    pub(crate) fn release(&self) {
        let _ = self.release.send(true);
    }
}
