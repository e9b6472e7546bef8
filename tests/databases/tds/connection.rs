//! One connection: the log-in, then requests and their answers until it ends.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;

use super::answer::Answer;
use super::fault::{Fault, LOGIN};
use super::run::Failure;
use super::run::session::{Batch, Outcome, Session, parameters};
use super::server::Setup;
use super::sql::ast::Statement;
use super::store::kind::{Kind, Type};
use super::store::state::{Shared, Statement as Logged};
use super::wire::channel::{ATTENTION, Channel, LOGIN as LOGIN7, Message, PRELOGIN, RESPONSE};
use super::wire::login::{self, Encryption, Login};
use super::wire::malformed;
use super::wire::request::{self, Parameter, Request};
use super::wire::tokens::{self, Done};

/// Why an answer was not given to its end.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The client does not want it any more.
    Attention,
    /// The connection is gone, or is to be.
    Gone(io::Error),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Stop::Gone(error)
    }
}

pub(crate) struct Connection {
    shared: Arc<Shared>,
    pub(crate) channel: Channel,
    session: Session,
}

/// A transaction whose client is gone is rolled back, however the connection ends.
impl Drop for Connection {
    fn drop(&mut self) {
        self.session.end(false);
        if let Ok(mut state) = self.shared.state.lock() {
            state.sessions.remove(&self.session.spid);
        }
    }
}

impl Connection {
    pub(crate) async fn serve(shared: Arc<Shared>, setup: Arc<Setup>, stream: TcpStream) {
        let spid = {
            let mut state = shared.state.lock().expect("no thread panicked");
            state.next_session += 1;
            state.next_session
        };
        let mut channel = Channel::new(stream, spid);
        let Ok(Some(session)) = open(&shared, &setup, &mut channel).await else { return };
        let mut connection = Connection { shared, channel, session };
        let _ = connection.requests().await;
    }

    async fn requests(&mut self) -> io::Result<()> {
        loop {
            let message = self.channel.read().await?;
            if message.kind == ATTENTION {
                self.stopped().await?;
                continue;
            }
            if message.reset {
                self.session.reset();
            }
            match self.answer(&message).await {
                Ok(()) => {}
                Err(Stop::Attention) => self.stopped().await?,
                Err(Stop::Gone(error)) => {
                    self.channel.cut();
                    return Err(error);
                }
            }
        }
    }

    /// What was asked for is not told any more.
    async fn stopped(&mut self) -> io::Result<()> {
        let mut out = Vec::new();
        tokens::done(&mut out, Done::Batch, tokens::STOPPED, 0, 0);
        self.channel.send(RESPONSE, &out, true).await
    }

    async fn answer(&mut self, message: &Message) -> Result<(), Stop> {
        match request::read(message)? {
            Request::Batch(text) => {
                self.session.begin_batch(Default::default());
                self.batch(&text, Answer::new(Done::Batch)).await
            }
            Request::Call(name, parameters) => self.call(&name, parameters).await,
            Request::Transaction(what, _) => {
                let statement = match what {
                    5 => Statement::Begin,
                    7 => Statement::Commit,
                    8 => Statement::Rollback,
                    _ => return Err(malformed("a transaction of another kind").into()),
                };
                let mut answer = Answer::new(Done::Batch);
                let done = self.session.execute(&statement);
                self.told(&mut answer, done, None).await?;
                answer.end(&mut self.channel).await
            }
        }
    }

    async fn call(&mut self, name: &str, given: Vec<Parameter>) -> Result<(), Stop> {
        let mut answer = Answer::new(Done::InProcedure);
        let last = name.rsplit('.').next().unwrap_or(name).trim_matches(['[', ']']).to_lowercase();
        let text = |at: usize| given.get(at).and_then(|p| p.value.string()).unwrap_or_default();
        let result = match last.as_str() {
            "sp_executesql" => {
                let values = given.iter().skip(2).map(|p| {
                    (Some(p.name.clone()).filter(|name| !name.is_empty()), p.of, p.value.clone())
                });
                parameters(&text(1), values.collect()).map(|found| {
                    self.session.begin_batch(found);
                    text(0)
                })
            }
            "sp_describe_first_result_set" => {
                let tsql = Type::of(Kind::NVarChar(None));
                let value = given.first().map(|p| p.value.clone());
                let value = value.unwrap_or(super::store::value::Value::Null);
                self.session.begin_batch([("@tsql".to_owned(), (tsql, value))].into());
                Ok("exec sp_describe_first_result_set @tsql = @tsql".to_owned())
            }
            other => {
                Err(Failure::new(2812, &format!("Could not find stored procedure '{other}'.")))
            }
        };
        match result {
            Ok(text) => self.batch(&text, answer).await,
            Err(failure) => {
                answer.failure(&failure);
                answer.end(&mut self.channel).await
            }
        }
    }

