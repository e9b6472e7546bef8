//! The holder of a snapshot: keeps a transaction open while dhow is dead, so that the next dhow can
//! go on in it.
//!
//! It stays while somebody is connected to its socket. Once nobody is, it waits for its limit and
//! ends; it ends at once when it is told so, or when its session with the server has ended.

use std::path::Path;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::time::{sleep, timeout};
use tokio_postgres::Client;

use super::options;
use super::order::{Answer, Order};
use super::relation;
use super::sessions;
use crate::connectors::postgres::error;
use crate::connectors::postgres::server::Purpose;
use crate::error::{Error, Result};

/// What a client says to end the holder.
pub(in crate::connectors::postgres) const END: &str = "end\n";
/// How long whoever started it may take to connect.
const FIRST: Duration = Duration::from_secs(10);
/// How often the session is looked at.
const PULSE: Duration = Duration::from_secs(2);
/// How long the server may take to answer to that.
const SILENCE: Duration = Duration::from_secs(30);

/// Holds the snapshot of `order` until its end; `answer` is called once, when it is held or cannot
/// be.
///
/// # Errors
/// Why it cannot be held.
pub(in crate::connectors::postgres) async fn hold(
    order: Order,
    answer: impl FnOnce(Answer) + Send,
) -> Result<()> {
    let begun = async {
        let (client, exported) = enter(&order).await?;
        Ok((client, Door::open(&order)?, exported))
    };
    let (client, door) = match begun.await {
        Ok((client, door, exported)) => {
            answer(Answer::Held(exported));
            (client, door)
        }
        Err(error) => {
            answer(Answer::Failed(Error::message(&error).to_owned()));
            return Err(error);
        }
    };
    let asker = tokio::select! {
        asker = door.attend(order.limit) => asker,
        () = broken(&client) => None,
    };
    // Whoever asked for the end sees its connection close when everything is let go of.
    let _ = timeout(SILENCE, client.batch_execute("rollback")).await;
    drop((client, door, asker));
    Ok(())
}

/// A transaction in the snapshot of `order`, and a name by which it can be entered.
async fn enter(order: &Order) -> Result<(Client, String)> {
    let (wanted, _) = options::source(&order.options());
    let server = wanted.server.within(&order.base);
    let client = server.connect(Purpose::Read, "holder").await?;
    sessions::begin(&client, Some(&order.exported)).await?;
    if sessions::current_of(&client).await? != order.current {
        return Err(Error::bug("the holder of a snapshot sees another one"));
    }
    for sql in &order.locks {
        let done = client.query(sql, &[]).await;
        done.map_err(|e| error::of(&format!("could not lock `{}`", order.label), &e))?;
    }
    relation::unchanged(&client, &order.label).await?;
    let exported = sessions::export(&client).await?;
    Ok((client, exported))
}

/// Ends when the session does.
async fn broken(client: &Client) {
    loop {
        sleep(PULSE).await;
        let answered = timeout(SILENCE, client.batch_execute("")).await;
        if !matches!(answered, Ok(Ok(()))) {
            return;
        }
    }
}

/// The socket of a holder; its file goes with it.
#[derive(Debug)]
struct Door<'a> {
    listener: UnixListener,
    socket: &'a Path,
    owns_folder: bool,
}

impl<'a> Door<'a> {
    fn open(order: &'a Order) -> Result<Self> {
        let socket = order.socket.as_path();
        let listener = UnixListener::bind(socket);
        let listener = listener.map_err(|error| Error::io(&error, "listen on", socket))?;
        Ok(Door { listener, socket, owns_folder: order.owns_folder })
    }

    /// Waits for the end: the connection of whoever asked for it, or none when nobody was there for
    /// as long as `limit`.
    async fn attend(&self, limit: Duration) -> Option<UnixStream> {
        let mut clients = FuturesUnordered::new();
        let mut patience = limit.min(FIRST);
        loop {
            tokio::select! {
                accepted = self.listener.accept() => {
                    patience = limit;
                    clients.push(listen(accepted.ok()?.0));
                }
                Some(asker) = clients.next() => {
                    if asker.is_some() {
                        return asker;
                    }
                }
                () = sleep(patience), if clients.is_empty() => return None,
            }
        }
    }
}

impl Drop for Door<'_> {
    fn drop(&mut self) {
        // Whoever finds what is left here is refused, and knows by that.
        let _ = std::fs::remove_file(self.socket);
        if let (true, Some(folder)) = (self.owns_folder, self.socket.parent()) {
            let _ = std::fs::remove_dir(folder);
        }
    }
}

/// The connection, when its client asks for the end; nothing when it just goes.
async fn listen(client: UnixStream) -> Option<UnixStream> {
    let mut client = BufReader::new(client);
    let mut line = String::new();
    let mut first = (&mut client).take(64);
    let read = first.read_line(&mut line).await;
    (read.is_ok() && line == END).then(|| client.into_inner())
}
