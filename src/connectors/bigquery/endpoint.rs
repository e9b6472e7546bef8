//! Where the service is: Google's, one that the user names, or an emulator.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Url;

use crate::config::{Problem, Reader};
use crate::error::{Error, Result};
use crate::network::socket;

/// Google's own.
const GOOGLE: &str = "https://bigquery.googleapis.com";
/// Names an emulator, as for Google's clients: `host:port` or a URL.
const EMULATOR: &str = "BIGQUERY_EMULATOR_HOST";

/// Where the service is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Endpoint {
    /// Scheme, host and port, without a slash at the end.
    root: String,
    /// Whether it asks who we are.
    pub asks_for_token: bool,
}

impl Endpoint {
    /// Whether the way there is not encrypted; then it is on this machine.
    pub(super) fn is_plain(&self) -> bool {
        self.root.starts_with("http://")
    }

    /// The URL of a call: `path` is a list of segments behind `projects`.
    pub(super) fn call(&self, path: &[&str]) -> String {
        format!("{}/bigquery/v2/projects/{}", self.root, segments(path))
    }

    /// The URL at which uploads of this project begin.
    pub(super) fn upload(&self, project: &str, kind: &str) -> String {
        let project = segments(&[project]);
        format!("{}/upload/bigquery/v2/projects/{project}/jobs?uploadType={kind}", self.root)
    }

    /// Whether a token may be sent to `url`, which the service has given us.
    pub(super) fn is_same(&self, url: &Url) -> bool {
        let Ok(own) = Url::parse(&self.root) else { return false };
        if own.origin() == url.origin() {
            return true;
        }
        // Google answers with the address of another of its own servers at times.
        let is_google = |url: &Url| {
            let host = url.host_str().unwrap_or_default();
            url.scheme() == "https" && host.ends_with(".googleapis.com")
        };
        is_google(&own) && is_google(url)
    }
}

/// What has no meaning of its own in a path.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

fn segments(path: &[&str]) -> String {
    let encoded = path.iter().map(|part| utf8_percent_encode(part, PLAIN).to_string());
    encoded.collect::<Vec<_>>().join("/")
}

/// `pairs` behind a question mark; nothing where there are none.
pub(super) fn query(pairs: &[(&str, &str)]) -> String {
    let encoded = |text: &str| utf8_percent_encode(text, PLAIN).to_string();
    let pairs = pairs.iter().map(|(key, value)| format!("{}={}", encoded(key), encoded(value)));
    let pairs = pairs.collect::<Vec<_>>().join("&");
    if pairs.is_empty() { pairs } else { format!("?{pairs}") }
}

/// Takes `endpoint`, or what the environment names.
pub(super) fn read(reader: &Reader<'_>, has_credentials: bool) -> Endpoint {
    let given = reader.text("endpoint");
    let emulator = std::env::var(EMULATOR).ok().filter(|host| !host.is_empty());
    match of(given.as_deref(), emulator.as_deref(), has_credentials) {
        Ok(endpoint) => endpoint,
        Err(error) => {
            let problem = Problem::new(&reader.place_of("endpoint"), error.message());
            reader.problem(problem.hint(error.advice().unwrap_or_default()));
            Endpoint { root: GOOGLE.to_owned(), asks_for_token: true }
        }
    }
}

fn of(given: Option<&str>, emulator: Option<&str>, has_credentials: bool) -> Result<Endpoint> {
    let (text, is_emulator) = match (given, emulator) {
        (Some(given), _) => (given.to_owned(), false),
        (None, Some(host)) if host.contains("://") => (host.to_owned(), true),
        (None, Some(host)) => (format!("http://{host}"), true),
        (None, None) => (GOOGLE.to_owned(), false),
    };
    let wrong =
        |message: &str| Error::config(message).hint("such as https://bigquery.googleapis.com");
    let url = Url::parse(&text).map_err(|_| wrong("`endpoint` is not a URL"))?;
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
        return Err(wrong("`endpoint` is more than scheme, host and port"));
    }
    let is_local = is_local(&url);
    match url.scheme() {
        "https" => {}
        "http" if is_local || is_emulator => {}
        "http" => {
            return Err(Error::config("`endpoint` is on another machine and not encrypted")
                .hint("write https://, because everything sent there could be read on the way"));
        }
        _ => return Err(wrong("`endpoint` is neither https:// nor http://")),
    }
    let asks_for_token = !is_emulator && (url.scheme() == "https" || has_credentials);
    Ok(Endpoint { root: text.trim_end_matches('/').to_owned(), asks_for_token })
}

/// Whether nobody can listen between us and it.
pub(super) fn is_local(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    socket::is_local(host.trim_matches(['[', ']']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_a_name_stays_in_its_segment() {
        let google = of(None, None, false).unwrap();
        let url = google.call(&["example.com:p", "datasets", "a/b?c", "tables", "t$2026 x"]);
        assert_eq!(
            url,
            "https://bigquery.googleapis.com/bigquery/v2/projects/example.com%3Ap/datasets/\
             a%2Fb%3Fc/tables/t%242026%20x"
        );
        assert_eq!(
            query(&[("location", "EU"), ("pageToken", "a&b=")]),
            "?location=EU&pageToken=a%26b%3D"
        );
        assert_eq!(query(&[]), "");
    }

    #[test]
    fn an_emulator_is_asked_without_credentials() {
        let read = |given, emulator, has| {
            of(given, emulator, has).map(|e| (e.root, e.asks_for_token)).map_err(|e| e.to_string())
        };
        let google = || Ok((GOOGLE.to_owned(), true));
        assert_eq!(read(None, None, false), google());
        assert_eq!(
            read(None, Some("emulator:9050"), true),
            Ok(("http://emulator:9050".into(), false))
        );
        assert_eq!(read(Some(GOOGLE), Some("emulator:9050"), false), google());
        let local = "http://127.0.0.1:9050/";
        assert_eq!(read(Some(local), None, false), Ok((local.trim_end_matches('/').into(), false)));
        assert_eq!(read(Some(local), None, true).map(|(_, asks)| asks), Ok(true));
        assert!(read(Some("http://example.com"), None, false).is_err());
        assert!(read(Some("https://u:p@example.com"), None, false).is_err());
        assert!(read(Some("ftp://example.com"), None, false).is_err());
    }

    #[test]
    fn a_token_goes_to_nobody_else() {
        let google = of(None, None, false).unwrap();
        let local = of(Some("http://127.0.0.1:90"), None, true).unwrap();
        let same = |endpoint: &Endpoint, url: &str| endpoint.is_same(&Url::parse(url).unwrap());
        assert!(same(&google, "https://bigquery.googleapis.com/upload/x"));
        assert!(same(&google, "https://www.googleapis.com/upload/x"));
        assert!(!same(&google, "http://bigquery.googleapis.com/upload/x"));
        assert!(!same(&google, "https://googleapis.com.evil.org/upload/x"));
        assert!(same(&local, "http://127.0.0.1:90/upload"));
        assert!(!same(&local, "http://127.0.0.1:91/upload"));
    }
}
