//! What every connector needs that talks to a server: whom to trust, where its password comes from,
//! waiting until it is ready, and requests over HTTP.

mod certificate;
pub mod http;
pub mod password;
pub mod pause;
pub mod tls;
pub mod wait;

pub use certificate::refused;
