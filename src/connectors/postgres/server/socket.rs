//! The socket of a session: opened within a time, watched by keepalives.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream, lookup_host};
use tokio::time::timeout;

use super::address::{Address, Host};
use crate::error::{Error, Result};

/// A server that has gone without a word is found after 15 s + 3 × 5 s.
const IDLE: Duration = Duration::from_secs(15);
const INTERVAL: Duration = Duration::from_secs(5);
const PROBES: u32 = 3;
/// What was sent and is not acknowledged for so long counts as lost.
const UNACKNOWLEDGED: Duration = Duration::from_secs(45);

/// Bytes to and from a server.
pub(in crate::connectors::postgres) trait Wire:
    AsyncRead + AsyncWrite + Unpin + Send
{
}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Wire for T {}

/// Opens a socket to `address`; `patience` is for all its addresses together.
pub(in crate::connectors::postgres) async fn open(
    address: &Address,
    patience: Duration,
) -> Result<Box<dyn Wire>> {
    match &address.host {
        Host::Socket(folder) => unix(folder, address, patience).await,
        Host::Tcp(name) => tcp(name, address, patience).await,
    }
}

async fn unix(folder: &Path, address: &Address, patience: Duration) -> Result<Box<dyn Wire>> {
    let path = folder.join(format!(".s.PGSQL.{}", address.port));
    let opened = timeout(patience, UnixStream::connect(&path)).await;
    let opened = opened.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
    let stream = opened.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            let error = Error::unavailable("there is no socket of a server");
            error.hint("start the server, or correct the folder and the port")
        }
        _ => refused(&error, address, patience),
    });
    let stream = stream.map_err(|error| error.at("socket", path.display()))?;
    Ok(Box::new(stream))
}

async fn tcp(name: &str, address: &Address, patience: Duration) -> Result<Box<dyn Wire>> {
    let found = timeout(patience, async {
        let addresses = lookup_host((name.to_owned(), address.port)).await;
        let addresses = addresses.map_err(|error| unknown(name, &error))?;
        let addresses: Vec<SocketAddr> = addresses.collect();
        first_to_answer(addresses, patience).await.map_err(|e| refused(&e, address, patience))
    });
    let found = found.await;
    let stream =
        found.map_err(|_| refused(&io::ErrorKind::TimedOut.into(), address, patience))??;
    watch(&stream).map_err(|error| refused(&error, address, patience))?;
    Ok(Box::new(stream))
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

fn refused(error: &io::Error, address: &Address, patience: Duration) -> Error {
    use io::ErrorKind::{ConnectionRefused, PermissionDenied, TimedOut};
    let server = address.server();
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
