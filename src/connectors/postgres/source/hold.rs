//! Has a process hold a snapshot beyond the life of this one, finds it again, and ends it.

use std::fmt;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::process::{Child, Command};
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::holder::END;
use super::order::{Answer, Order};
use crate::config::Options;
use crate::error::{Error, Result};

/// The command of dhow that is the holder.
const COMMAND: &str = "hold-snapshot";
/// How long a holder may take to begin, and to end.
const PATIENCE: Duration = Duration::from_secs(30);
/// Bytes that the path of a socket may have.
const LONGEST_PATH: usize = 100;

/// What a snapshot of a source needs to be held.
#[derive(Clone)]
pub(in crate::connectors::postgres) struct Holding {
    /// The options of the source, with its secrets.
    pub options: Options,
    /// The folder that relative paths in them start from.
    pub base: PathBuf,
    /// The folder of the sockets.
    pub state: PathBuf,
    /// Starts a holder.
    pub launch: Launch,
}

/// Starts a holder; gives its answer.
pub(in crate::connectors::postgres) type Launch = fn(Order) -> BoxFuture<'static, Result<Answer>>;

impl fmt::Debug for Holding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Holding({})", self.state.display())
    }
}

/// How a later process finds a snapshot that is held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::connectors::postgres) struct Held {
    /// Where the holder listens.
    pub socket: PathBuf,
    /// The name under which its transaction can be entered.
    pub exported: String,
    /// When the snapshot was made, by the clock of the server.
    pub at: String,
}

/// A connection to a holder, which stays as long as this one does.
#[derive(Debug)]
pub(in crate::connectors::postgres) struct Hold(Mutex<UnixStream>);

impl Hold {
    /// The holder of `held`, if it is still there.
    pub(in crate::connectors::postgres) async fn join(held: &Held) -> Option<Self> {
        match UnixStream::connect(&held.socket).await {
            Ok(stream) => Some(Hold(Mutex::new(stream))),
            Err(_) => {
                // A holder that was killed has left its socket.
                let _ = std::fs::remove_file(&held.socket);
                None
            }
        }
    }

    /// Ends the holder: its transaction is over when this returns.
    pub(in crate::connectors::postgres) async fn end(&self) {
        let mut stream = self.0.lock().await;
        let ended = timeout(PATIENCE, async {
            stream.write_all(END.as_bytes()).await?;
            stream.read_to_end(&mut Vec::new()).await
        });
        // One that does not answer is dead, or ends with its limit.
        let _ = ended.await;
    }
}

impl Holding {
    /// An absolute path for a socket that nobody else uses, and whether its folder is its own.
    pub(in crate::connectors::postgres) fn place(&self) -> Result<(PathBuf, bool)> {
        let now = jiff::Timestamp::now().as_nanosecond();
        let what = format!("{now} {} {:p}", std::process::id(), self);
        let hash = blake3::hash(what.as_bytes()).to_hex();
        let name = &hash[..12];
        let place = self.state.join(format!("hold-{name}.sock"));
        if place.as_os_str().len() <= LONGEST_PATH {
            return Ok((place, false));
        }
        let folder = std::env::temp_dir().join(format!("dhow-{name}"));
        let made = DirBuilder::new().mode(0o700).create(&folder);
        made.map_err(|error| Error::io(&error, "make", &folder))?;
        Ok((absolute(&folder)?.join("hold.sock"), true))
    }

    /// Starts the holder of `order` and connects to it.
    ///
    /// # Errors
    /// Why the snapshot cannot be held.
    pub(in crate::connectors::postgres) async fn start(
        &self,
        order: Order,
        at: String,
    ) -> Result<(Held, Hold)> {
        let socket = order.socket.clone();
        let own_folder = socket.parent().filter(|_| order.owns_folder).map(Path::to_owned);
        let answer = match (self.launch)(order).await {
            Ok(Answer::Failed(message)) => Err(Error::unavailable(message)),
            Ok(Answer::Held(exported)) => Ok(exported),
            Err(error) => Err(error),
        };
        if answer.is_err() {
            // The holder removes what it has begun to use.
            own_folder.map(std::fs::remove_dir);
        }
        let exported = answer?;
        let held = Held { socket, exported, at };
        let hold = Hold::join(&held).await.ok_or_else(silent)?;
        Ok((held, hold))
    }
}

/// `path` from the root: a holder works in another folder.
pub(in crate::connectors::postgres) fn absolute(path: &Path) -> Result<PathBuf> {
    let here = std::env::current_dir();
    let here = here.map_err(|error| Error::denied("there is no folder").at("system", error))?;
    Ok(here.join(path))
}

/// Starts a holder as a process of its own: in its own group, so that what ends this one does not
/// end it, with no file of ours but the pipes for order and answer.
pub(in crate::connectors::postgres) fn launch(order: Order) -> BoxFuture<'static, Result<Answer>> {
    async move {
        let mut child = spawn().map_err(|error| {
            Error::denied("a process for the snapshot cannot be started").at("system", error)
        })?;
        let answer = timeout(PATIENCE, ask(&mut child, &order)).await;
        let answer = answer.unwrap_or_else(|_| Err(silent()));
        if answer.is_err() {
            let _ = child.start_kill();
        }
        answer
    }
    .boxed()
}

fn spawn() -> std::io::Result<Child> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(COMMAND).current_dir("/").process_group(0);
    // They are flags for this process.
    let flags = std::env::vars_os().map(|(name, _)| name);
    for name in flags.filter(|name| name.to_string_lossy().starts_with("DHOW_")) {
        command.env_remove(name);
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()
}

fn silent() -> Error {
    Error::unavailable("the process for the snapshot does not answer")
}

/// Sends the order; gives the answer. Afterwards nothing connects us with the process but its
/// socket.
async fn ask(child: &mut Child, order: &Order) -> Result<Answer> {
    let broken = || Error::unavailable("the process for the snapshot ended before it began");
    let (Some(mut order_pipe), Some(answer_pipe)) = (child.stdin.take(), child.stdout.take())
    else {
        return Err(Error::bug("a process was started without pipes"));
    };
    let sent = order_pipe.write_all(order.line()?.as_bytes()).await;
    sent.map_err(|_| broken())?;
    drop(order_pipe);
    let mut line = String::new();
    let read = BufReader::new(answer_pipe).read_line(&mut line).await;
    read.map_err(|_| broken())?;
    Answer::read(&line).ok_or_else(broken)
}
