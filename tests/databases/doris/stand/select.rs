//! `SELECT`, `INSERT`, `UPDATE` and `DELETE`, carried out by SQLite.

use rusqlite::types::Value;
use sqlparser::ast::{
    AssignmentTarget, BinaryOperator, Expr, FromTable, Insert, ObjectName, SetExpr, Statement,
    TableFactor, TableObject,
};
use sqlparser::dialect::MySqlDialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::Token;

use super::backend;
use super::catalog::Table;
use super::fault::Fault;
use super::headers;
use super::labels::{Change, Status};
use super::session::{Answer, Failure, Session};
use super::state::State;
use super::statement::Cursor;
use super::translate::{found, parts, translate};
use super::values::{self, Given, Zone};

fn parsed(tokens: Vec<Token>) -> Result<Statement, Failure> {
    // The parser goes by blanks where there may be none.
    let spaced = tokens.into_iter().flat_map(|token| {
        let blank = Token::Whitespace(sqlparser::tokenizer::Whitespace::Space);
        let glued = matches!(token, Token::AtSign | Token::AtAt);
        if glued { vec![token] } else { vec![token, blank] }
    });
    Parser::new(&MySqlDialect {})
        .with_tokens(spaced.collect())
        .parse_statement()
        .map_err(Failure::syntax)
}

/// Rows of a query.
pub(crate) fn select(
    session: &Session,
    state: &mut State,
    tokens: Vec<Token>,
) -> Result<Answer, Failure> {
    if let Some(count) = counted(state, &tokens) {
        return Ok(Answer::rows(&["count(*)"], vec![vec![Value::Integer(count)]]));
    }
    let mut statement = parsed(tokens)?;
    let (columns, rows) = read(session, state, &mut statement)?;
    Ok(Answer { columns: Some(columns), rows, ..Answer::default() })
}

/// The number that a `select count(*)` gives of rows that were counted and not kept: of all places
/// that it names.
fn counted(state: &State, tokens: &[Token]) -> Option<i64> {
    let is = |at: usize, text: &str| {
        tokens.get(at).is_some_and(|token| token.to_string().eq_ignore_ascii_case(text))
    };
    if !is(1, "count") || !is(3, "*") || state.counted.is_empty() {
        return None;
    }
    let rows = tokens.iter().filter_map(|token| match token {
        Token::SingleQuotedString(text) => state.counted.get(text),
        _ => None,
    });
    i64::try_from(rows.sum::<u64>()).ok()
}

type Read = (Vec<String>, Vec<Vec<Value>>);

fn read(session: &Session, state: &mut State, statement: &mut Statement) -> Result<Read, Failure> {
    let names = names_of(statement);
    let texts = translate(session, state, statement)?;
    let sql = statement.to_string();
    let mut prepared = state.sqlite.prepare(&sql).map_err(|e| lite(&e))?;
    let mut columns: Vec<String> = prepared.column_names().into_iter().map(str::to_owned).collect();
    if let Some(names) = names.filter(|names| names.len() == columns.len()) {
        columns = names;
    }
    let width = columns.len();
    let rows = prepared
        .query_map(rusqlite::params_from_iter(texts), |row| {
            (0..width).map(|n| row.get::<_, Value>(n)).collect()
        })
        .map_err(|e| lite(&e))?;
    let rows: Result<Vec<_>, _> = rows.collect();
    rows.map(|rows| (columns, rows)).map_err(|e| lite(&e))
}

/// The names of the columns as they were written, unless there is a `*`.
fn names_of(statement: &Statement) -> Option<Vec<String>> {
    let Statement::Query(query) = statement else { return None };
    let SetExpr::Select(select) = query.body.as_ref() else { return None };
    let name = |item: &sqlparser::ast::SelectItem| match item {
        sqlparser::ast::SelectItem::UnnamedExpr(Expr::Identifier(name)) => Some(name.value.clone()),
        sqlparser::ast::SelectItem::UnnamedExpr(Expr::CompoundIdentifier(parts)) => {
            parts.last().map(|name| name.value.clone())
        }
        sqlparser::ast::SelectItem::UnnamedExpr(expr) => Some(expr.to_string()),
        sqlparser::ast::SelectItem::ExprWithAlias { alias, .. } => Some(alias.value.clone()),
        _ => None,
    };
    select.projection.iter().map(name).collect()
}

fn lite(error: &rusqlite::Error) -> Failure {
    let text = error.to_string();
    match text.split_once("no such column: ") {
        Some((_, rest)) => {
            let name = rest.split([' ', '"']).next().unwrap_or_default();
            Failure::of(1054, format!("Unknown column '{name}' in 'table list'"))
        }
        None => Failure::detail(format!("the stand-in cannot do this: {text}")),
    }
}

