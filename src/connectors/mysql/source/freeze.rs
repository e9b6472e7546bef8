//! Freezes a relation: enters a moment, looks at the relation in it, cuts it, and names the result.

use std::sync::Arc;

use super::Plan;
use super::borders::by_key;
use super::cursor::Cursor;
use super::cut::Cut;
use super::frozen::Frozen;
use super::kept::Kept;
use super::moment::{self, Level, Moment};
use super::notes::{self, Facts};
use super::position::Position;
use super::relation::Relation;
use super::sessions::{Sessions, begin};
use crate::connectors::mysql::error;
use crate::connectors::mysql::wire::Connection;
use crate::connectors::relation_options::Consistency;
use crate::error::{Error, Result};
use crate::source::{SnapshotId, Watermark, Window};

/// The work of freezing a relation once.
#[derive(Debug)]
pub(in crate::connectors::mysql) struct Freeze<'a> {
    plan: &'a Plan,
    window: &'a Window,
}

/// What is frozen, before it is cut.
struct Scene {
    relation: Relation,
    /// The sessions; the first one looks for borders.
    readers: Vec<Connection>,
    /// How they came to see the same; `None` when each read sees its own moment.
    level: Option<Level>,
    position: Option<Position>,
    high: Option<Watermark>,
    /// Rows of a piece; `None` for one piece.
    rows: Option<u64>,
}

impl<'a> Freeze<'a> {
    /// The work for `window`.
    pub(in crate::connectors::mysql) fn new(plan: &'a Plan, window: &'a Window) -> Self {
        Freeze { plan, window }
    }

    /// A frozen view of the rows.
    ///
    /// # Errors
    /// When the relation is not there, may not be read, or cannot be cut.
    pub(in crate::connectors::mysql) async fn freeze(&self) -> Result<Frozen> {
        let before = Kept::of(self.window.memo.as_ref());
        let mut scene = self.enter().await?;
        let (what, moment) = (self.what(&scene), scene.moment().await?);
        let fits = |before: &&Kept| before.moment == moment && before.what == what;
        let kept = match before.as_ref().filter(fits) {
            Some(kept) => kept.clone(),
            None => self.cut(&mut scene, what, moment).await?,
        };
        let mut notes = self.notes(&scene, &kept)?;
        notes.extend(before.map(|before| notes::of_resumption(&before, &kept)));
        self.frozen(scene, kept, notes)
    }

    async fn enter(&self) -> Result<Scene> {
        let options = &self.plan.options;
        let mut connection = options.server.connect().await?;
        let relation = Relation::describe(&mut connection, options).await?;
        // The horizon first, then the snapshot: the other way round it would promise rows that
        // the snapshot does not see.
        let high = match self.cursor(&relation)? {
            Some(cursor) => cursor.horizon(&mut connection).await?,
            None => None,
        };
        let beginning = self.cursor(&relation)?.map(|cursor| cursor.beginning());
        let conditions = beginning.unwrap_or_default();
        let rows = self.sizing(&relation, &conditions).rows_of_piece(&mut connection).await?;
        if options.consistency == Consistency::Split {
            begin(&mut connection).await?;
            let readers = vec![connection];
            let scene = Scene { relation, readers, level: None, position: None, high, rows };
            return self.closed(scene).await;
        }
        connection.close().await;
        let is_parallel = rows.is_some() && self.plan.moves_rows;
        // One more than there are jobs: a stream that is not read from may hold one.
        let count = if is_parallel { self.plan.jobs + 1 } else { 1 };
        let Moment { mut readers, level, position } =
            moment::enter(&options.server, &relation, count, options.lock_timeout).await?;
        // Now that nobody can change it any more: is it still the same?
        let relation = match readers.first_mut() {
            Some(reader) => Relation::describe(reader, options).await?,
            None => return Err(Error::bug("a moment without sessions")),
        };
        let level = Some(level);
        self.closed(Scene { relation, readers, level, position, high, rows }).await
    }

    /// The same with the upper end of its window, where the snapshot itself decides on that.
    async fn closed(&self, mut scene: Scene) -> Result<Scene> {
        if let (Some(cursor), Some(reader)) =
            (self.cursor(&scene.relation)?, scene.readers.first_mut())
            && let Some(high) = cursor.of_snapshot(reader).await?
        {
            scene.high = Some(high);
        }
        Ok(scene)
    }

