//! One `SELECT` as written: parameters found, parsed, and the place of every name in it.
//!
//! The text is cut into tokens once. `{name}` outside of strings, comments and quoted names is
//! three tokens, which become one placeholder; the text itself is never rewritten, so every place
//! in an error is the place that the author sees.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use datafusion::common::ParamValues;
use datafusion::common::metadata::ScalarAndMetadata;
use datafusion::sql::parser::Statement as Parsed;
use datafusion::sql::resolve::resolve_table_references;
use datafusion::sql::sqlparser::ast::{
    self, CastKind, Expr, ObjectName, SetExpr, Value, VisitMut, Visitor, VisitorMut,
};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::{Location, Span, Token, TokenWithSpan, Tokenizer};

use crate::config::{Sql, Var, suggest};
use crate::error::{Error, Excerpt, Result};
use crate::transform::parameter;

/// How deep brackets and subqueries may be nested.
const DEPTH_MAX: usize = 64;

/// A parsed statement.
#[derive(Debug, Clone)]
pub(super) struct Statement {
    /// What it is, for messages: "model `delays`".
    pub(super) subject: String,
    /// The text as written.
    pub(super) sql: Sql,
    /// The parsed query, its parameters as typed placeholders.
    pub(super) query: Box<ast::Query>,
    /// The parameters that it names, with their values.
    pub(super) parameters: BTreeMap<String, Var>,
}

/// A relation that a statement names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reference {
    /// The name.
    pub(super) name: String,
    /// Where it stands first.
    pub(super) at: Excerpt,
}

impl Statement {
    /// Reads `sql`, which must be one `SELECT` (or `WITH … SELECT`, or `VALUES`).
    pub(super) fn parse(
        subject: &str,
        sql: &Sql,
        vars: &BTreeMap<String, Var>,
    ) -> Result<Statement> {
        let (tokens, parameters) = bind(sql, tokens(subject, sql)?, vars)?;
        let mut query = parse_query(subject, sql, tokens)?;
        let mut typed = TypedPlaceholders { parameters: &parameters };
        match query.visit(&mut typed) {
            ControlFlow::Continue(()) => {}
            ControlFlow::Break(error) => return Err(error),
        }
        Ok(Statement { subject: subject.to_owned(), sql: sql.clone(), query, parameters })
    }

    /// The relations that it names, sorted, without its own `WITH` names.
    pub(super) fn references(&self) -> Result<Vec<Reference>> {
        let (names, _) = resolve_table_references(&self.parsed(), false).map_err(|error| {
            Error::config(format!("{} names a relation that cannot be read", self.subject))
                .at("file", &self.sql.file)
                .at("parser", error.message())
        })?;
        let mut places = RelationPlaces::default();
        let _ = ast::Visit::visit(self.query.as_ref(), &mut places);
        let reference = |name: String| {
            let place = places.first.get(&name).copied().unwrap_or(Span::empty());
            let width = name.chars().count();
            Reference { at: excerpt(&self.sql, place.start, width), name }
        };
        let functions = &places.functions;
        let names = names.into_iter().map(|name| name.to_string());
        Ok(names.filter(|name| !functions.contains(name)).map(reference).collect())
    }

    /// The statement as DataFusion takes it.
    pub(super) fn parsed(&self) -> Parsed {
        Parsed::Statement(Box::new(ast::Statement::Query(self.query.clone())))
    }

    /// The values of its parameters.
    pub(super) fn values(&self) -> Result<ParamValues> {
        let value = |(name, var): (&String, &Var)| {
            Ok((name.clone(), ScalarAndMetadata::new(parameter::value(name, var)?, None)))
        };
        Ok(ParamValues::Map(self.parameters.iter().map(value).collect::<Result<_>>()?))
    }

    /// The line around the first call of `function`, if there is one.
    pub(super) fn call(&self, function: &str) -> Option<Excerpt> {
        let found = ast::visit_expressions(self.query.as_ref(), |expr| match expr {
            Expr::Function(call) if written(&call.name).eq_ignore_ascii_case(function) => {
                ControlFlow::Break(ast::Spanned::span(&call.name).start)
            }
            _ => ControlFlow::Continue(()),
        });
        let at = found.break_value()?;
        Some(excerpt(&self.sql, at, function.chars().count()))
    }

