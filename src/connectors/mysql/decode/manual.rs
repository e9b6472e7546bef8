//! The table of types for people, made by the decisions themselves.

use crate::connectors::TypeDoc;

/// What each kind of type becomes, and what to know of it.
pub(in crate::connectors::mysql) fn manual() -> Vec<TypeDoc> {
    Vec::new()
}
