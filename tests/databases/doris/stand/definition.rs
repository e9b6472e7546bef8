//! `CREATE`, `ALTER`, `DROP`, `TRUNCATE`.

use std::collections::BTreeMap;

use sqlparser::tokenizer::Token;

use super::alter::alter;
use super::catalog::{self, Column, Model, Table};
use super::kinds::Kind;
use super::session::{Answer, Failure, Session};
use super::state::State;
use super::statement::Cursor;

pub(crate) type Name = (String, String);

pub(crate) fn run(
    session: &mut Session,
    state: &mut State,
    mut words: Cursor,
) -> Result<Answer, Failure> {
    if words.eat("CREATE DATABASE") || words.eat("CREATE SCHEMA") {
        create_database(state, &mut words)?;
    } else if words.eat("CREATE TABLE") {
        create_table(session, state, &mut words)?;
    } else if words.eat("ALTER TABLE") {
        let name = session.resolve(words.path()?)?;
        alter(state, &name, &mut words)?;
    } else if words.eat("DROP TABLE") {
        drop_table(session, state, &mut words)?;
    } else if words.eat("DROP DATABASE") || words.eat("DROP SCHEMA") {
        drop_database(state, &mut words)?;
    } else if words.eat("TRUNCATE TABLE") {
        let name = session.resolve(words.path()?)?;
        let table = known(state, &name)?.stored();
        state.sqlite.execute_batch(&format!("delete from {table}")).map_err(Failure::detail)?;
    } else {
        return Err(words.unexpected("a statement that the stand-in knows"));
    }
    match words.is_at_end() {
        true => Ok(Answer::default()),
        false => Err(words.unexpected("<EOF>")),
    }
}

/// The table, or what Doris says when it is not there.
pub(crate) fn known<'a>(state: &'a State, name: &Name) -> Result<&'a Table, Failure> {
    let (database, table) = name;
    if !state.databases.contains(database) {
        return Err(Failure::of(1049, format!("Unknown database '{database}'")));
    }
    state
        .table(database, table)
        .ok_or_else(|| Failure::of(1051, format!("Unknown table '{table}'")))
}

fn create_database(state: &mut State, words: &mut Cursor) -> Result<(), Failure> {
    let calm = words.eat("IF NOT EXISTS");
    let name = words.name()?;
    if words.eat("PROPERTIES") {
        words.properties()?;
    }
    catalog::check_table_name(&name)?;
    if state.databases.contains(&name) {
        let text = format!("Can't create database '{name}'; database exists");
        return if calm { Ok(()) } else { Err(Failure::of(1007, text)) };
    }
    state.databases.push(name);
    Ok(())
}

fn drop_database(state: &mut State, words: &mut Cursor) -> Result<(), Failure> {
    let calm = words.eat("IF EXISTS");
    let name = words.name()?;
    words.eat("FORCE");
    if !state.databases.contains(&name) {
        let text = format!("Can't drop database '{name}'; database doesn't exist");
        return if calm { Ok(()) } else { Err(Failure::of(1008, text)) };
    }
    state.databases.retain(|other| *other != name);
    state.tables.retain(|(database, _), _| *database != name);
    Ok(())
}

fn drop_table(session: &Session, state: &mut State, words: &mut Cursor) -> Result<(), Failure> {
    let calm = words.eat("IF EXISTS");
    let name = session.resolve(words.path()?)?;
    words.eat("FORCE");
    if !state.databases.contains(&name.0) {
        return Err(Failure::of(1049, format!("Unknown database '{}'", name.0)));
    }
    // Rows that are only counted are those of the one stage table that there is.
    state.counted.clear();
    match state.tables.remove(&name) {
        Some(table) => {
            let sql = format!("drop table {}", table.stored());
            state.sqlite.execute_batch(&sql).map_err(Failure::detail)
        }
        None if calm => Ok(()),
        None => Err(Failure::of(1051, format!("Unknown table '{}'", name.1))),
    }
}

fn create_table(session: &Session, state: &mut State, words: &mut Cursor) -> Result<(), Failure> {
    let calm = words.eat("IF NOT EXISTS");
    let name = session.resolve(words.path()?)?;
    if !state.databases.contains(&name.0) {
        return Err(Failure::of(1049, format!("Unknown database '{}'", name.0)));
    }
    let exists = state.tables.contains_key(&name);
    let mut table = if words.eat("LIKE") {
        let model = session.resolve(words.path()?)?;
        known(state, &model)?.clone()
    } else {
        let (table, keys) = definition(&name, words)?;
        if !exists {
            catalog::check(&table, &keys, state.backends.len())?;
        }
        table
    };
    if exists {
        let text = format!("Table '{}' already exists", name.1);
        return if calm { Ok(()) } else { Err(Failure::of(1050, text)) };
    }
    catalog::check_table_name(&name.1)?;
    table.id = state.next_id();
    table.rows_known = 0;
    (table.database, table.name) = name.clone();
    state.sqlite.execute_batch(&table.storage()).map_err(Failure::detail)?;
    state.tables.insert(name, table);
    Ok(())
}