    /// The line around the first place where `word` stands as a name, if it does.
    pub(super) fn find(&self, word: &str) -> Option<Excerpt> {
        let mut tokens = Tokenizer::new(&GenericDialect {}, &self.sql.text);
        let tokens = tokens.tokenize_with_location().ok()?;
        let found = tokens
            .iter()
            .find(|token| matches!(&token.token, Token::Word(found) if found.value == word))?;
        Some(excerpt(&self.sql, found.span.start, word.chars().count()))
    }
}

/// The line around a place that the tokenizer counted (from 1, in characters).
pub(super) fn excerpt(sql: &Sql, at: Location, width: usize) -> Excerpt {
    let line = usize::try_from(at.line).unwrap_or(1).max(1);
    let column = usize::try_from(at.column).unwrap_or(1).max(1);
    let text = sql.text.lines().nth(line - 1).unwrap_or("").to_owned();
    Excerpt { file: sql.file.clone(), line, column, text, width }
}

fn tokens(subject: &str, sql: &Sql) -> Result<Vec<TokenWithSpan>> {
    Tokenizer::new(&GenericDialect {}, &sql.text)
        .tokenize_with_location()
        .map_err(|error| unreadable(subject, sql, &error.message, Some(error.location)))
}

/// Turns `{`, name, `}` into a placeholder, and collects the values.
fn bind(
    sql: &Sql,
    tokens: Vec<TokenWithSpan>,
    vars: &BTreeMap<String, Var>,
) -> Result<(Vec<TokenWithSpan>, BTreeMap<String, Var>)> {
    let mut bound = Vec::with_capacity(tokens.len());
    let mut used = BTreeMap::new();
    let mut rest = tokens.as_slice();
    while let Some((first, after)) = rest.split_first() {
        if let Some(name) = parameter_name(rest) {
            let var = vars.get(name).ok_or_else(|| unknown_parameter(sql, name, first, vars))?;
            used.insert(name.to_owned(), var.clone());
            let span = Span::new(first.span.start, rest[2].span.end);
            bound.push(TokenWithSpan::new(Token::Placeholder(format!("${name}")), span));
            rest = &rest[3..];
            continue;
        }
        if let Token::Placeholder(text) = &first.token {
            return Err(Error::config(format!("`{text}` is not a parameter"))
                .excerpt(excerpt(sql, first.span.start, text.chars().count()))
                .hint("write `{name}` and give its value with `--var name=value`"));
        }
        bound.push(first.clone());
        rest = after;
    }
    Ok((bound, used))
}

fn parameter_name(tokens: &[TokenWithSpan]) -> Option<&str> {
    let [open, word, close, ..] = tokens else { return None };
    match (&open.token, &word.token, &close.token) {
        (Token::LBrace, Token::Word(word), Token::RBrace) if word.quote_style.is_none() => {
            Some(&word.value)
        }
        _ => None,
    }
}

fn unknown_parameter(
    sql: &Sql,
    name: &str,
    at: &TokenWithSpan,
    vars: &BTreeMap<String, Var>,
) -> Error {
    let known: Vec<&str> = vars.keys().map(String::as_str).collect();
    Error::config(format!("there is no parameter `{name}`"))
        .excerpt(excerpt(sql, at.span.start, name.chars().count() + 2))
        .hint(format!("{}; give it with `--var {name}=value`", suggest(name, &known)))
}

fn parse_query(subject: &str, sql: &Sql, tokens: Vec<TokenWithSpan>) -> Result<Box<ast::Query>> {
    let dialect = GenericDialect {};
    let mut parser =
        Parser::new(&dialect).with_recursion_limit(DEPTH_MAX).with_tokens_with_locations(tokens);
    let statements = parser.parse_statements().map_err(|error| match error {
        ParserError::ParserError(text) | ParserError::TokenizerError(text) => {
            unreadable(subject, sql, &text, None)
        }
        ParserError::RecursionLimitExceeded => {
            Error::config(format!("{subject} is nested more than {DEPTH_MAX} levels deep"))
                .at("file", &sql.file)
                .hint("give parts of it names with `with`, or make them models")
        }
    })?;
    one_select(subject, sql, statements)
}

