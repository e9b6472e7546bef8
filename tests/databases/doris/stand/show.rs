//! `SHOW`, `DESC`, `ADMIN SHOW` and `information_schema`.

use rusqlite::types::Value;
use sqlparser::tokenizer::Token;

use super::alter;
use super::catalog::{Model, Table};
use super::definition;
use super::labels::{Status, Transaction};
use super::session::{Answer, Failure, Session, value};
use super::state::State;
use super::statement::Cursor;

pub(crate) fn run(
    session: &Session,
    state: &mut State,
    mut words: Cursor,
) -> Result<Answer, Failure> {
    if words.eat("ADMIN SHOW FRONTEND CONFIG") {
        return Ok(config(state, &like(&mut words)?));
    }
    if words.eat("EXPLAIN") {
        return Ok(Answer::rows(&["Explain String"], vec![vec![value("PLAN FRAGMENT 0")]]));
    }
    if words.eat("DESC") || words.eat("DESCRIBE") {
        let name = session.resolve(words.path()?)?;
        return columns(state, &name, false);
    }
    words.need("SHOW")?;
    if words.eat("CREATE TABLE") {
        let name = session.resolve(words.path()?)?;
        let table = definition::known(state, &name)?;
        let row = vec![value(&table.name), value(create_table(table))];
        return Ok(Answer::rows(&["Table", "Create Table"], vec![row]));
    }
    if words.eat("ALTER TABLE COLUMN") {
        return alter_jobs(session, state, &mut words);
    }
    if words.eat("TRANSACTION") {
        return transaction(session, state, &mut words);
    }
    if words.eat("LOAD") {
        return loads(session, state, &mut words);
    }
    if words.eat("TABLE STATUS") {
        let database = from(session, &mut words)?;
        return Ok(table_status(state, &database, &like(&mut words)?));
    }
    let full = words.eat("FULL");
    if words.eat("TABLES") {
        let database = from(session, &mut words)?;
        return tables(state, &database, &like(&mut words)?, full);
    }
    if words.eat("COLUMNS") || words.eat("FIELDS") {
        if !words.eat("FROM") {
            words.need("IN")?;
        }
        let mut path = words.path()?;
        if words.eat("FROM") || words.eat("IN") {
            path.insert(0, words.name()?);
        }
        let name = session.resolve(path)?;
        return columns(state, &name, full);
    }
    if words.eat("DATABASES") || words.eat("SCHEMAS") {
        let like = like(&mut words)?;
        let told = state.databases.iter().filter(|name| like.matches(name));
        return Ok(Answer::rows(&["Database"], told.map(|name| vec![value(name)]).collect()));
    }
    match words.name()?.to_uppercase().as_str() {
        "FRONTENDS" => Ok(frontends(state)),
        "BACKENDS" => Ok(backends(state)),
        "VARIABLES" | "GLOBAL" | "SESSION" => Ok(variables(session)),
        "WARNINGS" | "ERRORS" => Ok(Answer::rows(&["Level", "Code", "Message"], Vec::new())),
        other => Err(Failure::syntax(format!("the stand-in does not know SHOW {other}"))),
    }
}

/// A pattern with `%` and `_`.
struct Like(Option<String>);

impl Like {
    fn matches(&self, text: &str) -> bool {
        fn fits(pattern: &[u8], text: &[u8]) -> bool {
            match (pattern, text) {
                ([], []) => true,
                ([b'%', rest @ ..], _) => (0..=text.len()).any(|n| fits(rest, &text[n..])),
                ([b'\\', sign, rest @ ..], [c, after @ ..]) if sign == c => fits(rest, after),
                ([b'_', rest @ ..], [_, after @ ..]) => fits(rest, after),
                ([sign, rest @ ..], [c, after @ ..]) => sign == c && fits(rest, after),
                _ => false,
            }
        }
        self.0.as_ref().is_none_or(|pattern| fits(pattern.as_bytes(), text.as_bytes()))
    }
}

/// `LIKE '…'`, or a condition that names one text.
fn like(words: &mut Cursor) -> Result<Like, Failure> {
    if words.eat("LIKE") {
        return words.text().map(|text| Like(Some(text)));
    }
    Ok(Like(condition(words)?.map(|(_, text)| text)))
}

