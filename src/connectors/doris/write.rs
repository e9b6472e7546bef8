//! Writes one part: some requests, one after the other, each settled before the next.
//!
//! A request cannot be sent again, because its rows are gone when it fails: then the part is
//! written anew by whoever called, and requests that have arrived are found by their place.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures::SinkExt;
use futures::channel::mpsc;
use reqwest::Url;

use super::DorisSink;
use super::answer::{Failure, Verdict, verdict};
use super::encode::{Count, Rows};
use super::error_url;
use super::label::{self, Names};
use super::nodes::shortened;
use super::outcome::State;
use super::query::Session;
use super::quote::{identifier, literal};
use super::request;
use super::settle::{self, Known, Settled};
use super::stage::{self, PLACE, gone, place, token};
use super::table;
use crate::error::{Error, Kind, Result};
use crate::faults::point;
use crate::sink::nonce;
use crate::sink::{Load, Part, Receipt};

/// Chunks between the encoder and the wire.
const QUEUE: usize = 1;

/// Writes `part` into the stage.
pub(super) async fn write(sink: &DorisSink, load: &Load, part: Part) -> Result<Receipt> {
    let mut session = sink.session().await?;
    let names = sink.names(load);
    let stage = names.stage(load);
    let columns = stage::columns(&mut session, &stage).await?;
    let nonce = if load.repeatable { String::new() } else { nonce() };
    let of_part = label::place(load, &part.id, &nonce);
    let there = match load.repeatable {
        true => there(&mut session, &stage, &of_part).await?,
        false => BTreeMap::new(),
    };
    drop(session);
    let memory = sink.context.memory.reserve("rows for Doris");
    let rows = Rows::new(load, part, &columns, &sink.options, memory)?;
    let writing = Writing { sink, names, stage, of_part, is_repeatable: load.repeatable, rows };
    writing.all(&there).await
}

/// Requests of a part that have arrived, and the rows of each.
async fn there(session: &mut Session, stage: &str, of_part: &str) -> Result<BTreeMap<String, u64>> {
    let sql = format!(
        "select {place}, count(*) from {} where {place} like {} group by {place}",
        identifier(stage),
        literal(&format!("{of_part}%")),
        place = identifier(PLACE),
    );
    let mut there = BTreeMap::new();
    for row in session.rows("could not look for requests that have arrived", &sql).await? {
        if let [Some(place), Some(rows)] = row.as_slice() {
            let strange = |_| Error::unavailable("rows could not be counted");
            there.insert(place.clone(), rows.parse().map_err(strange)?);
        }
    }
    Ok(there)
}

struct Writing<'a> {
    sink: &'a DorisSink,
    names: Names,
    stage: String,
    /// The place of the part.
    of_part: String,
    is_repeatable: bool,
    rows: Rows,
}

