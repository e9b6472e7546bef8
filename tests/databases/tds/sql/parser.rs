//! The parser: words, names, types and statements.

use super::super::run::Failure;
use super::super::store::kind::Kind;
use super::ast::{Expr, Name, Statement};
use super::lexer::{Placed, Token, tokens};

/// A walk over the words of a batch.
#[derive(Debug)]
pub(crate) struct Parser<'a> {
    pub(crate) text: &'a str,
    pub(crate) tokens: Vec<Placed>,
    pub(crate) at: usize,
}

pub(crate) type Parsed<T> = Result<T, Failure>;

/// Words that end an expression, and are no alias unless they stand in brackets.
const RESERVED: [&str; 66] = [
    "select",
    "from",
    "where",
    "group",
    "having",
    "order",
    "union",
    "except",
    "intersect",
    "on",
    "inner",
    "left",
    "right",
    "full",
    "cross",
    "outer",
    "join",
    "as",
    "and",
    "or",
    "not",
    "in",
    "is",
    "null",
    "like",
    "between",
    "exists",
    "case",
    "when",
    "then",
    "else",
    "end",
    "offset",
    "fetch",
    "with",
    "set",
    "values",
    "insert",
    "update",
    "delete",
    "create",
    "alter",
    "drop",
    "begin",
    "commit",
    "rollback",
    "declare",
    "if",
    "while",
    "print",
    "exec",
    "execute",
    "use",
    "waitfor",
    "option",
    "for",
    "into",
    "by",
    "asc",
    "desc",
    "top",
    "distinct",
    "collate",
    "go",
    "raiserror",
    "truncate",
];

/// The statements of a batch, each with its text.
pub(crate) fn parse(text: &str) -> Parsed<Vec<(Statement, String)>> {
    let mut parser = Parser { text, tokens: tokens(text)?, at: 0 };
    let mut statements = Vec::new();
    while parser.skip_ends() {
        let begin = parser.place();
        let statement = parser.statement()?;
        let end = parser.place();
        let own = text[begin..end].trim().trim_end_matches(';').to_owned();
        statements.push((statement, own));
    }
    Ok(statements)
}

impl<'a> Parser<'a> {
    pub(crate) fn of(text: &'a str) -> Parsed<Self> {
        Ok(Parser { text, tokens: tokens(text)?, at: 0 })
    }

    /// Where the next word begins.
    pub(crate) fn place(&self) -> usize {
        self.tokens.get(self.at).map_or(self.text.len(), |(_, at)| *at)
    }

    /// Passes over semicolons; false at the end.
    fn skip_ends(&mut self) -> bool {
        while self.mark(";") {}
        self.at < self.tokens.len()
    }

