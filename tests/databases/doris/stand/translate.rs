//! Statements of Doris turned into those of SQLite.

use std::ops::ControlFlow;

use sqlparser::ast::{
    BinaryOperator, DataType, Expr, FunctionArguments, Ident, JoinConstraint, JoinOperator,
    ObjectName, ObjectNamePart, Query, Select, Statement, TableAlias, TableFactor,
    Value as Literal, ValueWithSpan, VisitMut, VisitorMut,
};
use sqlparser::dialect::MySqlDialect;
use sqlparser::parser::Parser;

use super::catalog::Table;
use super::schema;
use super::session::{Failure, Session};
use super::state::State;

/// Turns names and functions of Doris into those of SQLite. Texts become parameters, which are
/// answered: quotes in quotes would not be written again as they were read.
pub(crate) fn translate(
    session: &Session,
    state: &mut State,
    statement: &mut Statement,
) -> Result<Vec<String>, Failure> {
    let mut translator = Translator {
        session,
        state,
        failure: None,
        own: Vec::new(),
        tables: Vec::new(),
        schema: false,
        texts: Vec::new(),
    };
    let _ = statement.visit(&mut translator);
    let Translator { failure, tables, schema, texts, .. } = translator;
    if let Some(failure) = failure {
        return Err(failure);
    }
    if schema {
        schema::fill_information_schema(state)?;
    }
    for table in tables {
        state.wait_for_table(table);
    }
    Ok(texts)
}

struct Translator<'a> {
    session: &'a Session,
    state: &'a State,
    failure: Option<Failure>,
    /// Names that `WITH` gives.
    own: Vec<String>,
    tables: Vec<u64>,
    schema: bool,
    texts: Vec<String>,
}

impl Translator<'_> {
    fn table(&mut self, name: &mut ObjectName) -> Result<Option<String>, Failure> {
        let parts = parts(name);
        if let [one] = parts.as_slice()
            && self.own.iter().any(|own| own.eq_ignore_ascii_case(one))
        {
            return Ok(None);
        }
        let written = parts.last().cloned().unwrap_or_default();
        let (database, table) = self.session.resolve(parts)?;
        let stored = if database.eq_ignore_ascii_case("information_schema") {
            self.schema = true;
            schema::schema_table(&table)?
        } else {
            let found = found(self.state, &database, &table)?;
            self.tables.push(found.id);
            found.stored()
        };
        *name = ObjectName(vec![ObjectNamePart::Identifier(Ident::with_quote('`', stored))]);
        Ok(Some(written))
    }
}

pub(crate) fn parts(name: &ObjectName) -> Vec<String> {
    let ident = |part: &ObjectNamePart| match part {
        ObjectNamePart::Identifier(ident) => ident.value.clone(),
        other => other.to_string(),
    };
    name.0.iter().map(ident).collect()
}

pub(crate) fn found<'a>(
    state: &'a State,
    database: &str,
    table: &str,
) -> Result<&'a Table, Failure> {
    if !state.databases.iter().any(|name| name == database) {
        return Err(Failure::detail(format!("Database [{database}] does not exist.")));
    }
    state.table(database, table).ok_or_else(|| {
        Failure::detail(format!("Table [{table}] does not exist in database [{database}]."))
    })
}

fn text(value: impl Into<String>) -> Expr {
    Expr::value(Literal::SingleQuotedString(value.into()))
}

fn number(value: impl ToString) -> Expr {
    Expr::value(Literal::Number(value.to_string(), false))
}