    fn cursor<'r>(&'r self, relation: &'r Relation) -> Result<Option<Cursor<'r>>> {
        let options = self.plan.options.cursor.as_ref();
        let above = self.window.above.as_ref();
        options.map(|options| Cursor::of(relation, options, above)).transpose()
    }

    fn sizing<'r>(&'r self, relation: &'r Relation, conditions: &'r [String]) -> Cut<'r> {
        Cut { relation, options: &self.plan.options, jobs: self.plan.jobs, conditions }
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
        let server = options.server.shown();
        let database = options.server.database().unwrap_or_default();
        SnapshotId::of([server.as_str(), database, &scene.relation.fingerprint(), &how]).0
    }

    async fn cut(&self, scene: &mut Scene, what: String, moment: Option<String>) -> Result<Kept> {
        let conditions = match self.cursor(&scene.relation)? {
            None => Vec::new(),
            Some(cursor) => cursor.conditions(scene.high.as_ref()),
        };
        let cut = self.sizing(&scene.relation, &conditions);
        let reader = scene.readers.first_mut();
        let reader = reader.ok_or_else(|| Error::bug("a moment without sessions"))?;
        let pieces = cut.pieces(reader, scene.rows).await?;
        let high = scene.high.clone();
        let mut parts = vec![what.clone(), format!("{moment:?} {high:?}")];
        parts.extend(pieces.iter().map(|piece| format!("{:?}", piece.conditions)));
        Ok(Kept { id: SnapshotId::of(parts), what, moment, high, pieces })
    }

    fn notes(&self, scene: &Scene, kept: &Kept) -> Result<Vec<String>> {
        let facts = Facts {
            level: scene.level.as_ref(),
            position: scene.lasting().map(|position| position.place.as_str()),
            pieces: kept.pieces.len(),
            bare_engine: scene.relation.engine_without_snapshots(),
            is_table: scene.relation.table.as_ref().is_some_and(|table| table.engine.is_some()),
            has_key: self.sizing(&scene.relation, &[]).key()?.is_some(),
            is_look: !self.plan.moves_rows,
        };
        let mut notes = facts.notes();
        notes.extend(self.cursor(&scene.relation)?.iter().flat_map(Cursor::notes));
        Ok(notes)
    }

    fn frozen(&self, scene: Scene, kept: Kept, notes: Vec<String>) -> Result<Frozen> {
        let options = &self.plan.options;
        let key = self.sizing(&scene.relation, &[]).key()?;
        let is_cut = kept.pieces.len() > 1;
        // The rows of a range always come in the same order: along the key in which they are kept,
        // or, where a window may be found through an index of its own, sorted by the key.
        let is_along = is_cut && options.cursor.is_none();
        let by = key.as_ref().filter(|_| is_along).map_or("", by_key);
        let order = key.as_ref().filter(|_| is_cut && by.is_empty()).map(|key| key.order());
        let memo = kept.memo();
        let server = options.server.clone();
        // Without a moment, each read makes sure by itself that the relation is still the same.
        let (sessions, described) = match scene.level {
            Some(_) => (Sessions::of_moment(server, scene.readers), None),
            None => (Sessions::without_moment(server, self.plan.jobs + 1), Some(options.clone())),
        };
        Ok(Frozen {
            id: kept.id,
            splits: kept.pieces.iter().map(|piece| piece.split.clone()).collect(),
            relation: Arc::new(scene.relation),
            order,
            by,
            pieces: kept.pieces,
            high: kept.high,
            memo,
            notes,
            described,
            sessions: Arc::new(sessions),
            memory: Arc::clone(&self.plan.memory),
        })
    }
}

impl Scene {
    /// What the readers see, as far as another process can know that it sees the same; `None` when
    /// each read sees its own moment.
    async fn moment(&mut self) -> Result<Option<String>> {
        if self.level.is_none() {
            return Ok(None);
        }
        if let (Some(position), Some(table)) = (self.lasting(), &self.relation.table) {
            // Somebody may keep changes out of the log: the server itself remembers the last one.
            return Ok(Some(format!("{position:?} {:?}", table.updated)));
        }
        let reader = self.readers.first_mut();
        let reader = reader.ok_or_else(|| Error::bug("a moment without sessions"))?;
        let rows = reader.query("select uuid()").await;
        let rows = rows.map_err(|e| error::of("could not name a snapshot", e))?;
        Ok(Some(format!("{rows:?}")))
    }

    /// The place in the log that stands for the rows: for those of a table whose engine writes
    /// there.
    fn lasting(&self) -> Option<&Position> {
        self.position.as_ref().filter(|_| self.relation.is_stored())
    }
}
