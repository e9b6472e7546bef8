//! Freezes a relation: enters a moment, looks at the relation in it, cuts it, and names the result.

use std::sync::Arc;

use tokio_postgres::Client;

use super::Plan;
use super::cursor::Cursor;
use super::cut::Cut;
use super::frozen::Frozen;
use super::hold::{Held, Hold, Holding};
use super::instance::Instance;
use super::kept::Kept;
use super::keys;
use super::notes::{self, Keeper};
use super::options::SourceOptions;
use super::order::{self, Order};
use super::piece::Piece;
use super::relation::{Form, Relation};
use super::sessions::{self, Sessions, View};
use crate::connectors::postgres::decode::Reading;
use crate::connectors::postgres::row_form;
use crate::connectors::postgres::server::Purpose;
use crate::connectors::relation_options::Consistency;
use crate::error::{Error, Result};
use crate::source::{RowForm, SnapshotId, Watermark, Window};

/// The work of freezing a relation once.
#[derive(Debug)]
pub(in crate::connectors::postgres) struct Freeze<'a> {
    plan: &'a Plan,
    window: &'a Window,
}

/// What is frozen, before it is cut.
struct Scene {
    client: Client,
    instance: Instance,
    relation: Relation,
    /// The columns of its primary key, if it has one.
    key: Vec<String>,
    view: View,
    high: Option<Watermark>,
}

impl<'a> Freeze<'a> {
    /// The work for `window`.
    pub(in crate::connectors::postgres) fn new(plan: &'a Plan, window: &'a Window) -> Self {
        Freeze { plan, window }
    }

    /// A frozen view of the rows.
    pub(in crate::connectors::postgres) async fn freeze(&self) -> Result<Frozen> {
        let before = Kept::of(self.window.memo.as_ref());
        let again = match &before {
            Some(before) => self.go_on(before).await,
            None => None,
        };
        let (scene, kept, keeper) = match again {
            Some((scene, kept, hold)) => (scene, kept, Keeper::There(hold)),
            None => self.begin(before.as_ref()).await?,
        };
        let mut notes = self.notes(&scene, &kept, &keeper);
        notes.extend(before.map(|before| notes::of_resumption(&before, &kept)));
        let hold = match keeper {
            Keeper::There(hold) => Some(hold),
            Keeper::Wanted | Keeper::None(_) => None,
        };
        Ok(self.frozen(scene, kept, notes, hold))
    }

    /// Enters the moment of an earlier process again, if it is held and still what is wanted.
    async fn go_on(&self, before: &Kept) -> Option<(Scene, Kept, Hold)> {
        let held = before.held.as_ref()?;
        let hold = Hold::join(held).await?;
        match self.enter(Some(&held.exported)).await {
            Ok(scene) if self.fits(before, &scene) => Some((scene, before.clone(), hold)),
            Ok(_) => {
                hold.end().await;
                None
            }
            Err(error) => {
                tracing::debug!(%error, "the snapshot that is held cannot be entered");
                None
            }
        }
    }

    /// Enters a moment of its own, and has it held for the next process.
    async fn begin(&self, before: Option<&Kept>) -> Result<(Scene, Kept, Keeper)> {
        let scene = self.enter(None).await?;
        let mut kept = match before.filter(|before| self.fits(before, &scene)) {
            Some(kept) => Kept { held: None, ..kept.clone() },
            None => self.cut(&scene, self.what(&scene)).await?,
        };
        let keeper = match (self.use_of_keeper(&scene, &kept), &self.plan.holding) {
            (Err(reason), _) => Keeper::None(reason),
            (Ok(()), None) => Keeper::Wanted,
            (Ok(()), Some(holding)) => match self.hold(&scene, holding).await {
                Ok((held, hold)) => {
                    kept.held = Some(held);
                    Keeper::There(hold)
                }
                Err(error) => {
                    let why = Error::message(&error);
                    Keeper::None(format!("the snapshot cannot be held, {why}"))
                }
            },
        };
        Ok((scene, kept, keeper))
    }

    fn fits(&self, kept: &Kept, scene: &Scene) -> bool {
        kept.moment == scene.moment() && kept.what == self.what(scene)
    }

    /// Why a later process would have no use for the moment, if so.
    fn use_of_keeper(&self, scene: &Scene, kept: &Kept) -> std::result::Result<(), String> {
        let reason = match &scene.view {
            View::Now => "each read has a moment of its own",
            View::Moment { .. } if kept.pieces.len() < 2 => "it is read in one piece",
            View::Moment { .. } if !scene.is_stored() => {
                "the server makes its rows anew when they are read"
            }
            View::Moment { .. } if self.plan.options.hold_snapshot.is_zero() => {
                "the snapshot is not held"
            }
            View::Moment { .. } => return Ok(()),
        };
        Err(reason.to_owned())
    }

