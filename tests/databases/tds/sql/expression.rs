//! The parser of expressions.

use super::super::store::kind::Kind;
use super::super::store::value::{Value, decimal_of};
use super::ast::{Call, Expr, Sort};
use super::lexer::Token;
use super::parser::{Parsed, Parser};

/// Comparisons, with the mark that stands for each in the tree.
const COMPARISONS: [(&str, &str); 8] = [
    ("=", "="),
    ("<>", "<>"),
    ("!=", "<>"),
    ("<=", "<="),
    (">=", ">="),
    ("!<", ">="),
    ("!>", "<="),
    ("<", "<"),
];

impl Parser<'_> {
    pub(crate) fn expr(&mut self) -> Parsed<Expr> {
        let mut left = self.conjunction()?;
        while self.word("or") {
            left = binary(left, "or", self.conjunction()?);
        }
        Ok(left)
    }

    fn conjunction(&mut self) -> Parsed<Expr> {
        let mut left = self.negation()?;
        while self.word("and") {
            left = binary(left, "and", self.negation()?);
        }
        Ok(left)
    }

    fn negation(&mut self) -> Parsed<Expr> {
        if self.word("not") {
            return Ok(Expr::Unary("not", Box::new(self.negation()?)));
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Parsed<Expr> {
        let left = self.sum()?;
        if let Some((_, op)) = COMPARISONS.iter().find(|(mark, _)| self.is_mark(mark)) {
            self.at += 1;
            return Ok(binary(left, op, self.sum()?));
        }
        if self.mark(">") {
            return Ok(binary(left, ">", self.sum()?));
        }
        if self.word("is") {
            let not = self.word("not");
            self.need("null")?;
            return Ok(negated(Expr::IsNull(Box::new(left)), not));
        }
        let not = self.word("not");
        if self.word("between") {
            let low = self.sum()?;
            self.need("and")?;
            let high = self.sum()?;
            let inside = binary(binary(left.clone(), ">=", low), "and", binary(left, "<=", high));
            return Ok(negated(inside, not));
        }
        if self.word("like") {
            let pattern = Box::new(self.sum()?);
            let escape = if self.word("escape") { Some(Box::new(self.sum()?)) } else { None };
            return Ok(negated(Expr::Like(Box::new(left), pattern, escape), not));
        }
        if self.word("in") {
            self.need_mark("(")?;
            let inside = if self.is("select") || self.is("with") {
                Expr::InQuery(Box::new(left), Box::new(self.query()?))
            } else {
                Expr::InList(Box::new(left), self.list(Parser::expr)?)
            };
            self.need_mark(")")?;
            return Ok(negated(inside, not));
        }
        Ok(left)
    }

    fn sum(&mut self) -> Parsed<Expr> {
        let mut left = self.product()?;
        loop {
            let Some(op) = ["+", "-", "&", "|", "^"].into_iter().find(|op| self.is_mark(op)) else {
                return Ok(left);
            };
            self.at += 1;
            left = binary(left, op, self.product()?);
        }
    }

    fn product(&mut self) -> Parsed<Expr> {
        let mut left = self.unary()?;
        loop {
            let Some(op) = ["*", "/", "%"].into_iter().find(|op| self.is_mark(op)) else {
                return Ok(left);
            };
            self.at += 1;
            left = binary(left, op, self.unary()?);
        }
    }

    fn unary(&mut self) -> Parsed<Expr> {
        if self.mark("-") {
            return Ok(match self.unary()? {
                Expr::Literal(kind, Value::Int(n)) => Expr::Literal(kind, Value::Int(-n)),
                Expr::Literal(kind, Value::Decimal(n, s)) => {
                    Expr::Literal(kind, Value::Decimal(-n, s))
                }
                Expr::Literal(kind, Value::Float(x)) => Expr::Literal(kind, Value::Float(-x)),
                other => Expr::Unary("-", Box::new(other)),
            });
        }
        if self.mark("+") {
            return self.unary();
        }
        if self.mark("~") {
            return Ok(Expr::Unary("~", Box::new(self.unary()?)));
        }
        let mut inside = self.primary()?;
        while self.word("collate") {
            inside = Expr::Collate(Box::new(inside), self.ident()?);
        }
        Ok(inside)
    }

    fn primary(&mut self) -> Parsed<Expr> {
        match self.peek().cloned() {
            Some(Token::Number(text)) => {
                self.at += 1;
                number(&text).ok_or_else(|| self.wrong())
            }
            Some(Token::Text(text, wide)) => {
                self.at += 1;
                Ok(literal(&text, wide))
            }
            Some(Token::Bytes(bytes)) => {
                self.at += 1;
                let length = u16::try_from(bytes.len()).ok().filter(|n| *n <= 8000);
                Ok(Expr::Literal(Kind::VarBinary(length.map(|n| n.max(1))), Value::bytes(bytes)))
            }
            Some(Token::Variable(name)) => {
                self.at += 1;
                Ok(Expr::Variable(name.to_lowercase()))
            }
            Some(Token::Mark("(")) => self.parenthesis(),
            Some(Token::Mark("*")) => Err(self.wrong()),
            Some(Token::Word(_)) => self.keyword(),
            Some(Token::Quoted(_)) => self.column_or_call(),
            _ => Err(self.wrong()),
        }
    }

    fn parenthesis(&mut self) -> Parsed<Expr> {
        self.at += 1;
        let inside = if self.is("select") || self.is("with") {
            Expr::Query(Box::new(self.query()?))
        } else {
            self.expr()?
        };
        self.need_mark(")")?;
        // Methods of types of the CLR: `(column).STAsBinary()`.
        self.methods(inside)
    }

    fn methods(&mut self, of: Expr) -> Parsed<Expr> {
        let mut inside = of;
        while self.is_mark(".") && matches!(self.peek_at(2), Some(Token::Mark("("))) {
            self.at += 1;
            let name = format!(".{}", self.ident()?.to_lowercase());
            let mut args = vec![inside];
            self.at += 1;
            if !self.mark(")") {
                args.extend(self.list(Parser::expr)?);
                self.need_mark(")")?;
            }
            inside = call(&name, args);
        }
        Ok(inside)
    }

    fn keyword(&mut self) -> Parsed<Expr> {
        if self.word("null") {
            return Ok(Expr::Literal(Kind::Int, Value::Null));
        }
        if self.word("case") {
            return self.case();
        }
        if self.word("exists") {
            self.need_mark("(")?;
            let query = self.query()?;
            self.need_mark(")")?;
            return Ok(Expr::Exists(Box::new(query)));
        }
        if self.words("current_timestamp") {
            return Ok(call("getdate", Vec::new()));
        }
        let open = matches!(self.peek_at(1), Some(Token::Mark("(")));
        for (word, lenient) in [("cast", false), ("try_cast", true)] {
            if open && self.is(word) {
                self.at += 2;
                let inside = Box::new(self.expr()?);
                self.need("as")?;
                let kind = self.kind(true)?;
                self.need_mark(")")?;
                return Ok(Expr::Cast(inside, kind, None, lenient));
            }
        }
        for (word, lenient) in [("convert", false), ("try_convert", true)] {
            if open && self.is(word) {
                self.at += 2;
                let kind = self.kind(true)?;
                self.need_mark(",")?;
                let inside = Box::new(self.expr()?);
                let style = if self.mark(",") { Some(Box::new(self.expr()?)) } else { None };
                self.need_mark(")")?;
                return Ok(Expr::Cast(inside, kind, style, lenient));
            }
        }
        self.column_or_call()
    }

    fn case(&mut self) -> Parsed<Expr> {
        let operand = if self.is("when") { None } else { Some(Box::new(self.expr()?)) };
        let mut whens = Vec::new();
        while self.word("when") {
            let condition = self.expr()?;
            self.need("then")?;
            whens.push((condition, self.expr()?));
        }
        let otherwise = if self.word("else") { Some(Box::new(self.expr()?)) } else { None };
        self.need("end")?;
        Ok(Expr::Case(operand, whens, otherwise))
    }

    fn column_or_call(&mut self) -> Parsed<Expr> {
        let parts = self.name()?;
        if !self.is_mark("(") {
            if self.mark("::") {
                let method = self.ident()?.to_lowercase();
                return self.arguments(&format!("{}::{method}", parts.join(".").to_lowercase()));
            }
            return Ok(Expr::Column(parts));
        }
        // `table.column.method()`, unless a schema stands before a function.
        let schemas = ["sys", "dbo"];
        if let [front @ .., last] = parts.as_slice()
            && !front.is_empty()
            && !front.iter().any(|part| schemas.iter().any(|s| s.eq_ignore_ascii_case(part)))
        {
            let method = format!(".{}", last.to_lowercase());
            let inside = Expr::Column(front.to_vec());
            let Expr::Call(mut found) = self.arguments(&method)? else { return Err(self.wrong()) };
            found.args.insert(0, inside);
            return self.methods(Expr::Call(found));
        }
        let name = parts.last().map(|last| last.to_lowercase()).unwrap_or_default();
        self.arguments(&name)
    }

    fn arguments(&mut self, name: &str) -> Parsed<Expr> {
        self.need_mark("(")?;
        let mut found = Call {
            name: name.to_owned(),
            args: Vec::new(),
            star: false,
            distinct: false,
            over: None,
        };
        if self.mark("*") {
            found.star = true;
            self.need_mark(")")?;
        } else if !self.mark(")") {
            found.distinct = self.word("distinct");
            // The first argument of DATEADD and its kin is a word.
            if takes_part(name) && matches!(self.peek_at(1), Some(Token::Mark(","))) {
                let part = self.ident()?;
                found.args.push(literal(&part.to_lowercase(), false));
                self.need_mark(",")?;
            }
            found.args.extend(self.list(Parser::expr)?);
            self.need_mark(")")?;
        }
        if self.words("within group") {
            self.need_mark("(")?;
            self.order()?;
            self.need_mark(")")?;
        }
        if self.word("over") {
            self.need_mark("(")?;
            let partition =
                if self.words("partition by") { self.list(Parser::expr)? } else { Vec::new() };
            let order = self.order()?;
            self.need_mark(")")?;
            found.over = Some((partition, order));
        }
        Ok(Expr::Call(found))
    }

    /// `order by`, if it is there.
    pub(crate) fn order(&mut self) -> Parsed<Vec<Sort>> {
        if !self.words("order by") {
            return Ok(Vec::new());
        }
        self.list(|parser| {
            let by = parser.expr()?;
            let descending = parser.word("desc");
            if !descending {
                parser.word("asc");
            }
            Ok(Sort { by, descending })
        })
    }
}

/// Functions whose first argument is a part of a date, such as `day`.
fn takes_part(name: &str) -> bool {
    ["dateadd", "datediff", "datediff_big", "datename", "datepart", "datetrunc"].contains(&name)
}

pub(crate) fn binary(left: Expr, op: &'static str, right: Expr) -> Expr {
    Expr::Binary(Box::new(left), op, Box::new(right))
}

pub(crate) fn call(name: &str, args: Vec<Expr>) -> Expr {
    Expr::Call(Call { name: name.to_owned(), args, star: false, distinct: false, over: None })
}

/// A text as a literal.
pub(crate) fn literal(text: &str, wide: bool) -> Expr {
    let units = text.encode_utf16().count();
    let most = if wide { 4000 } else { 8000 };
    let length = u16::try_from(units).ok().filter(|n| *n <= most).map(|n| n.max(1));
    let kind = if wide { Kind::NVarChar(length) } else { Kind::VarChar(length) };
    Expr::Literal(kind, Value::text(text))
}

fn negated(inside: Expr, not: bool) -> Expr {
    if not { Expr::Unary("not", Box::new(inside)) } else { inside }
}

fn number(text: &str) -> Option<Expr> {
    if text.contains('e') {
        return text.parse().ok().map(|x| Expr::Literal(Kind::Float, Value::Float(x)));
    }
    if let Ok(n) = text.parse::<i32>() {
        return Some(Expr::Literal(Kind::Int, Value::Int(i64::from(n))));
    }
    let (digits, scale) = decimal_of(text)?;
    let length = digits.unsigned_abs().checked_ilog10().map_or(1, |log| log + 1);
    let precision = u8::try_from(length).ok()?.max(scale).max(1);
    Some(Expr::Literal(Kind::Decimal(precision, scale), Value::Decimal(digits, scale)))
}
