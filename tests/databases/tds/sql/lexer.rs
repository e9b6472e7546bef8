//! Text into words.

use super::super::run::Failure;

/// A word of a statement.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Token {
    /// A name or a keyword, as it was written.
    Word(String),
    /// A name in brackets or double quotes.
    Quoted(String),
    /// `@name` and `@@name`.
    Variable(String),
    Number(String),
    /// A text; whether `N` stood before it.
    Text(String, bool),
    Bytes(Vec<u8>),
    Mark(&'static str),
}

/// Marks, longest first.
const MARKS: [&str; 29] = [
    "<>", "!=", "<=", ">=", "!<", "!>", "+=", "-=", "::", "(", ")", ",", ".", ";", "=", "<", ">",
    "+", "-", "*", "/", "%", "&", "|", "^", "~", "{", "}", ":",
];

/// A token and where it begins in the text.
pub(crate) type Placed = (Token, usize);

pub(crate) fn tokens(text: &str) -> Result<Vec<Placed>, Failure> {
    let mut lexer = Lexer { text, at: 0 };
    let mut out = Vec::new();
    while lexer.skip()? {
        let begin = lexer.at;
        out.push((lexer.token()?, begin));
    }
    Ok(out)
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl Lexer<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    /// Passes over blanks and comments; false at the end.
    fn skip(&mut self) -> Result<bool, Failure> {
        loop {
            let rest = self.rest();
            let blanks = rest.len()
                - rest.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{FEFF}').len();
            self.at += blanks;
            let rest = self.rest();
            if rest.starts_with("--") {
                self.at += rest.find('\n').unwrap_or(rest.len());
            } else if rest.starts_with("/*") {
                let end = rest.find("*/").ok_or_else(|| Failure::syntax("/*"))?;
                self.at += end + 2;
            } else {
                return Ok(!rest.is_empty());
            }
        }
    }

    fn token(&mut self) -> Result<Token, Failure> {
        let rest = self.rest();
        let first = rest.chars().next().unwrap_or(' ');
        match first {
            '[' => self.quoted(']').map(Token::Quoted),
            '"' => self.quoted('"').map(Token::Quoted),
            '\'' => self.quoted('\'').map(|text| Token::Text(text, false)),
            'N' | 'n' if rest[1..].starts_with('\'') => {
                self.at += 1;
                self.quoted('\'').map(|text| Token::Text(text, true))
            }
            '0' if rest[1..].starts_with(['x', 'X']) => {
                self.at += 2;
                let hex = self.run(|c| c.is_ascii_hexdigit());
                let bytes = super::super::store::value::unhex(&hex);
                bytes.map(Token::Bytes).ok_or_else(|| Failure::syntax(&hex))
            }
            '0'..='9' => Ok(self.number()),
            '.' if rest[1..].starts_with(|c: char| c.is_ascii_digit()) => Ok(self.number()),
            '@' => Ok(Token::Variable(self.run(is_name))),
            c if c.is_alphabetic() || c == '_' || c == '#' || c == '$' => {
                Ok(Token::Word(self.run(is_name)))
            }
            _ => self.mark(),
        }
    }

    fn mark(&mut self) -> Result<Token, Failure> {
        let rest = self.rest();
        let found = MARKS.iter().find(|mark| rest.starts_with(**mark));
        let Some(mark) = found else {
            return Err(Failure::syntax(rest.get(..1).unwrap_or("?")));
        };
        self.at += mark.len();
        Ok(Token::Mark(mark))
    }

    fn run(&mut self, of: impl Fn(char) -> bool) -> String {
        let rest = self.rest();
        let length = rest.find(|c| !of(c)).unwrap_or(rest.len());
        let run = rest[..length].to_owned();
        self.at += length;
        run
    }

    fn number(&mut self) -> Token {
        let mut text = self.run(|c| c.is_ascii_digit());
        if self.rest().starts_with('.') {
            self.at += 1;
            text = format!("{text}.{}", self.run(|c| c.is_ascii_digit()));
        }
        let rest = self.rest();
        let exponent =
            rest.strip_prefix(['e', 'E']).map(|rest| rest.trim_start_matches(['+', '-']));
        if exponent.is_some_and(|digits| digits.starts_with(|c: char| c.is_ascii_digit())) {
            self.at += 1;
            let sign = self.run(|c| c == '+' || c == '-');
            text = format!("{text}e{sign}{}", self.run(|c| c.is_ascii_digit()));
        }
        Token::Number(text)
    }

    /// What stands between quotes; the closing one is doubled inside.
    fn quoted(&mut self, close: char) -> Result<String, Failure> {
        let mut out = String::new();
        let mut chars = self.rest()[1..].char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            if c != close {
                out.push(c);
            } else if chars.next_if(|(_, next)| *next == close).is_some() {
                out.push(close);
            } else {
                self.at += at + 2;
                return Ok(out);
            }
        }
        Err(Failure::new(105, "Unclosed quotation mark after the character string ''."))
    }
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '@' | '#' | '$')
}
