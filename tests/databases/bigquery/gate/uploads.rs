//! Uploads of data: multipart in one request, and resumable in chunks.
//!
//! The rules are those of Google's page on resumable uploads: every chunk but the last is a whole
//! number of 256 KiB, 308 with `Range` says how much is kept, and an empty PUT with
//! `Content-Range: bytes */…` asks for that, or for the answer that was missed.

use std::io::Write;

use flate2::write::MultiGzDecoder;
use serde_json::{Map, Value};

use super::answer::{Answer, Outcome, Refusal};
use super::contract;
use super::fault::Fault;
use super::server::Asked;
use super::world::World;

/// The unit of a chunk, in bytes.
pub(crate) const UNIT: usize = 262_144;

/// The data of a load job.
#[derive(Debug)]
pub(crate) enum Payload {
    Whole(Vec<u8>),
    /// Thrown away: the lines that there were, and the bytes that came.
    Counted {
        rows: u64,
        bytes: u64,
    },
}

/// An upload under way.
#[derive(Debug)]
pub(crate) struct Session {
    project: String,
    job: Map<String, Value>,
    /// `X-Upload-Content-Length`, if it was said.
    length: Option<usize>,
    kept: usize,
    data: Data,
    orders: Vec<Fault>,
    /// The last answer, when all is there.
    end: Option<Answer>,
    /// The status with which a script has ended the session.
    gone: Option<u16>,
}

#[derive(Debug)]
enum Data {
    Whole(Vec<u8>),
    Counted(Box<MultiGzDecoder<Lines>>),
    Plain(Lines),
}

/// Counts lines.
#[derive(Debug, Default)]
struct Lines(u64);

