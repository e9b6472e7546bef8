//! The MySQL protocol of a front end.

use std::collections::HashMap;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use opensrv_mysql::{
    AsyncMysqlIntermediary, AsyncMysqlShim, Column, ColumnFlags, ColumnType, ErrorKind, InitWriter,
    OkResponse, ParamParser, QueryResultWriter, StatementMetaWriter, ValueInner,
};
use rusqlite::types::Value;
use sqlparser::dialect::MySqlDialect;
use sqlparser::tokenizer::{Token, Tokenizer};
use tokio::io::AsyncWrite;
use tokio::net::TcpStream;

use super::fault::Fault;
use super::server;
use super::session::{Answer, Failure, Session, text};
use super::sha1;
use super::state::{Request, Shared, Side};

/// Serves one connection to its end.
pub(crate) async fn serve(shared: Shared, which: usize, stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    let (reader, writer) = stream.into_split();
    let (user, password) = {
        let state = shared.lock().expect("no thread panicked");
        (state.layout.user.clone(), state.layout.password.clone())
    };
    let door = Door {
        shared,
        which,
        user,
        password,
        session: Session::default(),
        prepared: HashMap::new(),
    };
    let polite = Polite { inner: writer, waiting: Vec::new(), ready: Vec::new() };
    // It ends with an error when the client goes, and when a fault wants it to.
    let _ = AsyncMysqlIntermediary::run_on(door, reader, polite).await;
}

/// One client.
struct Door {
    shared: Shared,
    which: usize,
    user: String,
    password: String,
    session: Session,
    prepared: HashMap<u32, String>,
}

/// Ends a connection.
fn gone() -> io::Error {
    io::ErrorKind::ConnectionAborted.into()
}

impl Door {
    /// Runs a statement with what is to happen to it.
    async fn run(&mut self, sql: &str) -> io::Result<Result<Answer, Failure>> {
        let fault = {
            let mut state = self.shared.lock().expect("no thread panicked");
            state.requests.push(Request {
                side: Side::Query,
                which: self.which,
                line: sql.to_owned(),
                headers: Vec::new(),
                body_bytes: 0,
            });
            state.faults.take(Side::Query, self.which, sql)
        };
        if let Some(fault) = &fault {
            server::pause(fault).await;
            if matches!(fault, Fault::LoseBefore | Fault::Reset(_)) {
                return Err(gone());
            }
        }
        self.session.fault = fault.clone();
        let answer = {
            let mut state = self.shared.lock().expect("no thread panicked");
            self.session.run(&mut state, sql)
        };
        self.session.fault = None;
        match fault {
            Some(Fault::LoseAfter | Fault::LosePublishTimeout(_)) => return Err(gone()),
            Some(Fault::HoldAnswer(latch)) => latch.pass().await,
            _ => {}
        }
        match answer {
            Err(failure) if failure.code == 0 => Err(gone()),
            answer => Ok(answer),
        }
    }

    async fn answer<W: AsyncWrite + Send + Unpin>(
        &mut self,
        sql: &str,
        is_binary: bool,
        results: QueryResultWriter<'_, W>,
    ) -> io::Result<()> {
        let answer = match self.run(sql).await? {
            Ok(answer) => answer,
            Err(failure) => {
                return results.error(kind(failure.code), numbered(&failure).as_slice()).await;
            }
        };
        let Some(names) = &answer.columns else {
            let ok = OkResponse {
                affected_rows: answer.affected,
                info: counted(&answer.info),
                ..OkResponse::default()
            };
            return results.completed(ok).await;
        };
        let columns: Vec<Column> =
            names.iter().enumerate().map(|(n, name)| column(name, n, &answer)).collect();
        let mut writer = results.start(&columns).await?;
        for row in &answer.rows {
            for (value, column) in row.iter().zip(&columns) {
                match value {
                    value if !is_binary => writer.write_col(text(value))?,
                    Value::Integer(n) if column.coltype == ColumnType::MYSQL_TYPE_LONGLONG => {
                        writer.write_col(*n)?;
                    }
                    Value::Real(n) if column.coltype == ColumnType::MYSQL_TYPE_DOUBLE => {
                        writer.write_col(*n)?;
                    }
                    other => writer.write_col(text(other))?,
                }
            }
            writer.end_row().await?;
        }
        writer.finish().await
    }
}

