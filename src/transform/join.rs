//! Which way of joining fits into memory.
//!
//! A hash join is the fastest and holds one side whole; it cannot spill. When the smaller side is
//! not sure to fit, both sides are sorted and merged instead, which spills.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::joins::HashJoinExec;
use datafusion::physical_plan::statistics::{StatisticsArgs, StatisticsContext};

/// How many times larger rows may be in a hash table than as stored: decoded, and with the table.
const GROWTH: u64 = 4;

/// Whether a hash join of `plan` may need more than half of `memory` bytes for the side it holds.
pub(super) fn may_overflow(plan: &Arc<dyn ExecutionPlan>, memory: u64) -> Result<bool> {
    let mut held = 0_u64;
    plan.apply(|node| {
        if let Some(join) = node.downcast_ref::<HashJoinExec>() {
            let side = join.left().as_ref();
            let known = StatisticsContext::new().compute(side, &StatisticsArgs::new())?;
            let bytes = known.total_byte_size.get_value().copied().unwrap_or(0);
            held = held.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(held.saturating_mul(GROWTH) > memory / 2)
}
