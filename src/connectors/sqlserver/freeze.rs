//! Freezes a relation: looks at it, closes its window, cuts it, and names the result.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Plan;
use super::cursor::Cursor;
use super::cut::{self, Cut};
use super::frozen::Frozen;
use super::instance::{Instance, Isolation};
use super::notes;
use super::piece::Piece;
use super::relation::Relation;
use super::session::Session;
use super::sessions::Sessions;
use super::table::Storage;
use crate::error::{Error, Result};
use crate::source::{Memo, SnapshotId, Watermark, Window};

/// A cut that was made, and what it was made of: what the next process needs to read the same
/// pieces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    /// The name of the snapshot.
    id: SnapshotId,
    /// What was read and how: another relation, column or option is another snapshot.
    what: String,
    /// The upper end of the window.
    high: Option<Watermark>,
    /// The cut.
    pieces: Vec<Piece>,
}

/// What is about to be frozen.
struct Scene {
    session: Session,
    instance: Instance,
    relation: Relation,
    /// What readers see of it.
    isolation: Isolation,
}

/// A frozen view of the rows in `window`.
pub(super) async fn freeze(plan: &Plan, window: &Window) -> Result<Frozen> {
    let mut scene = Scene::enter(plan).await?;
    let what = scene.what(plan, window);
    let is_alone = cut::is_alone(&plan.options, scene.instance.isolation == Isolation::Frozen);
    let before: Option<Kept> =
        window.memo.as_ref().and_then(|memo| serde_json::from_str(&memo.0).ok());
    let kept = match before.as_ref().filter(|before| before.what == what && !is_alone) {
        Some(before) => before.clone(),
        None => scene.cut(plan, window, what, is_alone).await?,
    };
    let mut notes = scene.notes(plan, window, &kept, is_alone);
    notes.extend(before.map(|before| notes::of_resumption(before.id == kept.id)));
    scene.frozen(plan, kept, notes, is_alone)
}

impl Scene {
    async fn enter(plan: &Plan) -> Result<Self> {
        let mut session = plan.options.server.connect("plan").await?;
        let instance = Instance::of(&mut session).await?;
        let relation = Relation::describe(&mut session, &plan.options).await?;
        let isolation = instance.isolation_of(&mut session, &relation).await?;
        Ok(Scene { session, instance, relation, isolation })
    }

    /// Changes with everything but the rows themselves.
    fn what(&self, plan: &Plan, window: &Window) -> String {
        let options = &plan.options;
        let how = format!(
            "{:?} {:?} {:?} {:?} {:?}",
            options.consistency, options.split_by, options.split_rows, options.cursor, window.above
        );
        SnapshotId::of([self.instance.database.as_str(), &self.relation.fingerprint(), &how]).0
    }

    async fn cut(
        &mut self,
        plan: &Plan,
        window: &Window,
        what: String,
        is_alone: bool,
    ) -> Result<Kept> {
        let (mut high, mut conditions) = (None, Vec::new());
        if let Some(cursor) = &plan.options.cursor {
            let cursor = Cursor::of(&self.relation, cursor, window.above.as_ref())?;
            high = cursor.horizon(&mut self.session).await?;
            conditions = cursor.conditions(high.as_ref());
        }
        let (jobs, options) = (plan.jobs, &plan.options);
        let cut =
            Cut { relation: &self.relation, options, is_alone, jobs, conditions: &conditions };
        let pieces = cut.pieces(&mut self.session).await?;
        // Nobody comes back to the moment of a session, nor to that of a statement.
        let moment = if is_alone { self.begin().await? } else { String::new() };
        let mut parts = vec![what.clone(), format!("{moment} {high:?}")];
        parts.extend(pieces.iter().map(|piece| format!("{piece:?}")));
        Ok(Kept { id: SnapshotId::of(parts), what, high, pieces })
    }

    /// Begins the transaction whose moment all rows are read in; gives its name.
    async fn begin(&mut self) -> Result<String> {
        // What readers see is less than what the database allows where a transaction leaves it out.
        let is_kept =
            self.relation.storage() == Storage::Disk && self.isolation == self.instance.isolation;
        if !is_kept {
            let label = &self.relation.label;
            let message = format!("no transaction keeps `{label}` as it is at one moment");
            return Err(Error::config(message)
                .at("reason", "it is, or reads, a memory-optimized or an external table")
                .hint("`consistency: split` reads each split as it is then"));
        }
        if self.instance.isolation != Isolation::Snapshot {
            let message = format!("`{}` allows no snapshots", self.instance.name);
            return Err(Error::config(message).hint(
                "`alter database … set allow_snapshot_isolation on`; or `consistency: split`, \
                 where each split is read as it is then",
            ));
        }
        let what = "could not begin to read";
        let begin = "set transaction isolation level snapshot; begin transaction";
        self.session.run(what, begin).await?;
        // The moment is that of the first look at the table.
        let first = format!("select top (1) 1 from {}", self.relation.from);
        self.session.run(what, &first).await?;
        let now = "select convert(nvarchar(50), sysutcdatetime(), 121)";
        let row = self.session.row(what, now).await?;
        let now: &str = super::session::cell(&row, 0)?.unwrap_or_default();
        Ok(format!("{now} {}", std::process::id()))
    }

    fn notes(&self, plan: &Plan, window: &Window, kept: &Kept, is_alone: bool) -> Vec<String> {
        let mut notes = match is_alone {
            true => notes::of_one_session(),
            false => {
                let allows_snapshots = self.instance.isolation == Isolation::Snapshot;
                notes::of_splits(self.isolation, allows_snapshots, kept.pieces.len())
            }
        };
        notes.extend(notes::of_losses(&self.relation));
        notes.extend(notes::of_table(&self.relation));
        notes.extend(self.instance.is_blind.then(|| notes::of_policies(&self.relation)));
        if let Some(cursor) = &plan.options.cursor
            && let Ok(cursor) = Cursor::of(&self.relation, cursor, window.above.as_ref())
        {
            notes.extend(cursor.notes());
        }
        notes
    }

    fn frozen(self, plan: &Plan, kept: Kept, notes: Vec<String>, is_alone: bool) -> Result<Frozen> {
        let memo = serde_json::to_string(&kept).ok().map(Memo).filter(|_| !is_alone);
        let server = plan.options.server.clone();
        let sessions = match is_alone {
            true => Sessions::one(server, self.session),
            // One more than there are jobs: a stream that is not read from may hold one.
            false => Sessions::each(server, self.isolation, plan.jobs + 1),
        };
        Ok(Frozen {
            id: kept.id,
            splits: kept.pieces.iter().map(|piece| piece.split.clone()).collect(),
            relation: self.relation,
            pieces: kept.pieces,
            high: kept.high,
            memo,
            notes,
            options: plan.options.clone(),
            sessions: Arc::new(sessions),
            memory: Arc::clone(&plan.memory),
        })
    }
}
