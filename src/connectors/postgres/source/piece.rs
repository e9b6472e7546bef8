//! The rows of one split, as SQL.

use serde::{Deserialize, Serialize};

use crate::source::Split;

/// The rows of one split: where they come from, and what is true for them and no others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::connectors::postgres) struct Piece {
    /// Its name and size.
    pub split: Split,
    /// What stands after `from`.
    pub from: String,
    /// Conditions, all of which hold.
    pub conditions: Vec<String>,
}

impl Piece {
    /// The `number`th piece of a relation.
    pub(in crate::connectors::postgres) fn new(
        number: usize,
        from: &str,
        conditions: Vec<String>,
    ) -> Self {
        let split = Split { id: format!("{number:06}"), rows: None, bytes: None };
        Piece { split, from: from.to_owned(), conditions }
    }
}

/// ` where …` with all `conditions`, or nothing.
pub(in crate::connectors::postgres) fn clause(conditions: &[String]) -> String {
    match conditions.is_empty() {
        true => String::new(),
        false => format!(" where {}", conditions.join(" and ")),
    }
}