    async fn batch(&mut self, text: &str, mut answer: Answer) -> Result<(), Stop> {
        let mut batch = match Batch::of(text) {
            Ok(batch) => batch,
            Err(failure) => {
                self.log(text, Some(failure.number));
                answer.failure(&failure);
                return answer.end(&mut self.channel).await;
            }
        };
        loop {
            let (statement, own) = match self.session.next(&mut batch) {
                Ok(None) => break,
                Ok(Some(next)) => next,
                Err(failure) => {
                    answer.failure(&failure);
                    break;
                }
            };
            let at = self.log(&own, None);
            let ended = self.statement(&statement, &own, &mut answer).await;
            let number = match &ended {
                Ok(number) => *number,
                Err(_) => -1,
            };
            self.shared.state.lock().expect("no thread panicked").log[at].ended = Some(number);
            if ended? != 0 {
                break;
            }
        }
        answer.end(&mut self.channel).await
    }

    fn log(&self, text: &str, ended: Option<i32>) -> usize {
        let mut state = self.shared.state.lock().expect("no thread panicked");
        state.log.push(Logged {
            session: self.session.spid,
            database: self.session.database.clone(),
            isolation: self.session.isolation.clone(),
            text: text.to_owned(),
            ended,
        });
        state.log.len() - 1
    }

    /// Runs a statement with what is to happen to it; answers the number of its error, or 0.
    async fn statement(
        &mut self,
        statement: &Statement,
        text: &str,
        answer: &mut Answer,
    ) -> Result<i32, Stop> {
        let fault = self.shared.state.lock().expect("no thread panicked").faults.take(text);
        match &fault {
            Some(Fault::Error(number, told)) => {
                return self.told(answer, Err(Failure::new(*number, told)), None).await;
            }
            Some(Fault::Hold(gate)) => {
                let gate = gate.clone();
                self.wait(async move { gate.pass().await }).await?;
            }
            Some(Fault::Slow(time)) => self.wait(tokio::time::sleep(*time)).await?,
            Some(Fault::Info(number, told)) => answer.info(*number, told),
            Some(Fault::CutAfterBytes(count)) => self.channel.bytes_left = Some(*count),
            _ => {}
        }
        let done = loop {
            let shared = Arc::clone(&self.shared);
            let changed = shared.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            match self.session.execute(statement) {
                Err(failure) if failure.is_blocked() => {
                    let _standing = shared.blocked.stand();
                    self.wait(changed).await?;
                }
                done => break done,
            }
        };
        if matches!(fault, Some(Fault::LoseAnswer)) {
            return Err(Stop::Gone(io::Error::other("cut by a scripted fault")));
        }
        self.told(answer, done, fault).await
    }

    /// Waits for something, but not longer than the client does.
    pub(crate) async fn wait(&mut self, what: impl Future<Output = ()>) -> Result<(), Stop> {
        tokio::select! {
            () = what => Ok(()),
            message = self.channel.disturbed() => match message?.kind {
                ATTENTION => Err(Stop::Attention),
                _ => Err(malformed("a request before the answer to the last").into()),
            },
        }
    }

    /// Tells what a statement did.
    async fn told(
        &mut self,
        answer: &mut Answer,
        done: Result<Outcome, Failure>,
        fault: Option<Fault>,
    ) -> Result<i32, Stop> {
        let outcome = match done {
            Ok(outcome) => outcome,
            Err(failure) => {
                answer.failure(&failure);
                // A victim of a deadlock has lost its transaction, and so has all under XACT_ABORT.
                let aborts = self.session.settings.get("xact_abort").is_some_and(|on| on == "on");
                if (failure.number == 1205 || aborts) && self.session.is_open() {
                    self.session.end(false);
                    answer.transaction(false);
                }
                if failure.class >= 20 {
                    answer.flush(&mut self.channel).await?;
                    return Err(Stop::Gone(io::Error::other("a fatal error")));
                }
                return Ok(failure.number);
            }
        };
        match outcome {
            Outcome::Rows(heads, rows) => return answer.rows(self, heads, rows, fault).await,
            Outcome::Count(count) => answer.count(count, self.quiet()),
            Outcome::Nothing => answer.nothing(),
            Outcome::Told(text) => answer.info(0, &text),
            Outcome::Wait(time) => {
                self.wait(tokio::time::sleep(time)).await?;
                answer.nothing();
            }
            Outcome::Moved(new, old) => answer.moved(&new, &old),
            Outcome::Transaction(begun) => answer.transaction(begun),
        }
        Ok(0)
    }

    fn quiet(&self) -> bool {
        self.session.settings.get("nocount").is_some_and(|on| on == "on")
    }
}

