//! Which conditions of a statement a source can use: a column compared with a constant.

use arrow::datatypes::{DataType, Schema};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};

use crate::source::{Comparison, Op};

/// `filter` as a comparison with a column of `schema`, if it is one.
///
/// Floating-point columns are left out: SQL here orders NaN above all numbers and the statistics
/// of a file know nothing of it, so a source could leave out rows that pass.
pub(super) fn comparison(filter: &Expr, schema: &Schema) -> Option<Comparison> {
    match filter {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => match (&**left, &**right) {
            (Expr::Column(column), Expr::Literal(value, _)) => {
                compared(&column.name, operator(*op)?, value, schema)
            }
            (Expr::Literal(value, _), Expr::Column(column)) => {
                compared(&column.name, operator(op.swap()?)?, value, schema)
            }
            _ => None,
        },
        Expr::IsNull(inner) => tested(inner, Op::IsNull, schema),
        Expr::IsNotNull(inner) => tested(inner, Op::IsNotNull, schema),
        _ => None,
    }
}

fn operator(op: Operator) -> Option<Op> {
    match op {
        Operator::Eq => Some(Op::Eq),
        Operator::NotEq => Some(Op::NotEq),
        Operator::Lt => Some(Op::Lt),
        Operator::LtEq => Some(Op::LtEq),
        Operator::Gt => Some(Op::Gt),
        Operator::GtEq => Some(Op::GtEq),
        _ => None,
    }
}

fn compared(name: &str, op: Op, value: &ScalarValue, schema: &Schema) -> Option<Comparison> {
    let (column, field) = schema.column_with_name(name)?;
    let usable = !value.is_null()
        && value.data_type() == *field.data_type()
        && !field.data_type().is_floating()
        && !field.data_type().is_nested();
    if !usable {
        return None;
    }
    Some(Comparison { column, op, value: value.to_scalar().ok()? })
}

fn tested(inner: &Expr, op: Op, schema: &Schema) -> Option<Comparison> {
    let Expr::Column(column) = inner else { return None };
    let (column, field) = schema.column_with_name(&column.name)?;
    let null = ScalarValue::try_from(field.data_type()).unwrap_or(ScalarValue::Null);
    let null = if *field.data_type() == DataType::Null { ScalarValue::Null } else { null };
    Some(Comparison { column, op, value: null.to_scalar().ok()? })
}
