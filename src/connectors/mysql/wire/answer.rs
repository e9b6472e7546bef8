//! What a packet of an answer says: whether it is a row, the end, or an error.

use mysql_common::constants::StatusFlags;

use super::stream::malformed;
use super::{Cursor, Failure, Result};
use crate::error::Error;

/// Whether a packet among rows is the last one.
pub(super) enum Last {
    No,
    /// With so many warnings; the server counts no further than this number can.
    Yes(u16),
    /// The server gave up.
    Refused(Failure),
}

/// A row of texts may begin with 254 as well, but is longer then than any packet that ends rows.
#[inline]
pub(super) fn last(packet: &[u8]) -> Result<Last> {
    match packet.first() {
        Some(0xfe) if packet.len() < 0xff_ffff => ended(packet).map(Last::Yes),
        Some(0xff) => Ok(Last::Refused(Failure::answered(packet))),
        Some(_) => Ok(Last::No),
        None => Err(malformed("a row")),
    }
}

/// Looks at the packet behind the rows, in either of its forms; gives the number of warnings.
fn ended(packet: &[u8]) -> Result<u16> {
    let mut cursor = Cursor(packet);
    let said = match packet.len() {
        5 => cursor.u8().and_then(|_| cursor.u16()).and_then(|w| Some((cursor.u16()?, w))),
        _ => status_of(&mut cursor).and_then(|(_, status)| Some((status, cursor.u16()?))),
    };
    let (status, warnings) = said.ok_or_else(|| malformed("the end of the rows"))?;
    match StatusFlags::from_bits_truncate(status).contains(StatusFlags::SERVER_MORE_RESULTS_EXISTS)
    {
        true => Err(Error::unsupported("the statement gives several results").into()),
        false => Ok(warnings),
    }
}

/// The number of changed rows in the answer to a statement without rows.
pub(super) fn done(packet: &[u8]) -> Result<u64> {
    let read = status_of(&mut Cursor(packet));
    read.map(|(changed, _)| changed).ok_or_else(|| malformed("the end of a statement"))
}

fn status_of(cursor: &mut Cursor<'_>) -> Option<(u64, u16)> {
    cursor.u8()?;
    let (changed, _last_id) = (cursor.number()?, cursor.number()?);
    Some((changed, cursor.u16()?))
}

/// The number of a prepared statement, and those of its columns and parameters.
pub(super) fn prepared(packet: &[u8]) -> Option<(u32, u16, u16)> {
    let mut cursor = Cursor(packet);
    (cursor.u8()? == 0).then_some(())?;
    Some((cursor.u32()?, cursor.u16()?, cursor.u16()?))
}

/// The values of a row of texts.
pub(super) fn texts(row: &[u8], columns: usize) -> Option<Vec<Option<String>>> {
    let mut cursor = Cursor(row);
    let mut values = Vec::with_capacity(columns);
    for _ in 0..columns {
        values.push(match cursor.0.first() {
            Some(0xfb) => cursor.u8().and(None),
            _ => Some(String::from_utf8_lossy(cursor.bytes()?).into_owned()),
        });
    }
    cursor.0.is_empty().then_some(values)
}
