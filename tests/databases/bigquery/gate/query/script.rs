//! Statements one after the other, with transactions and blocks that catch errors.

use std::collections::BTreeMap;

use sqlparser::ast::Statement;

use super::super::answer::{Outcome, Refusal};
use super::super::results::Results;
use super::super::world::{Table, TableName, World};
use super::{Setting, ddl, dml, merge, select};

/// A transaction that is open: the tables as they were before.
struct Open(BTreeMap<TableName, Table>);

impl World {
    /// Carries out all statements. Each is atomic by itself; a transaction is so as a whole.
    pub(crate) fn script(
        &mut self,
        setting: &Setting,
        statements: &[Statement],
    ) -> Outcome<Results> {
        let mut open = None;
        let mut results = Results::default();
        let mut ended = self.block(setting, statements, &mut open, &mut results);
        if let Some(Open(tables)) = open {
            self.undo(tables)?;
            if ended.is_ok() {
                ended = Err(Refusal::invalid_query(
                    "Transaction was not committed: it is rolled back at the end of the script",
                ));
            }
        }
        ended?;
        if statements.len() > 1 || matches!(statements, [Statement::StartTransaction { .. }]) {
            "SCRIPT".clone_into(&mut results.statement);
        }
        Ok(results)
    }

    fn undo(&mut self, tables: BTreeMap<TableName, Table>) -> Outcome<()> {
        self.store.run("ROLLBACK TO script; RELEASE script")?;
        self.tables = tables;
        Ok(())
    }

    fn block(
        &mut self,
        setting: &Setting,
        statements: &[Statement],
        open: &mut Option<Open>,
        results: &mut Results,
    ) -> Outcome<()> {
        statements.iter().try_for_each(|statement| self.step(setting, statement, open, results))
    }

    fn step(
        &mut self,
        setting: &Setting,
        statement: &Statement,
        open: &mut Option<Open>,
        results: &mut Results,
    ) -> Outcome<()> {
        match statement {
            Statement::StartTransaction {
                has_end_keyword: true, statements, exception, ..
            } => {
                let done = self.block(setting, statements, open, results);
                match (done, exception) {
                    (Err(_), Some(handlers)) => {
                        let inner: Vec<Statement> = handlers
                            .iter()
                            .flat_map(|handler| handler.statements.clone())
                            .collect();
                        self.block(setting, &inner, open, results)
                    }
                    (done, _) => done,
                }
            }
            Statement::StartTransaction { .. } if open.is_some() => {
                Err(Refusal::invalid_query("Nested transactions are not supported"))
            }
            Statement::StartTransaction { .. } => {
                self.store.run("SAVEPOINT script")?;
                *open = Some(Open(self.tables.clone()));
                Ok(())
            }
            Statement::Commit { .. } => match open.take() {
                Some(_) => self.store.run("RELEASE script"),
                None => Err(Refusal::invalid_query("There is no transaction to commit")),
            },
            Statement::Rollback { .. } => match open.take() {
                Some(Open(tables)) => self.undo(tables),
                None => Err(Refusal::invalid_query("There is no transaction to roll back")),
            },
            statement => {
                let is_open = open.is_some();
                let done = self.atomically(|world| world.statement(setting, statement, is_open))?;
                results.absorb(done);
                Ok(())
            }
        }
    }

    fn statement(
        &mut self,
        setting: &Setting,
        statement: &Statement,
        is_open: bool,
    ) -> Outcome<Results> {
        let statement = statement.clone();
        match statement {
            Statement::Query(query) => select::run(self, setting, *query),
            Statement::Insert(insert) => dml::insert(self, setting, insert),
            Statement::Update(update) => dml::update(self, setting, update),
            Statement::Delete(delete) => dml::delete(self, setting, delete),
            Statement::Merge(merge) => merge::run(self, setting, merge),
            Statement::Assert { condition, message } => {
                select::assert(self, setting, condition, message)
            }
            Statement::Truncate(truncate) => ddl::truncate(self, setting, &truncate),
            _ if is_open => Err(Refusal::invalid_query(
                "DDL statements are not supported in a transaction, other than those for temporary tables",
            )),
            Statement::CreateTable(create) => ddl::create(self, setting, create),
            Statement::AlterTable(alter) => ddl::alter(self, setting, &alter),
            Statement::Drop { names, if_exists, .. } => ddl::drop(self, setting, &names, if_exists),
            other => Err(Refusal::invalid_query(format!(
                "the gate does not know this statement: {other}"
            ))),
        }
    }
}

impl Results {
    /// A script's result is that of its last SELECT; rows changed and bytes read add up.
    fn absorb(&mut self, other: Results) {
        self.bytes += other.bytes;
        self.statement = other.statement;
        if let Some((inserted, updated, deleted)) = other.changed {
            let (i, u, d) = self.changed.unwrap_or_default();
            self.changed = Some((i + inserted, u + updated, d + deleted));
        } else {
            (self.fields, self.rows) = (other.fields, other.rows);
        }
    }
}
