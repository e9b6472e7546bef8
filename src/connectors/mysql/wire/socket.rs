//! The socket of a session: opened within a time, watched by keepalives.

use std::io;
use std::path::Path;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpStream, UnixStream, lookup_host};
use tokio::time::timeout;

use super::Result;
use super::login::{Host, Login};
use super::stream::Socket;
use crate::error::Error;

/// A server that has gone without a word is found after 15 s + 3 × 5 s.
const IDLE: Duration = Duration::from_secs(15);
const INTERVAL: Duration = Duration::from_secs(5);
const PROBES: u32 = 3;
/// What was sent and is not acknowledged for so long counts as lost.
const UNACKNOWLEDGED: Duration = Duration::from_secs(45);
/// Opens a socket to the server.
pub(super) async fn open(login: &Login) -> Result<Box<dyn Socket>> {
    match &login.host {
        Host::Tcp(name, port) => tcp(name, *port, login).await,
        Host::Socket(path) => unix(path, login).await,
    }
}

async fn unix(path: &Path, login: &Login) -> Result<Box<dyn Socket>> {
    let opened = UnixStream::connect(path).await;
    let stream = opened.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            let error = Error::unavailable("there is no socket of a server");
            error.hint("start the server, or correct the path in `socket`")
        }
        _ => refused(&error, login),
    });
    Ok(Box::new(stream.map_err(|error| error.at("socket", path.display()))?))
}

async fn tcp(name: &str, port: u16, login: &Login) -> Result<Box<dyn Socket>> {
    let addresses = lookup_host((name.to_owned(), port)).await.map_err(|error| {
        let message = format!("the host `{name}` is not known");
        let hint = "correct the host, or see to the DNS";
        Error::unavailable(message).at("system", error).hint(hint)
    })?;
    let mut failure = io::Error::from(io::ErrorKind::NotFound);
    for address in addresses {
        // A dead address gets half of the time, so that the one behind it still has a chance.
        let opened = timeout(login.connect_timeout / 2, TcpStream::connect(address)).await;
        match opened.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
            Ok(stream) => {
                watch(&stream).map_err(|error| refused(&error, login))?;
                return Ok(Box::new(stream));
            }
            Err(error) => failure = error,
        }
    }
    Err(refused(&failure, login).into())
}

fn watch(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    let keepalive = TcpKeepalive::new().with_time(IDLE).with_interval(INTERVAL);
    socket.set_tcp_keepalive(&keepalive.with_retries(PROBES))?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED))?;
    Ok(())
}

/// What it means that no socket could be opened.
pub(super) fn refused(error: &io::Error, login: &Login) -> Error {
    use io::ErrorKind::{ConnectionRefused, PermissionDenied, TimedOut};
    let server = &login.shown;
    match error.kind() {
        ConnectionRefused => Error::unavailable(format!("nothing listens at `{server}`"))
            .hint("start the server, or correct the host and the port; `wait_for` waits for it"),
        TimedOut => {
            let patience = login.connect_timeout;
            let error =
                Error::unavailable(format!("`{server}` did not answer within {patience:?}"));
            error.hint("correct the host, open the firewall, or raise `connect_timeout`")
        }
        PermissionDenied => Error::denied(format!("no permission to connect to `{server}`")),
        _ => Error::unavailable(format!("could not connect to `{server}`")),
    }
    .at("system", error)
}