/// What stands before the first request.
async fn open(
    shared: &Arc<Shared>,
    setup: &Setup,
    channel: &mut Channel,
) -> io::Result<Option<Session>> {
    let strict = channel.begins_with_tls().await?;
    if strict {
        let Some(own) = &setup.certificate else { return Err(malformed("no TLS here")) };
        channel.strict(own.config(true)).await?;
    }
    let message = channel.read().await?;
    if message.kind != PRELOGIN {
        return Err(malformed("no PRELOGIN"));
    }
    let mars = login::mars(&message.body)?;
    let (told, agreed) = match &setup.certificate {
        _ if strict => (Encryption::NotSupported, Encryption::NotSupported),
        None => (Encryption::NotSupported, Encryption::NotSupported),
        Some(_) => setup.encryption.answer(login::wish(&message.body)?),
    };
    channel.send(RESPONSE, &login::prelogin(told), true).await?;
    if agreed != Encryption::NotSupported
        && let Some(own) = &setup.certificate
    {
        channel.handshake(own.config(false)).await?;
    }
    let message = channel.read().await?;
    if agreed == Encryption::Off {
        channel.drop_tls();
    }
    if message.kind != LOGIN7 {
        return Err(malformed("no LOGIN7"));
    }
    let login = Login { mars, ..login::login(&message.body)? };
    admit(shared, setup, channel, login).await
}

/// Lets a client in, or tells why not.
async fn admit(
    shared: &Arc<Shared>,
    setup: &Setup,
    channel: &mut Channel,
    login: Login,
) -> io::Result<Option<Session>> {
    let fault = {
        let mut state = shared.state.lock().expect("no thread panicked");
        state.logins.push(login.clone());
        state.faults.take(LOGIN)
    };
    match fault {
        Some(Fault::Error(number, text)) => {
            refuse(channel, &Failure { class: 14, ..Failure::new(number, &text) }).await?;
            return Ok(None);
        }
        Some(Fault::Route(host, port)) => {
            let mut out = Vec::new();
            tokens::login_ack(&mut out);
            tokens::routed(&mut out, &host, port);
            tokens::done(&mut out, Done::Batch, 0, 0, 0);
            channel.send(RESPONSE, &out, true).await?;
            return Ok(None);
        }
        Some(Fault::Hold(gate)) => gate.pass().await,
        Some(Fault::Slow(time)) => tokio::time::sleep(time).await,
        Some(Fault::CutAfterBytes(count)) => channel.bytes_left = Some(count),
        Some(Fault::LoseAnswer) => return Err(malformed("cut by a scripted fault")),
        _ => {}
    }
    let wrong = login.user != setup.user || login.password != setup.password;
    if wrong {
        let text = format!("Login failed for user '{}'.", login.user);
        refuse(channel, &Failure::new(18_456, &text)).await?;
        return Ok(None);
    }
    let wanted = if login.database.is_empty() { "master" } else { login.database.as_str() };
    let found = {
        let mut state = shared.state.lock().expect("no thread panicked");
        let name = state.database(wanted).map(|database| database.name.clone());
        if name.is_ok() {
            state.sessions.insert(channel.spid, (login.application.clone(), login.read_only));
        }
        name
    };
    let Ok(database) = found else {
        let text =
            format!("Cannot open database \"{wanted}\" requested by the login. The login failed.");
        refuse(channel, &Failure::new(4060, &text)).await?;
        return Ok(None);
    };
    greet(shared, setup, channel, &login, &database).await?;
    let mut session = Session::new(Arc::clone(shared), channel.spid, &database, &login.user, false);
    session.application = login.application;
    Ok(Some(session))
}

async fn refuse(channel: &mut Channel, failure: &Failure) -> io::Result<()> {
    let mut out = Vec::new();
    tokens::error(&mut out, failure);
    tokens::done(&mut out, Done::Batch, tokens::FAILED, 0, 0);
    channel.send(RESPONSE, &out, true).await
}

async fn greet(
    shared: &Arc<Shared>,
    setup: &Setup,
    channel: &mut Channel,
    login: &Login,
    database: &str,
) -> io::Result<()> {
    let collation =
        shared.state.lock().expect("no thread panicked").database(database).map(|d| d.collation);
    let mut out = Vec::new();
    tokens::changed(&mut out, 1, database, "master");
    tokens::info(&mut out, 5701, 10, &format!("Changed database context to '{database}'."));
    tokens::changed_bytes(&mut out, 7, &collation.unwrap_or_default().wire(), &[]);
    tokens::changed(&mut out, 2, "us_english", "");
    tokens::info(&mut out, 5703, 10, "Changed language setting to us_english.");
    tokens::login_ack(&mut out);
    let wish = usize::try_from(login.packet_size).unwrap_or(4096);
    let size = setup.packet_size.unwrap_or(wish).clamp(512, 32_767);
    tokens::changed(&mut out, 4, &size.to_string(), "4096");
    tokens::done(&mut out, Done::Batch, 0, 0, 0);
    channel.send(RESPONSE, &out, true).await?;
    channel.packet_size = size;
    Ok(())
}

/// How long a row takes that is slow.
pub(crate) fn pace(fault: Option<&Fault>) -> Option<Duration> {
    match fault {
        Some(Fault::SlowRows(time)) => Some(*time),
        _ => None,
    }
}
