//! The socket of a session.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};

use super::address::{Address, Host};
use crate::error::Result;
use crate::network::socket;

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
    let server = address.server();
    Ok(match &address.host {
        Host::Tcp(name) => Box::new(socket::tcp(name, address.port, &server, patience).await?),
        Host::Socket(folder) => {
            let path = folder.join(format!(".s.PGSQL.{}", address.port));
            let hint = "start the server, or correct the folder and the port";
            Box::new(socket::unix(&path, hint, &server, patience).await?)
        }
    })
}
