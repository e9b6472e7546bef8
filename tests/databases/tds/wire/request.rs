//! What a client asks for after its log-in.

use std::io;

use super::super::store::kind::Type;
use super::super::store::value::Value;
use super::channel::{BATCH, Message, RPC, TRANSACTION};
use super::{Bytes, malformed, types, units, values};

/// A request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Request {
    Batch(String),
    /// A procedure and its parameters.
    Call(String, Vec<Parameter>),
    /// Begin (5), commit (7) or roll back (8), and the level that it asks for.
    Transaction(u16, u8),
}

/// A parameter of a procedure.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Parameter {
    /// With its `@`, or empty.
    pub(crate) name: String,
    pub(crate) output: bool,
    pub(crate) of: Type,
    pub(crate) value: Value,
}

/// Procedures that have a number.
const NUMBERED: [(u16, &str); 6] = [
    (10, "sp_executesql"),
    (11, "sp_prepare"),
    (12, "sp_execute"),
    (13, "sp_prepexec"),
    (14, "sp_prepexecrpc"),
    (15, "sp_unprepare"),
];

/// Reads a request.
pub(crate) fn read(message: &Message) -> io::Result<Request> {
    let mut from = Bytes(&message.body);
    let headers = usize::try_from(from.u32()?).map_err(|_| malformed("headers are too long"))?;
    from.take(headers.saturating_sub(4))?;
    match message.kind {
        BATCH => Ok(Request::Batch(String::from_utf16_lossy(&units(from.0)))),
        RPC => call(&mut from),
        TRANSACTION => {
            let what = from.u16()?;
            Ok(Request::Transaction(what, from.u8().unwrap_or(0)))
        }
        other => Err(malformed(&format!("a request of the kind {other}"))),
    }
}

fn call(from: &mut Bytes<'_>) -> io::Result<Request> {
    let name = match from.u16()? {
        0xFFFF => {
            let number = from.u16()?;
            let found = NUMBERED.iter().find(|(known, _)| *known == number);
            found.ok_or_else(|| malformed("an unknown procedure"))?.1.to_owned()
        }
        length => String::from_utf16_lossy(&from.units(usize::from(length))?),
    };
    from.u16()?;
    let mut parameters = Vec::new();
    while !from.0.is_empty() && !matches!(from.0[0], 0xFE | 0xFF | 0x80) {
        let name = from.b_varchar()?;
        let output = from.u8()? & 1 != 0;
        let of = types::read(from)?;
        let value = values::read(from, &of)?;
        parameters.push(Parameter { name, output, of, value });
    }
    Ok(Request::Call(name, parameters))
}
