//! The parser of queries.

use super::super::run::Failure;
use super::ast::{Body, Expr, Item, Join, Name, Query, Select, Source};
use super::lexer::Token;
use super::parser::{Parsed, Parser};

impl Parser<'_> {
    pub(crate) fn query(&mut self) -> Parsed<Query> {
        let mut with = Vec::new();
        if self.word("with") {
            with = self.list(|parser| {
                let name = parser.ident()?;
                let columns = if parser.is_mark("(") { parser.names()? } else { Vec::new() };
                parser.need("as")?;
                parser.need_mark("(")?;
                let query = parser.query()?;
                parser.need_mark(")")?;
                Ok((name, columns, query))
            })?;
        }
        let mut query = self.operand()?;
        loop {
            let op = if self.words("union all") {
                "union all"
            } else if self.word("union") {
                "union"
            } else if self.word("except") {
                "except"
            } else if self.word("intersect") {
                "intersect"
            } else {
                break;
            };
            let right = self.operand()?;
            query = plain(Body::Both(Box::new(query), op, Box::new(right)));
        }
        query.with = with;
        self.tail(&mut query)?;
        Ok(query)
    }

    fn operand(&mut self) -> Parsed<Query> {
        if self.mark("(") {
            let query = self.query()?;
            self.need_mark(")")?;
            return Ok(query);
        }
        if self.word("values") {
            let rows = self.list(|parser| {
                parser.need_mark("(")?;
                let row = parser.list(Parser::value)?;
                parser.need_mark(")")?;
                Ok(row)
            })?;
            return Ok(plain(Body::Values(rows)));
        }
        self.need("select")?;
        Ok(plain(Body::Select(Box::new(self.select()?))))
    }

    /// A value of an INSERT: `default` is one.
    fn value(&mut self) -> Parsed<Expr> {
        if self.word("default") {
            return Ok(Expr::Column(vec!["default".to_owned()]));
        }
        self.expr()
    }

    fn tail(&mut self, query: &mut Query) -> Parsed<()> {
        query.order = self.order()?;
        if self.word("offset") {
            query.offset = Some(self.expr()?);
            if !self.word("rows") {
                self.need("row")?;
            }
            if self.word("fetch") {
                if !self.word("next") {
                    self.need("first")?;
                }
                query.fetch = Some(self.expr()?);
                if !self.word("rows") {
                    self.need("row")?;
                }
                self.need("only")?;
            }
        }
        if self.word("for") {
            return Err(Failure::unsupported("for xml, for json and for browse"));
        }
        if self.word("option") {
            self.hints()?;
        }
        Ok(())
    }

    /// Words in parentheses, as hints are.
    fn hints(&mut self) -> Parsed<Vec<String>> {
        self.need_mark("(")?;
        let mut hints = Vec::new();
        let mut depth = 0;
        loop {
            match self.peek().cloned() {
                None => return Err(self.wrong()),
                Some(Token::Mark(")")) if depth == 0 => break,
                Some(Token::Mark("(")) => depth += 1,
                Some(Token::Mark(")")) => depth -= 1,
                Some(Token::Word(word)) => hints.push(word.to_lowercase()),
                Some(_) => {}
            }
            self.at += 1;
        }
        self.need_mark(")")?;
        Ok(hints)
    }

    fn select(&mut self) -> Parsed<Select> {
        let distinct = self.word("distinct");
        if !distinct {
            self.word("all");
        }
        let mut top = None;
        if self.word("top") {
            let open = self.mark("(");
            top = Some(if open { self.expr()? } else { self.top_number()? });
            if open {
                self.need_mark(")")?;
            }
            if self.word("percent") || self.words("with ties") {
                return Err(Failure::unsupported("top … percent and with ties"));
            }
        }
        let items = self.list(Parser::item)?;
        let into = if self.word("into") { Some(self.name()?) } else { None };
        let from = if self.word("from") { self.list(Parser::source)? } else { Vec::new() };
        let filter = if self.word("where") { Some(self.expr()?) } else { None };
        let group = if self.words("group by") { self.list(Parser::expr)? } else { Vec::new() };
        let having = if self.word("having") { Some(self.expr()?) } else { None };
        Ok(Select { distinct, top, items, into, from, filter, group, having })
    }

    fn top_number(&mut self) -> Parsed<Expr> {
        let number = self.number()?;
        Ok(Expr::Literal(
            super::super::store::kind::Kind::BigInt,
            super::super::store::value::Value::Int(number),
        ))
    }

    fn item(&mut self) -> Parsed<Item> {
        if self.mark("*") {
            return Ok(Item::Star(None));
        }
        let named = matches!(self.peek(), Some(Token::Word(_) | Token::Quoted(_)));
        if named && matches!(self.peek_at(1), Some(Token::Mark("."))) {
            let begin = self.at;
            let first = self.ident()?;
            self.at += 1;
            if self.mark("*") {
                return Ok(Item::Star(Some(first)));
            }
            self.at = begin;
        }
        if matches!(self.peek(), Some(Token::Variable(_)))
            && matches!(self.peek_at(1), Some(Token::Mark("=")))
        {
            let name = self.variable()?;
            self.at += 1;
            return Ok(Item::Assign(name, self.expr()?));
        }
        // `alias = expression`.
        if named && matches!(self.peek_at(1), Some(Token::Mark("="))) {
            let alias = self.ident()?;
            self.at += 1;
            return Ok(Item::Expr(self.expr()?, Some(alias)));
        }
        let value = self.expr()?;
        let alias = self.alias()?;
        Ok(Item::Expr(value, alias))
    }

    pub(crate) fn source(&mut self) -> Parsed<Source> {
        let mut left = self.table()?;
        loop {
            let join = if self.words("cross join") {
                let right = self.table()?;
                left = Source::Join(Box::new(left), Join::Inner, Box::new(right), None);
                continue;
            } else if self.words("cross apply") {
                let right = self.table()?;
                left = Source::Join(Box::new(left), Join::Apply, Box::new(right), None);
                continue;
            } else if self.words("outer apply") {
                let right = self.table()?;
                left = Source::Join(Box::new(left), Join::OuterApply, Box::new(right), None);
                continue;
            } else if self.words("inner join") || self.word("join") {
                Join::Inner
            } else if self.words("left outer join") || self.words("left join") {
                Join::Left
            } else if self.words("right outer join") || self.words("right join") {
                Join::Right
            } else if self.words("full outer join") || self.words("full join") {
                Join::Full
            } else {
                return Ok(left);
            };
            let right = self.table()?;
            // `a join b join c on … on …` nests to the right; it is not needed here.
            self.need("on")?;
            let on = self.expr()?;
            left = Source::Join(Box::new(left), join, Box::new(right), Some(on));
        }
    }

    fn table(&mut self) -> Parsed<Source> {
        if self.mark("(") {
            let is_query =
                self.is("select") || self.is("with") || self.is("values") || self.is_mark("(");
            if !is_query {
                let inside = self.source()?;
                self.need_mark(")")?;
                return Ok(inside);
            }
            let query = self.query()?;
            self.need_mark(")")?;
            let alias = self.alias()?.ok_or_else(|| self.wrong())?;
            let columns = if self.is_mark("(") { self.names()? } else { Vec::new() };
            return Ok(Source::Query(query, alias, columns));
        }
        let name: Name = self.name()?;
        if self.is_mark("(") && !name.is_empty() {
            return self.function(name);
        }
        if self.words("for system_time") {
            return Err(Failure::unsupported("for system_time"));
        }
        let mut alias = self.alias()?;
        let mut hints = Vec::new();
        if self.is("with") && matches!(self.peek_at(1), Some(Token::Mark("("))) {
            self.at += 1;
            hints = self.hints()?;
        }
        if alias.is_none() {
            alias = self.alias()?;
        }
        Ok(Source::Table(name, alias, hints))
    }

    fn function(&mut self, name: Name) -> Parsed<Source> {
        // `from t (nolock)`: a hint without `with`.
        let old = ["nolock", "readuncommitted"];
        if old.iter().any(|hint| self.is_at(1, hint)) {
            let hints = self.hints()?;
            let alias = self.alias()?;
            return Ok(Source::Table(name, alias, hints));
        }
        self.need_mark("(")?;
        let mut args = Vec::new();
        if !self.mark(")") {
            args = self.list(Parser::expr)?;
            self.need_mark(")")?;
        }
        let alias = self.alias()?;
        Ok(Source::Function(name, args, alias))
    }
}

/// A query without what may surround it.
pub(crate) fn plain(body: Body) -> Query {
    Query { with: Vec::new(), body, order: Vec::new(), offset: None, fetch: None }
}
