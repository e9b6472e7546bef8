//! Where a store is, when it is not where its maker has it.

use reqwest::Url;

use crate::config::{Problem, Reader};
use crate::error::{Error, Result};
use crate::network::socket;

/// Another place for a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Endpoint {
    /// Scheme, host, port and path, without a slash at the end.
    pub(super) url: String,
    /// Whether it is on this machine.
    pub(super) is_local: bool,
}

/// Takes `endpoint` and `allow_http`.
pub(super) fn read(reader: &Reader<'_>) -> (Option<Endpoint>, bool) {
    let allow_http = reader.flag("allow_http", false);
    let Some(text) = reader.text("endpoint") else { return (None, allow_http) };
    match parse(&text, allow_http) {
        Ok(endpoint) => (Some(endpoint), allow_http),
        Err(error) => {
            reader.problem(Problem::told(&reader.place_of("endpoint"), &error));
            (None, allow_http)
        }
    }
}

/// The endpoint that `text` names.
///
/// # Errors
/// [`crate::error::Kind::Config`] for what is no URL, and for one over which keys would travel in
/// clear text.
pub(super) fn parse(text: &str, allow_http: bool) -> Result<Endpoint> {
    let wrong = |message: &str| {
        Error::config(message).hint("such as https://minio.example:9000 or http://localhost:9000")
    };
    let url = Url::parse(text).map_err(|_| wrong("`endpoint` is not a URL"))?;
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
        return Err(wrong("`endpoint` is more than scheme, host, port and path"));
    }
    let is_local = is_local(&url);
    match url.scheme() {
        "https" => {}
        "http" if is_local || allow_http => {}
        "http" => {
            return Err(Error::config("`endpoint` is on another machine and not encrypted")
                .hint("write https://, or `allow_http: true` where nobody can listen on the way"));
        }
        _ => return Err(wrong("`endpoint` is neither https:// nor http://")),
    }
    Ok(Endpoint { url: text.trim_end_matches('/').to_owned(), is_local })
}

/// Whether nobody can listen between us and it.
fn is_local(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    socket::is_local(host.trim_matches(['[', ']']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_never_travel_in_clear_text_unless_somebody_says_so() {
        let url = |text, allow| parse(text, allow).map(|e| e.url).map_err(|e| e.to_string());
        assert_eq!(url("http://127.0.0.1:9000/", false), Ok("http://127.0.0.1:9000".into()));
        assert_eq!(url("https://minio.example", false), Ok("https://minio.example".into()));
        assert_eq!(url("http://minio.example", true), Ok("http://minio.example".into()));
        let plain = "`endpoint` is on another machine and not encrypted";
        assert_eq!(url("http://minio.example", false), Err(plain.into()));
        assert_eq!(url("minio", true), Err("`endpoint` is not a URL".into()));
        let more = "`endpoint` is more than scheme, host, port and path";
        assert_eq!(url("https://k:s@minio", true), Err(more.into()));
        assert_eq!(url("ftp://m", true), Err("`endpoint` is neither https:// nor http://".into()));
    }
}
