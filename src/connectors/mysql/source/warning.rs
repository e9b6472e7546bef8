//! What the server warns of behind the last row, where it means that a value is not whole.

use crate::connectors::mysql::error;
use crate::connectors::mysql::wire::Connection;
use crate::error::{Error, Result};

/// The number of the warning and what the server did. It says so of functions alone: a value that
/// is stored is sent whole, however long it is.
const CUTS: &[(&str, &str)] = &[
    // `ER_CUT_VALUE_GROUP_CONCAT`
    ("1260", "the server cut a list that `group_concat` made"),
    // `ER_WARN_ALLOWED_PACKET_OVERFLOWED`
    ("1301", "the server made a value NULL or cut it, as it is longer than `max_allowed_packet`"),
];

/// Refuses the rows of the last statement if the server has cut a value in them.
///
/// # Errors
/// [`crate::error::Kind::Data`] when it has.
pub(in crate::connectors::mysql) async fn refuse_cuts(
    connection: &mut Connection,
    label: &str,
) -> Result<()> {
    let warnings = connection.query("show warnings").await;
    let warnings = warnings.map_err(|e| error::of("could not read the warnings", e))?;
    let code = |row: &Vec<Option<String>>| row.get(1).cloned().flatten().unwrap_or_default();
    let codes: Vec<String> = warnings.iter().map(code).collect();
    match CUTS.iter().find(|(cut, _)| codes.iter().any(|code| code == cut)) {
        None => Ok(()),
        Some((cut, message)) => Err(Error::data(*message)
            .at("relation", label)
            .at("warning", cut)
            .hint("raise `max_allowed_packet` of the server, or take the value in parts")),
    }
}
