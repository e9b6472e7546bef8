//! Why a server left rows out: a text at an address that it names, of which the beginning is shown.

use std::time::Duration;

use reqwest::{Method, Url};

use super::DorisSink;
use super::nodes::{shortened, unsendable};
use super::redirect;
use crate::error::{Error, Result};

/// Lines that are shown.
const SHOWN: usize = 3;

/// How long the text may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Adds to `error` the first lines of the text at `address`, which the server at `from` has named.
/// Nobody is asked who is not known, and no password is sent along. What cannot be read is left out:
/// the error is told at any rate.
pub(super) async fn explained(
    sink: &DorisSink,
    from: &Url,
    address: Option<&str>,
    error: Error,
) -> Error {
    let Some(address) = address else { return error };
    match lines(sink, from, address).await {
        Ok(lines) => lines.into_iter().fold(error, |error, line| error.at("refused row", line)),
        Err(cause) => {
            tracing::debug!(%cause, "the reasons of the server cannot be read");
            error
        }
    }
}

async fn lines(sink: &DorisSink, from: &Url, address: &str) -> Result<Vec<String>> {
    let known = sink.nodes.trusted().await?;
    let url = redirect::follow(from, Some(address), &known)?;
    let http = sink.nodes.http().await?;
    let request = http.client().request(Method::GET, url).timeout(PATIENCE).build();
    let answer = http.send(request.map_err(unsendable)?).await?;
    if !answer.status.is_success() {
        return Err(Error::missing("there is no such text").at("status", answer.status));
    }
    let text = String::from_utf8_lossy(&answer.body);
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    Ok(lines.take(SHOWN).map(shortened).collect())
}
