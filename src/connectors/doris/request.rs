//! One Stream Load: where it is sent, with which headers, and its answer.

use bytes::Bytes;
use futures::Stream;
use reqwest::{Method, Url};

use super::DorisSink;
use super::answer::{Verdict, verdict};
use super::nodes::{circle, location, path_part, unsendable};
use super::options::Format;
use super::redirect::{self, HOPS};
use crate::error::{Error, Kind, Result};
use crate::network::http::{Answer, body};

/// The headers of a load under this label.
fn headers(sink: &DorisSink, label: &str) -> Vec<(&'static str, String)> {
    let options = &sink.options;
    let mut headers = vec![
        ("label", label.to_owned()),
        ("Expect", "100-continue".to_owned()),
        // A value that does not fit ends the load; it is never made NULL, nor its row left out.
        ("strict_mode", "true".to_owned()),
        ("max_filter_ratio", "0".to_owned()),
        ("timezone", "+00:00".to_owned()),
        ("timeout", options.timeout.as_secs().clamp(1, 259_200).to_string()),
    ];
    match options.format {
        Format::Json => {
            headers.push(("format", "json".to_owned()));
            headers.push(("read_json_by_line", "true".to_owned()));
            headers.push(("strip_outer_array", "false".to_owned()));
        }
        Format::Arrow => headers.push(("format", "arrow".to_owned())),
        Format::Parquet => headers.push(("format", "parquet".to_owned())),
    }
    match (options.gzip, options.cluster.starrocks) {
        (true, false) => headers.push(("compress_type", "gz".to_owned())),
        (true, true) => headers.push(("compression", "gzip".to_owned())),
        (false, _) => {}
    }
    if options.cluster.starrocks {
        headers.push(("ignore_json_size", "true".to_owned()));
    }
    headers
}

/// Where a load into `stage` is sent: straight to a back end that is alive, or else to where a
/// front end sends us.
pub(super) async fn target(sink: &DorisSink, stage: &str, label: &str) -> Result<Url> {
    let path =
        format!("/api/{}/{}/_stream_load", path_part(&sink.options.database), path_part(stage));
    if let Some(server) = sink.nodes.next_back_end().await? {
        return sink.nodes.url(&server, &path);
    }
    let mut last = Error::bug("there is no front end");
    for server in sink.nodes.front_ends() {
        match sent_on(sink, sink.nodes.url(server, &path)?, label).await {
            Ok(url) => return Ok(url),
            Err(error) if error.kind() == Kind::Unavailable => last = error,
            Err(error) => return Err(error),
        }
    }
    Err(last)
}

/// Where a front end sends a load. It is asked without a body: it never reads one.
async fn sent_on(sink: &DorisSink, mut url: Url, label: &str) -> Result<Url> {
    let known = sink.nodes.trusted().await?;
    let first = url.authority().to_owned();
    let mut headers = headers(sink, label);
    headers.push(("Content-Length", "0".to_owned()));
    for _ in 0..HOPS {
        let answer = sink.nodes.send(Method::PUT, url.clone(), &headers).await?;
        if !answer.status.is_redirection() {
            return Err(not_sent_on(&first, &answer));
        }
        let next = redirect::follow(&url, location(&answer), &known)?;
        if !is_front_end(sink, &url, &next) {
            return Ok(next);
        }
        url = next;
    }
    Err(circle(&first))
}

/// Whether the next server is a front end too: the same one with encryption, or another of ours.
fn is_front_end(sink: &DorisSink, from: &Url, next: &Url) -> bool {
    let is_same = from.host_str() == next.host_str() && from.scheme() != next.scheme();
    let place = (next.host_str(), next.port_or_known_default());
    let listed = sink
        .nodes
        .front_ends()
        .iter()
        .any(|server| place == (Some(server.host.as_str()), Some(server.port)));
    is_same || listed
}

fn not_sent_on(server: &str, answer: &Answer) -> Error {
    match verdict(answer.status, &answer.body, 0) {
        Verdict::Failed(failure) if failure.is_denied => {
            Error::denied(format!("`{server}` does not accept user and password"))
                .hint("look at `user` and `password`, and at the privileges of the user")
        }
        Verdict::Failed(failure) => Error::unavailable(format!("`{server}` takes no load"))
            .at("it says", super::nodes::shortened(&failure.message)),
        _ => Error::unavailable(format!("`{server}` did not say where to send a load"))
            .at("status", answer.status)
            .hint("something else than Doris may stand there: look at `fe`, or name `be`"),
    }
}

/// Sends a load and gives its answer.
///
/// # Errors
/// [`Kind::Unavailable`] when it is not known what became of it; the error of the body where that
/// failed.
pub(super) async fn send(
    sink: &DorisSink,
    url: &Url,
    label: &str,
    chunks: impl Stream<Item = Result<Bytes>> + Send + 'static,
) -> Result<Answer> {
    let http = sink.nodes.http().await?;
    let mut request = http.client().put(url.clone());
    for (name, value) in headers(sink, label) {
        request = request.header(name, value);
    }
    let request = sink.nodes.login.sign(request.body(body(chunks))).await?;
    http.send(request.build().map_err(unsendable)?).await
}

/// What is said when a load was refused.
pub(super) fn meaning(message: &str) -> (Kind, Option<&'static str>) {
    let lower = message.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    if has(&["e-235", "-235", "version count", "too many versions", "running txns"]) {
        return (
            Kind::Limit,
            Some(
                "the server takes fewer loads for now: use fewer `--jobs`, or a larger `request_bytes`",
            ),
        );
    }
    if has(&["mem_limit", "memory", "mem limit"]) {
        return (Kind::Limit, Some("the back end is out of memory: use a smaller `request_bytes`"));
    }
    if has(&["unknown table", "was dropped", "not found"]) {
        return (Kind::Conflict, Some("another process has taken over or given up this load"));
    }
    if has(&["timeout", "timed out", "cancelled", "rpc", "no backend", "not ready", "shutdown"]) {
        return (Kind::Unavailable, None);
    }
    if has(&["data_quality", "too many filtered rows"]) {
        return (Kind::Data, Some("the server minds values that should fit: please report it"));
    }
    (Kind::Data, None)
}
