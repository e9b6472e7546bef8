//! Words that GoogleSQL takes as names only in backticks.

use sqlparser::ast::{Expr, Ident, SelectItem};

use super::super::answer::{Outcome, Refusal};

/// From "Lexical structure and syntax" of Google's reference.
const RESERVED: [&str; 95] = [
    "ALL",
    "AND",
    "ANY",
    "ARRAY",
    "AS",
    "ASC",
    "ASSERT_ROWS_MODIFIED",
    "AT",
    "BETWEEN",
    "BY",
    "CASE",
    "CAST",
    "COLLATE",
    "CONTAINS",
    "CREATE",
    "CROSS",
    "CUBE",
    "CURRENT",
    "DEFAULT",
    "DEFINE",
    "DESC",
    "DISTINCT",
    "ELSE",
    "END",
    "ENUM",
    "ESCAPE",
    "EXCEPT",
    "EXCLUDE",
    "EXISTS",
    "EXTRACT",
    "FALSE",
    "FETCH",
    "FOLLOWING",
    "FOR",
    "FROM",
    "FULL",
    "GROUP",
    "GROUPING",
    "GROUPS",
    "HASH",
    "HAVING",
    "IF",
    "IGNORE",
    "IN",
    "INNER",
    "INTERSECT",
    "INTERVAL",
    "INTO",
    "IS",
    "JOIN",
    "LATERAL",
    "LEFT",
    "LIKE",
    "LIMIT",
    "LOOKUP",
    "MERGE",
    "NATURAL",
    "NEW",
    "NO",
    "NOT",
    "NULL",
    "NULLS",
    "OF",
    "ON",
    "OR",
    "ORDER",
    "OUTER",
    "OVER",
    "PARTITION",
    "PRECEDING",
    "PROTO",
    "QUALIFY",
    "RANGE",
    "RECURSIVE",
    "RESPECT",
    "RIGHT",
    "ROLLUP",
    "ROWS",
    "SELECT",
    "SET",
    "SOME",
    "STRUCT",
    "TABLESAMPLE",
    "THEN",
    "TO",
    "TREAT",
    "TRUE",
    "UNBOUNDED",
    "UNION",
    "UNNEST",
    "USING",
    "WHEN",
    "WHERE",
    "WINDOW",
    "WITH",
];

/// Refuses a name that is a reserved word and not in backticks.
pub(super) fn check(name: &Ident) -> Outcome<()> {
    let upper = name.value.to_uppercase();
    if name.quote_style.is_none() && (RESERVED.contains(&upper.as_str()) || upper == "WITHIN") {
        return Err(Refusal::invalid_query(format!("Syntax error: Unexpected keyword {upper}")));
    }
    Ok(())
}

/// The names that an expression is.
pub(super) fn check_expression(expr: &Expr) -> Outcome<()> {
    match expr {
        Expr::Identifier(name) => check(name),
        // Behind a point any word may stand.
        Expr::CompoundIdentifier(names) => names.first().map_or(Ok(()), check),
        _ => Ok(()),
    }
}

/// The name that an expression is given.
pub(super) fn check_item(item: &SelectItem) -> Outcome<()> {
    match item {
        SelectItem::ExprWithAlias { alias, .. } => check(alias),
        _ => Ok(()),
    }
}
