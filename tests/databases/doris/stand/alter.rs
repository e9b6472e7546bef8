//! `ALTER TABLE`.

use sqlparser::tokenizer::Token;

use super::catalog::{self, Column, Table};
use super::definition::{Name, column, known};
use super::kinds::Kind;
use super::session::Failure;
use super::state::{Job, State};
use super::statement::Cursor;
use super::values::{self, Zone};

pub(crate) fn alter(state: &mut State, name: &Name, words: &mut Cursor) -> Result<(), Failure> {
    known(state, name)?;
    if words.eat("REPLACE WITH TABLE") {
        let other = words.name()?;
        let swap = match words.eat("PROPERTIES") {
            true => words.properties()?.iter().all(|(k, v)| k != "swap" || v != "false"),
            false => true,
        };
        return replace(state, name, &(name.0.clone(), other), swap);
    }
    if words.eat("RENAME") {
        words.eat("TO");
        let other = words.name()?;
        return rename(state, name, other);
    }
    if state.layout.starrocks && words.eat("SWAP WITH") {
        let other = words.name()?;
        return replace(state, name, &(name.0.clone(), other), true);
    }
    if state.layout.starrocks && words.eat("COMMENT") {
        words.need_sign(&Token::Eq)?;
        let text = words.text()?;
        return change(state, name, |table| table.comment = text);
    }
    if words.eat("MODIFY COMMENT") {
        let text = words.text()?;
        return change(state, name, |table| table.comment = text);
    }
    if words.eat("SET") {
        let pairs = words.properties()?;
        return change(state, name, |table| table.properties.extend(pairs));
    }
    let running = state.jobs.iter().any(|job| job.state == "RUNNING" && job.table == name.1);
    if running {
        return Err(Failure::detail(format!(
            "Table[{}]'s state(SCHEMA_CHANGE) is not NORMAL. Do not allow doing ALTER ops",
            name.1
        )));
    }
    columns(state, name, words)
}

/// `ADD COLUMN`, `MODIFY COLUMN`, `DROP COLUMN`, several of them with commas.
fn columns(state: &mut State, name: &Name, words: &mut Cursor) -> Result<(), Failure> {
    let mut target = known(state, name)?.clone();
    let mut heavy = false;
    loop {
        if words.eat("ADD COLUMN") {
            match words.peek() {
                Some(Token::LParen) => {
                    words.next();
                    loop {
                        let added = column(words)?;
                        add(&mut target, added, None)?;
                        if !words.sign(&Token::Comma) {
                            break;
                        }
                    }
                    words.need_sign(&Token::RParen)?;
                }
                _ => {
                    let added = column(words)?;
                    let after = if words.eat("AFTER") { Some(words.name()?) } else { None };
                    add(&mut target, added, after)?;
                }
            }
        } else if words.eat("MODIFY COLUMN") {
            heavy |= modify(&mut target, words)?;
        } else if words.eat("DROP COLUMN") {
            let gone = words.name()?;
            let is_it = |c: &Column| c.name.eq_ignore_ascii_case(&gone);
            if !target.columns.iter().any(is_it) {
                return Err(Failure::detail(format!("Column does not exists: {gone}")));
            }
            target.columns.retain(|column| !is_it(column));
        } else {
            return Err(words.unexpected("ADD, MODIFY or DROP"));
        }
        if !words.sign(&Token::Comma) {
            break;
        }
    }
    let id = state.next_id();
    state.jobs.push(Job {
        id,
        database: name.0.clone(),
        table_id: target.id,
        table: name.1.clone(),
        questions: 2,
        state: "RUNNING",
        message: String::new(),
        target,
    });
    if !heavy {
        // A column that is only added is there at once.
        finish_job(state, id);
    }
    Ok(())
}

fn add(table: &mut Table, column: Column, after: Option<String>) -> Result<(), Failure> {
    if table.column(&column.name).is_some() {
        let text =
            format!("Can not add column which already exists in base table: {}", column.name);
        return Err(Failure::detail(text));
    }
    if !column.nullable && column.default.is_none() {
        // Rows that are there would have nothing in it.
        let text = format!("Can not add column {} NOT NULL without a default value", column.name);
        return Err(Failure::detail(text));
    }
    let at = match after {
        None => table.columns.len(),
        Some(name) => {
            let found = table.columns.iter().position(|c| c.name.eq_ignore_ascii_case(&name));
            found.ok_or_else(|| Failure::detail(format!("Column[{name}] does not exists")))? + 1
        }
    };
    table.columns.insert(at, column);
    Ok(())
}

