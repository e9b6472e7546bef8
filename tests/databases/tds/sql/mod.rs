//! The Transact-SQL that the stand-in understands: words, a tree, and the parser between them.

pub(crate) mod ast;
pub(crate) mod definition;
pub(crate) mod expression;
pub(crate) mod lexer;
pub(crate) mod parser;
pub(crate) mod query;
pub(crate) mod write;
