//! A sum of whole numbers that does not fit is an error, never another number.
//!
//! DataFusion's `sum` adds modulo 64 bits. Here it adds decimals of 128 bits, which cannot
//! overflow, and the total is made a whole number again above it, which fails when it does not fit.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{Column, DFSchema, Result};
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::expr::{AggregateFunction, Alias};
use datafusion::logical_expr::{Aggregate, Expr, ExprSchemable, LogicalPlan, Projection, cast};
use datafusion::optimizer::analyzer::AnalyzerRule;

/// What 64-bit numbers, signed or not, are added as; their sum is a [`TOTAL`].
const WIDE: DataType = DataType::Decimal128(20, 0);

/// The type of a sum of [`WIDE`]; its only use here is to be made a whole number again.
pub(super) const TOTAL: DataType = DataType::Decimal128(30, 0);

/// Widens every sum of whole numbers; runs when types are known.
#[derive(Debug)]
pub(super) struct ExactSums;

impl AnalyzerRule for ExactSums {
    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        let exact = plan.transform_up_with_subqueries(|node| match node {
            LogicalPlan::Aggregate(aggregate) => widened(aggregate),
            other => Ok(Transformed::no(other)),
        });
        exact.map(|found| found.data)
    }

    fn name(&self) -> &'static str {
        "exact_sums"
    }
}

/// The aggregate with wide sums, under a projection that gives its columns their old types.
fn widened(aggregate: Aggregate) -> Result<Transformed<LogicalPlan>> {
    let kinds: Vec<Option<DataType>> = aggregate
        .aggr_expr
        .iter()
        .map(|expr| whole_sum(bare(expr), aggregate.input.schema()))
        .collect();
    if kinds.iter().all(Option::is_none) {
        return Ok(Transformed::no(LogicalPlan::Aggregate(aggregate)));
    }
    let sums = aggregate.aggr_expr.iter().zip(&kinds);
    let sums = sums.map(|(expr, kind)| if kind.is_some() { wide(expr) } else { expr.clone() });
    let sums = sums.collect();
    let groups = aggregate.group_expr_len()?;
    let wide = Aggregate::try_new(aggregate.input, aggregate.group_expr, sums)?;
    let columns = aggregate.schema.iter().enumerate().map(|(at, (qualifier, field))| {
        let column = Expr::Column(Column::from((qualifier, field)));
        let kind = at.checked_sub(groups).and_then(|at| kinds.get(at).cloned().flatten());
        match kind {
            Some(kind) => cast(column, kind).alias_qualified(qualifier.cloned(), field.name()),
            None => column,
        }
    });
    let plan = Arc::new(LogicalPlan::Aggregate(wide));
    Ok(Transformed::yes(LogicalPlan::Projection(Projection::try_new(columns.collect(), plan)?)))
}

fn bare(expr: &Expr) -> &Expr {
    match expr {
        Expr::Alias(alias) => bare(&alias.expr),
        other => other,
    }
}

/// The type of `expr` when it is a sum of whole numbers.
fn whole_sum(expr: &Expr, input: &DFSchema) -> Option<DataType> {
    let Expr::AggregateFunction(AggregateFunction { func, params }) = expr else { return None };
    let [summand] = params.args.as_slice() else { return None };
    let kind = summand.get_type(input).ok()?;
    (func.name() == "sum" && kind.is_integer()).then_some(match kind.is_signed_integer() {
        true => DataType::Int64,
        false => DataType::UInt64,
    })
}

/// The same sum under the same name, of decimals.
fn wide(expr: &Expr) -> Expr {
    match expr {
        Expr::Alias(Alias { expr, relation, name, .. }) => {
            let wide = wide(expr);
            wide.unalias().alias_qualified(relation.clone(), name)
        }
        Expr::AggregateFunction(function) => {
            let mut wide = function.clone();
            wide.params.args = wide.params.args.into_iter().map(|arg| cast(arg, WIDE)).collect();
            Expr::AggregateFunction(wide).alias(expr.schema_name().to_string())
        }
        other => other.clone(),
    }
}
