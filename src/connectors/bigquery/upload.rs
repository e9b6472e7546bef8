//! Sends the body of a load job: small ones in one request, others in pieces that the service
//! acknowledges, so that an upload goes on where it was interrupted.

use std::time::Duration;

use bytes::{Buf, Bytes};
use reqwest::header::{CONTENT_RANGE, CONTENT_TYPE, LOCATION, RANGE};
use reqwest::{Request, Url};
use serde_json::Value;
use tokio::sync::mpsc::Receiver;

use super::api::{Api, Said, built, said};
use super::failure::Refusal;
use crate::error::{Error, Kind, Result};
use crate::faults::point;
use crate::network::http::Answer;
use crate::network::pause::Pauses;
use crate::sink::nonce;

/// Bytes of a body that are sent at once, and kept until they are acknowledged.
pub(super) const CHUNK: usize = 8 * 1024 * 1024;
/// Every piece of an upload but the last is a multiple of this.
const UNIT: usize = 256 * 1024;
/// How often an upload may be interrupted without getting on.
const INTERRUPTIONS: u32 = 5;

/// A piece of a body.
#[derive(Debug)]
pub(super) enum Piece {
    /// [`CHUNK`] bytes; more follow.
    More(Bytes),
    /// Up to [`CHUNK`] bytes, at least one; none follow.
    Last(Bytes),
}

/// Starts the job `body` with what `first` and `rest` are together. `None` when the pieces end
/// early, because whoever makes them has failed; then there is no job.
///
/// # Errors
/// When it is not known what became of the upload: it can be asked whether there is a job.
pub(super) async fn upload(
    api: &Api,
    project: &str,
    body: &Value,
    first: Piece,
    rest: &mut Receiver<Piece>,
) -> Result<Option<Said>> {
    point("bq.uploading").await;
    match first {
        Piece::Last(data) => at_once(api, project, body, &data).await.map(Some),
        first => {
            let session = match open(api, project, body).await? {
                Ok(session) => session,
                Err(refusal) => return Ok(Some(Err(refusal))),
            };
            in_pieces(session, first, rest).await
        }
    }
}

/// One request of two parts: RFC 2387.
async fn at_once(api: &Api, project: &str, body: &Value, data: &[u8]) -> Result<Said> {
    let boundary = format!("dhow_{}", nonce());
    let mut sent = format!(
        "--{boundary}\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n{body}\r\n\
         --{boundary}\r\nContent-Type: application/octet-stream\r\n\r\n"
    )
    .into_bytes();
    sent.extend_from_slice(data);
    sent.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    let url = api.endpoint.upload(project, "multipart");
    let request = api.http.client().post(url);
    let request = request.header(CONTENT_TYPE, format!("multipart/related; boundary={boundary}"));
    Ok(said(&api.send(built(request.body(sent))?).await?))
}

/// Begins an upload; nothing of the job is there until all of its body is.
async fn open<'a>(api: &'a Api, project: &str, body: &Value) -> Result<Said<Session<'a>>> {
    let request = api.http.client().post(api.endpoint.upload(project, "resumable"));
    let request = request
        .header(CONTENT_TYPE, "application/json; charset=UTF-8")
        .header("X-Upload-Content-Type", "application/octet-stream");
    let answer = api.send(built(request.body(body.to_string()))?).await?;
    if !answer.status.is_success() {
        return Ok(Err(Refusal::of_answer(&answer)));
    }
    let url = answer.headers.get(LOCATION).and_then(|url| Url::parse(url.to_str().ok()?).ok());
    let Some(url) = url else {
        return Err(Error::unsupported("BigQuery did not say where to send an upload")
            .hint("something in front of it may change its answers"));
    };
    if !api.endpoint.is_same(&url) {
        return Err(Error::unsupported("an upload is to be sent to another server")
            .at("server", url.host_str().unwrap_or_default())
            .hint("something in front of BigQuery may change its answers"));
    }
    Ok(Ok(Session { api, url, at: 0, kept: Bytes::new() }))
}

async fn in_pieces(
    mut session: Session<'_>,
    first: Piece,
    rest: &mut Receiver<Piece>,
) -> Result<Option<Said>> {
    let mut piece = Some(first);
    loop {
        let (data, is_last) = match piece {
            None => return Ok(None),
            Some(Piece::More(data)) => (data, false),
            Some(Piece::Last(data)) => (data, true),
        };
        session.keep(data);
        if let Some(said) = session.send(is_last).await? {
            return Ok(Some(said));
        }
        point("bq.piece_sent").await;
        piece = rest.recv().await;
    }
}

/// An upload that is under way.
#[derive(Debug)]
struct Session<'a> {
    api: &'a Api,
    url: Url,
    /// Bytes that the service has acknowledged.
    at: u64,
    /// What follows them and has been encoded.
    kept: Bytes,
}

/// What became of a piece.
enum Sent {
    /// So many bytes of the whole body are stored.
    Stored(u64),
    /// The body is complete, or refused.
    Said(Said),
    /// It is not known.
    Lost(Error),
}

