//! `parse_user_agent(ua)`: everything that a user agent tells, as a struct;
//! `parse_user_agent(ua, 'os')`: one part of it, as text.

use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, internal_err};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    TypeSignature, Volatility,
};

use super::texts::{column, constant, nullable_text};
use super::user_agent::{self, PARTS, Part};
use crate::config::suggest;
use crate::error::Error;
use crate::transform::failure::carried;

/// The function.
pub(super) fn function() -> ScalarUDF {
    let forms = vec![TypeSignature::String(1), TypeSignature::String(2)];
    let signature = Signature::one_of(forms, Volatility::Immutable);
    ScalarUDF::new_from_impl(ParseUserAgent { signature })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct ParseUserAgent {
    signature: Signature,
}

impl ScalarUDFImpl for ParseUserAgent {
    fn name(&self) -> &'static str {
        "parse_user_agent"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        internal_err!("`parse_user_agent` gives a field")
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        if arguments.arg_fields.len() == 1 {
            let parts = DataType::Struct(user_agent::fields().clone());
            return Ok(Arc::new(Field::new(self.name(), parts, true)));
        }
        // What is no constant yet, such as a parameter, is looked at when it is.
        let written = arguments.scalar_arguments.get(1).copied().flatten();
        if let Some(written) = written.and_then(|value| value.try_as_str().flatten()) {
            named(written).map_err(carried)?;
        }
        Ok(nullable_text(self.name()))
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let agents = column(&arguments, 0)?;
        if arguments.args.len() == 1 {
            let parsed = user_agent::parsed(agents.as_string());
            return Ok(ColumnarValue::Array(Arc::new(parsed)));
        }
        let part = constant(&arguments, 1, "the part of `parse_user_agent`").map_err(carried)?;
        let part = named(&part).map_err(carried)?;
        Ok(ColumnarValue::Array(Arc::new(user_agent::part(agents.as_string(), part))))
    }
}

fn named(name: &str) -> Result<Part, Error> {
    Part::named(name).ok_or_else(|| {
        let known: Vec<_> = PARTS.iter().map(|part| part.name()).collect();
        Error::config(format!("`parse_user_agent` knows no part `{name}`"))
            .hint(suggest(name, &known))
    })
}