impl Writing<'_> {
    async fn all(mut self, there: &BTreeMap<String, u64>) -> Result<Receipt> {
        let (mut total, mut requests) = (Count::default(), 0);
        loop {
            let place = place(&self.of_part, requests);
            let count = match there.get(&place) {
                Some(rows) => self.rows.pass(&place, *rows).await?,
                None => {
                    if !self.rows.begin(&place).await? {
                        break;
                    }
                    self.send(&place).await?
                }
            };
            total = Count { rows: total.rows + count.rows, bytes: total.bytes + count.bytes };
            requests += 1;
        }
        let token = token(&self.of_part, requests);
        let part = self.rows.part().to_owned();
        Ok(Receipt { part, rows: total.rows, bytes: total.bytes, token })
    }

    /// Sends one request and settles it.
    async fn send(&mut self, place: &str) -> Result<Count> {
        let sink = self.sink;
        let label = self.label(place).await?;
        let url = request::target(sink, &self.stage, &label).await?;
        let (sender, receiver) = mpsc::channel(QUEUE);
        point("doris.sending").await;
        let limit = sink.options.request_bytes;
        let fed = feed(&mut self.rows, place, limit, sender);
        let (answer, fed) = futures::join!(request::send(sink, &url, &label, receiver), fed);
        let is_complete = fed?;
        point("doris.sent").await;
        let count = self.rows.count();
        let sent = Sent { label: &label, place, count, is_complete };
        let found = match answer {
            Ok(answer) => verdict(answer.status, &answer.body, count.rows),
            Err(error) if error.kind() == Kind::Unavailable => {
                sink.nodes.look_again().await;
                Verdict::Unknown(shortened(&in_short(&error)))
            }
            Err(error) => return Err(error),
        };
        self.judge(found, &sent, &url).await?;
        point("doris.visible").await;
        Ok(count)
    }

    async fn judge(&mut self, found: Verdict, sent: &Sent<'_>, url: &Url) -> Result<()> {
        match found {
            // Rows that are committed are counted before they are published.
            Verdict::Loaded { visible: true } => Ok(()),
            Verdict::Loaded { visible: false } => {
                self.settle(sent, "committed, not yet seen").await
            }
            Verdict::LabelUsed(State::Visible) => self.settle(sent, "the label is taken").await,
            Verdict::LabelUsed(_) => self.settle(sent, "the label is in use").await,
            Verdict::Unknown(reason) => self.settle(sent, &reason).await,
            Verdict::Short(reason) => {
                self.take_back(sent).await?;
                Err(Error::data("the server did not load every row").at("it says", reason))
            }
            Verdict::Failed(failure) => Err(self.refused(failure, url).await),
        }
    }

    /// A label under which the rows of this place can be sent.
    async fn label(&mut self, place: &str) -> Result<String> {
        let mut attempt = 0;
        loop {
            let label = self.names.request(place, attempt);
            if !self.is_repeatable {
                return Ok(label);
            }
            // Somebody may have sent it before us. There are no rows of it, as was looked up: so
            // what has arrived was taken back since.
            match settle::label(self.sink, &label, Known::COUNTED).await? {
                Settled::Arrived if self.arrived(place).await? > 0 => {
                    return Err(Error::unavailable("another process writes this part")
                        .at("part", self.rows.part()));
                }
                Settled::Arrived => attempt += 1,
                Settled::Open | Settled::Forgotten | Settled::Lost => return Ok(label),
            }
        }
    }

    /// Finds out what became of a request.
    ///
    /// # Errors
    /// [`Kind::Unavailable`] when it has not arrived: the part has to be written again.
    async fn settle(&mut self, sent: &Sent<'_>, reason: &str) -> Result<()> {
        let known = Known { is_broken: !sent.is_complete, ..Known::COUNTED };
        let settled = settle::label(self.sink, sent.label, known).await?;
        let there = match settled {
            Settled::Open => 0,
            Settled::Arrived | Settled::Forgotten | Settled::Lost => {
                self.arrived(sent.place).await?
            }
        };
        point("doris.settled").await;
        match there {
            rows if rows == sent.count.rows => Ok(()),
            0 => Err(Error::unavailable("a part of the rows has not arrived").at("reason", reason)),
            rows if settled == Settled::Arrived => {
                // Another process has the label, and has cut its rows otherwise.
                Err(Error::unavailable("another process writes this part")
                    .at("sent", sent.count.rows)
                    .at("there", rows))
            }
            rows => {
                self.take_back(sent).await?;
                Err(Error::unavailable("the rows that arrived are not those that were sent")
                    .at("sent", sent.count.rows)
                    .at("there", rows))
            }
        }
    }

    /// Rows at a place, counted.
    async fn arrived(&mut self, place: &str) -> Result<u64> {
        let mut session = self.sink.session().await?;
        let condition = format!(" where {} = {}", identifier(PLACE), literal(place));
        match table::count(&mut session, &self.stage, &condition).await {
            Err(error) if table::is_missing(&error) => Err(gone(&self.stage)),
            counted => counted,
        }
    }

    async fn take_back(&mut self, sent: &Sent<'_>) -> Result<()> {
        let mut session = self.sink.session().await?;
        let sql = format!(
            "delete from {} where {} = {}",
            identifier(&self.stage),
            identifier(PLACE),
            literal(sent.place)
        );
        session.run("could not take back rows that are not whole", &sql).await
    }

    async fn refused(&mut self, failure: Failure, url: &Url) -> Error {
        let server = url.authority();
        if failure.is_denied {
            return Error::denied(format!("`{server}` does not accept user and password"))
                .at("it says", shortened(&failure.message))
                .hint("look at `user` and `password`, and at the privileges of the user");
        }
        let (kind, hint) = request::meaning(&failure.message);
        let error = Error::new(kind, format!("`{server}` refused a load"))
            .at("it says", shortened(&failure.message));
        let error = match hint {
            Some(hint) => error.hint(hint),
            None => error,
        };
        error_url::explained(self.sink, url, failure.error_url.as_deref(), error).await
    }
}

/// A request that was sent.
struct Sent<'a> {
    label: &'a str,
    place: &'a str,
    count: Count,
    /// Whether its whole body went out.
    is_complete: bool,
}

/// An error as the reason of another one.
fn in_short(error: &Error) -> String {
    match error.places().iter().find(|(what, _)| what == "reason") {
        Some((_, reason)) => format!("{}: {reason}", error.message()),
        None => error.message().to_owned(),
    }
}

/// Hands the chunks of a request on, as fast as they are taken; whether all of them were.
async fn feed(
    rows: &mut Rows,
    place: &str,
    limit: usize,
    mut sender: mpsc::Sender<Result<Bytes>>,
) -> Result<bool> {
    let mut is_first = true;
    loop {
        let chunk = match rows.chunk(place, limit).await {
            Ok(Some(chunk)) => chunk,
            Ok(None) => return Ok(true),
            Err(error) => {
                // A body that ends as if nothing had happened would be loaded.
                let _ = sender.send(Err(error.clone())).await;
                return Err(error);
            }
        };
        if sender.send(Ok(chunk)).await.is_err() {
            return Ok(false);
        }
        if std::mem::take(&mut is_first) {
            point("doris.half_sent").await;
        }
    }
}