/// An INSERT: a transaction with a label, as a load is.
pub(crate) fn insert(
    session: &Session,
    state: &mut State,
    mut words: Cursor,
) -> Result<Answer, Failure> {
    words.need("INSERT")?;
    words.need("INTO")?;
    let (database, table) = session.resolve(words.path()?)?;
    let place = words.place();
    let label = match words.eat("WITH LABEL") {
        true => Some(words.name()?),
        false => None,
    };
    let Statement::Insert(insert) = parsed(words.without(place))? else {
        return Err(Failure::syntax("an INSERT was expected"));
    };
    let label = match label {
        Some(label) => label,
        None => format!("label_{}", state.next_id()),
    };
    headers::check_label(&label).map_err(Failure::detail)?;
    let table = found(state, &database, &table)?.clone();
    backend::take_label(state, session.fault.as_ref(), &database, &label);
    let begun = state.begin(&database, &table.name, &label, "INSERT_STREAMING");
    let id = begun.map_err(|other| {
        Failure::detail(format!(
            "Label [{label}] has already been used, relate to txn [{}], status [{}].",
            other.id,
            other.status.name()
        ))
    })?;
    if let Some(Fault::Die(_, questions)) = &session.fault {
        if let Some(transaction) = state.labels.by_id(id) {
            transaction.questions = Some(*questions);
        }
        return Err(Failure::death());
    }
    match rows_of(session, state, &table, insert) {
        Ok(rows) if rows.is_empty() => {
            // No rows, no transaction: the label stays free.
            state.drop_transaction(id);
            Ok(Answer::default())
        }
        Ok(rows) => Ok(put(session, state, id, &label, rows)),
        Err(failure) => {
            state.finish(id, Status::Aborted, &failure.message);
            Err(failure)
        }
    }
}

fn put(
    session: &Session,
    state: &mut State,
    id: u64,
    label: &str,
    rows: Vec<Vec<Value>>,
) -> Answer {
    let count = rows.len();
    if let Some(transaction) = state.labels.by_id(id) {
        transaction.changes = rows.into_iter().map(Change::Put).collect();
    }
    let status = match &session.fault {
        Some(Fault::PublishTimeout(questions) | Fault::LosePublishTimeout(questions)) => {
            state.finish(id, Status::Committed, "");
            if let Some(transaction) = state.labels.by_id(id) {
                transaction.questions = Some(*questions);
            }
            "COMMITTED"
        }
        _ => {
            state.finish(id, Status::Visible, "");
            "VISIBLE"
        }
    };
    Answer::affected(count, format!("{{'label':'{label}', 'status':'{status}', 'txnId':'{id}'}}"))
}

/// The rows of an INSERT as its table holds them.
fn rows_of(
    session: &Session,
    state: &mut State,
    table: &Table,
    insert: Insert,
) -> Result<Vec<Vec<Value>>, Failure> {
    if !matches!(insert.table, TableObject::TableName(_)) {
        return Err(Failure::syntax("a table was expected"));
    }
    let places = places(table, &insert)?;
    let source = insert.source.ok_or_else(|| Failure::syntax("no rows"))?;
    let (columns, rows) = read(session, state, &mut Statement::Query(source))?;
    if columns.len() != places.len() {
        return Err(Failure::detail("Column count doesn't match value count"));
    }
    let strict = session.variables.get("enable_insert_strict").is_none_or(|v| v != "false");
    let mut fitted = Vec::new();
    for row in rows {
        let mut cells: Vec<Option<Given>> = vec![None; table.columns.len()];
        for (place, value) in places.iter().zip(&row) {
            cells[*place] = Some(values::given_back(value));
        }
        match backend::fit(&cells, table, strict, Zone::DEFAULT, false) {
            Ok(row) => fitted.push(row),
            Err(reason) if strict => {
                let file = state.keep_errors(&format!("Reason: {reason}. src line []; \n"));
                let port = state.backends.first().map_or(0, |(port, _)| *port);
                return Err(Failure {
                    code: 5025,
                    message: format!(
                        "Insert has filtered data in strict mode, tracking_url=\
                         http://127.0.0.1:{port}/api/_load_error_log?file={file}"
                    ),
                });
            }
            Err(_) => {}
        }
    }
    Ok(fitted)
}