fn one_select(
    subject: &str,
    sql: &Sql,
    statements: Vec<ast::Statement>,
) -> Result<Box<ast::Query>> {
    let found = match statements.len() {
        0 => "nothing".to_owned(),
        1 => match statements.into_iter().next() {
            Some(ast::Statement::Query(query)) if only_reads(&query.body) => return Ok(query),
            Some(other) => {
                let text = other.to_string();
                let word = text.split_whitespace().next().unwrap_or("nothing");
                format!("`{}`", word.to_ascii_lowercase())
            }
            None => "nothing".to_owned(),
        },
        count => format!("{count} statements"),
    };
    Err(Error::config(format!("{subject} must be one `select` statement, not {found}"))
        .at("file", &sql.file)
        .hint("a model reads rows and nothing else; where they are written is said by a sink"))
}

/// Whether a query body is made of `SELECT`s and `VALUES` alone.
fn only_reads(body: &SetExpr) -> bool {
    match body {
        SetExpr::Select(select) => select.into.is_none(),
        SetExpr::Query(query) => only_reads(&query.body),
        SetExpr::SetOperation { left, right, .. } => only_reads(left) && only_reads(right),
        SetExpr::Values(_) | SetExpr::Table(_) => true,
        SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) => false,
    }
}

/// The error for text that is not SQL; the parser's place is taken out of its message.
fn unreadable(subject: &str, sql: &Sql, message: &str, at: Option<Location>) -> Error {
    let (text, found) = match message.split_once(" at Line: ") {
        Some((text, place)) => (text, location(place)),
        None => (message, None),
    };
    let text = text.trim_start_matches("sql parser error: ");
    let error = Error::config(format!("{subject} cannot be read as SQL: {}", lower_first(text)));
    match at.or(found) {
        Some(at) if at.line > 0 => {
            let width = word_at(sql, at);
            error.excerpt(excerpt(sql, at, width))
        }
        _ => error.at("file", &sql.file),
    }
}

fn location(place: &str) -> Option<Location> {
    let (line, column) = place.split_once(", Column: ")?;
    let digits: String = column.chars().take_while(char::is_ascii_digit).collect();
    Some(Location { line: line.parse().ok()?, column: digits.parse().ok()? })
}

fn word_at(sql: &Sql, at: Location) -> usize {
    let shown = excerpt(sql, at, 1);
    let rest = shown.text.chars().skip(shown.column - 1);
    rest.take_while(|c| c.is_alphanumeric() || *c == '_').count().max(1)
}

/// Messages of the house begin in lower case; words in capitals such as `SELECT` stay.
pub(super) fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    match (chars.next(), chars.clone().next()) {
        (Some(first), Some(second)) if !second.is_uppercase() => {
            first.to_lowercase().chain(chars).collect()
        }
        _ => text.to_owned(),
    }
}

/// Gives each placeholder the type of its value.
struct TypedPlaceholders<'a> {
    parameters: &'a BTreeMap<String, Var>,
}

impl VisitorMut for TypedPlaceholders<'_> {
    type Break = Error;

    // After the children: what is put in place here is not visited again.
    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Error> {
        let Expr::Value(value) = expr else { return ControlFlow::Continue(()) };
        let Value::Placeholder(name) = &value.value else { return ControlFlow::Continue(()) };
        let Some(var) = self.parameters.get(name.trim_start_matches('$')) else {
            return ControlFlow::Break(Error::bug(format!("parameter `{name}` was lost")));
        };
        match parameter::sql_type(name, var) {
            Ok(data_type) => {
                let inner = Box::new(expr.clone());
                let (kind, array, format) = (CastKind::Cast, false, None);
                *expr = Expr::Cast { kind, expr: inner, data_type, array, format };
                ControlFlow::Continue(())
            }
            Err(error) => ControlFlow::Break(error),
        }
    }
}

/// Where each relation is named first, and which of them are calls.
#[derive(Default)]
struct RelationPlaces {
    first: BTreeMap<String, Span>,
    functions: BTreeSet<String>,
}

impl Visitor for RelationPlaces {
    type Break = ();

    fn pre_visit_relation(&mut self, name: &ObjectName) -> ControlFlow<()> {
        self.first.entry(written(name)).or_insert_with(|| ast::Spanned::span(name));
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &ast::TableFactor) -> ControlFlow<()> {
        if let ast::TableFactor::Table { name, args: Some(_), .. } = factor {
            self.functions.insert(written(name));
        }
        ControlFlow::Continue(())
    }
}

fn written(name: &ObjectName) -> String {
    let part = |part: &ast::ObjectNamePart| match part.as_ident() {
        Some(ident) => ident.value.clone(),
        None => part.to_string(),
    };
    name.0.iter().map(part).collect::<Vec<_>>().join(".")
}