/// A text with its length before it, as MySQL and Doris write it, whatever the manual says. Longer
/// ones than a text can begin with are left out.
fn counted(text: &str) -> String {
    match u8::try_from(text.len()) {
        Ok(length @ 1..=127) => format!("{}{text}", char::from(length)),
        _ => String::new(),
    }
}

/// The type of a column goes by its values: SQLite's have no other.
fn column(name: &str, n: usize, answer: &Answer) -> Column {
    let values = || answer.rows.iter().map(|row| &row[n]).filter(|value| **value != Value::Null);
    let all = |is: fn(&Value) -> bool| values().next().is_some() && values().all(is);
    let coltype = if all(|value| matches!(value, Value::Integer(_))) {
        ColumnType::MYSQL_TYPE_LONGLONG
    } else if all(|value| matches!(value, Value::Real(_))) {
        ColumnType::MYSQL_TYPE_DOUBLE
    } else {
        ColumnType::MYSQL_TYPE_VAR_STRING
    };
    Column {
        table: String::new(),
        column: name.to_owned(),
        coltype,
        colflags: ColumnFlags::empty(),
    }
}

/// MySQL's numbers, as far as there is a name for them.
fn kind(code: u16) -> ErrorKind {
    match code {
        1007 | 1008 | 1044..=1054 | 1060 | 1064 | 1103 | 1146 | 1166 | 1193 => {
            ErrorKind::from(code)
        }
        _ => ErrorKind::ER_UNKNOWN_ERROR,
    }
}

#[async_trait::async_trait]
impl<W: AsyncWrite + Send + Unpin> AsyncMysqlShim<W> for Door {
    type Error = io::Error;

    fn version(&self) -> String {
        "5.7.99".to_owned()
    }

    async fn authenticate(&self, _plugin: &str, user: &[u8], salt: &[u8], answer: &[u8]) -> bool {
        user == self.user.as_bytes() && sha1::is_native_password(&self.password, salt, answer)
    }

    async fn on_init<'a>(&'a mut self, database: &'a str, w: InitWriter<'a, W>) -> io::Result<()> {
        let chosen = {
            let state = self.shared.lock().expect("no thread panicked");
            self.session.choose(&state, database)
        };
        match chosen {
            Ok(()) => w.ok().await,
            Err(failure) => w.error(kind(failure.code), numbered(&failure).as_slice()).await,
        }
    }

    async fn on_query<'a>(
        &'a mut self,
        sql: &'a str,
        results: QueryResultWriter<'a, W>,
    ) -> io::Result<()> {
        self.answer(sql, false, results).await
    }

    async fn on_prepare<'a>(
        &'a mut self,
        sql: &'a str,
        info: StatementMetaWriter<'a, W>,
    ) -> io::Result<()> {
        let tokens = Tokenizer::new(&MySqlDialect {}, sql).tokenize().unwrap_or_default();
        let count = tokens.iter().filter(|token| matches!(token, Token::Placeholder(_))).count();
        let id = u32::try_from(self.prepared.len() + 1).expect("few");
        self.prepared.insert(id, sql.to_owned());
        let unnamed = Column {
            table: String::new(),
            column: "?".to_owned(),
            coltype: ColumnType::MYSQL_TYPE_VAR_STRING,
            colflags: ColumnFlags::empty(),
        };
        let parameters = vec![unnamed; count];
        info.reply(id, &parameters, &[]).await
    }

    async fn on_execute<'a>(
        &'a mut self,
        id: u32,
        params: ParamParser<'a>,
        results: QueryResultWriter<'a, W>,
    ) -> io::Result<()> {
        let given: Vec<String> =
            params.into_iter().map(|p| literal(p.value.into_inner())).collect();
        let sql = self.prepared.get(&id).cloned().unwrap_or_default();
        let sql = filled(&sql, given);
        self.answer(&sql, true, results).await
    }

    async fn on_close<'a>(&'a mut self, id: u32)
    where
        W: 'async_trait,
    {
        self.prepared.insert(id, String::new());
    }
}

