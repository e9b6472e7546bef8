//! Where a table lives: a local folder with a view of links, or a bucket with copies.

use std::path::PathBuf;

use tokio::sync::OnceCell;

use crate::connectors::parquet::copies::Copies;
use crate::connectors::parquet::local::{self, blocking};
use crate::connectors::parquet::store::{Created, Store};
use crate::connectors::parquet::view::View;
use crate::connectors::parquet::{options, stage};
use crate::error::{Error, Kind, Result};
use crate::faults;
use crate::sink;
use crate::sink::{Load, Mode};
use crate::stores::{Access, Address};

/// The folder of objects that are put to see what a store does; each is removed at once.
pub(super) const PROBES: &str = "probe";
const PROBE: &str = "dhow looks whether this store puts an object once\n";

/// Where a table lives.
#[derive(Debug)]
pub(super) enum Home {
    /// A folder of this machine.
    Local {
        /// Where files and manifests are.
        house: PathBuf,
        /// What readers list.
        view: View,
    },
    /// A bucket.
    Far(Box<Far>),
}

/// A table in a bucket.
#[derive(Debug)]
pub(super) struct Far {
    access: Access,
    table: Address,
    /// The key of the folder of files and manifests.
    house: String,
    /// Whether readers that list the table find copies of its files.
    is_shown: bool,
    /// The store, once it has been seen to put an object no more than once.
    proven: OnceCell<Store>,
}

impl Home {
    /// A folder of this machine.
    pub(super) fn local(table: PathBuf, house: PathBuf) -> Self {
        Home::Local { view: View::new(table, house.clone()), house }
    }

    /// The key of `table` in its bucket; `is_shown` says whether readers find copies there.
    pub(super) fn far(access: Access, table: Address, is_shown: bool) -> Self {
        let house = options::house_in_store(table.key()).unwrap_or_default();
        Home::Far(Box::new(Far { access, table, house, is_shown, proven: OnceCell::new() }))
    }

    /// The store as it is, for reading; `None` where there is surely nothing.
    pub(super) async fn open(&self) -> Result<Option<Store>> {
        match self {
            Home::Local { house, .. } => Store::local(house),
            Home::Far(far) => far.store().await.map(Some),
        }
    }

    /// The store, ready to be written to.
    pub(super) async fn make(&self) -> Result<Store> {
        match self {
            Home::Local { house, .. } => Store::make(house),
            Home::Far(far) => far.proven.get_or_try_init(|| far.prove()).await.cloned(),
        }
    }

    /// Makes sure that what readers list holds nothing that is not dhow's. Reads only.
    pub(super) async fn check(&self, load: &Load) -> Result<()> {
        let keeps_rows = !matches!(load.mode, Mode::Truncate | Mode::Replace);
        match self {
            Home::Local { view, .. } => {
                let view = view.clone();
                blocking(move || view.check(keeps_rows)).await
            }
            Home::Far(far) if far.is_shown => {
                let store = far.store().await?;
                far.copies().await?.check(&store, keeps_rows).await
            }
            Home::Far(_) => Ok(()),
        }
    }

    /// Shows readers the newest manifest, unless it is shown already.
    pub(super) async fn show(&self, store: &Store) -> Result<()> {
        match self {
            Home::Local { view, .. } => view.show(store).await,
            Home::Far(far) if far.is_shown => far.copies().await?.show(store).await,
            Home::Far(_) => Ok(()),
        }
    }

    /// Removes uploads of `load` that were never finished, as far as they can be seen.
    pub(super) async fn sweep(&self, load: &Load) -> Result<()> {
        let Home::Local { house, .. } = self else { return Ok(()) };
        let folder = house.join(stage::folder("", &load.id));
        blocking(move || local::unfinished(&folder)?.iter().try_for_each(|f| local::remove(f)))
            .await
    }
}

impl Far {
    async fn store(&self) -> Result<Store> {
        if let Some(store) = self.proven.get() {
            return Ok(store.clone());
        }
        Store::in_bucket(self.access.open(&self.table).await?, &self.house)
    }

    async fn copies(&self) -> Result<Copies> {
        Ok(Copies::new(self.access.open(&self.table).await?, &self.table, &self.house))
    }

    /// Puts one object twice where nothing was: the second must be refused, because that is how
    /// two loads of one table find out about each other.
    async fn prove(&self) -> Result<Store> {
        let store = self.store().await?;
        let probe = format!("{PROBES}/{}", sink::nonce());
        let first = store.create(&probe, PROBE.into()).await;
        faults::point("store.probed").await;
        let second = match first {
            Ok(_) => {
                let second = store.create(&probe, PROBE.into()).await;
                store.remove(&probe).await?;
                second
            }
            Err(error) => Err(error),
        };
        match second {
            Ok(Created::Taken) => Ok(store),
            Ok(Created::New) => Err(self.unfit("it put one object twice")),
            Err(error) if error.kind() == Kind::Unsupported => {
                Err(self.unfit("it does not know `If-None-Match`"))
            }
            Err(error) => Err(error),
        }
    }

    fn unfit(&self, why: &str) -> Error {
        let root = self.table.root();
        Error::refused(format!("`{root}` cannot keep two loads of one table apart: {why}"))
            .at("table", &self.table)
            .hint("use a store with conditional writes: S3 itself, MinIO, R2, Google, Azure")
    }
}
