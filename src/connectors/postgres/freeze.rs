//! Freezes a relation: enters a moment, looks at the relation in it, cuts it, and names the result.

use std::sync::Arc;

use tokio_postgres::Client;

use super::cursor::Cursor;
use super::cut::Cut;
use super::error;
use super::frozen::Frozen;
use super::instance::Instance;
use super::kept::Kept;
use super::options::Consistency;
use super::piece::Piece;
use super::relation::{Form, Relation};
use super::row::cell;
use super::server::Purpose;
use super::sessions::{self, Sessions, View};
use super::source::Plan;
use crate::error::Result;
use crate::source::{SnapshotId, Watermark, Window};

/// The work of freezing a relation once.
#[derive(Debug)]
pub(super) struct Freeze<'a> {
    plan: &'a Plan,
    window: &'a Window,
}

/// What is frozen, before it is cut.
struct Scene {
    client: Client,
    instance: Instance,
    relation: Relation,
    view: View,
    high: Option<Watermark>,
}

impl<'a> Freeze<'a> {
    /// The work for `window`.
    pub(super) fn new(plan: &'a Plan, window: &'a Window) -> Self {
        Freeze { plan, window }
    }

    /// A frozen view of the rows.
    pub(super) async fn freeze(&self) -> Result<Frozen> {
        let scene = self.enter().await?;
        let what = self.what(&scene);
        let before = Kept::of(self.window.memo.as_ref());
        let usable = |kept: &Kept| kept.what == what && kept.moment == scene.moment();
        let kept = match before.clone().filter(usable) {
            Some(kept) => kept,
            None => self.cut(&scene, what).await?,
        };
        let mut notes = self.notes(&scene, &kept);
        notes.extend(before.map(|before| resumption(&before, &kept)));
        Ok(self.frozen(scene, kept, notes))
    }

    async fn enter(&self) -> Result<Scene> {
        let options = &self.plan.options;
        let client = options.server.connect(Purpose::Read, "snapshot").await?;
        let mut high = None;
        if let Some(cursor) = &options.cursor {
            // The horizon first, then the snapshot: the other way round it would promise rows that
            // the snapshot does not see.
            let relation = Relation::describe(&client, options).await?;
            let cursor = Cursor::of(&relation, cursor, self.window.above.as_ref())?;
            high = cursor.horizon(&client, &relation).await?;
        }
        sessions::begin(&client, None).await?;
        let view = match options.consistency {
            Consistency::Split => View::Now,
            Consistency::Snapshot => {
                let exported = export(&client).await?;
                View::Moment { exported, current: sessions::current_of(&client).await? }
            }
        };
        let relation = Relation::describe(&client, options).await?;
        relation.lock(&client).await?;
        let instance = Instance::of(&client).await?;
        Ok(Scene { client, instance, relation, view, high })
    }

    /// What is read and how, as a name.
    fn what(&self, scene: &Scene) -> String {
        let options = &self.plan.options;
        let how = format!(
            "{:?} {:?} {:?} {:?} {:?} {:?}",
            options.policies,
            options.consistency,
            options.split_by,
            options.split_rows,
            options.cursor,
            self.window.above
        );
        SnapshotId::of([scene.instance.database.as_str(), &scene.relation.fingerprint(), &how]).0
    }

    async fn cut(&self, scene: &Scene, what: String) -> Result<Kept> {
        let options = &self.plan.options;
        let conditions = match &options.cursor {
            None => Vec::new(),
            Some(cursor) => Cursor::of(&scene.relation, cursor, self.window.above.as_ref())?
                .conditions(scene.high.as_ref()),
        };
        let cut = Cut {
            client: &scene.client,
            relation: &scene.relation,
            options,
            instance: &scene.instance,
            jobs: self.plan.jobs,
            conditions: &conditions,
        };
        let pieces = cut.pieces().await?;
        let id = scene.id(&what, &pieces);
        Ok(Kept { id, what, moment: scene.moment(), high: scene.high.clone(), pieces })
    }

    fn frozen(&self, scene: Scene, kept: Kept, notes: Vec<String>) -> Frozen {
        let options = &self.plan.options;
        let Scene { client, relation, view, .. } = scene;
        let memo = kept.memo();
        // Each read makes sure by itself that the relation is still the same.
        let (opener, described) = match view {
            View::Moment { .. } => (Some(client), None),
            View::Now => (None, Some(options.clone())),
        };
        // One more than there are jobs: a stream that is not read from may hold one.
        let sessions = Sessions::new(options.server.clone(), view, self.plan.jobs + 1);
        Frozen {
            id: kept.id,
            splits: kept.pieces.iter().map(|piece| piece.split.clone()).collect(),
            relation: Arc::new(relation),
            pieces: kept.pieces,
            high: kept.high,
            memo,
            notes,
            described,
            sessions: Arc::new(sessions),
            memory: Arc::clone(&self.plan.memory),
            _opener: opener,
        }
    }

    fn notes(&self, scene: &Scene, kept: &Kept) -> Vec<String> {
        let options = &self.plan.options;
        let mut notes = Vec::new();
        notes.push(match scene.view {
            View::Moment { .. } => {
                "all readers see one snapshot of the database, which holds back \
                                    vacuum until the rows are read"
                    .to_owned()
            }
            View::Now => {
                "rows are as they are when each split is read, not one point in time: rows \
                          that are added, deleted or given another key meanwhile may be there or \
                          not"
                .to_owned()
            }
        });
        if options.consistency == Consistency::Split && kept.pieces.len() == 1 {
            notes.push("it is read in one piece: a run that is killed starts over".to_owned());
        }
        if let Some(cursor) = &options.cursor
            && let Ok(cursor) = Cursor::of(&scene.relation, cursor, self.window.above.as_ref())
        {
            notes.extend(cursor.notes());
        }
        notes
    }
}

impl Scene {
    /// What the readers see, as far as another process can come back to it: what the server makes
    /// when it is read may differ even between equal snapshots.
    fn moment(&self) -> Option<String> {
        match &self.view {
            View::Now => None,
            View::Moment { exported, current } => {
                let is_stored = self.relation.form == Form::Stored
                    && self.relation.leaves.iter().all(|leaf| leaf.has_blocks);
                let own = if is_stored { "" } else { exported };
                Some(format!("{} {current} {own}", self.instance.since))
            }
        }
    }

    fn id(&self, what: &str, pieces: &[Piece]) -> SnapshotId {
        let mut parts = vec![what.to_owned(), format!("{:?} {:?}", self.moment(), self.high)];
        parts.extend(pieces.iter().map(|piece| format!("{piece:?}")));
        SnapshotId::of(parts)
    }
}

/// The note of a run that goes on.
pub(super) const GOES_ON: &str = "the splits that an earlier run has finished are kept";
/// The note of a run that cannot.
pub(super) const STARTS_OVER: &str = "the snapshot of an earlier run is gone: its load starts over";

/// Whether an unfinished run goes on.
fn resumption(before: &Kept, now: &Kept) -> String {
    match before.id == now.id {
        true => GOES_ON.to_owned(),
        false => STARTS_OVER.to_owned(),
    }
}

async fn export(client: &Client) -> Result<String> {
    let row = client.query_one("select pg_catalog.pg_export_snapshot()", &[]).await;
    cell(&row.map_err(|e| error::of("could not export a snapshot", &e))?, 0)
}
