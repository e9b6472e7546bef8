//! Sockets to servers: opened within a time, watched by keepalives; and what it means that none
//! could be opened.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpStream, UnixStream, lookup_host};
use tokio::time::timeout;

use crate::error::{Error, Result};

/// A server that has gone without a word is found after 15 s + 3 × 5 s.
const IDLE: Duration = Duration::from_secs(15);
const INTERVAL: Duration = Duration::from_secs(5);
const PROBES: u32 = 3;
/// What was sent and is not acknowledged for so long counts as lost.
const UNACKNOWLEDGED: Duration = Duration::from_secs(45);

/// Whether nobody can listen between us and `host`, a name or an address without brackets.
pub fn is_local(host: &str) -> bool {
    let address = host.parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// A socket to `host`; `patience` is for all its addresses together. People know it as `server`.
///
/// # Errors
/// [`crate::error::Kind::Unavailable`] when nobody answers there, or what [`refused`] makes of it.
pub async fn tcp(host: &str, port: u16, server: &str, patience: Duration) -> Result<TcpStream> {
    let opened = timeout(patience, async {
        let found = lookup_host((host.to_owned(), port)).await;
        let found: Vec<_> = found.map_err(|error| unknown(host, &error))?.collect();
        first_to_answer(found, patience).await.map_err(|e| refused(&e, server, patience))
    });
    let opened = opened.await;
    let stream =
        opened.map_err(|_| refused(&io::ErrorKind::TimedOut.into(), server, patience))??;
    watch(&stream).map_err(|error| refused(&error, server, patience))?;
    Ok(stream)
}

/// The Unix socket at `path`; `hint` says what to do when there is none.
///
/// # Errors
/// As for [`tcp`].
pub async fn unix(path: &Path, hint: &str, server: &str, patience: Duration) -> Result<UnixStream> {
    let opened = timeout(patience, UnixStream::connect(path)).await;
    let opened = opened.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
    let stream = opened.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Error::unavailable("there is no socket of a server").hint(hint),
        _ => refused(&error, server, patience),
    });
    stream.map_err(|error| error.at("socket", path.display()))
}

/// A dead address gets half of the time, so that the one behind it still has a chance.
async fn first_to_answer(addresses: Vec<SocketAddr>, patience: Duration) -> io::Result<TcpStream> {
    let mut failure = io::Error::from(io::ErrorKind::NotFound);
    for address in addresses {
        match timeout(patience / 2, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => failure = error,
            Err(_) => failure = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(failure)
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

fn unknown(name: &str, error: &io::Error) -> Error {
    let message = format!("the host `{name}` is not known");
    Error::unavailable(message).at("system", error).hint("correct the host, or see to the DNS")
}

/// What it means that no socket to `server` could be opened within `patience`.
pub fn refused(error: &io::Error, server: &str, patience: Duration) -> Error {
    use io::ErrorKind::{ConnectionRefused, PermissionDenied, TimedOut};
    match error.kind() {
        ConnectionRefused => Error::unavailable(format!("nothing listens at `{server}`"))
            .hint("start the server, or correct the host and the port; `wait_for` waits for it"),
        TimedOut => {
            let message = format!("`{server}` did not answer within {patience:?}");
            let error = Error::unavailable(message);
            error.hint("correct the host, open the firewall, or raise `connect_timeout`")
        }
        PermissionDenied => Error::denied(format!("no permission to connect to `{server}`")),
        _ => Error::unavailable(format!("could not connect to `{server}`")),
    }
    .at("system", error)
}
