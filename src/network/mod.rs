//! What every connector needs that talks to a server: whom to trust, where its password comes from,
//! sockets, waiting until it is ready, and requests over HTTP.

#[cfg(test)]
#[path = "../../tests/databases/authority.rs"]
pub(crate) mod authority;
mod certificate;
#[cfg(test)]
#[path = "../../tests/databases/front.rs"]
pub(crate) mod front;
pub mod http;
pub mod password;
pub mod pause;
pub mod socket;
pub mod tls;
pub mod wait;

pub use certificate::{refused, within};
