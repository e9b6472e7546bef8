//! What a statement sees: the databases in the version that is visible to it, and its session.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::store::kind::Type;
use super::super::store::table::Database;
use super::super::store::value::Value;

/// See the module.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) database: Arc<Database>,
    /// All databases, for names in three parts and for `sys.databases`.
    pub(crate) all: BTreeMap<String, Arc<Database>>,
    /// Tables that other sessions write to, if a reader has to wait for them.
    pub(crate) locked: Vec<(i32, super::super::store::table::Key)>,
    pub(crate) variables: BTreeMap<String, (Type, Value)>,
    /// `@@name` values that the session knows: `spid`, `rowcount`, `trancount` …
    pub(crate) globals: BTreeMap<String, (Type, Value)>,
    pub(crate) user: String,
    /// Set-up by the test: it may do everything.
    pub(crate) is_owner: bool,
    pub(crate) isolation: String,
    pub(crate) application: String,
    pub(crate) spid: u16,
    pub(crate) min_active: u64,
    pub(crate) sessions: BTreeMap<u16, (String, bool)>,
    pub(crate) product_version: String,
    pub(crate) edition: String,
    /// Microseconds since 1970, in UTC.
    pub(crate) now: i64,
}