/// Where the columns of an INSERT stand in its table.
fn places(table: &Table, insert: &Insert) -> Result<Vec<usize>, Failure> {
    if insert.columns.is_empty() {
        return Ok((0..table.columns.len()).collect());
    }
    let place = |name: &ObjectName| {
        let name = parts(name).pop().unwrap_or_default();
        let at = table.columns.iter().position(|c| c.name.eq_ignore_ascii_case(&name));
        at.ok_or_else(|| Failure::of(1054, format!("Unknown column '{name}' in 'table list'")))
    };
    insert.columns.iter().map(place).collect()
}

pub(crate) fn update(
    session: &Session,
    state: &mut State,
    tokens: Vec<Token>,
) -> Result<Answer, Failure> {
    let mut statement = parsed(tokens)?;
    let Statement::Update(update) = &statement else {
        return Err(Failure::syntax("an UPDATE was expected"));
    };
    let TableFactor::Table { name, .. } = &update.table.relation else {
        return Err(Failure::syntax("a table was expected"));
    };
    let (database, name) = session.resolve(parts(name))?;
    let table = found(state, &database, &name)?.clone();
    if !table.model.keeps_last() {
        return Err(Failure::detail("Only unique table could be updated."));
    }
    for assignment in &update.assignments {
        let AssignmentTarget::ColumnName(name) = &assignment.target else { continue };
        let name = parts(name).pop().unwrap_or_default();
        let column = table.column(&name);
        let column = column
            .ok_or_else(|| Failure::of(1054, format!("Unknown column '{name}' in 'table list'")))?;
        if column.key {
            return Err(Failure::detail("Only value columns of unique table could be updated"));
        }
    }
    let texts = translate(session, state, &mut statement)?;
    let count = state
        .sqlite
        .execute(&statement.to_string(), rusqlite::params_from_iter(texts))
        .map_err(|e| lite(&e))?;
    settle(state, &table);
    Ok(Answer::affected(count, String::new()))
}

/// Values that an UPDATE computed become values of their columns.
fn settle(state: &State, table: &Table) {
    let rows = state.all_rows(table);
    let all = format!("delete from {}", table.stored());
    state.sqlite.execute_batch(&all).expect("SQLite deletes");
    let places = vec!["?"; table.columns.len()].join(", ");
    let put = format!("insert into {} values ({places})", table.stored());
    for row in rows {
        let values = table.columns.iter().zip(&row).map(|(column, value)| {
            let given = values::given_back(value);
            values::convert(&given, &column.kind, Zone::DEFAULT).unwrap_or(Value::Null)
        });
        let put = state.sqlite.execute(&put, rusqlite::params_from_iter(values));
        put.expect("SQLite takes rows");
    }
}

pub(crate) fn delete(
    session: &Session,
    state: &mut State,
    tokens: Vec<Token>,
) -> Result<Answer, Failure> {
    let mut statement = parsed(tokens)?;
    let Statement::Delete(delete) = &statement else {
        return Err(Failure::syntax("a DELETE was expected"));
    };
    let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = &delete.from;
    let Some(TableFactor::Table { name, .. }) = from.first().map(|from| &from.relation) else {
        return Err(Failure::syntax("a table was expected"));
    };
    let (database, name) = session.resolve(parts(name))?;
    let table = found(state, &database, &name)?.clone();
    let Some(condition) = &delete.selection else {
        return Err(Failure::detail("Where clause is not set"));
    };
    if !table.model.keeps_last() && !is_simple(condition) {
        return Err(Failure::detail(
            "delete predicate of a duplicate table may only compare columns with values, joined \
             by AND",
        ));
    }
    let texts = translate(session, state, &mut statement)?;
    let count = state
        .sqlite
        .execute(&statement.to_string(), rusqlite::params_from_iter(texts))
        .map_err(|e| lite(&e))?;
    let id = state.next_id();
    let info = format!("{{'label':'delete_{id}', 'status':'VISIBLE', 'txnId':'{id}'}}");
    Ok(Answer::affected(count, info))
}

fn is_simple(condition: &Expr) -> bool {
    let is_column = |e: &Expr| matches!(e, Expr::Identifier(_) | Expr::CompoundIdentifier(_));
    let is_value = |e: &Expr| matches!(e, Expr::Value(_) | Expr::UnaryOp { .. });
    match condition {
        Expr::Nested(inner) => is_simple(inner),
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
            is_simple(left) && is_simple(right)
        }
        Expr::BinaryOp { op: BinaryOperator::Or, .. } => false,
        Expr::BinaryOp { left, right, .. } => is_column(left) && is_value(right),
        Expr::InList { expr, list, .. } => is_column(expr) && list.iter().all(is_value),
        Expr::IsNull(expr) | Expr::IsNotNull(expr) => is_column(expr),
        _ => false,
    }
}
