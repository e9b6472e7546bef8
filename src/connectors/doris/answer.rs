//! What a back end says to a stream load, and whether to believe it.
//!
//! Failure is told with status 200 as well, so only the body counts; and success counts only when
//! every row was loaded. What is cut off or is no JSON tells nothing: whoever sent the load has to
//! ask for its label.

use bytes::Bytes;
use reqwest::StatusCode;
use serde::Deserialize;

use super::outcome::State;

/// What an answer means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Every row is loaded; whether everybody sees them yet.
    Loaded {
        /// Whether they are seen.
        visible: bool,
    },
    /// The label belongs to another load, which is in this state.
    LabelUsed(State),
    /// It was loaded, but not as it was sent: some rows are missing, or there are more.
    Short(String),
    /// Nothing was loaded, for certain.
    Failed(Failure),
    /// It is not known whether anything was loaded, for this reason.
    Unknown(String),
}

/// Why nothing was loaded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Failure {
    /// What the server says.
    pub message: String,
    /// Where it tells which rows it minds.
    pub error_url: Option<String>,
    /// Whether user or password are wrong, or something is not allowed.
    pub is_denied: bool,
}

/// The answer of a back end; the fields in lower case are those of a front end.
#[derive(Debug, Deserialize)]
struct Said {
    #[serde(rename = "Status", alias = "status")]
    status: Option<String>,
    #[serde(rename = "ExistingJobStatus")]
    existing: Option<String>,
    #[serde(rename = "Message", alias = "msg")]
    message: Option<String>,
    code: Option<i64>,
    #[serde(rename = "NumberTotalRows")]
    total: Option<u64>,
    #[serde(rename = "NumberLoadedRows")]
    loaded: Option<u64>,
    #[serde(rename = "NumberFilteredRows")]
    filtered: Option<u64>,
    #[serde(rename = "NumberUnselectedRows")]
    unselected: Option<u64>,
    #[serde(rename = "ErrorURL")]
    error_url: Option<String>,
}

/// What the answer to a load of `sent` rows means.
pub(super) fn verdict(status: StatusCode, body: &Bytes, sent: u64) -> Verdict {
    if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
        let message = format!("status {status}");
        return Verdict::Failed(Failure { message, is_denied: true, ..Failure::default() });
    }
    let Ok(said) = serde_json::from_slice::<Said>(body) else {
        let what = if looks_like_html(body) { "a page of HTML" } else { "no JSON" };
        return Verdict::Unknown(format!("{what}, with status {status}"));
    };
    match (status, said.status.as_deref()) {
        (StatusCode::OK, Some("Success" | "OK")) => said.loaded(sent, true),
        (StatusCode::OK, Some("Publish Timeout")) => said.loaded(sent, false),
        (StatusCode::OK, Some("Label Already Exists")) => Verdict::LabelUsed(said.existing()),
        (StatusCode::OK, Some("Fail" | "FAILED")) => Verdict::Failed(said.failure()),
        (StatusCode::OK, None) if said.code.is_some_and(|code| code != 0) => {
            Verdict::Failed(said.failure())
        }
        (_, word) => {
            Verdict::Unknown(format!("status {status}, {}", word.unwrap_or("no word of success")))
        }
    }
}

impl Said {
    fn loaded(&self, sent: u64, visible: bool) -> Verdict {
        let (Some(_), Some(_)) = (self.total, self.loaded) else {
            return Verdict::Unknown("success, without the number of rows".to_owned());
        };
        let is_whole = self.total == Some(sent)
            && self.loaded == Some(sent)
            && self.filtered.unwrap_or(0) == 0
            && self.unselected.unwrap_or(0) == 0;
        if is_whole {
            return Verdict::Loaded { visible };
        }
        let shown = |count: Option<u64>| count.map_or("?".to_owned(), |count| count.to_string());
        Verdict::Short(format!(
            "of {sent} rows sent it saw {}, loaded {}, filtered {} and left out {}",
            shown(self.total),
            shown(self.loaded),
            shown(self.filtered),
            shown(self.unselected),
        ))
    }

    fn existing(&self) -> State {
        match self.existing.as_deref() {
            Some("FINISHED") => State::Visible,
            Some("PRECOMMITTED") => State::Precommitted,
            _ => State::Prepare,
        }
    }

