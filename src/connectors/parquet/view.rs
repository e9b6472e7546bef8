//! The view: the folder that readers list, with exactly the files of one manifest.
//!
//! It is built beside the store out of hard links and put in the place of the old one in a single
//! step, so that whoever lists it sees a whole load or the whole load before. It remembers which
//! manifest it shows: a view that was not refreshed because the process was killed is refreshed by
//! whoever comes next. Views that were replaced are kept a while for readers that are still in
//! them. Files in the folder that are not dhow's are never touched: they are refused.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{CWD, RenameFlags};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use crate::connectors::parquet::hive;
use crate::connectors::parquet::local::{self, blocking, entries, files, sync};
use crate::connectors::parquet::manifest::{self, Manifest};
use crate::connectors::parquet::store::Store;
use crate::error::{Error, Result};
use crate::sink;

/// The file in a view that says what it shows.
const LABEL: &str = ".dhow-view";
/// The file, in the house of the table, that says that a view has been shown at least once.
const SHOWN: &str = "shown";
/// The folder, in the house of the table, of views that are built or were replaced.
const FOLDER: &str = "view";
/// How long a reader may take to list a folder that is replaced meanwhile.
const READER_GRACE: Duration = Duration::from_secs(60);

/// The folder that readers of a table list.
#[derive(Debug, Clone)]
pub(super) struct View {
    /// The folder itself.
    table: PathBuf,
    /// The local folder of the table's store.
    house: PathBuf,
}

/// What a view shows.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Label {
    manifest: u64,
    files: BTreeSet<String>,
}

impl View {
    /// The view at `table` of the store in `house`.
    pub(super) fn new(table: PathBuf, house: PathBuf) -> Self {
        View { table, house }
    }

    /// Makes sure that the folder holds nothing that is not dhow's. Reads only.
    ///
    /// # Errors
    /// [`crate::error::Kind::Refused`] when it is no folder, or holds files that dhow did not put
    /// there, or somebody removed it and `keeps_rows` says that its rows would come back.
    pub(super) fn check(&self, keeps_rows: bool) -> Result<()> {
        self.shown_manifest()?;
        if keeps_rows && self.house.join(SHOWN).exists() && !self.table.exists() {
            let (table, house) = (self.table.display(), self.house.display());
            return Err(Error::refused(format!("`{table}` was removed, but its rows were not"))
                .at("rows", &house)
                .hint(format!(
                    "to begin the table anew, remove `{house}` as well; to have it back as it \
                     was, run `mkdir {table}` and load again"
                )));
        }
        Ok(())
    }

    /// Shows the newest manifest, unless it is shown already.
    pub(super) async fn show(&self, store: &Store) -> Result<()> {
        let view = self.clone();
        // Refreshes of one table wait for each other; a killed one lets go of its lock.
        let _lock = blocking(move || local::lock(&view.house)).await?;
        let Some(newest) = manifest::current(store).await? else { return Ok(()) };
        let view = self.clone();
        blocking(move || view.refresh(&newest)).await
    }

    fn refresh(&self, newest: &Manifest) -> Result<()> {
        if self.shown_manifest()? == Some(newest.number) {
            return self.remember();
        }
        let views = self.house.join(FOLDER);
        let built = views.join(format!("{:08}-{}", newest.number, sink::nonce()));
        fs::create_dir_all(&built).map_err(|e| Error::io(&e, "create", &built))?;
        if let Err(error) = self.build(&built, newest).and_then(|()| self.put(&built)) {
            let _ = fs::remove_dir_all(&built);
            return Err(error);
        }
        self.remember()?;
        self.discard(READER_GRACE, false).map(|_| ())
    }

    /// Notes, after the fact, that readers have a folder: if it is gone later, somebody removed it.
    fn remember(&self) -> Result<()> {
        let path = self.house.join(SHOWN);
        if path.exists() {
            return Ok(());
        }
        fs::write(&path, "").map_err(|e| Error::io(&e, "write", &path))
    }