/// `WHERE name = 'text'`, with what may follow passed over.
fn condition(words: &mut Cursor) -> Result<Option<(String, String)>, Failure> {
    if !words.eat("WHERE") {
        return Ok(None);
    }
    let name = words.name()?.to_lowercase();
    if !words.eat("LIKE") {
        words.need_sign(&Token::Eq)?;
    }
    match words.next() {
        Some(Token::Number(number, _)) => Ok(Some((name, number))),
        _ => {
            words.back();
            words.text().map(|text| Some((name, text)))
        }
    }
}

fn from(session: &Session, words: &mut Cursor) -> Result<String, Failure> {
    match words.eat("FROM") || words.eat("IN") {
        true => words.path().map(|mut path| path.pop().unwrap_or_default()),
        false => Ok(session.database.clone()),
    }
}

/// What `SHOW CREATE TABLE` says.
pub(crate) fn create_table(table: &Table) -> String {
    let ticked = |names: &[String]| {
        names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
    };
    let keys: Vec<String> = table.keys().map(|column| column.name.clone()).collect();
    let columns = table.columns.iter().map(|column| {
        let mut text = format!("  `{}` {}", column.name, column.kind);
        text.push_str(if column.nullable { " NULL" } else { " NOT NULL" });
        match column.default.as_deref() {
            Some("CURRENT_TIMESTAMP") => text.push_str(" DEFAULT CURRENT_TIMESTAMP"),
            Some(default) => text.push_str(&format!(" DEFAULT \"{default}\"")),
            None => {}
        }
        if !column.comment.is_empty() {
            text.push_str(&format!(" COMMENT \"{}\"", escaped(&column.comment)));
        }
        text
    });
    let columns: Vec<_> = columns.collect();
    let mut text =
        format!("CREATE TABLE `{}` (\n{}\n) ENGINE=OLAP\n", table.name, columns.join(",\n"));
    text.push_str(&format!("{} KEY({})\n", table.model.word(), ticked(&keys)));
    if !table.comment.is_empty() {
        text.push_str(&format!("COMMENT \"{}\"\n", escaped(&table.comment)));
    }
    if let Some(partition) = &table.partition {
        text.push_str(&format!("{partition}\n"));
    }
    let by = match table.hashed.is_empty() {
        true => "RANDOM".to_owned(),
        false => format!("HASH({})", ticked(&table.hashed)),
    };
    text.push_str(&format!("DISTRIBUTED BY {by} BUCKETS {}\nPROPERTIES (\n", table.buckets));
    let replicas = table.properties.get("replication_num").map_or("1", String::as_str);
    let mut properties =
        vec![("replication_allocation", format!("tag.location.default: {replicas}"))];
    let told = ["replication_num", "replication_allocation"];
    let others = table.properties.iter().filter(|(key, _)| !told.contains(&key.as_str()));
    properties.extend(others.map(|(key, text)| (key.as_str(), text.clone())));
    if table.model == Model::Unique
        && !table.properties.contains_key("enable_unique_key_merge_on_write")
    {
        properties.push(("enable_unique_key_merge_on_write", "true".to_owned()));
    }
    let pairs: Vec<_> = properties.iter().map(|(k, v)| format!("\"{k}\" = \"{v}\"")).collect();
    text.push_str(&format!("{}\n);", pairs.join(",\n")));
    text
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

fn yes(is: bool) -> Value {
    value(if is { "Yes" } else { "No" })
}

fn columns(state: &State, name: &(String, String), full: bool) -> Result<Answer, Failure> {
    let table = definition::known(state, name)?;
    let aggregation = |key: bool| match (key, table.model) {
        (true, _) => "",
        (false, Model::Duplicate) => "NONE",
        (false, _) => "REPLACE",
    };
    let default = |text: &Option<String>| text.clone().map_or(Value::Null, Value::Text);
    let row = |column: &super::catalog::Column| match full {
        false => vec![
            value(&column.name),
            value(column.kind.to_string()),
            yes(column.nullable),
            value(if column.key { "true" } else { "false" }),
            default(&column.default),
            value(aggregation(column.key)),
        ],
        true => vec![
            value(&column.name),
            value(column.kind.to_string()),
            Value::Null,
            yes(column.nullable),
            value(if column.key { "YES" } else { "" }),
            default(&column.default),
            value(aggregation(column.key)),
            value(""),
            value(&column.comment),
        ],
    };
    let names: &[&str] = match full {
        false => &["Field", "Type", "Null", "Key", "Default", "Extra"],
        true => &[
            "Field",
            "Type",
            "Collation",
            "Null",
            "Key",
            "Default",
            "Extra",
            "Privileges",
            "Comment",
        ],
    };
    Ok(Answer::rows(names, table.columns.iter().map(row).collect()))
}

fn tables(state: &State, database: &str, like: &Like, full: bool) -> Result<Answer, Failure> {
    if !state.databases.iter().any(|name| name == database) {
        return Err(Failure::of(1049, format!("Unknown database '{database}'")));
    }
    let column = format!("Tables_in_{database}");
    let told = state.tables.keys().filter(|(d, name)| d == database && like.matches(name));
    let row = |name: &String| match full {
        true => vec![value(name), value("BASE TABLE"), value("NONE")],
        false => vec![value(name)],
    };
    let rows = told.map(|(_, name)| row(name)).collect();
    let names: &[&str] = if full { &[&column, "Table_type", "Storage_format"] } else { &[&column] };
    Ok(Answer::rows(names, rows))
}

fn table_status(state: &State, database: &str, like: &Like) -> Answer {
    let names = ["Name", "Engine", "Version", "Row_format", "Rows", "Comment"];
    let told = state.tables.values().filter(|t| t.database == database && like.matches(&t.name));
    let row = |table: &Table| {
        let rows = i64::try_from(table.rows_known).expect("fits");
        vec![
            value(&table.name),
            value("Doris"),
            Value::Null,
            Value::Null,
            Value::Integer(rows),
            value(&table.comment),
        ]
    };
    Answer::rows(&names, told.map(row).collect())
}

fn config(state: &State, like: &Like) -> Answer {
    let names = ["Key", "Value", "Type", "IsMutable", "MasterOnly", "Comment"];
    let told = state.config.iter().filter(|(key, _)| like.matches(key));
    let row = |(key, text): (&String, &String)| {
        vec![value(key), value(text), value("int"), value("true"), value("true"), value("")]
    };
    Answer::rows(&names, told.map(row).collect())
}

fn variables(session: &Session) -> Answer {
    let told = session.variables.iter();
    let rows = told.map(|(name, text)| vec![value(name), value(text)]).collect();
    Answer::rows(&["Variable_name", "Value"], rows)
}

fn frontends(state: &State) -> Answer {
    let names =
        ["Name", "Host", "EditLogPort", "HttpPort", "QueryPort", "Role", "IsMaster", "Alive"];
    let row = |(n, (http, query, up)): (usize, &(u16, u16, bool))| {
        vec![
            value(format!("fe_{n}")),
            value("127.0.0.1"),
            value("9010"),
            value(http.to_string()),
            value(query.to_string()),
            value("FOLLOWER"),
            value((n == 0).to_string()),
            value(up.to_string()),
        ]
    };
    Answer::rows(&names, state.frontends.iter().enumerate().map(row).collect())
}

fn backends(state: &State) -> Answer {
    let names = ["BackendId", "Host", "HeartbeatPort", "BePort", "HttpPort", "BrpcPort", "Alive"];
    let row = |(n, (port, up)): (usize, &(u16, bool))| {
        vec![
            value((10_000 + n).to_string()),
            value("127.0.0.1"),
            value("9050"),
            value("9060"),
            value(port.to_string()),
            value("8060"),
            value(up.to_string()),
        ]
    };
    Answer::rows(&names, state.backends.iter().enumerate().map(row).collect())
}

fn alter_jobs(session: &Session, state: &mut State, words: &mut Cursor) -> Result<Answer, Failure> {
    let database = from(session, words)?;
    let wanted = condition(words)?;
    let due: Vec<u64> = state
        .jobs
        .iter_mut()
        .filter(|job| job.state == "RUNNING" && job.database == database)
        .filter_map(|job| match job.questions {
            0 => Some(job.id),
            _ => {
                job.questions -= 1;
                None
            }
        })
        .collect();
    for id in due {
        alter::finish_job(state, id);
    }
    let names = [
        "JobId",
        "TableName",
        "CreateTime",
        "FinishTime",
        "IndexName",
        "IndexId",
        "OriginIndexId",
        "SchemaVersion",
        "TransactionId",
        "State",
        "Msg",
        "Progress",
        "Timeout",
    ];
    let is_wanted = |job: &&super::state::Job| match &wanted {
        Some((name, text)) if name == "tablename" => job.table == *text,
        Some((name, text)) if name == "state" => job.state == *text,
        _ => job.database == database,
    };
    let row = |job: &super::state::Job| {
        vec![
            value(job.id.to_string()),
            value(&job.table),
            value("2026-01-01 00:00:00"),
            value(if job.state == "RUNNING" { "N/A" } else { "2026-01-01 00:00:01" }),
            value(&job.table),
            value("1"),
            value("1"),
            value("1:1"),
            value("1"),
            value(job.state),
            value(&job.message),
            value(if job.state == "RUNNING" { "0/1" } else { "N/A" }),
            value("2592000"),
        ]
    };
    // The newest first, as `ORDER BY CreateTime DESC LIMIT 1` wants it.
    let rows = state.jobs.iter().rev().filter(is_wanted).map(row);
    let newest_only = words.tokens().iter().any(|t| t.to_string().eq_ignore_ascii_case("limit"));
    Ok(Answer::rows(&names, rows.take(if newest_only { 1 } else { usize::MAX }).collect()))
}

fn transaction(
    session: &Session,
    state: &mut State,
    words: &mut Cursor,
) -> Result<Answer, Failure> {
    let database = from(session, words)?;
    let Some((name, text)) = condition(words)? else {
        return Err(Failure::detail(
            "Where clause should looks like one of them: id = 123 or label = 'label'",
        ));
    };
    let found = match name.as_str() {
        "id" => {
            let id = text.parse().unwrap_or(0);
            let label = state.labels.by_id(id).map(|t| t.label.clone());
            label.and_then(|label| state.ask(&database, &label))
        }
        _ => state.ask(&database, &text),
    };
    let found = found
        .ok_or_else(|| Failure::detail(format!("transaction with {name} {text} does not exist")))?;
    let names = [
        "TransactionId",
        "Label",
        "Coordinator",
        "TransactionStatus",
        "LoadJobSourceType",
        "PrepareTime",
        "PreCommitTime",
        "CommitTime",
        "FinishTime",
        "Reason",
        "ErrorReplicasCount",
        "ListenerId",
        "TimeoutMs",
        "ErrMsg",
    ];
    let time = || value("2026-01-01 00:00:00");
    let row = vec![
        value(found.id.to_string()),
        value(&found.label),
        value("BE: 127.0.0.1"),
        value(found.status.name()),
        value(found.source),
        time(),
        time(),
        time(),
        time(),
        value(&found.reason),
        value("0"),
        value("-1"),
        value("600000"),
        value(""),
    ];
    Ok(Answer::rows(&names, vec![row]))
}

/// Loads by INSERT; stream loads are not among them.
fn loads(session: &Session, state: &mut State, words: &mut Cursor) -> Result<Answer, Failure> {
    let database = from(session, words)?;
    let wanted = condition(words)?.map(|(_, text)| text);
    if let Some(label) = &wanted {
        state.ask(&database, label);
    }
    let names = [
        "JobId",
        "Label",
        "State",
        "Progress",
        "Type",
        "EtlInfo",
        "TaskInfo",
        "ErrorMsg",
        "CreateTime",
        "EtlStartTime",
        "EtlFinishTime",
        "LoadStartTime",
        "LoadFinishTime",
        "URL",
        "JobDetails",
        "TransactionId",
        "ErrorTablets",
        "User",
        "Comment",
    ];
    let is_wanted = |t: &&Transaction| {
        t.database == database
            && t.source == "INSERT_STREAMING"
            && wanted.as_ref().is_none_or(|label| t.label == *label)
    };
    let row = |t: &Transaction| {
        let state = match t.status {
            Status::Visible => "FINISHED",
            Status::Aborted => "CANCELLED",
            Status::Committed => "COMMITTED",
            _ => "LOADING",
        };
        let mut row = vec![value(t.id.to_string()), value(&t.label), value(state), value("100%")];
        row.extend([value("INSERT"), value("NULL"), value(""), value(&t.reason)]);
        row.extend((0..5).map(|_| value("2026-01-01 00:00:00")));
        row.extend([value(""), value("{}"), value(t.id.to_string()), value("{}")]);
        row.extend([value("ann"), value("")]);
        row
    };
    Ok(Answer::rows(&names, state.labels.all.iter().filter(is_wanted).map(row).collect()))
}
