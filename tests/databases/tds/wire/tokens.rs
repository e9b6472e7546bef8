//! The tokens of an answer.

use super::super::run::Failure;
use super::super::store::kind::{Kind, Type};
use super::super::store::value::Value;
use super::types::{b_varchar, us_varchar};
use super::{types, values};

/// What the server calls itself in messages.
pub(crate) const SERVER: &str = "STANDIN";

/// More follows.
pub(crate) const MORE: u16 = 1;
pub(crate) const FAILED: u16 = 2;
pub(crate) const COUNT: u16 = 0x10;
/// The answer to ATTENTION.
pub(crate) const STOPPED: u16 = 0x20;

/// Which of the three tokens ends something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Done {
    Batch = 0xFD,
    Procedure = 0xFE,
    InProcedure = 0xFF,
}

/// A column of a result.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Head {
    pub(crate) name: String,
    pub(crate) of: Type,
    pub(crate) identity: bool,
    pub(crate) computed: bool,
    /// The column of a table that it is, through all views.
    pub(crate) source: Option<Place>,
}

/// Database, schema, table and column.
pub(crate) type Place = [String; 4];

pub(crate) fn done(out: &mut Vec<u8>, which: Done, status: u16, command: u16, rows: u64) {
    out.push(which as u8);
    out.extend(status.to_le_bytes());
    out.extend(command.to_le_bytes());
    out.extend(rows.to_le_bytes());
}

pub(crate) fn error(out: &mut Vec<u8>, failure: &Failure) {
    message(out, 0xAA, failure);
}

pub(crate) fn info(out: &mut Vec<u8>, number: i32, class: u8, text: &str) {
    let mut told = Failure::new(number, text);
    told.class = class;
    message(out, 0xAB, &told);
}

fn message(out: &mut Vec<u8>, token: u8, told: &Failure) {
    let mut body = Vec::new();
    body.extend(told.number.to_le_bytes());
    body.extend([told.state, told.class]);
    us_varchar(&mut body, &told.text);
    b_varchar(&mut body, SERVER);
    b_varchar(&mut body, "");
    body.extend(1_i32.to_le_bytes());
    counted(out, token, &body);
}

fn counted(out: &mut Vec<u8>, token: u8, body: &[u8]) {
    out.push(token);
    out.extend(u16::try_from(body.len()).unwrap_or(u16::MAX).to_le_bytes());
    out.extend(body);
}

pub(crate) fn login_ack(out: &mut Vec<u8>) {
    let mut body = vec![1, 0x74, 0, 0, 4];
    b_varchar(&mut body, "Microsoft SQL Server");
    body.extend([16, 0, 0x10, 0x89]);
    counted(out, 0xAD, &body);
}

/// A setting of the session that has changed, as texts.
pub(crate) fn changed(out: &mut Vec<u8>, which: u8, new: &str, old: &str) {
    let mut body = vec![which];
    b_varchar(&mut body, new);
    b_varchar(&mut body, old);
    counted(out, 0xE3, &body);
}

/// The same, as bytes.
pub(crate) fn changed_bytes(out: &mut Vec<u8>, which: u8, new: &[u8], old: &[u8]) {
    let mut body = vec![which, new.len().to_le_bytes()[0]];
    body.extend(new);
    body.push(old.len().to_le_bytes()[0]);
    body.extend(old);
    counted(out, 0xE3, &body);
}

/// The client is to connect to another server.
pub(crate) fn routed(out: &mut Vec<u8>, host: &str, port: u16) {
    let mut route = vec![0];
    route.extend(port.to_le_bytes());
    us_varchar(&mut route, host);
    let mut body = vec![20];
    body.extend(u16::try_from(route.len()).unwrap_or(0).to_le_bytes());
    body.extend(route);
    body.extend([0, 0]);
    counted(out, 0xE3, &body);
}

pub(crate) fn return_status(out: &mut Vec<u8>, status: i32) {
    out.push(0x79);
    out.extend(status.to_le_bytes());
}

/// A parameter that a procedure gives back.
pub(crate) fn return_value(out: &mut Vec<u8>, name: &str, of: &Type, value: &Value) {
    out.extend([0xAC, 0, 0]);
    b_varchar(out, name);
    out.push(1);
    out.extend(0_u32.to_le_bytes());
    out.extend(0_u16.to_le_bytes());
    types::write(out, of);
    values::write(out, of, value);
}

/// COLMETADATA.
pub(crate) fn columns(out: &mut Vec<u8>, heads: &[Head]) {
    out.push(0x81);
    out.extend(u16::try_from(heads.len()).unwrap_or(u16::MAX).to_le_bytes());
    for head in heads {
        let user_type: u32 = if head.of.kind == Kind::RowVersion { 80 } else { 0 };
        out.extend(user_type.to_le_bytes());
        let mut flags = 0_u16;
        flags |= u16::from(head.of.nullable);
        flags |= u16::from(head.of.kind.is_text() && head.of.collation.is_case_sensitive()) << 1;
        flags |= u16::from(!head.identity && !head.computed) << 3;
        flags |= u16::from(head.identity) << 4;
        flags |= u16::from(head.computed) << 5;
        out.extend(flags.to_le_bytes());
        types::write(out, &head.of);
        if matches!(head.of.kind, Kind::Text | Kind::NText | Kind::Image) {
            // The table, in parts.
            out.push(1);
            us_varchar(out, "t");
        }
        b_varchar(out, &head.name);
    }
}

/// ROW, or NBCROW when NULLs are many.
pub(crate) fn row(out: &mut Vec<u8>, heads: &[Head], row: &[Value]) {
    let nulls = row.iter().filter(|value| value.is_null()).count();
    let short = nulls > 0 && nulls * 4 >= row.len();
    out.push(if short { 0xD2 } else { 0xD1 });
    if short {
        let mut map = vec![0_u8; row.len().div_ceil(8)];
        for at in (0..row.len()).filter(|at| row[*at].is_null()) {
            map[at / 8] |= 1 << (at % 8);
        }
        out.extend(map);
    }
    for (head, value) in heads.iter().zip(row) {
        if !(short && value.is_null()) {
            values::write(out, &head.of, value);
        }
    }
}
