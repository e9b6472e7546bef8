//! The options of stores, for the manual of each connector that reads or writes files.

use super::{OptionDoc, Role};
use crate::stores;

/// How many there are.
pub(super) const STORES: usize = stores::OPTIONS.len();
/// For a connector that only reads.
pub(super) const READ: Option<Role> = Some(Role::Source);

/// The options `own` of a connector, and behind them those of stores, for `role`.
pub(super) const fn of_stores<const N: usize>(
    own: &[OptionDoc],
    role: Option<Role>,
) -> [OptionDoc; N] {
    let mut all = [OptionDoc { name: "", role, default: None, summary: "" }; N];
    let mut at = 0;
    while at < own.len() {
        all[at] = own[at];
        at += 1;
    }
    while at < N {
        let (name, summary) = stores::OPTIONS[at - own.len()];
        all[at] = OptionDoc { name, role, default: None, summary };
        at += 1;
    }
    all
}