    async fn hold(&self, scene: &Scene, holding: &Holding) -> Result<(Held, Hold)> {
        let View::Moment { exported, current } = &scene.view else {
            return Err(Error::bug("a moment is held that does not last"));
        };
        let (socket, owns_folder) = holding.place()?;
        let order = Order {
            options: order::written(&holding.options),
            base: holding.base.clone(),
            exported: exported.clone(),
            current: current.clone(),
            label: scene.relation.label.clone(),
            locks: scene.relation.locking(),
            limit: self.plan.options.hold_snapshot,
            socket,
            owns_folder,
        };
        holding.start(order, sessions::time_of(&scene.client).await?).await
    }

    /// Enters the moment that was exported under the name `exported`, or the present one.
    async fn enter(&self, exported: Option<&str>) -> Result<Scene> {
        let options = &self.plan.options;
        let client = options.server.connect(Purpose::Read, "snapshot").await?;
        let mut high = None;
        if let (Some(cursor), None) = (&options.cursor, exported) {
            // The horizon first, then the snapshot: the other way round it would promise rows that
            // the snapshot does not see.
            let relation = Relation::describe(&client, options).await?;
            let cursor = Cursor::of(&relation, cursor, self.window.above.as_ref())?;
            high = cursor.horizon(&client, &relation).await?;
        }
        sessions::begin(&client, exported).await?;
        let view = match options.consistency {
            Consistency::Split => View::Now,
            Consistency::Snapshot => {
                let exported = sessions::export(&client).await?;
                View::Moment { exported, current: sessions::current_of(&client).await? }
            }
        };
        let relation = Relation::describe(&client, options).await?;
        relation.lock(&client).await?;
        let key = match &view {
            View::Moment { .. } => keys::primary(&client, &relation).await?,
            // A row whose key changes meanwhile may be read with either one.
            View::Now => Vec::new(),
        };
        let instance = Instance::of(&client).await?;
        Ok(Scene { client, instance, relation, key, view, high })
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
        let (moment, high) = (scene.moment(), scene.high.clone());
        Ok(Kept { id, what, moment, high, pieces, held: None })
    }

    fn frozen(&self, scene: Scene, kept: Kept, notes: Vec<String>, hold: Option<Hold>) -> Frozen {
        let options = &self.plan.options;
        let form = scene.form(options);
        let Scene { client, relation, key, view, .. } = scene;
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
            key,
            memo,
            notes,
            form,
            described,
            sessions: Arc::new(sessions),
            memory: Arc::clone(&self.plan.memory),
            _opener: opener,
            hold,
        }
    }

    fn notes(&self, scene: &Scene, kept: &Kept, keeper: &Keeper) -> Vec<String> {
        let options = &self.plan.options;
        let mut notes = match &scene.view {
            View::Now => notes::of_splits(kept.pieces.len()),
            View::Moment { .. } => notes::of_moment(keeper, options.hold_snapshot),
        };
        if let Some(cursor) = &options.cursor
            && let Ok(cursor) = Cursor::of(&scene.relation, cursor, self.window.above.as_ref())
        {
            notes.extend(cursor.notes());
        }
        notes
    }
}

impl Scene {
    /// How the rows look as they are sent: `None` where a server would take them for others, where
    /// the author wants something done with values, and where texts have to be looked at because
    /// the server never did.
    fn form(&self, options: &SourceOptions) -> Option<RowForm> {
        let is_as_sent = self.relation.readings.iter().all(Reading::is_as_sent);
        let is_free = is_as_sent && self.instance.has_encoding && !options.has_policies;
        is_free.then(|| row_form::of(&self.relation.columns)).flatten()
    }

    /// What the readers see, as far as another process can come back to it: what the server makes
    /// when it is read may differ even between equal snapshots.
    fn moment(&self) -> Option<String> {
        match &self.view {
            View::Now => None,
            View::Moment { exported, current } => {
                let own = if self.is_stored() { "" } else { exported };
                Some(format!("{} {current} {own}", self.instance.since))
            }
        }
    }

    /// Whether the snapshot alone decides on the rows.
    fn is_stored(&self) -> bool {
        self.relation.form == Form::Stored
            && self.relation.leaves.iter().all(|leaf| leaf.has_blocks)
    }

    fn id(&self, what: &str, pieces: &[Piece]) -> SnapshotId {
        let mut parts = vec![what.to_owned(), format!("{:?} {:?}", self.moment(), self.high)];
        parts.extend(pieces.iter().map(|piece| format!("{piece:?}")));
        SnapshotId::of(parts)
    }
}