impl Write for Lines {
    fn write(&mut self, data: &[u8]) -> std::io::Result<usize> {
        self.0 += memchr::memchr_iter(b'\n', data).count() as u64;
        Ok(data.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Data {
    fn of(is_counting: bool, job: &Map<String, Value>) -> Self {
        let format = &job["configuration"]["load"]["sourceFormat"];
        match is_counting && format == "NEWLINE_DELIMITED_JSON" {
            true => Data::Plain(Lines::default()),
            false => Data::Whole(Vec::new()),
        }
    }

    /// `at` is how much came before.
    fn take(&mut self, at: usize, data: &[u8]) {
        if at == 0 && matches!(self, Data::Plain(_)) && data.starts_with(&[0x1f, 0x8b]) {
            *self = Data::Counted(Box::new(MultiGzDecoder::new(Lines::default())));
        }
        match self {
            Data::Whole(whole) => whole.extend_from_slice(data),
            Data::Plain(lines) => lines.write_all(data).expect("counting does not fail"),
            Data::Counted(decoder) => decoder.write_all(data).expect("whole gzip"),
        }
    }

    fn payload(self, bytes: usize) -> Payload {
        let bytes = bytes as u64;
        match self {
            Data::Whole(whole) => Payload::Whole(whole),
            Data::Plain(lines) => Payload::Counted { rows: lines.0, bytes },
            Data::Counted(decoder) => {
                let lines = decoder.finish().expect("whole gzip");
                Payload::Counted { rows: lines.0, bytes }
            }
        }
    }
}

impl World {
    /// One request with the job and the data.
    pub(crate) fn multipart(&mut self, asked: &Asked) -> Outcome {
        let kind =
            asked.headers.get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or("");
        let boundary = kind.split(';').find_map(|part| part.trim().strip_prefix("boundary="));
        let boundary = boundary.ok_or_else(|| Refusal::invalid("multipart without a boundary"))?;
        let parts = parts(&asked.body, boundary.trim_matches('"'));
        let [job, data] = parts.as_slice() else {
            return Err(Refusal::invalid(format!(
                "multipart with {} parts instead of two",
                parts.len()
            )));
        };
        let job = load_job(job)?;
        let mut kept = Data::of(self.settings.is_counting, &job);
        kept.take(0, data);
        self.insert_job(&asked.call.project, job, Some(kept.payload(data.len())), &asked.orders)
    }

    /// Opens a session: the answer's `Location` is where the data go.
    pub(crate) fn open_session(&mut self, asked: &Asked) -> Outcome {
        let job = load_job(&asked.body)?;
        let header = |name: &str| asked.headers.get(name).and_then(|value| value.to_str().ok());
        let length = header("x-upload-content-length").and_then(|length| length.parse().ok());
        let id = format!("gate{}", self.next());
        let project = asked.call.project.clone();
        let uri = format!(
            "{}/upload/bigquery/v2/projects/{project}/jobs?uploadType=resumable&upload_id={id}",
            self.url
        );
        let data = Data::of(self.settings.is_counting, &job);
        let orders = asked.orders.clone();
        let session =
            Session { project, job, length, kept: 0, data, orders, end: None, gone: None };
        self.sessions.insert(id.clone(), session);
        Ok(Answer::empty(200).with("location", &uri).with("x-guploader-uploadid", &id))
    }

    fn session(&mut self, asked: &Asked) -> Result<&mut Session, Answer> {
        let id = asked.call.get("upload_id").unwrap_or("");
        match self.sessions.get_mut(id) {
            Some(session) => match session.gone {
                Some(status) => Err(Answer::html(status)),
                None => Ok(session),
            },
            None => Err(Answer::html(404)),
        }
    }

    /// How much of an upload is there?
    pub(crate) fn ask(&mut self, asked: &Asked) -> Answer {
        if let Err(answer) = self.obey(asked) {
            return answer;
        }
        let range = asked.headers.get("content-range").and_then(|range| range.to_str().ok());
        let total = range.and_then(|range| range.strip_prefix("bytes */")?.parse::<usize>().ok());
        match self.session(asked) {
            Err(answer) => answer,
            // Whoever learns only now how much it was says so in this way.
            Ok(session) if session.end.is_none() && total == Some(session.kept) => {
                self.complete(asked)
            }
            Ok(session) => session.end.clone().unwrap_or_else(|| resume(session.kept)),
        }
    }

    /// The script ends sessions.
    fn obey(&mut self, asked: &Asked) -> Result<(), Answer> {
        let gone = asked.orders.iter().find_map(|order| match order {
            Fault::SessionGone(status) => Some(*status),
            _ => None,
        });
        if gone.is_some() {
            self.session(asked)?.gone = gone;
        }
        Ok(())
    }

    /// A chunk.
    pub(crate) fn put(&mut self, asked: &Asked) -> Answer {
        let complete = self.obey(asked).and_then(|()| self.session(asked)).and_then(|session| {
            if let Some(end) = &session.end {
                return Err(end.clone());
            }
            session.take(asked)
        });
        match complete {
            Err(answer) => answer,
            Ok(false) => resume(self.session(asked).map_or(0, |session| session.kept)),
            Ok(true) => self.complete(asked),
        }
    }

    fn complete(&mut self, asked: &Asked) -> Answer {
        let Ok(session) = self.session(asked) else { return Answer::html(404) };
        let data = std::mem::replace(&mut session.data, Data::Whole(Vec::new()));
        let (project, job) = (session.project.clone(), session.job.clone());
        let orders: Vec<Fault> = session.orders.iter().chain(&asked.orders).cloned().collect();
        let payload = data.payload(session.kept);
        let answer = self.insert_job(&project, job, Some(payload), &orders);
        let answer = answer.unwrap_or_else(|refusal| refusal.answer());
        if let Ok(session) = self.session(asked) {
            session.end = Some(answer.clone());
        }
        answer
    }

    /// Keeps what came of a chunk before its connection broke.
    pub(crate) fn keep(&mut self, asked: &Asked) {
        if let Ok(session) = self.session(asked)
            && let Ok(Range { begin, .. }) = Range::of(asked)
            && begin <= session.kept
        {
            let whole = asked.body.len() / UNIT * UNIT;
            session.extend(begin, &asked.body[..whole]);
        }
    }
}

/// What a chunk says of itself.
struct Range {
    begin: usize,
    total: Option<usize>,
}

impl Range {
    /// From `Content-Range: bytes a-b/total`; without one, the chunk is all there is.
    fn of(asked: &Asked) -> Result<Range, Answer> {
        let bad = |why: &str| Refusal::invalid(format!("Content-Range: {why}")).answer();
        let Some(header) = asked.headers.get("content-range") else {
            return Ok(Range { begin: 0, total: Some(asked.body.len()) });
        };
        let text = header.to_str().map_err(|_| bad("not text"))?;
        let range = text.strip_prefix("bytes ").and_then(|range| range.split_once('/'));
        let (range, total) = range.ok_or_else(|| bad(text))?;
        let (begin, end) = range.split_once('-').ok_or_else(|| bad(text))?;
        let (begin, end): (usize, usize) = match (begin.parse(), end.parse()) {
            (Ok(begin), Ok(end)) if begin <= end => (begin, end),
            _ => return Err(bad(text)),
        };
        if asked.is_whole && end + 1 - begin != asked.body.len() {
            return Err(bad(&format!("{text}, but {} bytes came", asked.body.len())));
        }
        let total = match total {
            "*" => None,
            total => Some(total.parse().map_err(|_| bad(text))?),
        };
        if total.is_some_and(|total| end >= total) {
            return Err(bad(text));
        }
        Ok(Range { begin, total })
    }
}

impl Session {
    /// Takes a whole chunk; answers whether all is there.
    fn take(&mut self, asked: &Asked) -> Result<bool, Answer> {
        let bad = |why: String| Refusal::invalid(why).answer();
        let Range { begin, total } = Range::of(asked)?;
        if begin > self.kept {
            return Err(bad(format!(
                "the chunk begins at {begin}, but only {} bytes are there",
                self.kept
            )));
        }
        let limit = asked.orders.iter().find_map(|order| match order {
            Fault::KeepOnly(bytes) => Some(*bytes / UNIT * UNIT),
            _ => None,
        });
        let data = &asked.body[..limit.unwrap_or(usize::MAX).min(asked.body.len())];
        let end = begin + asked.body.len();
        let is_last = total == Some(end);
        if !is_last && !asked.body.len().is_multiple_of(UNIT) {
            return Err(bad(format!(
                "a chunk of {} bytes is no multiple of 256 KiB and not the last one",
                asked.body.len()
            )));
        }
        if let (Some(said), Some(total)) = (self.length, total)
            && said != total
        {
            return Err(bad(format!("{said} bytes were announced, and now {total}")));
        }
        self.extend(begin, data);
        Ok(is_last && self.kept == end)
    }

    /// Adds what is not there yet.
    fn extend(&mut self, begin: usize, data: &[u8]) {
        let known = self.kept - begin;
        if let Some(new) = data.get(known..).filter(|new| !new.is_empty()) {
            self.data.take(self.kept, new);
            self.kept += new.len();
        }
    }
}

fn resume(kept: usize) -> Answer {
    let answer = Answer::empty(308);
    if kept == 0 { answer } else { answer.with("range", &format!("bytes=0-{}", kept - 1)) }
}

fn load_job(body: &[u8]) -> Outcome<Map<String, Value>> {
    let job = contract::parse("Job", body)?;
    match job.get("configuration").is_some_and(|configuration| configuration["load"].is_object()) {
        true => Ok(job),
        false => Err(Refusal::invalid("only load jobs have data")),
    }
}

/// The bodies of the parts.
fn parts<'a>(body: &'a [u8], boundary: &str) -> Vec<&'a [u8]> {
    let mark = format!("--{boundary}");
    let finder = memchr::memmem::Finder::new(mark.as_bytes());
    let at: Vec<usize> =
        finder.find_iter(body).filter(|at| *at == 0 || body[..*at].ends_with(b"\n")).collect();
    let parts = at.windows(2).map(|pair| &body[pair[0] + mark.len()..pair[1]]);
    parts
        .filter_map(|part| {
            let head = memchr::memmem::find(part, b"\r\n\r\n").map(|at| at + 4);
            let head = head.or_else(|| memchr::memmem::find(part, b"\n\n").map(|at| at + 2))?;
            let body = &part[head..];
            Some(body.strip_suffix(b"\r\n").or_else(|| body.strip_suffix(b"\n")).unwrap_or(body))
        })
        .collect()
}
