//! Conversions in a plan that may lose digits or fail, in words.

use std::collections::BTreeSet;

use arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::DFSchema;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan};

use crate::transform::exact_sum::TOTAL;

/// Each lossy conversion of a value that reaches a result, once: "amount: Float64 to Int64".
pub(super) fn losses(plan: &LogicalPlan) -> Vec<String> {
    let mut found = BTreeSet::new();
    let _ = plan.apply_with_subqueries(|node| {
        let carries_values = matches!(node, LogicalPlan::Projection(_) | LogicalPlan::Aggregate(_));
        let [input] = node.inputs()[..] else { return Ok(TreeNodeRecursion::Continue) };
        if carries_values {
            for expr in node.expressions() {
                collect(&expr, input.schema(), &mut found);
            }
        }
        Ok(TreeNodeRecursion::Continue)
    });
    found.into_iter().collect()
}

fn collect(expr: &Expr, schema: &DFSchema, found: &mut BTreeSet<String>) {
    let _ = expr.apply(|part| {
        let (inner, to) = match part {
            Expr::Cast(cast) => (&cast.expr, cast.field.data_type()),
            Expr::TryCast(cast) => (&cast.expr, cast.field.data_type()),
            _ => return Ok(TreeNodeRecursion::Continue),
        };
        let is_constant = inner.column_refs().is_empty();
        if let Ok(from) = inner.get_type(schema)
            && !is_constant
            && may_lose(&from, to)
        {
            found.insert(format!("{}: {from} to {to}", named(inner, expr)));
        }
        Ok(TreeNodeRecursion::Continue)
    });
}

/// The column that is converted, or the result that it goes into.
fn named(inner: &Expr, whole: &Expr) -> String {
    match inner {
        Expr::Column(column) => column.name.clone(),
        _ => whole.qualified_name().1,
    }
}

/// Whether some value of `from` has no equal in `to`.
fn may_lose(from: &DataType, to: &DataType) -> bool {
    use DataType::{
        Binary, Boolean, Date32, Date64, Int64, LargeBinary, LargeUtf8, Null, Timestamp, UInt64,
        Utf8, Utf8View,
    };
    let is_text = |kind: &DataType| matches!(kind, Utf8 | LargeUtf8 | Utf8View);
    match (from, to) {
        (from, to) if from == to => false,
        // How whole numbers are summed: a total that does not fit is an error.
        (from, Int64 | UInt64) if *from == TOTAL => false,
        (Null, _) => false,
        (from, to) if is_text(from) => !is_text(to) && !matches!(to, Binary | LargeBinary),
        (_, to) if is_text(to) => false,
        (Boolean, _) => false,
        (_, Boolean) => from.is_numeric(),
        (Timestamp(from, _), Timestamp(to, _)) => from != to,
        (Timestamp(..), Date32 | Date64) => true,
        (Date32 | Date64, Timestamp(unit, _)) => *unit == TimeUnit::Nanosecond,
        (from, to) if from.is_numeric() && to.is_numeric() => number_may_lose(from, to),
        _ => false,
    }
}

fn number_may_lose(from: &DataType, to: &DataType) -> bool {
    match (integer_digits(from), integer_digits(to)) {
        (Some(from_range), Some(to_range)) => {
            from_range.0 > to_range.0 || from_range.1 > to_range.1
        }
        // Decimals, floats.
        _ => match (shape(from), shape(to)) {
            (Some(from), Some(to)) => from.0 > to.0 || from.1 > to.1,
            (None, Some(_)) => true,
            (Some((whole, part)), None) => whole + part > exact_digits(to),
            (None, None) => exact_digits(from) > exact_digits(to),
        },
    }
}

/// Bits below and above zero.
fn integer_digits(kind: &DataType) -> Option<(u8, u8)> {
    Some(match kind {
        DataType::Int8 => (7, 7),
        DataType::Int16 => (15, 15),
        DataType::Int32 => (31, 31),
        DataType::Int64 => (63, 63),
        DataType::UInt8 => (0, 8),
        DataType::UInt16 => (0, 16),
        DataType::UInt32 => (0, 32),
        DataType::UInt64 => (0, 64),
        _ => return None,
    })
}

/// Decimal digits before and after the point; `None` for floating-point numbers.
fn shape(kind: &DataType) -> Option<(i16, i16)> {
    match kind {
        DataType::Decimal32(p, s)
        | DataType::Decimal64(p, s)
        | DataType::Decimal128(p, s)
        | DataType::Decimal256(p, s) => {
            Some((i16::from(*p) - i16::from(*s), i16::from((*s).max(0))))
        }
        DataType::Int8 | DataType::UInt8 => Some((3, 0)),
        DataType::Int16 | DataType::UInt16 => Some((5, 0)),
        DataType::Int32 | DataType::UInt32 => Some((10, 0)),
        DataType::Int64 => Some((19, 0)),
        DataType::UInt64 => Some((20, 0)),
        _ => None,
    }
}

/// Decimal digits that a floating-point number always keeps.
fn exact_digits(kind: &DataType) -> i16 {
    match kind {
        DataType::Float16 => 3,
        DataType::Float32 => 6,
        _ => 15,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversion_that_can_lose_is_told_from_one_that_cannot() {
        use DataType::{
            Date32, Decimal128, Float32, Float64, Int32, Int64, Timestamp, UInt32, Utf8,
        };
        let micros = Timestamp(TimeUnit::Microsecond, None);
        let nanos = Timestamp(TimeUnit::Nanosecond, None);
        let lossy = [
            (Float64, Int64),
            (Int64, Int32),
            (Int64, Float64),
            (Float64, Float32),
            (Int32, UInt32),
            (Decimal128(20, 4), Decimal128(12, 2)),
            (Decimal128(20, 4), Float64),
            (nanos.clone(), micros.clone()),
            (micros.clone(), Date32),
            (Utf8, Int64),
        ];
        for (from, to) in &lossy {
            assert!(may_lose(from, to), "{from} to {to}");
        }
        let exact = [
            (Int32, Int64),
            (Int32, Float64),
            (Float32, Float64),
            (UInt32, Int64),
            (Decimal128(12, 2), Decimal128(20, 4)),
            (Int32, Decimal128(12, 2)),
            (Date32, micros),
            (Int64, Utf8),
        ];
        for (from, to) in &exact {
            assert!(!may_lose(from, to), "{from} to {to}");
        }
    }
}