/// Changes a column; answers whether rows have to be written anew.
fn modify(table: &mut Table, words: &mut Cursor) -> Result<bool, Failure> {
    let place = words.place();
    let name = words.name()?;
    if words.eat("COMMENT") {
        let text = words.text()?;
        let column = table.columns.iter_mut().find(|c| c.name.eq_ignore_ascii_case(&name));
        let column = column.ok_or_else(|| missing(&name))?;
        column.comment = text;
        return Ok(false);
    }
    while words.place() > place {
        words.back();
    }
    let mut wanted = column(words)?;
    let at = table.columns.iter().position(|c| c.name.eq_ignore_ascii_case(&name));
    let at = at.ok_or_else(|| missing(&name))?;
    let now = &table.columns[at];
    if let (Kind::Varchar(from) | Kind::Char(from), Kind::Varchar(to) | Kind::Char(to)) =
        (&now.kind, &wanted.kind)
        && to < from
    {
        return Err(Failure::detail("Shorten type length is prohibited"));
    }
    let both = now.kind.range().zip(wanted.kind.range());
    if both.is_some_and(|(from, to)| to.1 < from.1) {
        let text = format!("Can not change {} to {}", now.kind, wanted.kind);
        return Err(Failure::detail(text.to_uppercase()));
    }
    if now.nullable && !wanted.nullable {
        return Err(Failure::detail("Can not change from nullable to non-nullable"));
    }
    wanted.key = now.key;
    table.columns[at] = wanted;
    Ok(true)
}

fn missing(name: &str) -> Failure {
    Failure::detail(format!("Column[{name}] does not exists"))
}

/// The rows of a table move to its new columns.
pub(crate) fn finish_job(state: &mut State, id: u64) {
    let Some(at) = state.jobs.iter().position(|job| job.id == id) else { return };
    let job = state.jobs[at].clone();
    let found = state.tables.values().find(|table| table.id == job.table_id).cloned();
    let Some(old) = found else {
        state.jobs[at].state = "CANCELLED";
        return;
    };
    match moved(state, &old, &job.target) {
        Ok(rows) => {
            let new = Table { name: old.name.clone(), comment: old.comment.clone(), ..job.target };
            let sql = format!("drop table {}; {}", old.stored(), new.storage());
            state.sqlite.execute_batch(&sql).expect("SQLite makes tables");
            let places = vec!["?"; new.columns.len()].join(", ");
            let put = format!("insert into {} values ({places})", new.stored());
            for row in rows {
                let put = state.sqlite.execute(&put, rusqlite::params_from_iter(row));
                put.expect("SQLite takes rows");
            }
            state.tables.insert((old.database.clone(), old.name.clone()), new);
            state.jobs[at].state = "FINISHED";
        }
        Err(message) => {
            state.jobs[at].state = "CANCELLED";
            state.jobs[at].message = message;
        }
    }
}

fn moved(
    state: &State,
    old: &Table,
    new: &Table,
) -> Result<Vec<Vec<rusqlite::types::Value>>, String> {
    let cell = |row: &[rusqlite::types::Value], column: &Column| {
        let at = old.columns.iter().position(|c| c.name.eq_ignore_ascii_case(&column.name));
        let given = match at {
            Some(at) => values::given_back(&row[at]),
            None => column.default.clone().map_or(values::Given::Null, values::Given::Text),
        };
        values::convert(&given, &column.kind, Zone::DEFAULT)
            .map_err(|_| format!("column {} does not convert", column.name))
    };
    let rows = state.all_rows(old);
    rows.iter().map(|row| new.columns.iter().map(|column| cell(row, column)).collect()).collect()
}

fn change(state: &mut State, name: &Name, work: impl FnOnce(&mut Table)) -> Result<(), Failure> {
    let table = state.tables.get_mut(name).ok_or_else(|| Failure::detail("no table"))?;
    work(table);
    Ok(())
}

fn rename(state: &mut State, name: &Name, other: String) -> Result<(), Failure> {
    catalog::check_table_name(&other)?;
    let target = (name.0.clone(), other.clone());
    if state.tables.contains_key(&target) {
        return Err(Failure::detail(format!("Table name[{other}] is already used")));
    }
    let mut table = state.tables.remove(name).ok_or_else(|| Failure::detail("no table"))?;
    table.name = other;
    state.tables.insert(target, table);
    Ok(())
}

/// Both tables change their names at once; without `swap` the old one is gone for good. Columns
/// are not compared.
fn replace(state: &mut State, name: &Name, other: &Name, swap: bool) -> Result<(), Failure> {
    known(state, other)?;
    let mut old = state.tables.remove(name).ok_or_else(|| Failure::detail("no table"))?;
    let mut new = state.tables.remove(other).ok_or_else(|| Failure::detail("no table"))?;
    old.name.clone_from(&other.1);
    new.name.clone_from(&name.1);
    state.tables.insert(name.clone(), new);
    if swap {
        state.tables.insert(other.clone(), old);
        return Ok(());
    }
    let sql = format!("drop table {}", old.stored());
    state.sqlite.execute_batch(&sql).map_err(Failure::detail)
}
