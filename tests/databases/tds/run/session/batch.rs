//! Batches: which statement comes next, and what procedures stand for.

use std::collections::BTreeMap;

use super::super::super::sql::ast::{Expr, Name, Statement};
use super::super::super::sql::parser::{Parser, parse};
use super::super::super::store::kind::Type;
use super::super::super::store::value::Value;
use super::super::Failure;
use super::super::convert::convert;
use super::Session;

/// What is left of a batch.
#[derive(Debug, Default)]
pub(crate) struct Batch(Vec<Work>);

#[derive(Debug)]
enum Work {
    Do(Statement, String),
    Loop(Expr, Statement),
}

impl Batch {
    pub(crate) fn of(text: &str) -> Result<Self, Failure> {
        let mut batch = Batch::default();
        batch.push(text)?;
        Ok(batch)
    }

    fn push(&mut self, text: &str) -> Result<(), Failure> {
        let statements = parse(text)?;
        self.0.extend(
            statements.into_iter().rev().map(|(statement, text)| Work::Do(statement, text)),
        );
        Ok(())
    }
}

impl Session {
    /// The next statement of a batch that does something.
    pub(crate) fn next(
        &mut self,
        batch: &mut Batch,
    ) -> Result<Option<(Statement, String)>, Failure> {
        while let Some(work) = batch.0.pop() {
            match work {
                Work::Loop(condition, body) => {
                    if self.value(&condition)?.1.holds() {
                        batch.0.push(Work::Loop(condition, body.clone()));
                        batch.0.push(Work::Do(body, String::new()));
                    }
                }
                Work::Do(statement, text) => match statement {
                    Statement::If(condition, then, otherwise) => {
                        let chosen =
                            if self.value(&condition)?.1.holds() { Some(then) } else { otherwise };
                        batch.0.extend(chosen.map(|one| Work::Do(*one, text)));
                    }
                    Statement::While(condition, body) => batch.0.push(Work::Loop(condition, *body)),
                    Statement::Block(inside) => {
                        batch.0.extend(
                            inside.into_iter().rev().map(|one| Work::Do(one, text.clone())),
                        );
                    }
                    Statement::Break => {
                        while !matches!(batch.0.pop(), None | Some(Work::Loop(..))) {}
                    }
                    Statement::Execute(name, args) => {
                        if let Some(found) = self.procedure(&name, args, text, batch)? {
                            return Ok(Some(found));
                        }
                    }
                    Statement::ExecuteText(expr) => {
                        let inner = self.value(&expr)?.1.string().unwrap_or_default();
                        batch.push(&inner)?;
                    }
                    other => return Ok(Some((other, text))),
                },
            }
        }
        Ok(None)
    }

    /// EXEC: some procedures become statements.
    pub(super) fn procedure(
        &mut self,
        name: &Name,
        args: Vec<(Option<String>, Expr)>,
        text: String,
        batch: &mut Batch,
    ) -> Result<Option<(Statement, String)>, Failure> {
        let last = name.last().map_or("", String::as_str).to_lowercase();
        match last.as_str() {
            "sp_executesql" => {
                let mut args = args.into_iter();
                let Some((_, first)) = args.next() else {
                    return Err(Failure::new(
                        201,
                        "Procedure or function 'sp_executesql' expects parameter '@statement', which was not supplied.",
                    ));
                };
                let inner = self.value(&first)?.1.string().unwrap_or_default();
                let told = args.next().map(|(_, expr)| self.value(&expr)).transpose()?;
                let told = told.and_then(|(_, value)| value.string()).unwrap_or_default();
                let mut given = Vec::new();
                for (own, expr) in args {
                    let (of, value) = self.value(&expr)?;
                    given.push((own, of, value));
                }
                let found = parameters(&told, given)?;
                self.variables.extend(found);
                batch.push(&inner)?;
                Ok(None)
            }
            "sp_describe_first_result_set" => {
                Ok(Some((Statement::Execute(name.clone(), args), text)))
            }
            "sp_reset_connection" => Ok(None),
            _ => Err(Failure::new(
                2812,
                &format!("Could not find stored procedure '{}'.", name.join(".")),
            )),
        }
    }
}

/// The parameters of `sp_executesql`: `@P1 int, @P2 nvarchar(4000)` and their values.
pub(crate) fn parameters(
    told: &str,
    given: Vec<(Option<String>, Type, Value)>,
) -> Result<BTreeMap<String, (Type, Value)>, Failure> {
    let mut parser = Parser::of(told)?;
    let mut all = BTreeMap::new();
    if told.trim().is_empty() {
        return Ok(all);
    }
    let declared = parser.list(|parser| Ok((parser.variable()?, parser.kind(false)?)))?;
    for (at, (name, kind)) in declared.into_iter().enumerate() {
        let by_name = given
            .iter()
            .find(|(own, ..)| own.as_ref().is_some_and(|own| own.eq_ignore_ascii_case(&name)));
        let of = Type::of(kind);
        let value = match by_name.or(given.get(at)) {
            Some((_, from, value)) => convert(value, from, &of, 0)?,
            None => {
                return Err(Failure::new(
                    8178,
                    &format!(
                        "The parameterized query expects the parameter '{name}', which was not supplied."
                    ),
                ));
            }
        };
        all.insert(name, (of, value));
    }
    Ok(all)
}
