//! The socket of a session.

use super::login::{Host, Login};
use super::stream::Socket;
use crate::error::Result;
use crate::network::socket;

/// Opens a socket to the server.
pub(super) async fn open(login: &Login) -> Result<Box<dyn Socket>> {
    let (server, patience) = (&login.shown, login.connect_timeout);
    Ok(match &login.host {
        Host::Tcp(name, port) => Box::new(socket::tcp(name, *port, server, patience).await?),
        Host::Socket(path) => {
            let hint = "start the server, or correct the path in `socket`";
            Box::new(socket::unix(path, hint, server, patience).await?)
        }
    })
}
