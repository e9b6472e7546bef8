//! Rows that a check refuses are taken out of a stream one by one.
//!
//! A rejecting check is `select * from relation where condition`. The condition becomes one more
//! column of the relation's own plan, so the rows are read once however many checks there are; a
//! row for which a condition is true is refused, one for which it is NULL passes.

use std::sync::Arc;

use arrow::array::{Array, AsArray, BooleanArray, BooleanBuilder};
use arrow::compute::filter_record_batch;
use arrow::json::writer::{LineDelimited, WriterBuilder};
use arrow::record_batch::RecordBatch;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DataFusionError};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use datafusion::sql::sqlparser::ast::{
    self, GroupByExpr, SelectItem, SetExpr, TableFactor, WildcardAdditionalOptions,
};

use crate::error::{Error, Result};
use crate::source::{Refuse, Refused};
use crate::transform::statement::Statement;

/// The relation whose rows a rejecting check refuses.
///
/// # Errors
/// [`crate::error::Kind::Config`] when it is not `select * from relation where condition`.
pub(super) fn subject(statement: &Statement) -> Result<String> {
    match plain_subject(&statement.query) {
        Some(name) => Ok(name),
        None => Err(Error::config(format!(
            "{} cannot refuse single rows",
            statement.subject
        ))
        .at("file", &statement.sql.file)
        .hint(
            "write it as `select * from relation where condition` without subqueries, or choose \
             `refused: stop` or `warn`",
        )),
    }
}

fn plain_subject(query: &ast::Query) -> Option<String> {
    let SetExpr::Select(select) = &*query.body else { return None };
    let [table] = &select.from[..] else { return None };
    let [SelectItem::Wildcard(wildcard)] = &select.projection[..] else { return None };
    let TableFactor::Table { name, args: None, .. } = &table.relation else { return None };
    let [part] = &name.0[..] else { return None };
    let plain = query.with.is_none()
        && query.order_by.is_none()
        && query.limit_clause.is_none()
        && query.fetch.is_none()
        && query.pipe_operators.is_empty()
        && select.distinct.is_none()
        && select.top.is_none()
        && select.having.is_none()
        && select.qualify.is_none()
        && matches!(&select.group_by, GroupByExpr::Expressions(by, _) if by.is_empty())
        && table.joins.is_empty()
        && is_bare(wildcard)
        && select.selection.as_ref().is_some_and(|condition| !has_subquery(condition));
    plain.then(|| part.as_ident().map(|ident| ident.value.clone()))?
}

fn is_bare(wildcard: &WildcardAdditionalOptions) -> bool {
    wildcard.opt_exclude.is_none()
        && wildcard.opt_except.is_none()
        && wildcard.opt_replace.is_none()
        && wildcard.opt_rename.is_none()
        && wildcard.opt_ilike.is_none()
}

fn has_subquery(condition: &ast::Expr) -> bool {
    let found = ast::visit_expressions(condition, |expr| match expr {
        ast::Expr::Subquery(_) | ast::Expr::InSubquery { .. } | ast::Expr::Exists { .. } => {
            std::ops::ControlFlow::Break(())
        }
        _ => std::ops::ControlFlow::Continue(()),
    });
    found.is_break()
}

/// The condition of a planned check, in terms of the columns of its relation alone.
pub(super) fn condition(plan: &LogicalPlan) -> Option<Expr> {
    let LogicalPlan::Projection(projection) = plan else { return None };
    let LogicalPlan::Filter(filter) = &*projection.input else { return None };
    let unqualified = filter.predicate.clone().transform(|expr| {
        Ok(match expr {
            Expr::Column(column) => {
                Transformed::yes(Expr::Column(Column::new_unqualified(column.name)))
            }
            other => Transformed::no(other),
        })
    });
    unqualified.ok().map(|found| found.data)
}

/// `relation` with one column more for each condition.
pub(super) fn with_conditions(
    relation: LogicalPlan,
    conditions: Vec<Expr>,
) -> Result<LogicalPlan, DataFusionError> {
    let columns = relation.schema().columns().into_iter().map(Expr::Column);
    let extra = conditions
        .into_iter()
        .enumerate()
        .map(|(index, condition)| condition.alias(format!("refused by check {index}")));
    let all: Vec<Expr> = columns.collect::<Vec<_>>().into_iter().chain(extra).collect();
    LogicalPlanBuilder::from(relation).project(all)?.build()
}

/// Takes refused rows out of the batches of one stream.
#[derive(Debug)]
pub(super) struct Sieve {
    /// The checks, in the order of the columns that their conditions fill.
    pub(super) checks: Vec<String>,
    /// What the rows are of, with the part: "model `a`, part 3".
    pub(super) place: String,
    /// Rows seen, refused ones included.
    pub(super) row: u64,
    /// Where they go.
    pub(super) refuse: Arc<dyn Refuse>,
}

impl Sieve {
    /// The rows of `batch` that pass, without the columns of the conditions.
    pub(super) fn pass(&mut self, batch: &RecordBatch) -> Result<RecordBatch> {
        let columns = batch.num_columns().saturating_sub(self.checks.len());
        let failed = |error: arrow::error::ArrowError| {
            Error::bug(format!("rows of {} could not be separated: {error}", self.place))
        };
        let rows = batch.project(&(0..columns).collect::<Vec<_>>()).map_err(failed)?;
        let refused_by: Vec<&BooleanArray> =
            batch.columns().iter().skip(columns).filter_map(|c| c.as_boolean_opt()).collect();
        let keep = kept(&refused_by, batch.num_rows());
        if keep.true_count() == batch.num_rows() {
            self.row += row_count(batch);
            return Ok(rows);
        }
        let passed = filter_record_batch(&rows, &keep).map_err(failed)?;
        self.report(&rows, &keep, &refused_by)?;
        self.row += row_count(batch);
        Ok(passed)
    }

    fn report(
        &self,
        rows: &RecordBatch,
        keep: &BooleanArray,
        refused_by: &[&BooleanArray],
    ) -> Result<()> {
        for index in (0..rows.num_rows()).filter(|index| !keep.value(*index)) {
            let first = refused_by.iter().position(|by| is_true(by, index));
            let check = first.and_then(|first| self.checks.get(first)).map_or("", String::as_str);
            let number = self.row + u64::try_from(index).unwrap_or(0) + 1;
            self.refuse.refuse(Refused {
                place: format!("{}, row {number}", self.place),
                column: None,
                value: shown(&rows.slice(index, 1)),
                reason: format!("check `{check}` refused this row"),
                hint: None,
            })?;
        }
        Ok(())
    }
}

fn row_count(batch: &RecordBatch) -> u64 {
    u64::try_from(batch.num_rows()).unwrap_or(0)
}

fn is_true(by: &BooleanArray, index: usize) -> bool {
    by.is_valid(index) && by.value(index)
}

fn kept(refused_by: &[&BooleanArray], rows: usize) -> BooleanArray {
    let mut keep = BooleanBuilder::with_capacity(rows);
    for index in 0..rows {
        keep.append_value(!refused_by.iter().any(|by| is_true(by, index)));
    }
    keep.finish()
}

/// One row as JSON; `None` when a column has no form in JSON.
fn shown(row: &RecordBatch) -> Option<String> {
    let mut text = Vec::new();
    let mut writer =
        WriterBuilder::new().with_explicit_nulls(true).build::<_, LineDelimited>(&mut text);
    writer.write(row).ok()?;
    writer.finish().ok()?;
    drop(writer);
    Some(Refused::shown(text.trim_ascii_end()))
}
