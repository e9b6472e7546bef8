//! The options of a Postgres source and sink.

use std::time::Duration;

use super::server::Server;
use crate::config::{Options, Problem};
use crate::connectors::Role;

/// What to read, and how.
#[derive(Debug, Clone)]
pub(super) struct SourceOptions {
    /// Where.
    pub server: Server,
}

/// What to write, and how.
#[derive(Debug, Clone)]
pub(super) struct SinkOptions {
    /// Where.
    pub server: Server,
    /// The table: `name` or `schema.name`, as written.
    pub table: String,
}

/// Everything that is wrong with `options`.
pub(super) fn check(options: &Options, role: Role) -> Vec<Problem> {
    match role {
        Role::Source => source(options).1,
        Role::Sink => sink(options).1,
    }
}

/// The options of a source as read, and everything that is wrong with them.
pub(super) fn source(options: &Options) -> (SourceOptions, Vec<Problem>) {
    let reader = options.reader();
    let wanted = SourceOptions { server: Server::read(&reader) };
    (wanted, reader.finish())
}

/// The options of a sink as read, and everything that is wrong with them.
pub(super) fn sink(options: &Options) -> (SinkOptions, Vec<Problem>) {
    let reader = options.reader();
    let server = Server::read(&reader);
    let server = server.limiting(reader.duration("statement_timeout", Duration::ZERO));
    let wanted = SinkOptions { server, table: reader.required("table") };
    (wanted, reader.finish())
}
