//! A back end: takes the bodies of stream loads, commits and aborts, and shows logs of errors.

use std::io::Write;

use rusqlite::types::Value;
use serde_json::json;

use super::answer::Answer;
use super::body::{self, Sent};
use super::catalog::Table;
use super::fault::Fault;
use super::frontend;
use super::headers::{Format, Order};
use super::http::{Head, Reply, Wire};
use super::labels::{Change, Status, Transaction};
use super::server::{self, Goes};
use super::state::{Shared, Side, State};
use super::values::{self, Misfit};

/// Answers the requests of one connection.
pub(crate) async fn serve(shared: Shared, which: usize, mut wire: Wire) {
    while let Ok(Some(head)) = wire.head().await {
        let fault = server::note(&shared, Side::Be, which, &head);
        let (fault, mut kept) = match server::before(&shared, fault, &head, wire).await {
            Goes::On(wire, fault) => (fault, wire),
            Goes::Ended => return,
        };
        let reply = match answer(&shared, &head, &mut kept, fault.as_ref()).await {
            Told::Whole(reply) => reply,
            Told::Early(reply) => return kept.reply_early(&reply).await,
            Told::Reset => return kept.reset(),
            Told::Gone => return,
        };
        match server::after(fault, &reply, kept).await {
            Some(goes_on) => wire = goes_on,
            None => return,
        }
    }
}

/// What a request comes to.
enum Told {
    /// The body was read.
    Whole(Reply),
    /// It was not.
    Early(Reply),
    Reset,
    Gone,
}

async fn answer(shared: &Shared, head: &Head, wire: &mut Wire, fault: Option<&Fault>) -> Told {
    let parts = head.parts();
    match (head.method.as_str(), parts.as_slice()) {
        ("PUT", ["api", database, table, "_stream_load"]) => {
            load(shared, head, wire, fault, (database, table)).await
        }
        ("PUT", ["api", database, rest @ ..]) if rest.last() == Some(&"_stream_load_2pc") => {
            if wire.body(head, |_| true).await.is_err() {
                return Told::Gone;
            }
            Told::Whole(settle(&mut lock(shared), head, database))
        }
        ("GET", ["api", "_load_error_log"]) => {
            let name = head.parameter("file").unwrap_or_default();
            let log = lock(shared).error_logs.get(&name).cloned();
            let missing = || Reply::of(404, "text/plain", "file not exist.");
            Told::Whole(log.map_or_else(missing, |text| Reply::of(200, "text/plain", text)))
        }
        ("GET", ["api", "health"]) => {
            Told::Whole(Reply::json(&json!({"status": "OK", "msg": "To Be Added"})))
        }
        _ => Told::Early(Reply::of(404, "text/plain", "Not Found")),
    }
}

fn lock(shared: &Shared) -> std::sync::MutexGuard<'_, State> {
    shared.lock().expect("no thread panicked")
}

/// The column by which rows are counted that are not kept.
const PLACE: &str = "_dhow_part";

/// What arrives of a body.
enum Arriving {
    Kept(Vec<u8>),
    /// Only counted: lines, and through which decompression.
    Counted(Box<Counter>),
}

struct Counter {
    lines: Lines,
    gz: Option<flate2::write::MultiGzDecoder<Lines>>,
}

#[derive(Default)]
struct Lines {
    count: u64,
    /// Where the first line begins.
    head: Vec<u8>,
}

/// Bytes of a first line in which its place stands.
const HEAD: usize = 64 * 1024;

