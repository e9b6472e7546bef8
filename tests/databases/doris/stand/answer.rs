//! What a stream load answers.

use serde_json::{Value as Json, json};

use super::http::Reply;
use super::labels::Transaction;

/// What a stream load answers.
pub(crate) struct Answer {
    pub(crate) id: i64,
    pub(crate) label: String,
    pub(crate) two_phase: bool,
    pub(crate) status: &'static str,
    pub(crate) existing: Option<&'static str>,
    pub(crate) message: String,
    pub(crate) total: u64,
    pub(crate) filtered: u64,
    pub(crate) bytes: u64,
    pub(crate) errors: Option<String>,
}

impl Answer {
    pub(crate) fn of(transaction: &Transaction, two_phase: bool) -> Self {
        Answer {
            id: i64::try_from(transaction.id).expect("small"),
            label: transaction.label.clone(),
            two_phase,
            status: "Success",
            existing: None,
            message: "OK".to_owned(),
            total: 0,
            filtered: 0,
            bytes: 0,
            errors: None,
        }
    }

    pub(crate) fn failed(label: &str, message: &str) -> Self {
        Answer {
            id: -1,
            label: label.to_owned(),
            two_phase: false,
            status: "Fail",
            existing: None,
            message: message.to_owned(),
            total: 0,
            filtered: 0,
            bytes: 0,
            errors: None,
        }
    }

    pub(crate) fn taken(label: &str, other: &Transaction, two_phase: bool) -> Self {
        let message = format!(
            "[LABEL_ALREADY_EXISTS]TStatus: errCode = 2, detailMessage = Label [{label}] has already \
             been used, relate to txn [{}], status [{}].",
            other.id,
            other.status.name()
        );
        let mut answer = Answer::failed(label, &message);
        answer.two_phase = two_phase;
        answer.status = "Label Already Exists";
        answer.existing = Some(other.status.job());
        answer
    }

    pub(crate) fn fail(&mut self, message: &str) {
        self.status = "Fail";
        self.message = message.to_owned();
    }

    pub(crate) fn reply(&self) -> Reply {
        let mut fields = serde_json::Map::new();
        let mut put = |name: &str, value: Json| fields.insert(name.to_owned(), value);
        put("TxnId", json!(self.id));
        put("Label", json!(self.label));
        put("Comment", json!(""));
        put("TwoPhaseCommit", json!(self.two_phase.to_string()));
        put("Status", json!(self.status));
        if let Some(existing) = self.existing {
            put("ExistingJobStatus", json!(existing));
        }
        put("Message", json!(self.message));
        put("NumberTotalRows", json!(self.total));
        put("NumberLoadedRows", json!(self.total - self.filtered));
        put("NumberFilteredRows", json!(self.filtered));
        put("NumberUnselectedRows", json!(0));
        put("LoadBytes", json!(self.bytes));
        let times = [
            "LoadTimeMs",
            "BeginTxnTimeMs",
            "StreamLoadPutTimeMs",
            "ReadDataTimeMs",
            "WriteDataTimeMs",
            "ReceiveDataTimeMs",
            "CommitAndPublishTimeMs",
        ];
        for name in times {
            put(name, json!(1));
        }
        if let Some(errors) = &self.errors {
            put("ErrorURL", json!(errors));
        }
        Reply::json(&Json::Object(fields))
    }
}
