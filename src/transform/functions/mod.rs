//! The functions that SQL has beyond those of DataFusion.
//!
//! All of them are immutable, so that a model that uses them is still loaded split by split. What
//! they compute is written without DataFusion, on Arrow's arrays, in modules of their own.

mod byte_form;
mod geo_database;
mod geo_ip;
mod json;
mod json_number;
mod manual;
mod parse_user_agent;
mod plain_decimal;
mod row_hash;
mod texts;
mod user_agent;

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::execution::{FunctionRegistry, SessionState};

pub(super) use geo_database::GeoDatabase;
pub(super) use geo_ip::no_database;
pub(super) use json::{bracket_hint, has_untyped_json};
pub use manual::{FunctionDoc, manual};

/// Adds all functions; `geo_ip` has no database yet.
pub(super) fn register(state: &mut SessionState) -> Result<()> {
    json::register(state)?;
    let own =
        [geo_ip::place(None), geo_ip::test(), parse_user_agent::function(), row_hash::function()];
    for function in own {
        state.register_udf(Arc::new(function))?;
    }
    Ok(())
}

/// Gives `geo_ip` its database.
pub(super) fn locate(state: &mut SessionState, database: Arc<GeoDatabase>) -> Result<()> {
    state.register_udf(Arc::new(geo_ip::place(Some(database))))?;
    Ok(())
}
