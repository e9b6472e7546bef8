//! The socket of a session: opened within a time, watched by keepalives.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use super::address::Address;
use crate::error::{Error, Result};

/// A server that has gone without a word is found after 15 s + 3 × 5 s.
const IDLE: Duration = Duration::from_secs(15);
const INTERVAL: Duration = Duration::from_secs(5);
const PROBES: u32 = 3;

/// Opens a socket to `address`; `patience` is for all its addresses together.
pub(super) async fn open(address: &Address, patience: Duration) -> Result<TcpStream> {
    let opened = timeout(patience, async {
        let found = lookup_host((address.host.clone(), address.port)).await;
        let found: Vec<_> = found.map_err(|error| unknown(address, &error))?.collect();
        let stream = first_to_answer(found, patience).await;
        stream.map_err(|error| refused(&error, address, patience))
    });
    let stream = opened.await;
    let stream =
        stream.map_err(|_| refused(&io::ErrorKind::TimedOut.into(), address, patience))??;
    watch(&stream).map_err(|error| refused(&error, address, patience))?;
    Ok(stream)
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
    let keepalive = TcpKeepalive::new().with_time(IDLE).with_interval(INTERVAL);
    SockRef::from(stream).set_tcp_keepalive(&keepalive.with_retries(PROBES))
}

fn unknown(address: &Address, error: &io::Error) -> Error {
    let message = format!("the host `{}` is not known", address.host);
    Error::unavailable(message).at("system", error).hint("correct the host, or see to the DNS")
}

fn refused(error: &io::Error, address: &Address, patience: Duration) -> Error {
    let server = address.server();
    match error.kind() {
        io::ErrorKind::ConnectionRefused => {
            Error::unavailable(format!("nothing listens at `{server}`"))
                .hint("start the server, or correct the host and the port; `wait_for` waits for it")
        }
        io::ErrorKind::TimedOut => {
            Error::unavailable(format!("`{server}` did not answer within {patience:?}"))
                .hint("correct the host, open the firewall, or raise `connect_timeout`")
        }
        _ => Error::unavailable(format!("could not connect to `{server}`")),
    }
    .at("system", error)
}
