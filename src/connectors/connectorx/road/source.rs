//! Opens what connectorx reads as a source.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use arrow::datatypes::{Field, Schema, SchemaRef};
use async_trait::async_trait;

use super::frozen::Frozen;
use super::lanes::{self, Place};
use super::{statement, thread};
use crate::config::Options;
use crate::connectors::Context;
use crate::connectors::connectorx::options::{self, Rows, Wanted};
use crate::connectors::connectorx::types::{self, Becomes, Native};
use crate::error::{Error, Result};
use crate::source::{Snapshot, SnapshotId, Source, Window};

/// The source that `options` describe; they have been checked.
pub(in crate::connectors::connectorx) fn open(
    options: &Options,
    context: &Context,
) -> Result<Arc<dyn Source>> {
    let (wanted, _) = options::read(options);
    let plan = Arc::new(Plan { wanted, base: context.base.clone() });
    Ok(Arc::new(ConnectorxSource { plan, promised: OnceLock::new() }))
}

#[derive(Debug)]
struct ConnectorxSource {
    plan: Arc<Plan>,
    /// The schema that was given out; every snapshot must have it.
    promised: OnceLock<SchemaRef>,
}

/// What a source was opened with.
#[derive(Debug)]
pub(super) struct Plan {
    /// The options.
    pub wanted: Wanted,
    /// The folder that relative paths start from.
    pub base: PathBuf,
}

/// A column as a database describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    /// Its name.
    pub name: String,
    /// Its type there.
    pub native: Native,
}

impl Plan {
    /// Where the rows are.
    pub(super) fn place(&self) -> Place<'_> {
        Place { wanted: &self.wanted, base: &self.base }
    }

    /// The columns, all of which can be read.
    fn schema(&self) -> Result<SchemaRef> {
        let found = lanes::columns(&self.place(), &statement::plain(&self.wanted))?;
        self.all_there(&found)?;
        let (mut fields, mut errors) = (Vec::new(), Vec::new());
        for column in &found {
            match self.field(column) {
                Ok(field) => fields.push(field),
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() {
            Ok(Arc::new(Schema::new(fields)))
        } else {
            Err(Error::several(errors))
        }
    }

    /// Every column has a name of its own, and those that the options name are there.
    fn all_there(&self, found: &[Column]) -> Result<()> {
        let label = self.wanted.rows.label();
        let names: Vec<&str> = found.iter().map(|column| column.name.as_str()).collect();
        let again = names.iter().enumerate().find(|(at, name)| names[..*at].contains(name));
        if let Some((_, name)) = again {
            return Err(Error::data(format!("two columns of `{label}` are called `{name}`"))
                .hint("give each a name of its own in the `query`"));
        }
        let named = self.wanted.as_text.iter().chain(&self.wanted.split_by);
        let lost = named.into_iter().find(|name| !names.contains(&name.as_str()));
        match lost {
            None => Ok(()),
            Some(name) => Err(Error::missing(format!("`{label}` has no column `{name}`"))
                .hint(format!("it has {}", names.join(", ")))),
        }
    }

    fn field(&self, column: &Column) -> Result<Field> {
        let server = self.wanted.server;
        let is_text = self.wanted.as_text.contains(&column.name);
        let becomes = match is_text {
            true => Becomes::Plain(types::Plain::Text),
            false => types::becomes(server, &column.native),
        };
        match (becomes.data_type(), becomes) {
            (Some(kind), _) => Ok(Field::new(&column.name, kind, true)),
            (None, Becomes::Refused(why)) => Err(self.refused(column, why)),
            (None, _) => Err(Error::bug("a type has no type in Arrow")),
        }
    }

    fn refused(&self, column: &Column, why: &str) -> Error {
        let hint = match self.wanted.rows {
            Rows::Table(_) => {
                format!("read it as text: `columns: {{{}: text}}`", column.name)
            }
            Rows::Query(_) => format!(
                "cast it in the query, or read it as text: `columns: {{{}: text}}`",
                column.name
            ),
        };
        let message =
            format!("column `{}` cannot be read by connectorx without a change", column.name);
        Error::unsupported(message)
            .at("type", format!("{} of {}", column.native.shown(), self.wanted.server.name()))
            .at("reason", why)
            .at("server", &self.wanted.shown)
            .hint(hint)
    }

    /// The conditions of the splits.
    fn ranges(&self) -> Result<Vec<Option<String>>> {
        let Some(column) = &self.wanted.split_by else { return Ok(vec![None]) };
        if self.wanted.partitions == 1 {
            return Ok(vec![None]);
        }
        let bounds = lanes::bounds(&self.place(), &statement::bounds(&self.wanted, column))?;
        let Some(bounds) = bounds else { return Ok(vec![None]) };
        Ok(statement::ranges(&self.wanted, column, bounds, self.wanted.partitions))
    }

    fn freeze(self: &Arc<Self>) -> Result<Frozen> {
        let (schema, ranges) = (self.schema()?, self.ranges()?);
        Ok(Frozen::new(fresh_id(&self.wanted), Arc::clone(self), schema, ranges))
    }
}

/// No two openings have the same rows for certain, and so never the same id.
pub(super) fn fresh_id(wanted: &Wanted) -> SnapshotId {
    static OPENED: AtomicU64 = AtomicU64::new(0);
    let opened = OPENED.fetch_add(1, Ordering::Relaxed);
    let moment = jiff::Timestamp::now().as_nanosecond();
    let who = format!("{moment} {} {opened} {wanted:?}", std::process::id());
    SnapshotId::of(["connectorx", &who])
}

impl ConnectorxSource {
    fn keep_promise(&self, schema: SchemaRef) -> Result<()> {
        if *self.promised.get_or_init(|| Arc::clone(&schema)) == schema {
            return Ok(());
        }
        let label = self.plan.wanted.rows.label();
        Err(Error::conflict(format!("`{label}` changed its columns while it was planned"))
            .at("server", &self.plan.wanted.shown)
            .hint("run again once nobody changes them"))
    }
}

#[async_trait]
impl Source for ConnectorxSource {
    async fn schema(&self) -> Result<SchemaRef> {
        let plan = Arc::clone(&self.plan);
        let schema = thread::ask(move || plan.schema()).await?;
        self.keep_promise(Arc::clone(&schema))?;
        Ok(schema)
    }

    async fn open(&self, _window: &Window) -> Result<Arc<dyn Snapshot>> {
        let plan = Arc::clone(&self.plan);
        let frozen = thread::ask(move || plan.freeze()).await?;
        self.keep_promise(frozen.schema())?;
        Ok(Arc::new(frozen))
    }
}
