//! `geo_ip(ip, field)` and `is_ip(text)`: where an address is, by a database that the user names.
//!
//! The database is part of the session and of the fingerprint of a load, so the functions are as
//! immutable as any: a plan under another database is another plan.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray};
use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::Result;
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

use super::geo_database::{Field, GeoDatabase, is_address};
use super::texts::{column, constant, nullable_text};
use crate::error::Error;
use crate::transform::failure::carried;

/// `geo_ip`, over the database of the session.
pub(super) fn place(database: Option<Arc<GeoDatabase>>) -> ScalarUDF {
    let signature = Signature::string(2, Volatility::Immutable);
    ScalarUDF::new_from_impl(GeoIp { signature, database })
}

/// `is_ip`.
pub(super) fn test() -> ScalarUDF {
    ScalarUDF::new_from_impl(IsIp { signature: Signature::string(1, Volatility::Immutable) })
}

#[derive(Debug)]
struct GeoIp {
    signature: Signature,
    database: Option<Arc<GeoDatabase>>,
}

impl GeoIp {
    fn database(&self) -> crate::error::Result<&GeoDatabase> {
        self.database.as_deref().ok_or_else(no_database)
    }
}

/// The error of a call without a database.
pub(in crate::transform) fn no_database() -> Error {
    Error::config("`geo_ip` is called, but no database is named").hint(
        "name a MaxMind database: `geo_ip: data/GeoLite2-City.mmdb` in the pipeline, or \
         `--geo-ip` of `dhow sql`",
    )
}

impl PartialEq for GeoIp {
    fn eq(&self, other: &Self) -> bool {
        let fingerprint = |of: &GeoIp| of.database.as_ref().map(|d| d.fingerprint().to_owned());
        fingerprint(self) == fingerprint(other)
    }
}

impl Eq for GeoIp {}

impl Hash for GeoIp {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.database.as_ref().map(|database| database.fingerprint()).hash(state);
    }
}

impl ScalarUDFImpl for GeoIp {
    fn name(&self) -> &'static str {
        "geo_ip"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let database = self.database().map_err(carried)?;
        // What is no constant yet, such as a parameter, is looked at when it is.
        let written = arguments.scalar_arguments.get(1).copied().flatten();
        if let Some(written) = written.and_then(|value| value.try_as_str().flatten()) {
            let field = Field::parse(written).map_err(carried)?;
            database.has(&field).map_err(carried)?;
        }
        Ok(nullable_text(self.name()))
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let database = self.database().map_err(carried)?;
        let field = constant(&arguments, 1, "the field of `geo_ip`").map_err(carried)?;
        let field = Field::parse(&field).map_err(carried)?;
        let addresses = column(&arguments, 0)?;
        let places = database.places(addresses.as_string(), &field).map_err(carried)?;
        Ok(ColumnarValue::Array(Arc::new(places)))
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct IsIp {
    signature: Signature,
}

impl ScalarUDFImpl for IsIp {
    fn name(&self) -> &'static str {
        "is_ip"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let texts: ArrayRef = column(&arguments, 0)?;
        let texts = texts.as_string::<i32>().iter();
        let found: BooleanArray = texts.map(|text| text.map(is_address)).collect();
        Ok(ColumnarValue::Array(Arc::new(found)))
    }
}
