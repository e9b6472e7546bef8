//! The rows of one split, as SQL.

use serde::{Deserialize, Serialize};

use crate::source::Split;

/// The rows of one split: what is true for them and no others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Piece {
    /// Its name and size.
    pub split: Split,
    /// Conditions, all of which hold.
    pub conditions: Vec<String>,
}

impl Piece {
    /// The `number`th piece of a relation, of about `rows` rows.
    pub(super) fn new(number: usize, rows: Option<u64>, conditions: Vec<String>) -> Self {
        Piece { split: Split { id: format!("{number:06}"), rows, bytes: None }, conditions }
    }
}

/// ` where …` with all `conditions`, or nothing.
pub(super) fn clause(conditions: &[String]) -> String {
    match conditions.is_empty() {
        true => String::new(),
        false => format!(" where {}", conditions.join(" and ")),
    }
}
