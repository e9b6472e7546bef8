//! The parser of what changes rows.

use super::super::run::Failure;
use super::ast::{Name, Statement};
use super::parser::{Parsed, Parser};

impl Parser<'_> {
    pub(crate) fn write(&mut self) -> Parsed<Option<Statement>> {
        if self.word("insert") {
            self.word("into");
            return self.insert().map(Some);
        }
        if self.word("update") {
            return self.update().map(Some);
        }
        if self.word("delete") {
            return self.delete().map(Some);
        }
        if self.words("truncate table") {
            return self.name().map(|name| Some(Statement::Truncate(name)));
        }
        Ok(None)
    }

    fn insert(&mut self) -> Parsed<Statement> {
        let into = self.name()?;
        let columns = if self.is_mark("(") { self.names()? } else { Vec::new() };
        self.no_output()?;
        if self.words("default values") {
            return Ok(Statement::Insert { into, columns, rows: None });
        }
        let rows = Some(self.query()?);
        Ok(Statement::Insert { into, columns, rows })
    }

    fn update(&mut self) -> Parsed<Statement> {
        let what = self.name()?;
        self.need("set")?;
        let set = self.list(|parser| {
            let name: Name = parser.name()?;
            parser.need_mark("=")?;
            Ok((name.last().cloned().unwrap_or_default(), parser.expr()?))
        })?;
        self.no_output()?;
        let from = if self.word("from") { self.list(Parser::source)? } else { Vec::new() };
        let filter = if self.word("where") { Some(self.expr()?) } else { None };
        Ok(Statement::Update { what, set, from, filter })
    }

    fn delete(&mut self) -> Parsed<Statement> {
        self.word("from");
        let what = self.name()?;
        self.no_output()?;
        let from = if self.word("from") { self.list(Parser::source)? } else { Vec::new() };
        let filter = if self.word("where") { Some(self.expr()?) } else { None };
        Ok(Statement::Delete { what, from, filter })
    }

    fn no_output(&self) -> Parsed<()> {
        if self.is("output") { Err(Failure::unsupported("output")) } else { Ok(()) }
    }
}
