//! Opens a web server, whose files can be read one by one.

use std::sync::Arc;

use object_store::http::HttpBuilder;

use super::access::{Opened, Opening};
use super::client::patience;
use super::endpoint;
use crate::error::Result;

/// Opens the server.
pub(super) fn open(opening: &Opening<'_>) -> Result<Opened> {
    let root = opening.address.root();
    // The same rule as for endpoints: nothing goes over a network in clear text unasked.
    endpoint::parse(root, opening.said.allow_http).map_err(|error| error.at("endpoint", root))?;
    let built = HttpBuilder::new()
        .with_url(root)
        .with_retry(patience())
        .with_http_connector(opening.client.clone())
        .build()
        .map_err(|error| opening.refused(&error))?;
    Ok(Opened {
        objects: Arc::new(built),
        server: Opened::server(root),
        credentials: "none".to_owned(),
        ways: "none: a web server is asked without credentials",
    })
}
