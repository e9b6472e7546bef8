//! A table of a Postgres database as a sink.

pub(super) mod bound;
pub(super) mod commit;
pub(super) mod ddl;
pub(super) mod house;
pub(super) mod inspect;
pub(super) mod mark;
pub(super) mod merge;
pub(super) mod new_types;
pub(super) mod parts;
pub(super) mod pool;
pub(super) mod prepare;
#[cfg(test)]
mod replace_tests;
pub(super) mod script;
#[cfg(test)]
mod script_tests;
pub(super) mod shadow;
#[cfg(test)]
mod sink_columns_tests;
#[cfg(test)]
mod sink_keys_tests;
#[cfg(test)]
mod sink_lost_tests;
pub(super) mod sink_options;
#[cfg(test)]
mod sink_targets_tests;
#[cfg(test)]
mod sink_tests;
pub(super) mod swap;
pub(super) mod sweep;
pub(super) mod table;
pub(super) mod truncate;
#[cfg(test)]
mod verbatim_tests;
pub(super) mod work;
pub(super) mod write;

use std::sync::Arc;

use async_trait::async_trait;

use crate::config::Options;
use crate::connectors::Context;
use crate::error::{Result, ResultExt};
use crate::sink::{Load, Mark, Part, Receipt, Sink, Target};
use crate::source::Watermarks;
use pool::Sessions;
use sink_options::SinkOptions;

/// A table of a Postgres database as a sink.
#[derive(Debug)]
pub(in crate::connectors::postgres) struct PostgresSink {
    pub(in crate::connectors::postgres) options: SinkOptions,
    pub(in crate::connectors::postgres) context: Context,
    pub(in crate::connectors::postgres) sessions: Sessions,
}

/// The sink that `options` describe; they have been checked.
pub(in crate::connectors::postgres) fn open(
    options: &Options,
    context: &Context,
) -> Result<Arc<dyn Sink>> {
    let (options, _) = sink_options::read(options);
    let sessions = Sessions::new(options.server.within(&context.base));
    Ok(Arc::new(PostgresSink { options, context: context.clone(), sessions }))
}

#[async_trait]
impl Sink for PostgresSink {
    async fn inspect(&self, load: &Load) -> Result<Target> {
        inspect::inspect(self, load).await.at("server", self.sessions.shown())
    }

    async fn statements(&self, load: &Load) -> Result<Vec<String>> {
        script::statements(self, load).await.at("server", self.sessions.shown())
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
