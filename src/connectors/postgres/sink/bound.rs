//! What `_dhow.load` says of a load: the snapshot it is bound to, and where its parts go.

use super::house;
use super::work::Work;
use crate::connectors::postgres::name::TableName;
use crate::error::{Error, Result};
use crate::sink::{Load, LoadId};

/// A load as the target knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::connectors::postgres) struct Bound {
    /// The table it changes.
    pub target: TableName,
    /// Its mode, by name.
    pub mode: String,
    /// The snapshot its parts are of.
    pub snapshot: String,
    /// The table in the schema `_dhow` that its parts are in; `None` when they go straight into
    /// the target.
    pub stage: Option<TableName>,
    /// How far it is.
    pub state: State,
}

/// How far a load is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::connectors::postgres) enum State {
    /// Parts may be written.
    Open,
    /// Given up; nothing of it is left.
    Swept,
    /// Its rows are in the table.
    Published,
}

impl Bound {
    /// What is known of `load`, if anything.
    pub(in crate::connectors::postgres) async fn read(
        work: &Work,
        load: &LoadId,
    ) -> Result<Option<Self>> {
        let sql = "select schema_name, table_name, mode, snapshot, stage, state \
                   from _dhow.load where load = $1";
        let row = work.row("could not look for the load", sql, &[&load.as_str()]).await?;
        let Some(row) = row else { return Ok(None) };
        let stage: Option<String> = row.get(4);
        Ok(Some(Bound {
            target: TableName::new(row.get::<_, String>(0), row.get::<_, String>(1)),
            mode: row.get(2),
            snapshot: row.get(3),
            stage: stage.map(|name| TableName::new(house::SCHEMA, name)),
            state: match row.get(5) {
                "open" => State::Open,
                "swept" => State::Swept,
                _ => State::Published,
            },
        }))
    }

    /// The load as it is bound, if parts of `load` may still be written.
    ///
    /// # Errors
    /// [`crate::error::Kind::Conflict`] when it is bound to another snapshot by now, or done with:
    /// then this process has slept while another took over.
    pub(in crate::connectors::postgres) async fn open(work: &Work, load: &Load) -> Result<Self> {
        let conflict = |message: &str| {
            Err(Error::conflict(message)
                .at("load", &load.id)
                .hint("another process has taken over; let it finish, or run again"))
        };
        match Self::read(work, &load.id).await? {
            Some(bound) if bound.state != State::Open => conflict("the load is already done with"),
            Some(bound) if bound.snapshot != load.snapshot.0 => {
                conflict("the load has been started over from another snapshot")
            }
            Some(bound) => Ok(bound),
            None => conflict("the target knows nothing of the load"),
        }
    }

    /// Binds `load` anew: open.
    pub(in crate::connectors::postgres) async fn save(
        &self,
        work: &Work,
        load: &LoadId,
    ) -> Result<()> {
        let sql = "insert into _dhow.load \
                   (load, schema_name, table_name, mode, snapshot, stage, state) \
                   values ($1, $2, $3, $4, $5, $6, 'open') \
                   on conflict (load) do update set schema_name = excluded.schema_name, \
                   table_name = excluded.table_name, mode = excluded.mode, \
                   snapshot = excluded.snapshot, stage = excluded.stage, state = excluded.state";
        let stage = self.stage.as_ref().map(|stage| stage.name.as_str());
        let (target, mode) = (&self.target, &self.mode);
        let values: [&(dyn tokio_postgres::types::ToSql + Sync); 6] =
            [&load.as_str(), &target.schema, &target.name, mode, &self.snapshot, &stage];
        work.change("could not bind the load to its snapshot", sql, &values).await?;
        Ok(())
    }

    /// Where the rows of a part go.
    pub(in crate::connectors::postgres) fn place(&self) -> &TableName {
        self.stage.as_ref().unwrap_or(&self.target)
    }
}

/// Takes note that `load` is done with.
pub(in crate::connectors::postgres) async fn close(
    work: &Work,
    load: &LoadId,
    state: State,
) -> Result<()> {
    let word = match state {
        State::Open => "open",
        State::Swept => "swept",
        State::Published => "published",
    };
    let sql = "update _dhow.load set state = $2 where load = $1";
    work.change("could not note the state of the load", sql, &[&load.as_str(), &word]).await?;
    Ok(())
}
