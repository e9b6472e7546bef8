//! A statement as words, and who carries it out.

use sqlparser::dialect::MySqlDialect;
use sqlparser::tokenizer::{Token, Tokenizer};

use super::session::{Answer, Failure, Session};
use super::state::State;
use super::{definition, select, show};

/// Reads a statement word by word.
#[derive(Debug, Clone)]
pub(crate) struct Cursor {
    tokens: Vec<Token>,
    at: usize,
}

impl Cursor {
    pub(crate) fn of(sql: &str) -> Result<Self, Failure> {
        let tokens = Tokenizer::new(&MySqlDialect {}, sql).tokenize().map_err(Failure::syntax)?;
        let told = tokens.into_iter().filter(|token| !matches!(token, Token::Whitespace(_)));
        let mut tokens: Vec<_> = told.collect();
        while tokens.last() == Some(&Token::SemiColon) {
            tokens.pop();
        }
        Ok(Cursor { tokens, at: 0 })
    }

    pub(crate) fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    pub(crate) fn next(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.at).cloned();
        self.at += usize::from(token.is_some());
        token
    }

    pub(crate) fn back(&mut self) {
        self.at = self.at.saturating_sub(1);
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.at >= self.tokens.len()
    }

    fn is_word(&self, ahead: usize, word: &str) -> bool {
        let token = self.tokens.get(self.at + ahead);
        matches!(token, Some(Token::Word(w))
            if w.quote_style.is_none() && w.value.eq_ignore_ascii_case(word))
    }

    /// Takes these words, if they are next.
    pub(crate) fn eat(&mut self, words: &str) -> bool {
        let words: Vec<_> = words.split(' ').collect();
        let is_next = words.iter().enumerate().all(|(n, word)| self.is_word(n, word));
        if is_next {
            self.at += words.len();
        }
        is_next
    }

    pub(crate) fn need(&mut self, words: &str) -> Result<(), Failure> {
        match self.eat(words) {
            true => Ok(()),
            false => Err(self.unexpected(words)),
        }
    }

    pub(crate) fn sign(&mut self, sign: &Token) -> bool {
        let is_next = self.peek() == Some(sign);
        self.at += usize::from(is_next);
        is_next
    }

    pub(crate) fn need_sign(&mut self, sign: &Token) -> Result<(), Failure> {
        match self.sign(sign) {
            true => Ok(()),
            false => Err(self.unexpected(&sign.to_string())),
        }
    }

    pub(crate) fn unexpected(&self, wanted: &str) -> Failure {
        let found = self.peek().map_or("<EOF>".to_owned(), ToString::to_string);
        Failure::syntax(format!("mismatched input '{found}' expecting {wanted}"))
    }

    /// A name, quoted or not.
    pub(crate) fn name(&mut self) -> Result<String, Failure> {
        match self.next() {
            Some(Token::Word(word)) => Ok(word.value),
            _ => {
                self.back();
                Err(self.unexpected("an identifier"))
            }
        }
    }

    /// A name with dots in it.
    pub(crate) fn path(&mut self) -> Result<Vec<String>, Failure> {
        let mut parts = vec![self.name()?];
        while self.sign(&Token::Period) {
            parts.push(self.name()?);
        }
        Ok(parts)
    }

    /// Names in parentheses.
    pub(crate) fn names(&mut self) -> Result<Vec<String>, Failure> {
        self.need_sign(&Token::LParen)?;
        let mut names = vec![self.name()?];
        while self.sign(&Token::Comma) {
            names.push(self.name()?);
        }
        self.need_sign(&Token::RParen)?;
        Ok(names)
    }

    /// A text in quotes.
    pub(crate) fn text(&mut self) -> Result<String, Failure> {
        match self.next() {
            Some(Token::SingleQuotedString(text) | Token::DoubleQuotedString(text)) => Ok(text),
            _ => {
                self.back();
                Err(self.unexpected("a string"))
            }
        }
    }

    /// Skips what stands in parentheses; answers it as text.
    pub(crate) fn parentheses(&mut self) -> Result<String, Failure> {
        self.need_sign(&Token::LParen)?;
        let mut depth = 1;
        let mut text = Vec::new();
        while depth > 0 {
            let token = self.next().ok_or_else(|| self.unexpected(")"))?;
            depth += i32::from(token == Token::LParen) - i32::from(token == Token::RParen);
            text.push(token.to_string());
        }
        text.pop();
        Ok(text.join(" "))
    }

    /// `("a" = "b", …)`.
    pub(crate) fn properties(&mut self) -> Result<Vec<(String, String)>, Failure> {
        self.need_sign(&Token::LParen)?;
        let mut pairs = Vec::new();
        while !self.sign(&Token::RParen) {
            let key = self.text().or_else(|_| self.name())?;
            self.need_sign(&Token::Eq)?;
            pairs.push((key, self.text()?));
            self.sign(&Token::Comma);
        }
        Ok(pairs)
    }

    /// All words, with those between `from` and here left out.
    pub(crate) fn without(&self, from: usize) -> Vec<Token> {
        self.tokens[..from].iter().chain(&self.tokens[self.at..]).cloned().collect()
    }

    pub(crate) fn place(&self) -> usize {
        self.at
    }

    pub(crate) fn tokens(&self) -> &[Token] {
        &self.tokens
    }
}