/// A parameter as it would be written.
fn literal(value: ValueInner<'_>) -> String {
    match value {
        ValueInner::NULL => "NULL".to_owned(),
        ValueInner::Int(n) => n.to_string(),
        ValueInner::UInt(n) => n.to_string(),
        ValueInner::Double(n) => n.to_string(),
        ValueInner::Bytes(bytes)
        | ValueInner::Date(bytes)
        | ValueInner::Time(bytes)
        | ValueInner::Datetime(bytes) => {
            let text = String::from_utf8_lossy(bytes);
            format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
        }
    }
}

/// The statement with its `?` filled in.
fn filled(sql: &str, given: Vec<String>) -> String {
    let unescaped = Tokenizer::new(&MySqlDialect {}, sql).with_unescape(false).tokenize();
    let mut given = given.into_iter();
    let mut text = String::new();
    for token in unescaped.unwrap_or_default() {
        match token {
            Token::Placeholder(_) => text.push_str(&given.next().unwrap_or_default()),
            other => text.push_str(&other.to_string()),
        }
    }
    text
}

/// A failure as it is handed on: its number stands before its text until [`Polite`] has seen it.
fn numbered(failure: &Failure) -> Vec<u8> {
    format!("\u{1}{}\u{1}{}", failure.code, failure.message).into_bytes()
}

/// Sends failures with the numbers of Doris, some of which the crate does not know, and tells a
/// client whose password is wrong what Doris tells it. Packets wait here until they are flushed.
struct Polite<W> {
    inner: W,
    waiting: Vec<u8>,
    ready: Vec<u8>,
}

/// What a packet begins with that tells of a failure.
const FAILURE: u8 = 0xff;

/// The packets in `bytes`, failures as Doris sends them.
fn polite(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = bytes;
    while let [a, b, c, number, after @ ..] = rest {
        let length = usize::from(*a) | usize::from(*b) << 8 | usize::from(*c) << 16;
        let (packet, next) = after.split_at(length.min(after.len()));
        let told = failure(packet).unwrap_or_else(|| packet.to_vec());
        let length = u32::try_from(told.len()).expect("short").to_le_bytes();
        out.extend([length[0], length[1], length[2], *number]);
        out.extend(told);
        rest = next;
    }
    out
}

fn failure(packet: &[u8]) -> Option<Vec<u8>> {
    let [FAILURE, low, high, state @ ..] = packet else { return None };
    let (state, text) = state.split_at_checked(6)?;
    let text = String::from_utf8_lossy(text);
    let (code, text) = match text.strip_prefix('\u{1}').and_then(|text| text.split_once('\u{1}')) {
        Some((code, text)) => (code.parse().ok()?, text.to_owned()),
        None if u16::from_le_bytes([*low, *high]) == 1698 => {
            (1045_u16, "Access denied for user 'ann@127.0.0.1' (using password: YES)".to_owned())
        }
        None => return None,
    };
    let mut told = vec![FAILURE];
    told.extend(code.to_le_bytes());
    told.extend(state);
    told.extend(text.into_bytes());
    Some(told)
}

impl<W: AsyncWrite + Unpin> AsyncWrite for Polite<W> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.waiting.extend(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let waiting = std::mem::take(&mut self.waiting);
        self.ready.extend(polite(&waiting));
        while !self.ready.is_empty() {
            let Polite { inner, ready, .. } = &mut *self;
            match Pin::new(inner).poll_write(context, ready) {
                Poll::Ready(Ok(written)) => drop(ready.drain(..written)),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return Poll::Pending,
            }
        }
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}
