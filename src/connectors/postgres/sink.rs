//! A table of a Postgres database as a sink.

use std::sync::Arc;

use async_trait::async_trait;

use super::pool::Sessions;
use super::sink_options::{self, SinkOptions};
use super::{commit, inspect, prepare, sweep, write};
use crate::config::Options;
use crate::connectors::Context;
use crate::error::{Result, ResultExt};
use crate::sink::{Load, Mark, Part, Receipt, Sink, Target};
use crate::source::Watermarks;

/// A table of a Postgres database as a sink.
#[derive(Debug)]
pub(super) struct PostgresSink {
    pub(super) options: SinkOptions,
    pub(super) context: Context,
    pub(super) sessions: Sessions,
}

/// The sink that `options` describe; they have been checked.
pub(super) fn open(options: &Options, context: &Context) -> Result<Arc<dyn Sink>> {
    let (options, _) = sink_options::read(options);
    let sessions = Sessions::new(options.server.within(&context.base));
    Ok(Arc::new(PostgresSink { options, context: context.clone(), sessions }))
}

#[async_trait]
impl Sink for PostgresSink {
    async fn inspect(&self, load: &Load) -> Result<Target> {
        inspect::inspect(self, load).await.at("server", self.sessions.shown())
    }

    async fn prepare(&self, load: &Load) -> Result<()> {
        prepare::prepare(self, load).await.at("server", self.sessions.shown())
    }

    async fn write(&self, load: &Load, part: Part) -> Result<Receipt> {
        write::write(self, load, part).await
    }

    async fn commit(&self, load: &Load, staged: &[Receipt], high: &Watermarks) -> Result<Mark> {
        commit::commit(self, load, staged, high).await.at("server", self.sessions.shown())
    }

    async fn sweep(&self, load: &Load) -> Result<()> {
        sweep::sweep(self, &load.id).await.at("server", self.sessions.shown())
    }
}
