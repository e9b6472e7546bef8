//! Names: tables and labels of a load, out of hashes, so that each fits whatever it is made from.

use crate::sink::{Load, LoadId};

/// A label has at most 128 of the characters that these are made of, and a table 64; tables may
/// not begin with an underscore.
const HASH_CHARS: usize = 20;

/// The names of one load of one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Names {
    hash: String,
}

impl Names {
    /// The names of the load `load` of `table`.
    pub(super) fn of(table: &str, load: &LoadId) -> Self {
        Names { hash: hash(&["load", table, load.as_str()]) }
    }

    /// What all tables of the load begin with.
    pub(super) fn prefix(&self) -> String {
        format!("dhow__{}_", self.hash)
    }

    /// The table in which its parts are staged while it is read from this snapshot.
    pub(super) fn stage(&self, load: &Load) -> String {
        let snapshot = hash(&["snapshot", &load.snapshot.0]);
        format!("{}{snapshot}", self.prefix())
    }

    /// The table that takes the place of the target in this attempt.
    pub(super) fn new_table(&self, attempt: u32) -> String {
        format!("{}new_{attempt}", self.prefix())
    }

    /// The label of a request.
    pub(super) fn request(&self, place: &str, attempt: u32) -> String {
        format!("dhow_{}_{place}_{attempt}", self.hash)
    }

    /// The label under which an attempt's intent is written: the first to write one has it.
    pub(super) fn intent(&self, attempt: u32) -> String {
        format!("dhow_{}_intent_{attempt}", self.hash)
    }

    /// The label under which an attempt publishes, or is burnt.
    pub(super) fn publish(&self, attempt: u32) -> String {
        format!("dhow_{}_publish_{attempt}", self.hash)
    }

    /// The label under which an attempt is noted as published.
    pub(super) fn noted(&self, attempt: u32) -> String {
        format!("dhow_{}_noted_{attempt}", self.hash)
    }

    /// The label under which an attempt is burnt that has made use of its own.
    pub(super) fn burnt(&self, attempt: u32) -> String {
        format!("dhow_{}_burnt_{attempt}", self.hash)
    }

    /// What the comment of a table says that this attempt has put in its place.
    pub(super) fn evidence(&self, attempt: u32) -> String {
        format!("dhow {} {attempt}", self.hash)
    }

    /// The load as the table of marks knows it.
    pub(super) fn key(&self) -> &str {
        &self.hash
    }
}

/// What stands in the stage for a part of a load, without the number of the request.
pub(super) fn place(load: &Load, part: &str, nonce: &str) -> String {
    hash(&["part", &load.snapshot.0, part, nonce])
}

/// A short hash of texts.
pub(super) fn hash(texts: &[&str]) -> String {
    let mut hasher = blake3::Hasher::new();
    for text in texts {
        hasher.update(&text.len().to_le_bytes());
        hasher.update(text.as_bytes());
    }
    hasher.finalize().to_hex().chars().take(HASH_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::Mode;

    #[test]
    fn every_name_fits_its_rule() {
        let load = Load::question("a".repeat(120).parse().unwrap(), &Mode::Append);
        let names = Names::of("shöp.t", &load.id);
        for table in [names.stage(&load), names.new_table(u32::MAX)] {
            assert!(table.len() <= 64 && table.starts_with("dhow__"), "{table}");
        }
        let place = format!("{}_{}", place(&load, "eu/ä", ""), u32::MAX);
        let labels = [names.request(&place, 9), names.intent(1), names.publish(1)];
        for label in labels {
            let fits = |c: char| c.is_ascii_alphanumeric() || "-_:".contains(c);
            assert!(label.len() <= 128 && label.chars().all(fits), "{label}");
        }
    }

    #[test]
    fn where_one_text_ends_matters() {
        assert_ne!(hash(&["ab", "c"]), hash(&["a", "bc"]));
    }
}