impl Lines {
    /// The place that the lines are for, as the first one says.
    fn place(&self) -> Option<String> {
        let text = String::from_utf8_lossy(&self.head);
        let (_, rest) = text.split_once(&format!("\"{PLACE}\":\""))?;
        rest.split_once('"').map(|(place, _)| place.to_owned())
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let here = memchr::memchr_iter(b'\n', bytes).count();
        self.count += u64::try_from(here).expect("fits");
        let free = HEAD - self.head.len().min(HEAD);
        self.head.extend(&bytes[..bytes.len().min(free)]);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Arriving {
    fn of(order: &Order, counting: bool) -> Self {
        match counting && matches!(order.format, Format::Json | Format::Csv) {
            false => Arriving::Kept(Vec::new()),
            true => Arriving::Counted(Box::new(Counter {
                lines: Lines::default(),
                gz: order.gz.then(|| flate2::write::MultiGzDecoder::new(Lines::default())),
            })),
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        match self {
            Arriving::Kept(all) => all.extend(bytes),
            Arriving::Counted(counter) => {
                let _ = match &mut counter.gz {
                    Some(gz) => gz.write_all(bytes),
                    None => counter.lines.write_all(bytes),
                };
            }
        }
    }
}

/// One stream load.
async fn load(
    shared: &Shared,
    head: &Head,
    wire: &mut Wire,
    fault: Option<&Fault>,
    (database, table): (&str, &str),
) -> Told {
    let begun = begin(&mut lock(shared), head, database, table, fault);
    let (order, id, counting) = match begun {
        Ok(begun) => begun,
        Err(reply) => return Told::Early(reply),
    };
    let limit = match fault {
        Some(Fault::Reset(bytes) | Fault::Die(bytes, _)) => *bytes,
        _ => u64::MAX,
    };
    let mut arriving = Arriving::of(&order, counting);
    let mut read = 0_u64;
    let whole = wire
        .body(head, |bytes| {
            read += u64::try_from(bytes.len()).expect("fits");
            arriving.take(bytes);
            read < limit
        })
        .await;
    let mut state = lock(shared);
    server::count_body(&mut state, head, read);
    match (whole, fault) {
        (_, Some(Fault::Die(_, questions))) => {
            if let Some(transaction) = state.labels.by_id(id) {
                transaction.questions = Some(*questions);
            }
            Told::Reset
        }
        (_, Some(Fault::Reset(_))) => {
            state.finish(id, Status::Aborted, "the client is gone");
            Told::Reset
        }
        (Err(_), _) => {
            state.finish(id, Status::Aborted, "the client is gone");
            Told::Gone
        }
        _ => Told::Whole(end(&mut state, &order, id, arriving, fault)),
    }
}

/// Checks what can be checked before the body, and begins the transaction.
fn begin(
    state: &mut State,
    head: &Head,
    database: &str,
    table: &str,
    fault: Option<&Fault>,
) -> Result<(Order, u64, bool), Reply> {
    let label = head.header("label").unwrap_or_default().to_owned();
    let fail = |message: &str| Answer::failed(&label, message).reply();
    if !frontend::is_welcome(state, head) {
        let text =
            format!("[NOT_AUTHORIZED]Access denied for user '{}@127.0.0.1'", frontend::user(head));
        return Err(fail(&text));
    }
    let order = Order::read(head, state.layout.starrocks).map_err(|message| fail(&message))?;
    if !state.databases.iter().any(|name| name == database) {
        let text = format!("unknown database, database={database}");
        return Err(fail(&format!("[ANALYSIS_ERROR]TStatus: errCode = 7, detailMessage = {text}")));
    }
    if state.table(database, table).is_none() {
        let text = format!("unknown table, tableName={table}");
        return Err(fail(&format!("[ANALYSIS_ERROR]TStatus: errCode = 7, detailMessage = {text}")));
    }
    let label = match &order.label {
        Some(label) => label.clone(),
        None => format!("unlabelled-{}", state.next_id()),
    };
    take_label(state, fault, database, &label);
    let counting = state.layout.counting;
    match state.begin(database, table, &label, "BACKEND_STREAMING") {
        Ok(id) => Ok((order, id, counting)),
        Err(other) => Err(Answer::taken(&label, &other, order.two_phase).reply()),
    }
}

/// Somebody else comes first, if a fault says so.
pub(crate) fn take_label(state: &mut State, fault: Option<&Fault>, database: &str, label: &str) {
    let status = match fault {
        Some(Fault::LabelTaken) => Status::Visible,
        Some(Fault::LabelPrecommitted) => Status::Precommitted,
        _ => return,
    };
    if let Ok(id) = state.begin(database, "elsewhere", label, "BACKEND_STREAMING") {
        state.finish(id, status, "");
    }
}

/// Where these reasons can be read.
fn error_url(state: &mut State, reasons: &str) -> String {
    let name = state.keep_errors(reasons);
    let port = state.backends.first().map_or(0, |(port, _)| *port);
    format!("http://127.0.0.1:{port}/api/_load_error_log?file={name}")
}

/// Ends a transaction whose body has arrived.
fn end(state: &mut State, order: &Order, id: u64, body: Arriving, fault: Option<&Fault>) -> Reply {
    let transaction = state.labels.by_id(id).expect("it was just begun").clone();
    let mut answer = Answer::of(&transaction, order.two_phase);
    let failure = match fault {
        Some(Fault::Fail(message)) => Some(message.clone()),
        Some(Fault::TooManyVersions) => Some(TOO_MANY_VERSIONS.to_owned()),
        _ => None,
    };
    if let Some(message) = failure {
        state.finish(id, Status::Aborted, &message);
        answer.fail(&message);
        return answer.reply();
    }
    if let Some(Fault::Filter(log)) = fault {
        let message = "[DATA_QUALITY_ERROR]too many filtered rows";
        state.finish(id, Status::Aborted, message);
        answer.fail(message);
        answer.errors = Some(error_url(state, log));
        return answer.reply();
    }
    let rows = match body {
        Arriving::Kept(body) => {
            answer.bytes = u64::try_from(body.len()).expect("fits");
            take(state, order, &transaction, body)
        }
        Arriving::Counted(counter) => {
            let lines = match counter.gz {
                Some(gz) => gz.finish().unwrap_or_default(),
                None => counter.lines,
            };
            Ok(Taken { total: lines.count, place: lines.place(), ..Taken::default() })
        }
    };
    let taken = match rows {
        Ok(taken) => taken,
        Err(message) => {
            state.finish(id, Status::Aborted, &message);
            answer.fail(&message);
            return answer.reply();
        }
    };
    answer.total = taken.total;
    if let Some(place) = &taken.place {
        *state.counted.entry(place.clone()).or_default() += taken.total;
    }
    answer.filtered = taken.filtered;
    if !taken.reasons.is_empty() {
        answer.errors = Some(error_url(state, &taken.reasons));
    }
    #[allow(clippy::cast_precision_loss)]
    let ratio = taken.filtered as f64 / (taken.total.max(1)) as f64;
    if ratio > order.ratio {
        let message = "[DATA_QUALITY_ERROR]too many filtered rows";
        state.finish(id, Status::Aborted, message);
        answer.fail(message);
        return answer.reply();
    }
    if let Some(transaction) = state.labels.by_id(id) {
        transaction.changes = taken.changes;
    }
    match (order.two_phase, fault) {
        (true, _) => state.finish(id, Status::Precommitted, ""),
        (false, Some(Fault::PublishTimeout(questions) | Fault::LosePublishTimeout(questions))) => {
            state.finish(id, Status::Committed, "");
            if let Some(transaction) = state.labels.by_id(id) {
                transaction.questions = Some(*questions);
            }
            answer.status = "Publish Timeout";
            answer.message = "[PUBLISH_TIMEOUT]transaction commit successfully, BUT data will be \
                              visible later"
                .to_owned();
        }
        _ => state.finish(id, Status::Visible, ""),
    }
    answer.reply()
}

const TOO_MANY_VERSIONS: &str = "[E-235]tablet error: [E-235]failed to init rowset builder. \
     version count: 2001, exceed limit: 2000, tablet: 10093. Please reduce the frequency of loading \
     data or adjust the max_tablet_version_num in be.conf to a larger value., host: 127.0.0.1";

/// Rows that passed and rows that did not.
#[derive(Default)]
struct Taken {
    total: u64,
    filtered: u64,
    changes: Vec<Change>,
    reasons: String,
    /// Where rows that are only counted belong.
    place: Option<String>,
}

fn take(
    state: &State,
    order: &Order,
    transaction: &Transaction,
    body: Vec<u8>,
) -> Result<Taken, String> {
    if state.layout.counting {
        let batches = body::batches(order.format, body)?;
        let total: usize = batches.iter().map(|batch| batch.num_rows()).sum();
        let total = u64::try_from(total).expect("fits");
        let place = batches.iter().find_map(|batch| body::first_text(batch, PLACE));
        return Ok(Taken { total, place, ..Taken::default() });
    }
    let table = state.table(&transaction.database, &transaction.table);
    let table = table.filter(|table| table.id == transaction.table_id);
    let table = table.ok_or("[ANALYSIS_ERROR]the table was dropped during the load")?;
    let mut taken = Taken::default();
    for sent in body::read(order, body, table)? {
        taken.total += 1;
        let (fitted, line) = match sent {
            Sent::Bad { reason, line } => (Err(reason), line),
            Sent::Row { cells, deletes, line } => {
                let row = fit(&cells, table, order.strict, order.zone, deletes);
                let change = |row| if deletes { Change::Delete(row) } else { Change::Put(row) };
                (row.map(change), line)
            }
        };
        match fitted {
            Ok(change) => taken.changes.push(change),
            Err(reason) => {
                taken.filtered += 1;
                // A file has no more than these.
                if taken.filtered <= 50 {
                    taken.reasons.push_str(&format!("Reason: {reason}. src line [{line}]; \n"));
                }
            }
        }
    }
    Ok(taken)
}

/// The values of a row in its table, or why it is filtered.
pub(crate) fn fit(
    cells: &[Option<values::Given>],
    table: &Table,
    strict: bool,
    zone: values::Zone,
    deletes: bool,
) -> Result<Vec<Value>, String> {
    let mut row = Vec::new();
    for (column, cell) in table.columns.iter().zip(cells) {
        let default = || match column.default.as_deref() {
            Some("CURRENT_TIMESTAMP") => values::Given::Text("2026-01-01 00:00:00".to_owned()),
            Some(text) => values::Given::Text(text.to_owned()),
            None => values::Given::Null,
        };
        let given = cell.clone().unwrap_or_else(default);
        let value = match values::convert(&given, &column.kind, zone) {
            Ok(value) => value,
            Err(Misfit::Refused(reason)) => {
                return Err(format!("column_name[{}], {reason}", column.name));
            }
            Err(Misfit::Unconverted) if strict => {
                let text = match &given {
                    values::Given::Text(text) | values::Given::Json(text) => text,
                    values::Given::Null => "NULL",
                };
                return Err(format!(
                    "column({}) value is incorrect while strict mode is true, src value is {text}",
                    column.name
                ));
            }
            Err(Misfit::Unconverted) => Value::Null,
        };
        let needed = !column.nullable && (column.key || !deletes);
        if value == Value::Null && needed {
            return Err(format!(
                "column_name[{}], null value for not null column, type={}",
                column.name,
                column.kind.to_string().to_uppercase()
            ));
        }
        row.push(value);
    }
    Ok(row)
}

/// Commits or aborts what was prepared.
fn settle(state: &mut State, head: &Head, database: &str) -> Reply {
    let tell = |status: &str, text: String| Reply::json(&json!({"status": status, "msg": text}));
    let refuse = |text: String| {
        tell("ANALYSIS_ERROR", format!("TStatus: errCode = 2, detailMessage = {text}"))
    };
    if !frontend::is_welcome(state, head) {
        return tell("NOT_AUTHORIZED", "Access denied".to_owned());
    }
    state.forget_old_labels();
    let by_id = head.header("txn_id").and_then(|text| text.parse::<u64>().ok());
    let label = head.header("label").unwrap_or_default();
    let found = match by_id {
        Some(id) => state.labels.by_id(id).cloned(),
        None => state.labels.by_label(database, label).cloned(),
    };
    let operation = head.header("txn_operation").unwrap_or_default();
    let named = by_id.map_or_else(|| format!("[{label}]"), |id| format!("[{id}]"));
    // By its label only what is under way is found.
    let is_open = |t: &Transaction| match (by_id, t.status, operation) {
        (Some(_), ..) | (None, Status::Precommitted, _) | (None, Status::Prepare, "abort") => true,
        (None, ..) => false,
    };
    let found = found.filter(|t| t.database == database && is_open(t));
    let Some(transaction) = found else {
        return refuse(format!("transaction {named} not found"));
    };
    let id = transaction.id;
    match (operation, transaction.status) {
        ("commit", Status::Precommitted) => {
            state.finish(id, Status::Visible, "");
            tell("Success", format!("transaction {named} commit successfully."))
        }
        ("commit", Status::Visible) => {
            refuse(format!("transaction [{id}] is already visible, not pre-committed."))
        }
        ("commit", Status::Committed) => {
            refuse(format!("transaction [{id}] is already committed, not pre-committed."))
        }
        ("commit", Status::Aborted) => refuse(format!(
            "transaction [{id}] is already aborted. abort reason: {}",
            transaction.reason
        )),
        ("commit", Status::Prepare) => {
            refuse(format!("transaction [{id}] is prepare, not pre-committed."))
        }
        ("abort", Status::Prepare | Status::Precommitted) => {
            state.finish(id, Status::Aborted, "User Abort");
            tell("Success", format!("transaction {named} abort successfully."))
        }
        ("abort", Status::Aborted) => refuse(format!(
            "transaction [{id}] is already aborted, abort reason: {}",
            transaction.reason
        )),
        ("abort", status) => {
            refuse(format!("transaction [{id}] is already {}, could not abort.", status.name()))
        }
        (other, _) => tell(
            "INVALID_ARGUMENT",
            format!("transaction operation should be 'commit' or 'abort', not '{other}'"),
        ),
    }
}
