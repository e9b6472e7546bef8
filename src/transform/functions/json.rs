//! Functions and operators that take values out of JSON text, by datafusion-functions-json.
//!
//! Of its functions those are used that hand on the text of a value as it is. Where it reads
//! numbers as 64-bit floats, which change digits, dhow reads the text itself: in `json_get_int`, in
//! `json_get_float`, and in every cast of `json_get` and `->`.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array, Int64Array, StringArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, Result};
use datafusion::execution::{FunctionRegistry, SessionState};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::{
    ColumnarValue, Expr, LogicalPlan, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use datafusion_functions_json::udfs::{json_as_text_udf, json_get_json_udf};

use super::json_number::{float, whole};
use super::texts::nullable_text;
use crate::error::Error;
use crate::transform::failure::carried;

/// Adds the functions and operators.
pub(super) fn register(state: &mut SessionState) -> Result<()> {
    // Rewrites run in the order in which they come: ours leaves theirs no cast to shorten.
    state.register_function_rewrite(Arc::new(CastText))?;
    datafusion_functions_json::register_all(state)?;
    for kind in [Kind::Whole, Kind::Float] {
        state.register_udf(Arc::new(ScalarUDF::new_from_impl(Number::of(kind))))?;
    }
    // They make and take values without a type, whose numbers have lost digits.
    for name in ["json_from_scalar", "json_union_to_text"] {
        state.deregister_udf(name)?;
    }
    Ok(())
}

/// Whether a value that `json_get` or `->` gives is used by something that does not give it a type:
/// it would go as a union, in which a number is a 64-bit float.
pub(in crate::transform) fn has_untyped_json(plan: &LogicalPlan) -> bool {
    let mut found = false;
    // The closure never fails, so neither does the walk.
    let _ = plan.apply_with_subqueries(|node| {
        found |= node.expressions().iter().any(|expr| is_untyped(expr, false));
        Ok(TreeNodeRecursion::Continue)
    });
    found
}

/// Whether `expr`, or a part of it, is such a value; `is_settled` when what it stands in takes it.
fn is_untyped(expr: &Expr, is_settled: bool) -> bool {
    let settles = match expr {
        Expr::ScalarFunction(call) if call.func.name() == GET && !is_settled => return true,
        Expr::ScalarFunction(call) => call.func.name().starts_with("json_"),
        Expr::Cast(_) | Expr::TryCast(_) | Expr::IsNull(_) | Expr::IsNotNull(_) => true,
        Expr::Alias(_) => is_settled,
        _ => false,
    };
    let mut found = false;
    let _ = expr.apply_children(|part| {
        found |= is_untyped(part, settles);
        Ok(TreeNodeRecursion::Continue)
    });
    found
}

/// What to do about a message of DataFusion, if it is about an operator that took too much.
pub(in crate::transform) fn bracket_hint(message: &str) -> Option<&'static str> {
    let took_a_comparison = message.contains("to 'json_") && message.contains("got Boolean");
    took_a_comparison.then_some("put brackets around the operator: `(j ->> 'a') = 'b'`")
}

/// What `->` is.
const GET: &str = "json_get";

/// Casts of a JSON value cast its text, which has all its digits.
#[derive(Debug)]
struct CastText;

impl FunctionRewrite for CastText {
    fn name(&self) -> &'static str {
        "exact_json_casts"
    }

    fn rewrite(&self, expr: Expr, _: &DFSchema, _: &ConfigOptions) -> Result<Transformed<Expr>> {
        Ok(match expr {
            Expr::Cast(mut cast) => {
                let inner = text_of(*cast.expr);
                cast.expr = Box::new(inner.data);
                Transformed::new_transformed(Expr::Cast(cast), inner.transformed)
            }
            Expr::TryCast(mut cast) => {
                let inner = text_of(*cast.expr);
                cast.expr = Box::new(inner.data);
                Transformed::new_transformed(Expr::TryCast(cast), inner.transformed)
            }
            Expr::ScalarFunction(mut call) if is_cast(&call) => {
                let mut arguments = call.args.into_iter();
                let inner = arguments.next().map(text_of);
                let is_changed = inner.as_ref().is_some_and(|inner| inner.transformed);
                call.args = inner.map(|inner| inner.data).into_iter().chain(arguments).collect();
                Transformed::new_transformed(Expr::ScalarFunction(call), is_changed)
            }
            other => Transformed::no(other),
        })
    }
}

fn is_cast(call: &ScalarFunction) -> bool {
    matches!(call.func.name(), "arrow_cast" | "arrow_try_cast")
}

/// `json_get` as the text of the same value.
fn text_of(expr: Expr) -> Transformed<Expr> {
    match expr {
        Expr::Alias(alias) => text_of(*alias.expr),
        Expr::ScalarFunction(call) if call.func.name() == GET => {
            let call = ScalarFunction { func: json_as_text_udf(), args: call.args };
            Transformed::yes(Expr::ScalarFunction(call))
        }
        other => Transformed::no(other),
    }
}

/// `json_get_int` and `json_get_float`.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Number {
    kind: Kind,
    signature: Signature,
    /// Gives the text of the value.
    text: Arc<ScalarUDF>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Whole,
    Float,
}

impl Number {
    fn of(kind: Kind) -> Number {
        let signature = Signature::variadic_any(Volatility::Immutable);
        Number { kind, signature, text: json_get_json_udf() }
    }

    fn numbers(&self, texts: &StringArray) -> Result<ArrayRef, Error> {
        let texts = texts.iter();
        Ok(match self.kind {
            Kind::Whole => {
                let numbers = texts.map(|text| text.map_or(Ok(None), whole));
                Arc::new(numbers.collect::<Result<Int64Array, Error>>()?)
            }
            Kind::Float => {
                let numbers = texts.map(|text| text.map_or(Ok(None), float));
                Arc::new(numbers.collect::<Result<Float64Array, Error>>()?)
            }
        })
    }
}

impl ScalarUDFImpl for Number {
    fn name(&self) -> &'static str {
        match self.kind {
            Kind::Whole => "json_get_int",
            Kind::Float => "json_get_float",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        // It knows which arguments it takes.
        self.text.return_type(arguments)?;
        Ok(match self.kind {
            Kind::Whole => DataType::Int64,
            Kind::Float => DataType::Float64,
        })
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = arguments.number_rows;
        let return_field = nullable_text(self.text.name());
        let texts = ScalarFunctionArgs { return_field, ..arguments };
        let texts = self.text.invoke_with_args(texts)?.to_array(rows)?;
        let texts = cast(&texts, &DataType::Utf8)?;
        Ok(ColumnarValue::Array(self.numbers(texts.as_string()).map_err(carried)?))
    }
}