    pub(crate) fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|(token, _)| token)
    }

    pub(crate) fn peek_at(&self, further: usize) -> Option<&Token> {
        self.tokens.get(self.at + further).map(|(token, _)| token)
    }

    pub(crate) fn is(&self, word: &str) -> bool {
        self.is_at(0, word)
    }

    pub(crate) fn is_at(&self, further: usize, word: &str) -> bool {
        matches!(self.peek_at(further), Some(Token::Word(own)) if own.eq_ignore_ascii_case(word))
    }

    /// Takes a keyword, if it is the next word.
    pub(crate) fn word(&mut self, word: &str) -> bool {
        let is = self.is(word);
        self.at += usize::from(is);
        is
    }

    /// Takes several keywords, if they are the next words.
    pub(crate) fn words(&mut self, words: &str) -> bool {
        let all: Vec<_> = words.split(' ').collect();
        let is = all.iter().enumerate().all(|(n, word)| self.is_at(n, word));
        self.at += if is { all.len() } else { 0 };
        is
    }

    pub(crate) fn need(&mut self, word: &str) -> Parsed<()> {
        if self.word(word) { Ok(()) } else { Err(self.wrong()) }
    }

    pub(crate) fn is_mark(&self, mark: &str) -> bool {
        matches!(self.peek(), Some(Token::Mark(own)) if *own == mark)
    }

    pub(crate) fn mark(&mut self, mark: &str) -> bool {
        let is = self.is_mark(mark);
        self.at += usize::from(is);
        is
    }

    pub(crate) fn need_mark(&mut self, mark: &str) -> Parsed<()> {
        if self.mark(mark) { Ok(()) } else { Err(self.wrong()) }
    }

    /// Something else was expected here.
    pub(crate) fn wrong(&self) -> Failure {
        match self.tokens.get(self.at) {
            None => Failure::syntax("end of the batch"),
            Some((_, begin)) => {
                let rest = &self.text[*begin..];
                let length = rest.char_indices().nth(24).map_or(rest.len(), |(at, _)| at);
                Failure::syntax(&rest[..length])
            }
        }
    }

    /// A name, in brackets or not.
    pub(crate) fn ident(&mut self) -> Parsed<String> {
        let found = match self.peek() {
            Some(Token::Word(word)) => word.clone(),
            Some(Token::Quoted(name)) => name.clone(),
            _ => return Err(self.wrong()),
        };
        self.at += 1;
        Ok(found)
    }

    /// A name with dots; `db..table` has an empty schema.
    pub(crate) fn name(&mut self) -> Parsed<Name> {
        let mut parts = vec![self.ident()?];
        while self.mark(".") {
            if self.is_mark(".") {
                parts.push(String::new());
            } else {
                parts.push(self.ident()?);
            }
        }
        Ok(parts)
    }

    /// An alias, if one is there.
    pub(crate) fn alias(&mut self) -> Parsed<Option<String>> {
        if self.word("as") {
            if let Some(Token::Text(text, _)) = self.peek().cloned() {
                self.at += 1;
                return Ok(Some(text));
            }
            return self.ident().map(Some);
        }
        match self.peek() {
            Some(Token::Quoted(_)) => self.ident().map(Some),
            Some(Token::Word(word)) => {
                let reserved = RESERVED.iter().any(|known| known.eq_ignore_ascii_case(word));
                if reserved { Ok(None) } else { self.ident().map(Some) }
            }
            _ => Ok(None),
        }
    }

    /// Names in parentheses.
    pub(crate) fn names(&mut self) -> Parsed<Vec<String>> {
        self.need_mark("(")?;
        let names = self.list(Parser::ident)?;
        self.need_mark(")")?;
        Ok(names)
    }

    /// One or more, with commas between.
    pub(crate) fn list<T>(&mut self, one: impl Fn(&mut Self) -> Parsed<T>) -> Parsed<Vec<T>> {
        let mut all = vec![one(self)?];
        while self.mark(",") {
            all.push(one(self)?);
        }
        Ok(all)
    }

    /// A type; `in_cast` gives texts without a length 30 of them.
    pub(crate) fn kind(&mut self, in_cast: bool) -> Parsed<Kind> {
        let mut name = self.ident()?;
        while self.mark(".") {
            name = self.ident()?;
        }
        if self.word("varying") {
            name = format!("var{name}");
        }
        let mut sizes = Vec::new();
        if self.mark("(") {
            sizes = self.list(|parser| {
                if parser.word("max") {
                    return Ok(None);
                }
                parser
                    .number()
                    .and_then(|n| u16::try_from(n).map(Some).map_err(|_| Failure::syntax("a size")))
            })?;
            self.need_mark(")")?;
        }
        let lower = name.to_lowercase();
        if in_cast && sizes.is_empty() && (lower.ends_with("char") || lower.ends_with("binary")) {
            sizes = vec![Some(30)];
        }
        let unknown = || Failure::new(243, &format!("Type {name} is not a defined system type."));
        Kind::named(&name, &sizes).ok_or_else(unknown)
    }

    /// A whole number with its sign.
    pub(crate) fn number(&mut self) -> Parsed<i64> {
        let negative = self.mark("-");
        let Some(Token::Number(text)) = self.peek() else { return Err(self.wrong()) };
        let number: i64 = text.parse().map_err(|_| self.wrong())?;
        self.at += 1;
        Ok(if negative { -number } else { number })
    }

    /// The next word that tells what a statement is.
    pub(crate) fn statement(&mut self) -> Parsed<Statement> {
        if self.is("select") || self.is("with") || self.is_mark("(") {
            return self.query().map(Statement::Query);
        }
        if let Some(found) = self.flow()? {
            return Ok(found);
        }
        if let Some(found) = self.session()? {
            return Ok(found);
        }
        if let Some(found) = self.write()? {
            return Ok(found);
        }
        self.definition()?.ok_or_else(|| self.wrong())
    }

    /// What decides which statements run.
    fn flow(&mut self) -> Parsed<Option<Statement>> {
        if self.word("if") {
            let condition = self.expr()?;
            let then = Box::new(self.one()?);
            let before = self.at;
            while self.mark(";") {}
            let otherwise = if self.word("else") {
                Some(Box::new(self.one()?))
            } else {
                self.at = before;
                None
            };
            return Ok(Some(Statement::If(condition, then, otherwise)));
        }
        if self.word("while") {
            let condition = self.expr()?;
            return Ok(Some(Statement::While(condition, Box::new(self.one()?))));
        }
        if self.is("begin") && !self.is_at(1, "tran") && !self.is_at(1, "transaction") {
            self.at += 1;
            let mut inside = Vec::new();
            loop {
                while self.mark(";") {}
                if self.word("end") {
                    return Ok(Some(Statement::Block(inside)));
                }
                inside.push(self.statement()?);
            }
        }
        Ok(self.word("break").then_some(Statement::Break))
    }

    fn one(&mut self) -> Parsed<Statement> {
        while self.mark(";") {}
        self.statement()
    }

    /// What concerns the session.
    fn session(&mut self) -> Parsed<Option<Statement>> {
        if self.words("begin tran") || self.words("begin transaction") {
            self.transaction_name();
            return Ok(Some(Statement::Begin));
        }
        if self.word("commit") {
            self.transaction_name();
            return Ok(Some(Statement::Commit));
        }
        if self.word("rollback") {
            self.transaction_name();
            return Ok(Some(Statement::Rollback));
        }
        if self.word("use") {
            return self.ident().map(|name| Some(Statement::Use(name)));
        }
        if self.words("waitfor delay") {
            return self.expr().map(|delay| Some(Statement::Wait(delay)));
        }
        if self.word("print") {
            return self.expr().map(|text| Some(Statement::Print(text)));
        }
        if self.word("raiserror") {
            self.need_mark("(")?;
            let args = self.list(Parser::expr)?;
            self.need_mark(")")?;
            return Ok(Some(Statement::Raise(args)));
        }
        if self.word("declare") {
            return self.declare().map(Some);
        }
        if self.word("set") {
            return self.set().map(Some);
        }
        if self.word("exec") || self.word("execute") {
            return self.execute().map(Some);
        }
        Ok(None)
    }

    fn transaction_name(&mut self) {
        if self.word("tran") || self.word("transaction") || self.word("work") {
            let named = matches!(self.peek(), Some(Token::Quoted(_) | Token::Variable(_)));
            self.at += usize::from(named);
        }
    }

    fn declare(&mut self) -> Parsed<Statement> {
        let all = self.list(|parser| {
            let name = parser.variable()?;
            parser.word("as");
            let kind = parser.kind(false)?;
            let value = if parser.mark("=") { Some(parser.expr()?) } else { None };
            Ok((name, kind, value))
        })?;
        Ok(Statement::Declare(all))
    }

    pub(crate) fn variable(&mut self) -> Parsed<String> {
        let Some(Token::Variable(name)) = self.peek() else { return Err(self.wrong()) };
        let name = name.to_lowercase();
        self.at += 1;
        Ok(name)
    }

    fn set(&mut self) -> Parsed<Statement> {
        if matches!(self.peek(), Some(Token::Variable(_))) {
            let name = self.variable()?;
            self.need_mark("=")?;
            return Ok(Statement::Assign(name, self.expr()?));
        }
        if self.words("transaction isolation level") {
            let mut level = self.ident()?.to_lowercase();
            if level == "read" || level == "repeatable" {
                level = format!("{level} {}", self.ident()?.to_lowercase());
            }
            return Ok(Statement::Isolation(level));
        }
        if self.word("identity_insert") {
            let table = self.name()?;
            let on = self.ident()?.eq_ignore_ascii_case("on");
            return Ok(Statement::IdentityInsert(table, on));
        }
        let mut names = self.list(Parser::ident)?;
        let negative = self.mark("-");
        let value = match self.peek() {
            Some(Token::Word(word)) => word.clone(),
            Some(Token::Number(text)) => text.clone(),
            Some(Token::Text(text, _)) => text.clone(),
            _ => return Err(self.wrong()),
        };
        self.at += 1;
        // `set statistics io on` and the like.
        if matches!(self.peek(), Some(Token::Word(w)) if w.eq_ignore_ascii_case("on") || w.eq_ignore_ascii_case("off"))
        {
            self.at += 1;
        }
        let value = if negative { format!("-{value}") } else { value };
        names.iter_mut().for_each(|name| *name = name.to_lowercase());
        Ok(Statement::Set(names.join(","), value.to_lowercase()))
    }

    fn execute(&mut self) -> Parsed<Statement> {
        if self.mark("(") {
            let text = self.expr()?;
            self.need_mark(")")?;
            return Ok(Statement::ExecuteText(text));
        }
        let name = self.name()?;
        let mut args: Vec<(Option<String>, Expr)> = Vec::new();
        let ends = |parser: &Self| parser.peek().is_none() || parser.is_mark(";");
        while !ends(self) {
            let named = matches!(self.peek(), Some(Token::Variable(_)))
                && matches!(self.peek_at(1), Some(Token::Mark("=")));
            let own = if named { Some(self.variable()?) } else { None };
            self.at += usize::from(named);
            args.push((own, self.expr()?));
            if !self.mark(",") {
                break;
            }
        }
        Ok(Statement::Execute(name, args))
    }
}