    /// Fills `built` with the files of `manifest`; the label comes last and makes it whole.
    fn build(&self, built: &Path, manifest: &Manifest) -> Result<()> {
        let mut label = Label { manifest: manifest.number, files: BTreeSet::new() };
        for file in &manifest.files {
            let folder = hive::folder(&manifest.partition_by, &file.partition);
            let name = format!("{folder}{}", file.name());
            let to = built.join(&name);
            if !folder.is_empty() {
                let parent = built.join(&folder);
                fs::create_dir_all(&parent).map_err(|e| Error::io(&e, "create", &parent))?;
            }
            link(&self.house.join(&file.path), &to)?;
            label.files.insert(name);
        }
        let text = serde_json::to_vec(&label)
            .map_err(|e| Error::bug("a label cannot be written as JSON").at("json", e))?;
        let path = built.join(LABEL);
        fs::write(&path, text).map_err(|e| Error::io(&e, "write", &path))?;
        sync(&path)?;
        sync(built)
    }

    /// Puts `built` in the place of the view; what was there is at `built` afterwards.
    fn put(&self, built: &Path) -> Result<()> {
        let parent = self.table.parent().unwrap_or(Path::new("."));
        if !self.table.exists() {
            fs::rename(built, &self.table).map_err(|e| Error::io(&e, "create", &self.table))?;
            return sync(parent);
        }
        match rustix::fs::renameat_with(CWD, built, CWD, &self.table, RenameFlags::EXCHANGE) {
            Ok(()) => sync(parent),
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
                // Not in one step, then: for a moment readers find no folder, never half of one.
                let aside = built.with_extension("old");
                let io = |e| Error::io(&e, "replace", &self.table);
                fs::rename(&self.table, &aside).map_err(io)?;
                fs::rename(built, &self.table).map_err(io)?;
                fs::rename(&aside, built).map_err(io)?;
                sync(parent)
            }
            Err(e) => Err(Error::io(&e.into(), "replace", &self.table)),
        }
    }

    /// Removes views that were replaced, or never finished, at least `age` ago; answers their
    /// paths, and with `dry_run` does nothing else.
    pub(super) fn discard(&self, age: Duration, dry_run: bool) -> Result<Vec<PathBuf>> {
        let views = self.house.join(FOLDER);
        let mut discarded = Vec::new();
        for path in entries(&views)? {
            if !local::is_older(&path, age) {
                continue;
            }
            if !dry_run {
                discard_one(&path)?;
            }
            discarded.push(path);
        }
        Ok(discarded)
    }

    /// The number of the manifest that is shown; `None` when nothing is.
    fn shown_manifest(&self) -> Result<Option<u64>> {
        let meta = match fs::symlink_metadata(&self.table) {
            Ok(meta) => meta,
            // A file in the way of a folder above is refused when the store is made.
            Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                return Ok(None);
            }
            Err(e) => return Err(Error::io(&e, "read", &self.table)),
        };
        if !meta.is_dir() {
            let shown = self.table.display();
            return Err(Error::refused(format!("`{shown}` is not a folder"))
                .hint("move it away, or choose another `path`"));
        }
        let label = label(&self.table);
        let known = label.as_ref().map(|label| &label.files);
        for file in files(&self.table, "")? {
            if file != LABEL && known.is_none_or(|known| !known.contains(&file)) {
                return Err(self.foreign(&file));
            }
        }
        Ok(label.map(|label| label.manifest))
    }

    fn foreign(&self, file: &str) -> Error {
        let shown = self.table.display();
        Error::refused(format!("`{shown}` holds files that dhow did not write"))
            .at("file", file)
            .hint("nothing was touched; move them away, or choose another `path`")
    }
}

fn label(view: &Path) -> Option<Label> {
    serde_json::from_slice(&fs::read(view.join(LABEL)).ok()?).ok()
}

/// Removes a view that was replaced, or one that was never finished. A file that somebody put in
/// between stays.
fn discard_one(view: &Path) -> Result<()> {
    let io = |e| Error::io(&e, "remove", view);
    let Some(label) = label(view) else {
        // Without a label it was never shown: everything in it is a link of ours.
        return fs::remove_dir_all(view).map_err(io);
    };
    for file in &label.files {
        let _ = fs::remove_file(view.join(file));
    }
    if files(view, "")?.iter().all(|file| file == LABEL) {
        fs::remove_dir_all(view).map_err(io)?;
    }
    Ok(())
}

fn link(from: &Path, to: &Path) -> Result<()> {
    match fs::hard_link(from, to) {
        Ok(()) => Ok(()),
        Err(e) if e.kind() == ErrorKind::NotFound => Err(Error::io(&e, "read", from)),
        // File systems without hard links get copies.
        Err(_) => fs::copy(from, to).map(|_| ()).map_err(|e| Error::io(&e, "write", to)),
    }
}