/// A table as it was written, and the columns that were named as its key.
fn definition(name: &Name, words: &mut Cursor) -> Result<(Table, Vec<String>), Failure> {
    words.need_sign(&Token::LParen)?;
    let mut columns = Vec::new();
    loop {
        if words.eat("INDEX") {
            index(words)?;
        } else {
            columns.push(column(words)?);
        }
        if !words.sign(&Token::Comma) {
            break;
        }
    }
    words.need_sign(&Token::RParen)?;
    if words.eat("ENGINE") {
        words.need_sign(&Token::Eq)?;
        words.name()?;
    }
    let (model, keys) = match model(words) {
        Some(model) => (model, words.names()?),
        None => (Model::Duplicate, first_keys(&columns)?),
    };
    for column in &mut columns {
        column.key = keys.iter().any(|key| key.eq_ignore_ascii_case(&column.name));
    }
    let mut table = Table {
        id: 0,
        database: name.0.clone(),
        name: name.1.clone(),
        model,
        columns,
        comment: String::new(),
        hashed: Vec::new(),
        buckets: "AUTO".to_owned(),
        partition: None,
        properties: BTreeMap::new(),
        rows_known: 0,
    };
    clauses(&mut table, words)?;
    Ok((table, keys))
}

fn clauses(table: &mut Table, words: &mut Cursor) -> Result<(), Failure> {
    if words.eat("COMMENT") {
        table.comment = words.text()?;
    }
    let auto = words.eat("AUTO");
    if words.eat("PARTITION BY") {
        let kind = words.name()?.to_uppercase();
        let columns = words.parentheses()?;
        let parts = words.parentheses()?;
        let auto = if auto { "AUTO " } else { "" };
        table.partition = Some(format!("{auto}PARTITION BY {kind}({columns})\n({parts})"));
    }
    if !words.eat("DISTRIBUTED BY") {
        return Err(Failure::detail("Create olap table should contain distribution desc"));
    }
    if !words.eat("RANDOM") {
        words.need("HASH")?;
        table.hashed = words.names()?;
    }
    if words.eat("BUCKETS") {
        table.buckets = match words.next() {
            Some(Token::Number(number, _)) if number != "0" => number,
            Some(Token::Word(word)) if word.value.eq_ignore_ascii_case("AUTO") => "AUTO".to_owned(),
            _ => {
                return Err(Failure::detail(
                    "Number of hash distribution should be greater than zero.",
                ));
            }
        };
    }
    if words.eat("PROPERTIES") {
        table.properties = words.properties()?.into_iter().collect();
    }
    Ok(())
}

fn model(words: &mut Cursor) -> Option<Model> {
    let all = [Model::Duplicate, Model::Unique, Model::Aggregate, Model::Primary];
    all.into_iter().find(|model| words.eat(&format!("{} KEY", model.word())))
}

/// Without a key named, the first columns that can be keys, three at most.
fn first_keys(columns: &[Column]) -> Result<Vec<String>, Failure> {
    let can = |column: &&Column| column.kind.no_key(&column.name).is_none();
    let keys: Vec<_> = columns.iter().take_while(can).take(3).map(|c| c.name.clone()).collect();
    match keys.is_empty() {
        true => Err(Failure::detail(
            "The olap table first column could not be float, double, string or array, struct, map, \
             please use decimal or varchar instead.",
        )),
        false => Ok(keys),
    }
}

fn index(words: &mut Cursor) -> Result<(), Failure> {
    words.name()?;
    words.names()?;
    if words.eat("USING") {
        words.name()?;
    }
    if words.eat("PROPERTIES") {
        words.properties()?;
    }
    if words.eat("COMMENT") {
        words.text()?;
    }
    Ok(())
}

pub(crate) fn column(words: &mut Cursor) -> Result<Column, Failure> {
    let name = words.name()?;
    let kind = kind(words)?;
    let mut column =
        Column { name, kind, nullable: true, key: false, default: None, comment: String::new() };
    loop {
        if words.eat("NOT NULL") {
            column.nullable = false;
        } else if words.eat("NULL") || words.eat("AUTO_INCREMENT") || words.eat("KEY") {
        } else if words.eat("DEFAULT") {
            column.default = default(words)?;
        } else if words.eat("COMMENT") {
            column.comment = words.text()?;
        } else {
            return Ok(column);
        }
    }
}

fn kind(words: &mut Cursor) -> Result<Kind, Failure> {
    let mut text = words.name()?;
    let mut depth = 0;
    while let Some(token) = words.peek().cloned() {
        match token {
            Token::Lt | Token::LParen => depth += 1,
            Token::Gt | Token::RParen if depth > 0 => depth -= 1,
            Token::ShiftRight if depth > 1 => depth -= 2,
            _ if depth > 0 => {}
            _ => break,
        }
        text.push_str(&token.to_string());
        words.next();
        if depth == 0 {
            break;
        }
    }
    Kind::read(&text).map_err(Failure::detail)
}

fn default(words: &mut Cursor) -> Result<Option<String>, Failure> {
    if words.eat("NULL") {
        return Ok(None);
    }
    if words.eat("CURRENT_TIMESTAMP") {
        if words.peek() == Some(&Token::LParen) {
            words.parentheses()?;
        }
        return Ok(Some("CURRENT_TIMESTAMP".to_owned()));
    }
    let sign = if words.sign(&Token::Minus) { "-" } else { "" };
    match words.next() {
        Some(Token::Number(number, _)) => Ok(Some(format!("{sign}{number}"))),
        Some(Token::Word(word)) => Ok(Some(word.value)),
        _ => {
            words.back();
            words.text().map(Some)
        }
    }
}
