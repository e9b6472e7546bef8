//! Parts that two expressions have in common are computed once, unless they differ in a time zone.
//!
//! To DataFusion two constant timestamps are equal when they are the same number, whatever their
//! zones, so that its search for common parts would give both results the type of the first. Here
//! zoned constants are marked during that search.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::metadata::FieldMetadata;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::optimizer::optimizer::{ApplyOrder, Optimizer};
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

/// A rule of DataFusion's optimiser.
type Rule = Arc<dyn OptimizerRule + Send + Sync>;

/// The name that DataFusion gives its search for common parts.
const SEARCH: &str = "common_sub_expression_eliminate";

/// The key of the mark.
const ZONE: &str = "dhow.zone";

/// DataFusion's rules, with the search for common parts made to see zones.
pub(super) fn rules() -> Vec<Rule> {
    let seeing = |rule: Rule| -> Rule {
        if rule.name() == SEARCH { Arc::new(SeeingZones { search: rule }) } else { rule }
    };
    Optimizer::new().rules.into_iter().map(seeing).collect()
}

#[derive(Debug)]
struct SeeingZones {
    search: Rule,
}

impl OptimizerRule for SeeingZones {
    fn name(&self) -> &str {
        SEARCH
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        self.search.apply_order()
    }

    fn supports_rewrite(&self) -> bool {
        true
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        config: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        let marked = each_constant(plan, &mark)?;
        let searched = self.search.rewrite(marked.data, config)?;
        if !marked.transformed {
            return Ok(searched);
        }
        let unmarked = each_constant(searched.data, &unmark)?;
        Ok(Transformed::new_transformed(unmarked.data, searched.transformed))
    }
}

/// The plan with other marks on its constants.
fn each_constant(
    plan: LogicalPlan,
    change: &dyn Fn(&ScalarValue, Marks) -> Option<Marks>,
) -> Result<Transformed<LogicalPlan>> {
    plan.transform_up_with_subqueries(|node| {
        let changed = node.map_expressions(|expr| {
            expr.transform_up(|part| {
                let Expr::Literal(value, metadata) = part else { return Ok(Transformed::no(part)) };
                let marks = metadata.as_ref().map(|marks| marks.inner().clone());
                match change(&value, marks.unwrap_or_default()) {
                    Some(marks) => Ok(Transformed::yes(Expr::Literal(value, metadata_of(marks)))),
                    None => Ok(Transformed::no(Expr::Literal(value, metadata))),
                }
            })
        })?;
        // A mark shows in the schema of the results that it was on.
        if changed.transformed {
            changed.map_data(LogicalPlan::recompute_schema)
        } else {
            Ok(changed)
        }
    })
}

type Marks = BTreeMap<String, String>;

fn metadata_of(marks: Marks) -> Option<FieldMetadata> {
    (!marks.is_empty()).then(|| FieldMetadata::from(marks))
}

fn mark(value: &ScalarValue, mut marks: Marks) -> Option<Marks> {
    let DataType::Timestamp(_, Some(zone)) = value.data_type() else { return None };
    marks.insert(ZONE.to_owned(), zone.to_string());
    Some(marks)
}

fn unmark(_: &ScalarValue, mut marks: Marks) -> Option<Marks> {
    marks.remove(ZONE).map(|_| marks)
}