impl Session<'_> {
    fn keep(&mut self, data: Bytes) {
        if self.kept.is_empty() {
            self.kept = data;
        } else {
            self.kept = [&self.kept[..], &data[..]].concat().into();
        }
    }

    /// Sends what is kept, as far as pieces of a body go, until it is acknowledged; the job when
    /// the body is complete.
    async fn send(&mut self, is_last: bool) -> Result<Option<Said>> {
        let mut interruptions = 0;
        let mut pauses = Pauses::new(Duration::from_millis(50), Duration::from_secs(10));
        let mut is_asking = false;
        loop {
            let whole = self.kept.len() / UNIT * UNIT;
            let length = if is_last { self.kept.len() } else { whole };
            if length == 0 && !is_last {
                return Ok(None);
            }
            let before = self.at;
            let sent = if is_asking || length == 0 {
                self.put(&self.asked(is_last), Bytes::new()).await?
            } else {
                self.put(&self.range(length, is_last), self.kept.slice(..length)).await?
            };
            let lost = match sent {
                Sent::Said(said) => return Ok(Some(said)),
                Sent::Stored(stored) => {
                    self.acknowledge(stored)?;
                    if is_asking || self.at > before {
                        (is_asking, interruptions) =
                            (false, interruptions * u32::from(self.at == before));
                        continue;
                    }
                    Error::unavailable("an upload does not get on")
                }
                Sent::Lost(error) => error,
            };
            interruptions += 1;
            if interruptions > INTERRUPTIONS {
                return Err(lost.at("uploaded", format!("{} bytes", self.at)));
            }
            tracing::debug!(%lost, at = self.at, "an upload was interrupted");
            pauses.pause().await;
            is_asking = true;
        }
    }

    /// Which part of the body a piece is.
    fn range(&self, length: usize, is_last: bool) -> String {
        let end = self.at + u64::try_from(length).unwrap_or(u64::MAX);
        let total = if is_last { end.to_string() } else { "*".to_owned() };
        format!("bytes {}-{}/{total}", self.at, end.saturating_sub(1))
    }

    /// The question how much is stored.
    fn asked(&self, is_last: bool) -> String {
        let end = self.at + u64::try_from(self.kept.len()).unwrap_or(u64::MAX);
        if is_last { format!("bytes */{end}") } else { "bytes */*".to_owned() }
    }

    async fn put(&self, range: &str, data: Bytes) -> Result<Sent> {
        let request = self.api.http.client().put(self.url.clone());
        let request: Request = built(request.header(CONTENT_RANGE, range).body(data))?;
        match self.api.send(request).await {
            Ok(answer) => Ok(judged(&answer)),
            Err(error) if error.kind() == Kind::Unavailable => Ok(Sent::Lost(error)),
            Err(error) => Err(error),
        }
    }

    /// Forgets what is stored.
    fn acknowledge(&mut self, stored: u64) -> Result<()> {
        let more = stored.checked_sub(self.at).and_then(|more| usize::try_from(more).ok());
        match more.filter(|more| *more <= self.kept.len()) {
            Some(more) => {
                self.kept.advance(more);
                self.at = stored;
                Ok(())
            }
            // What was acknowledged once is gone, or what was never sent is there.
            None => Err(Error::unavailable("the service has lost a part of an upload")
                .at("acknowledged", format!("{} bytes", self.at))
                .at("stored", format!("{stored} bytes"))),
        }
    }
}

fn judged(answer: &Answer) -> Sent {
    match answer.status.as_u16() {
        308 => match stored(answer) {
            Some(stored) => Sent::Stored(stored),
            None => Sent::Lost(Error::unavailable("an upload was answered without sense")),
        },
        408 | 429 | 500..=599 => {
            Sent::Lost(Refusal::of_answer(answer).into_error("an upload was interrupted"))
        }
        404 | 410 => Sent::Said(Err(gone())),
        _ => Sent::Said(said(answer)),
    }
}

/// The session is no more: it may have been complete, or have been thrown away.
fn gone() -> Refusal {
    Refusal {
        status: 503,
        reason: "backendError".to_owned(),
        message: "the upload is no longer known".to_owned(),
        first: None,
        skew: None,
    }
}

/// The bytes that a 308 acknowledges: none without a range.
fn stored(answer: &Answer) -> Option<u64> {
    let Some(range) = answer.headers.get(RANGE) else { return Some(0) };
    let last = range.to_str().ok()?.strip_prefix("bytes=0-")?;
    last.parse::<u64>().ok()?.checked_add(1)
}

#[cfg(test)]
mod tests {
    use reqwest::StatusCode;
    use reqwest::header::HeaderMap;

    use super::*;

    fn answer(status: u16, range: Option<&str>) -> Answer {
        let mut headers = HeaderMap::new();
        if let Some(range) = range {
            headers.insert(RANGE, range.parse().unwrap());
        }
        Answer { status: StatusCode::from_u16(status).unwrap(), headers, body: Bytes::new() }
    }

    #[test]
    fn a_308_says_how_much_is_stored() {
        assert_eq!(stored(&answer(308, Some("bytes=0-262143"))), Some(262_144));
        assert_eq!(stored(&answer(308, None)), Some(0));
        assert_eq!(stored(&answer(308, Some("bytes=5-9"))), None);
        assert_eq!(stored(&answer(308, Some("bytes=0-18446744073709551615"))), None);
    }

    #[test]
    fn only_what_is_surely_refused_ends_an_upload() {
        let lost = |status| matches!(judged(&answer(status, None)), Sent::Lost(_));
        assert!([408, 429, 500, 502, 503, 504].into_iter().all(lost));
        assert!(![200, 400, 403, 404, 410].into_iter().any(lost));
        let Sent::Said(Err(gone)) = judged(&answer(410, None)) else { panic!("it is gone") };
        assert!(gone.is_unsettled());
    }
}
