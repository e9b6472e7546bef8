//! The options of a Postgres source and sink.

use std::time::Duration;

use super::server::Server;
use super::sink_options;
use crate::config::{Options, Problem};
use crate::connectors::Role;

/// What to read, and how.
#[derive(Debug, Clone)]
pub(super) struct SourceOptions {
    /// Where.
    pub server: Server,
}

/// Everything that is wrong with `options`.
pub(super) fn check(options: &Options, role: Role) -> Vec<Problem> {
    match role {
        Role::Source => source(options).1,
        Role::Sink => sink_options::read(options).1,
    }
}

/// The options of a source as read, and everything that is wrong with them.
pub(super) fn source(options: &Options) -> (SourceOptions, Vec<Problem>) {
    let reader = options.reader();
    let wanted = SourceOptions { server: Server::read(&reader) };
    (wanted, reader.finish())
}
