//! Answers to questions in SQL.

use serde_json::{Value, json};

use super::job::Jobs;
use crate::error::{Error, Result};

/// How long an answer is waited for before it is asked for again, in milliseconds.
const PATIENCE: u32 = 10_000;

/// A row: NULL, or the value as the API writes it.
pub(super) type Row = Vec<Option<String>>;

impl Jobs<'_> {
    /// The rows that `sql` asks for; few of them.
    pub(super) async fn rows(&self, what: &str, sql: &str) -> Result<Vec<Row>> {
        let body = json!({
            "query": sql, "useLegacySql": false, "location": self.location,
            "timeoutMs": PATIENCE, "labels": self.labels,
        });
        let said = self.api.post(&[self.project, "queries"], &body).await?;
        let mut said = said.map_err(|refusal| refusal.into_error(what))?;
        while said["jobComplete"] != true {
            let id = said["jobReference"]["jobId"].as_str().unwrap_or_default().to_owned();
            if id.is_empty() {
                return Err(Error::unsupported(what).at("reason", "an answer without a job"));
            }
            // The server keeps the question until it has an answer, or for a while.
            let patience = PATIENCE.to_string();
            let with = [("location", self.location), ("timeoutMs", patience.as_str())];
            let path = [self.project, "queries", id.as_str()];
            let next = self.api.get(&path, &with).await?;
            said = next.map_err(|refusal| refusal.into_error(what))?;
        }
        let rows = said["rows"].as_array().map(Vec::as_slice).unwrap_or_default();
        Ok(rows.iter().map(row).collect())
    }
}

fn row(row: &Value) -> Row {
    let cells = row["f"].as_array().map(Vec::as_slice).unwrap_or_default();
    cells.iter().map(|cell| cell["v"].as_str().map(str::to_owned)).collect()
}
