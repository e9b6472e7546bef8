//! The `bigquery` connector: writes tables of Google BigQuery by load jobs.
//!
//! Each part of a load goes into a stage table of its own by one load job (`stage`), under an id
//! that follows from load, snapshot and part: whoever asks for that id learns what became of it,
//! so an answer that is lost loses nothing (`job`). Bodies are encoded and sent side by side, in
//! pieces that the service acknowledges (`encode`, `upload`). One more job publishes all stage
//! tables at once (`publish`, `gather`, `statement`): a copy, a MERGE, or a transaction. Its id is
//! the load's as well, and a label of it names the mark, which stands in `_dhow_mark` before
//! (`mark`). An empty table, the house, says which snapshot a load is bound to (`house`).
//!
//! - `auth`, `credentials`, `endpoint`, `api`, `failure`: how the service is spoken to.
//! - `field`, `types`, `form`, `schema`, `layout`, `target`: columns, and whether a load fits them.

mod acting;
mod api;
mod auth;
mod columnar;
mod credentials;
mod encode;
mod endpoint;
mod failure;
mod federation;
mod field;
mod form;
mod gather;
mod house;
mod inspect;
mod job;
mod keys;
mod layout;
mod manual;
mod mark;
mod name;
mod options;
mod publish;
mod quote;
mod rows;
mod schema;
mod stage;
mod statement;
mod sweep;
mod table;
mod target;
#[cfg(test)]
mod tests;
mod types;
mod upload;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::config::Options;
use crate::connectors::{Capability, Connector, Context};
use crate::error::{Error, Result, ResultExt};
use crate::network::http::{Http, Settings};
use crate::sink::{Load, Mark, Mode, Part, Receipt, Sink, Target};
use crate::source::Watermarks;
use api::Api;
use auth::Tokens;
use credentials::Place;
use encode::Encoder;
use field::Column;
use job::Jobs;
use name::{LoadNames, TableName};
use options::SinkOptions;
use target::Planned;

/// How long the service may be silent while it is to answer.
const PATIENCE: Duration = Duration::from_secs(300);

/// The `bigquery` connector.
pub static CONNECTOR: Connector = Connector {
    name: "bigquery",
    summary: "tables of Google BigQuery, written by load jobs",
    can: Capability {
        endings: &[],
        schemes: &["bigquery"],
        splits: None,
        reopen: false,
        modes: Mode::NAMES,
    },
    options: options::DOCS,
    types: Some(manual::types),
    check: options::check,
    source: None,
    sink: Some(open),
};

fn open(options: &Options, context: &Context) -> Result<Arc<dyn Sink>> {
    Ok(Arc::new(sink(options, context)?))
}

/// The sink that `options` describe; they have been checked.
fn sink(options: &Options, context: &Context) -> Result<BigQuerySink> {
    let (options, problems) = options::read(options);
    if let Some(problem) = problems.into_iter().next() {
        return Err(problem.into_error(None));
    }
    let (base, tls) = (&context.base, &options.tls);
    let settings = Settings {
        tls,
        base,
        connect_timeout: options.connect_timeout,
        read_timeout: PATIENCE,
        is_local: options.endpoint.is_plain(),
    };
    let tokens = match options.endpoint.asks_for_token {
        true => {
            let place = Place::find(options.credentials.as_deref(), base);
            Some(Tokens::new(place, tls, base, options.connect_timeout)?)
        }
        false => None,
    };
    let api = Api { http: Http::new(&settings)?, endpoint: options.endpoint.clone(), tokens };
    Ok(BigQuerySink { options, context: context.clone(), api, location: OnceCell::new() })
}

/// A table of BigQuery as a sink.
#[derive(Debug)]
struct BigQuerySink {
    options: SinkOptions,
    context: Context,
    api: Api,
    /// Where jobs run.
    location: OnceCell<String>,
}

impl BigQuerySink {
    /// The table of this name in the staging dataset.
    fn staging(&self, table: impl Into<String>) -> TableName {
        let dataset = self.options.staging_dataset.clone();
        TableName { dataset, ..self.options.target.beside(table) }
    }

    fn names(&self, load: &Load) -> LoadNames {
        LoadNames::of(&self.options.target, load)
    }

    /// A table as the API names it.
    fn reference(&self, table: &TableName) -> Value {
        let TableName { project, dataset, table } = table;
        json!({ "projectId": project, "datasetId": dataset, "tableId": table })
    }

    async fn jobs(&self) -> Result<Jobs<'_>> {
        let location = self.location.get_or_try_init(|| self.locate()).await?;
        let labels = self.options.layout.labels_json();
        Ok(Jobs { api: &self.api, project: &self.options.target.project, location, labels })
    }

    /// Where the datasets are: jobs run there and nowhere else.
    async fn locate(&self) -> Result<String> {
        let options = &self.options;
        let (project, dataset) = (&options.target.project, &options.target.dataset);
        let there = self.api.location(project, dataset).await?;
        let mut wanted = vec![("location", options.location.clone())];
        if options.staging_dataset != *dataset {
            let staging = self.api.location(project, &options.staging_dataset).await?;
            wanted.push(("staging_dataset", Some(staging)));
        }
        for (option, other) in wanted {
            if let Some(other) = other.filter(|other| !other.eq_ignore_ascii_case(&there)) {
                return Err(Error::config(format!("`{option}` is not where the dataset is"))
                    .at(option, other)
                    .at(format!("dataset `{dataset}`"), there)
                    .hint("correct it, or leave it out"));
            }
        }
        Ok(there)
    }

    /// Looks whether the format carries the columns of `load`.
    fn encodes(&self, load: &Load, columns: &[Column]) -> Result<()> {
        let how = (self.options.format, &self.options.choices);
        Encoder::new(load, "", columns, how, &*self.context.memory).map(|_| ())
    }
}

#[async_trait]
impl Sink for BigQuerySink {
    async fn inspect(&self, load: &Load) -> Result<Target> {
        inspect::inspect(self, load).await.at("target", &self.options.target)
    }

    async fn prepare(&self, load: &Load) -> Result<()> {
        let prepared = async {
            house::bind(self, &self.names(load)).await?;
            Planned::of(self, load).await?.make(self).await
        };
        prepared.await.at("target", &self.options.target)
    }

    async fn write(&self, load: &Load, part: Part) -> Result<Receipt> {
        stage::write(self, load, part).await
    }

    async fn commit(&self, load: &Load, staged: &[Receipt], high: &Watermarks) -> Result<Mark> {
        publish::commit(self, load, staged, high).await.at("target", &self.options.target)
    }

    async fn sweep(&self, load: &Load) -> Result<()> {
        sweep::sweep(self, load).await.at("target", &self.options.target)
    }
}