/// Carries a statement out.
pub(crate) fn run(
    session: &mut Session,
    state: &mut State,
    mut words: Cursor,
) -> Result<Answer, Failure> {
    let first = match words.peek() {
        Some(Token::Word(word)) => word.value.to_uppercase(),
        Some(Token::LParen) => "SELECT".to_owned(),
        _ => String::new(),
    };
    match first.as_str() {
        "" => Ok(Answer::default()),
        "SELECT" | "WITH" | "VALUES" => select::select(session, state, words.tokens().to_vec()),
        "INSERT" => select::insert(session, state, words),
        "UPDATE" => select::update(session, state, words.tokens().to_vec()),
        "DELETE" => select::delete(session, state, words.tokens().to_vec()),
        "SHOW" | "DESC" | "DESCRIBE" | "EXPLAIN" | "ADMIN" => show::run(session, state, words),
        "CREATE" | "ALTER" | "DROP" | "TRUNCATE" => definition::run(session, state, words),
        "SET" => set(session, words),
        "USE" => {
            words.need("USE")?;
            let database = words.name()?;
            session.choose(state, &database).map(|()| Answer::default())
        }
        "BEGIN" | "COMMIT" | "ROLLBACK" | "START" | "KILL" | "SYNC" | "ANALYZE" => {
            Ok(Answer::default())
        }
        other => Err(Failure::syntax(format!("mismatched input '{other}'"))),
    }
}

/// Variables that can be set.
const KNOWN: [&str; 16] = [
    "autocommit",
    "enable_fallback_to_original_planner",
    "enable_insert_strict",
    "enable_nereids_planner",
    "enable_profile",
    "enable_strong_consistency_read",
    "exec_mem_limit",
    "insert_max_filter_ratio",
    "insert_timeout",
    "interactive_timeout",
    "net_write_timeout",
    "query_timeout",
    "sql_mode",
    "sql_select_limit",
    "time_zone",
    "wait_timeout",
];

fn set(session: &mut Session, mut words: Cursor) -> Result<Answer, Failure> {
    words.need("SET")?;
    let texts: Vec<_> = words.tokens()[1..].iter().map(token_text).collect();
    for pair in texts.split(|text| text == ",") {
        if let Some(at) = pair.iter().position(|text| text == "=" || text == ":=") {
            let name = pair[..at].last().cloned().unwrap_or_default().to_lowercase();
            let name = name.trim_start_matches('@').to_owned();
            if !KNOWN.contains(&name.as_str()) && !name.starts_with("character_set") {
                return Err(Failure::of(1193, format!("Unknown system variable '{name}'")));
            }
            session.variables.insert(name, pair[at + 1..].concat());
        }
    }
    Ok(Answer::default())
}

fn token_text(token: &Token) -> String {
    match token {
        Token::SingleQuotedString(text) | Token::DoubleQuotedString(text) => text.clone(),
        Token::Word(word) => word.value.clone(),
        other => other.to_string(),
    }
}
