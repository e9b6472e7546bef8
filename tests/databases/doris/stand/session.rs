//! A session of the query port: statements in, rows or failures out.

use std::collections::BTreeMap;
use std::fmt;

use rusqlite::types::Value;

use super::fault::Fault;
use super::state::State;
use super::statement::{self, Cursor};

/// Why a statement failed: a number of MySQL's and a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) code: u16,
    pub(crate) message: String,
}

impl Failure {
    pub(crate) fn of(code: u16, text: impl fmt::Display) -> Self {
        Failure { code, message: format!("errCode = 2, detailMessage = {text}") }
    }

    /// The number that Doris uses for nearly everything.
    pub(crate) fn detail(text: impl fmt::Display) -> Self {
        Failure::of(1105, text)
    }

    /// What Doris says of a text that it cannot read.
    pub(crate) fn syntax(text: impl fmt::Display) -> Self {
        Failure::detail(format!("Syntax error: {text}"))
    }

    /// The server has died over it: the connection ends without an answer.
    pub(crate) fn death() -> Self {
        Failure { code: 0, message: "the server died".to_owned() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code, self.message)
    }
}

/// What a statement answers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Answer {
    /// None if there are no rows to give.
    pub(crate) columns: Option<Vec<String>>,
    pub(crate) rows: Vec<Vec<Value>>,
    pub(crate) affected: u64,
    /// As with an INSERT: `{'label':'…', 'status':'VISIBLE', 'txnId':'…'}`.
    pub(crate) info: String,
}

impl Answer {
    pub(crate) fn affected(rows: usize, info: String) -> Self {
        let affected = u64::try_from(rows).expect("fits");
        Answer { affected, info, ..Answer::default() }
    }

    pub(crate) fn rows(columns: &[&str], rows: Vec<Vec<Value>>) -> Self {
        let columns = columns.iter().map(|name| (*name).to_owned()).collect();
        Answer { columns: Some(columns), rows, ..Answer::default() }
    }

    /// Every value as text.
    pub(crate) fn texts(&self) -> Vec<Vec<Option<String>>> {
        let row = |row: &Vec<Value>| row.iter().map(text).collect();
        self.rows.iter().map(row).collect()
    }
}

/// A value as the text protocol has it.
pub(crate) fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::Integer(n) => Some(n.to_string()),
        Value::Real(n) => Some(real(*n)),
        Value::Text(text) => Some(text.clone()),
        Value::Blob(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
    }
}

/// A number with an exponent where it is far from one.
fn real(number: f64) -> String {
    let text = format!("{number:?}");
    if text.contains('e') { text } else { number.to_string() }
}

/// A text as a value.
pub(crate) fn value(text: impl Into<String>) -> Value {
    Value::Text(text.into())
}

/// What a session remembers.
#[derive(Debug, Default)]
pub(crate) struct Session {
    pub(crate) database: String,
    pub(crate) variables: BTreeMap<String, String>,
    /// What is to happen to the statement that is run next.
    pub(crate) fault: Option<Fault>,
}

impl Session {
    pub(crate) fn of(database: &str) -> Self {
        Session { database: database.to_owned(), ..Session::default() }
    }

    /// Runs one statement.
    pub(crate) fn run(&mut self, state: &mut State, sql: &str) -> Result<Answer, Failure> {
        if let Some(Fault::Fail(message)) = &self.fault {
            return Err(Failure::detail(message));
        }
        state.forget_old_labels();
        let cursor = Cursor::of(sql)?;
        statement::run(self, state, cursor)
    }

    /// Uses a database.
    pub(crate) fn choose(&mut self, state: &State, database: &str) -> Result<(), Failure> {
        if !state.databases.iter().any(|name| name == database) && database != "information_schema"
        {
            return Err(Failure::of(1049, format!("Unknown database '{database}'")));
        }
        self.database = database.to_owned();
        Ok(())
    }

    /// The database and the name of a table as it was written.
    pub(crate) fn resolve(&self, parts: Vec<String>) -> Result<(String, String), Failure> {
        let mut parts = parts.into_iter().rev();
        let name = parts.next().unwrap_or_default();
        let database = parts.next().unwrap_or_else(|| self.database.clone());
        match database.is_empty() {
            true => Err(Failure::of(1046, "No database selected")),
            false => Ok((database, name)),
        }
    }
}
