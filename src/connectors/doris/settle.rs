//! What became of something whose answer was lost: asked of the server, never guessed.

use reqwest::Method;

use super::DorisSink;
use super::nodes::path_part;
use super::outcome::{Doubt, State, Step, step};
use super::patience;
use super::redirect::{self, HOPS};
use crate::error::{Error, Kind, Result};

/// What a label says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Settled {
    /// The load is in its table.
    Arrived,
    /// It is not, and will not be unless it is sent again.
    Open,
    /// The server has never heard of it, or has forgotten: its rows have to be counted.
    Forgotten,
    /// The server may have forgotten it, and nothing else tells.
    Lost,
}

/// What is known about a label beside what the server says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known<'a> {
    /// A label that was used before this one: while the server remembers it, one that it does not
    /// know was never used. Without one, rows can be told from others and are counted.
    pub witness: Option<&'a str>,
    /// Whether it is certain that it cannot arrive any more unless it has already.
    pub is_broken: bool,
}

impl Known<'_> {
    /// Of a load whose rows can be counted.
    pub(super) const COUNTED: Known<'static> = Known { witness: None, is_broken: false };
}

/// Asks about a label until the answer is final.
///
/// # Errors
/// [`Kind::Unavailable`] when nobody answers, or when it is still running after all patience.
pub(super) async fn label(sink: &DorisSink, label: &str, known: Known<'_>) -> Result<Settled> {
    let mut pauses = patience::of(sink.options.timeout);
    let (mut waited, mut aborted) = (known.is_broken, false);
    loop {
        let state = sink.nodes.label_state(&sink.options.database, label).await?;
        let is_remembered = match (state, known.witness) {
            // Asked after the label: whatever is forgotten now, was known then.
            (State::Unknown, Some(witness)) => {
                let state = sink.nodes.label_state(&sink.options.database, witness).await?;
                matches!(state, State::Visible | State::Committed)
            }
            _ => false,
        };
        let doubt = Doubt { waited, has_evidence: known.witness.is_none(), is_remembered };
        match step(state, doubt) {
            Step::Done => return Ok(Settled::Arrived),
            Step::Send => return Ok(Settled::Open),
            Step::Count => return Ok(Settled::Forgotten),
            Step::Stop => return Ok(Settled::Lost),
            Step::Abort if !aborted => {
                aborted = true;
                abort(sink, label).await?;
            }
            Step::Wait | Step::Abort => {
                if !pauses.pause().await {
                    if aborted {
                        let error = Error::unavailable("a load is still running at the server");
                        return Err(error.at("label", label));
                    }
                    waited = true;
                    pauses = patience::of(sink.options.timeout);
                }
            }
        }
    }
}

/// Waits until the rows of a load that was taken are seen by everybody, for as long as one may take:
/// a table that is copied before would lose them.
pub(super) async fn visible(sink: &DorisSink, label: &str) -> Result<()> {
    let mut pauses = patience::of(sink.options.timeout);
    while sink.nodes.label_state(&sink.options.database, label).await? == State::Committed {
        if !pauses.pause().await {
            break;
        }
    }
    Ok(())
}

/// Ends a load that has not come to its end. Whether it did is asked afterwards, so no answer but
/// silence is an error.
async fn abort(sink: &DorisSink, label: &str) -> Result<()> {
    let path = format!("/api/{}/_stream_load_2pc", path_part(&sink.options.database));
    let headers = [
        ("label", label.to_owned()),
        ("txn_operation", "abort".to_owned()),
        ("Expect", "100-continue".to_owned()),
        ("Content-Length", "0".to_owned()),
    ];
    let known = sink.nodes.trusted().await?;
    let mut last = Ok(());
    for server in sink.nodes.front_ends() {
        let mut url = sink.nodes.url(server, &path)?;
        for _ in 0..HOPS {
            let answer = match sink.nodes.send(Method::PUT, url.clone(), &headers).await {
                Ok(answer) => answer,
                Err(error) if error.kind() == Kind::Unavailable => {
                    last = Err(error);
                    break;
                }
                Err(error) => return Err(error),
            };
            if !answer.status.is_redirection() {
                return Ok(());
            }
            url = redirect::follow(&url, super::nodes::location(&answer), &known)?;
        }
    }
    last
}
