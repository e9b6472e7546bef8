//! Whole numbers that overflow are an error, never another number.
//!
//! DataFusion adds, subtracts and multiplies whole numbers modulo their width. Here every such
//! operator becomes a function that does the same and fails when the result does not fit.
//! (Decimals and divisions fail by themselves; floating-point numbers become infinite.)

use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, Datum};
use arrow::compute::kernels::numeric;
use arrow::datatypes::{DataType, Field, FieldRef};
use arrow::error::ArrowError;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, Result, internal_err};
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, ExprSchemable, LogicalPlan, Operator, ReturnFieldArgs,
    ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::optimizer::analyzer::AnalyzerRule;
use datafusion::physical_expr_common::datum::apply;

/// Puts the functions in the place of the operators; runs when types are known.
#[derive(Debug)]
pub(super) struct ExactIntegers;

impl AnalyzerRule for ExactIntegers {
    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        let exact = plan.transform_up_with_subqueries(|node| {
            let schema = merge_schema(&node.inputs());
            let names = NamePreserver::new(&node);
            node.map_expressions(|expr| {
                let name = names.save(&expr);
                let exact = expr.transform_up(|part| Ok(exact(part, &schema)))?;
                Ok(exact.update_data(|expr| name.restore(expr)))
            })
        });
        exact.map(|found| found.data)
    }

    fn name(&self) -> &'static str {
        "exact_integers"
    }
}

fn exact(expr: Expr, schema: &DFSchema) -> Transformed<Expr> {
    let Expr::BinaryExpr(BinaryExpr { left, op, right }) = expr else {
        return Transformed::no(expr);
    };
    let is_whole = |side: &Expr| side.get_type(schema).is_ok_and(|kind| kind.is_integer());
    match function(op) {
        Some(function) if is_whole(&left) && is_whole(&right) => {
            Transformed::yes(function.call(vec![*left, *right]))
        }
        _ => Transformed::no(Expr::BinaryExpr(BinaryExpr { left, op, right })),
    }
}

fn function(op: Operator) -> Option<Arc<ScalarUDF>> {
    static PLUS: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| Exact::function("exact_plus"));
    static MINUS: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| Exact::function("exact_minus"));
    static TIMES: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| Exact::function("exact_times"));
    match op {
        Operator::Plus => Some(PLUS.clone()),
        Operator::Minus => Some(MINUS.clone()),
        Operator::Multiply => Some(TIMES.clone()),
        _ => None,
    }
}

/// One operator as a function of two whole numbers of one type.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Exact {
    name: &'static str,
    signature: Signature,
}

impl Exact {
    fn function(name: &'static str) -> Arc<ScalarUDF> {
        let signature = Signature::any(2, Volatility::Immutable);
        Arc::new(ScalarUDF::new_from_impl(Exact { name, signature }))
    }

    fn kernel(&self, left: &dyn Datum, right: &dyn Datum) -> Result<ArrayRef, ArrowError> {
        match self.name {
            "exact_plus" => numeric::add(left, right),
            "exact_minus" => numeric::sub(left, right),
            _ => numeric::mul(left, right),
        }
    }
}

impl ScalarUDFImpl for Exact {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        match arguments {
            [left, _] => Ok(left.clone()),
            _ => internal_err!("`{}` takes two arguments", self.name),
        }
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let [left, right] = arguments.arg_fields else {
            return internal_err!("`{}` takes two arguments", self.name);
        };
        let nullable = left.is_nullable() || right.is_nullable();
        Ok(Arc::new(Field::new(self.name, left.data_type().clone(), nullable)))
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match &arguments.args[..] {
            [left, right] => apply(left, right, |left, right| self.kernel(left, right)),
            _ => internal_err!("`{}` takes two arguments", self.name),
        }
    }
}