impl VisitorMut for Translator<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        if let Some(with) = &query.with {
            self.own.extend(with.cte_tables.iter().map(|cte| cte.alias.name.value.clone()));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        anti_joins(select);
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        let TableFactor::Table { name, alias, .. } = factor else {
            return ControlFlow::Continue(());
        };
        match self.table(name) {
            Ok(Some(written)) if alias.is_none() => {
                *alias = Some(TableAlias {
                    explicit: true,
                    name: Ident::with_quote('`', written),
                    columns: Vec::new(),
                    at: None,
                });
            }
            Ok(_) => {}
            Err(failure) => {
                self.failure = Some(failure);
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_value(&mut self, value: &mut ValueWithSpan) -> ControlFlow<()> {
        if let Literal::DoubleQuotedString(text) | Literal::SingleQuotedString(text) = &value.value
        {
            self.texts.push(text.clone());
            value.value = Literal::Placeholder(format!("?{}", self.texts.len()));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Err(failure) = self.expression(expr) {
            self.failure = Some(failure);
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }
}

impl Translator<'_> {
    fn expression(&mut self, expr: &mut Expr) -> Result<(), Failure> {
        match expr {
            Expr::CompoundIdentifier(parts) if parts[0].value.starts_with('@') => {
                let name = parts.last().map(|part| part.value.clone()).unwrap_or_default();
                *expr = variable(self.session, &name)?;
            }
            Expr::CompoundIdentifier(parts) => {
                parts.drain(..parts.len().saturating_sub(2));
                parts.iter_mut().for_each(quote);
            }
            Expr::Identifier(name) if name.value.starts_with('@') => {
                *expr = variable(self.session, name.value.trim_start_matches('@'))?;
            }
            Expr::Identifier(name) => quote(name),
            Expr::BinaryOp { left, op: BinaryOperator::Spaceship, right } => {
                *expr = Expr::IsNotDistinctFrom(left.clone(), right.clone());
            }
            Expr::Cast { data_type, .. } => text_cast(data_type),
            Expr::Function(function) => {
                let name = function.name.to_string().to_lowercase();
                if let Some(value) = known_value(self.session, &name) {
                    *expr = value;
                    return Ok(());
                }
                let other = match name.as_str() {
                    "any_value" => "min",
                    "length" => "octet_length",
                    "char_length" | "character_length" => "length",
                    "lcase" => "lower",
                    "ucase" => "upper",
                    "ifnull" | "nvl" => "ifnull",
                    "unhex" if matches!(function.args, FunctionArguments::None) => "unhex",
                    _ => return Ok(()),
                };
                function.name = ObjectName(vec![ObjectNamePart::Identifier(Ident::new(other))]);
            }
            _ => {}
        }
        Ok(())
    }
}

/// A name that may be a word to SQLite.
fn quote(name: &mut Ident) {
    name.quote_style = Some('`');
}

/// `STRING` would be a number to SQLite.
fn text_cast(data_type: &mut DataType) {
    let name = data_type.to_string().to_uppercase();
    if name.starts_with("STRING") || name.starts_with("DATETIME") || name.starts_with("DATE") {
        *data_type = DataType::Text;
    }
}

fn known_value(session: &Session, function: &str) -> Option<Expr> {
    let now = || jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M:%S").to_string();
    Some(match function {
        "version" => text("5.7.99"),
        "database" | "schema" => text(session.database.clone()),
        "user" | "current_user" | "session_user" => text("'ann'@'%'"),
        "connection_id" => number(1),
        "now" | "current_timestamp" | "utc_timestamp" | "localtime" => text(now()),
        _ => return None,
    })
}

fn variable(session: &Session, name: &str) -> Result<Expr, Failure> {
    let name = name.to_lowercase();
    let name = name.rsplit('.').next().unwrap_or_default();
    if let Some(value) = session.variables.get(name) {
        return Ok(text(value.clone()));
    }
    Ok(match name {
        "version_comment" => text("Doris version doris-2.1.8-stand-in"),
        "version" => text("5.7.99"),
        "max_allowed_packet" => number(16_777_216),
        "wait_timeout" | "interactive_timeout" => number(28_800),
        "net_write_timeout" | "net_read_timeout" => number(60),
        "autocommit" => number(1),
        "socket" | "sql_mode" | "init_connect" => text(""),
        "time_zone" | "system_time_zone" => text("Asia/Shanghai"),
        "lower_case_table_names" | "query_cache_size" => number(0),
        "tx_isolation" | "transaction_isolation" => text("REPEATABLE-READ"),
        "license" => text("Apache License 2.0"),
        "enable_insert_strict" | "insert_timeout" | "query_timeout" => number(1),
        other if other.starts_with("character_set") => text("utf8mb4"),
        other if other.starts_with("collation") => text("utf8mb4_0900_bin"),
        other => return Err(Failure::of(1193, format!("Unknown system variable '{other}'"))),
    })
}

/// `a LEFT ANTI JOIN b ON c` is `a WHERE NOT EXISTS (SELECT 1 FROM b WHERE c)`; semi alike.
fn anti_joins(select: &mut Select) {
    let mut conditions = Vec::new();
    for from in &mut select.from {
        from.joins.retain(|join| {
            let (constraint, not) = match &join.join_operator {
                JoinOperator::LeftAnti(constraint) => (constraint, "NOT "),
                JoinOperator::LeftSemi(constraint) => (constraint, ""),
                _ => return true,
            };
            if let JoinConstraint::On(on) = constraint {
                conditions
                    .push(format!("{not}EXISTS (SELECT 1 FROM {} WHERE {on})", join.relation));
            }
            false
        });
    }
    for condition in conditions {
        let parser = Parser::new(&MySqlDialect {}).try_with_sql(&condition);
        let Ok(condition) = parser.and_then(|mut parser| parser.parse_expr()) else { continue };
        let earlier = select.selection.take();
        select.selection = Some(match earlier {
            None => condition,
            Some(earlier) => Expr::BinaryOp {
                left: Box::new(Expr::Nested(Box::new(earlier))),
                op: BinaryOperator::And,
                right: Box::new(condition),
            },
        });
    }
}