    fn failure(self) -> Failure {
        let message = self.message.unwrap_or_else(|| "no reason given".to_owned());
        let words = ["Access denied", "NOT_AUTHORIZED", "Unauthorized", "denied for user"];
        let is_denied =
            matches!(self.code, Some(401 | 403)) || words.iter().any(|word| message.contains(word));
        Failure { message, error_url: self.error_url.filter(|url| !url.is_empty()), is_denied }
    }
}

/// Whether somebody else's page has come in place of an answer.
pub(super) fn looks_like_html(body: &[u8]) -> bool {
    let begin = body.iter().find(|byte| !byte.is_ascii_whitespace());
    begin == Some(&b'<')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(body: &str, sent: u64) -> Verdict {
        verdict(StatusCode::OK, &Bytes::from(body.to_owned()), sent)
    }

    fn said(status: &str, total: u64, loaded: u64, filtered: u64) -> String {
        format!(
            r#"{{"TxnId": 1, "Status": "{status}", "Message": "OK", "NumberTotalRows": {total},
                "NumberLoadedRows": {loaded}, "NumberFilteredRows": {filtered},
                "NumberUnselectedRows": 0}}"#
        )
    }

    #[test]
    fn success_is_believed_when_every_row_is_counted() {
        assert_eq!(of(&said("Success", 3, 3, 0), 3), Verdict::Loaded { visible: true });
        assert_eq!(of(&said("Publish Timeout", 3, 3, 0), 3), Verdict::Loaded { visible: false });
        for (total, loaded, filtered) in [(2, 2, 0), (3, 2, 1), (3, 3, 1), (4, 4, 0)] {
            let found = of(&said("Success", total, loaded, filtered), 3);
            assert!(matches!(found, Verdict::Short(_)), "{found:?}");
        }
    }

    #[test]
    fn a_success_without_its_counts_tells_nothing() {
        assert!(matches!(of(r#"{"Status": "Success"}"#, 0), Verdict::Unknown(_)));
    }

    #[test]
    fn what_is_cut_off_or_somebody_elses_page_tells_nothing() {
        let whole = said("Success", 3, 3, 0);
        for end in [0, 1, 20, whole.len() - 2] {
            assert!(matches!(of(&whole[..end], 3), Verdict::Unknown(_)), "{end}");
        }
        let html = of("<html>maintenance</html>", 3);
        assert_eq!(html, Verdict::Unknown("a page of HTML, with status 200 OK".to_owned()));
        let gateway = verdict(StatusCode::BAD_GATEWAY, &Bytes::from(whole), 3);
        assert!(matches!(gateway, Verdict::Unknown(_)), "{gateway:?}");
    }

    #[test]
    fn a_failure_says_why_and_where_to_read_more() {
        let body = r#"{"Status": "Fail", "Message": "[DATA_QUALITY_ERROR]too many filtered rows",
            "ErrorURL": "http://be:8040/api/_load_error_log?file=x"}"#;
        let Verdict::Failed(failure) = of(body, 3) else { panic!("{body}") };
        assert_eq!(failure.message, "[DATA_QUALITY_ERROR]too many filtered rows");
        assert!(failure.error_url.is_some() && !failure.is_denied);
    }

    #[test]
    fn wrong_credentials_are_told_with_status_200() {
        let body = r#"{"msg": "Unauthorized", "code": 401, "data": "Access denied", "count": 0}"#;
        let Verdict::Failed(failure) = of(body, 3) else { panic!("{body}") };
        assert!(failure.is_denied);
        let real = verdict(StatusCode::UNAUTHORIZED, &Bytes::new(), 3);
        assert!(matches!(real, Verdict::Failed(Failure { is_denied: true, .. })));
    }

    #[test]
    fn a_label_that_is_taken_says_by_what() {
        let body = |existing| {
            format!(r#"{{"Status": "Label Already Exists", "ExistingJobStatus": "{existing}"}}"#)
        };
        assert_eq!(of(&body("FINISHED"), 1), Verdict::LabelUsed(State::Visible));
        assert_eq!(of(&body("RUNNING"), 1), Verdict::LabelUsed(State::Prepare));
        assert_eq!(of(&body("PRECOMMITTED"), 1), Verdict::LabelUsed(State::Precommitted));
    }
}
