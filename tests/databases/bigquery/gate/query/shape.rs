//! Queries that SQLite writes in another shape.

use sqlparser::ast::{
    Expr, Query, SelectItem, SetExpr, SetQuantifier, TableFactor, ValueTableMode,
};
use sqlparser::dialect::SQLiteDialect;
use sqlparser::parser::Parser;

use super::super::answer::{Outcome, Refusal};

/// `(a, b) IN (SELECT (x, y) …)`: SQLite wants the columns of the subquery side by side.
pub(super) fn membership(expr: &mut Expr, subquery: &mut Query) -> Outcome<()> {
    let left = match &*expr {
        Expr::Tuple(values) | Expr::Struct { values, .. } => values.clone(),
        _ => Vec::new(),
    };
    let SetExpr::Select(select) = subquery.body.as_mut() else { return Ok(()) };
    if matches!(select.value_table_mode, Some(ValueTableMode::AsStruct)) {
        select.value_table_mode = None;
    } else {
        let [item] = select.projection.as_slice() else {
            return Err(Refusal::invalid_query(
                "Subquery of type IN must have only one output column",
            ));
        };
        if let SelectItem::UnnamedExpr(Expr::Tuple(values) | Expr::Struct { values, .. }) = item {
            select.projection = values.clone().into_iter().map(SelectItem::UnnamedExpr).collect();
        }
    }
    if !left.is_empty() {
        *expr = Expr::Tuple(left);
    }
    Ok(())
}

/// Members of UNION in parentheses, and `UNION` without ALL or DISTINCT.
pub(super) fn united(body: &mut SetExpr) -> Outcome<()> {
    match body {
        SetExpr::SetOperation { left, set_quantifier, right, .. } => {
            match set_quantifier {
                SetQuantifier::All => {}
                SetQuantifier::Distinct => *set_quantifier = SetQuantifier::None,
                _ => {
                    return Err(Refusal::invalid_query(
                        "Syntax error: Expected keyword ALL or keyword DISTINCT",
                    ));
                }
            }
            united(left)?;
            united(right)
        }
        SetExpr::Query(query) => {
            *body = wrapped(query);
            Ok(())
        }
        _ => Ok(()),
    }
}

fn wrapped(query: &Query) -> SetExpr {
    let parsed = Parser::new(&SQLiteDialect {})
        .try_with_sql("SELECT * FROM (SELECT 1)")
        .and_then(|mut parser| parser.parse_query());
    let mut outer = *parsed.expect("it is SQL").body;
    if let SetExpr::Select(select) = &mut outer
        && let TableFactor::Derived { subquery, .. } = &mut select.from[0].relation
    {
        **subquery = query.clone();
    }
    outer
}
