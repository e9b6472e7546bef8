//! Where SQL runs: the pool of memory, the folder of spilled data, the settings.

use std::fs::DirBuilder;
use std::num::NonZeroUsize;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use datafusion::execution::SessionState;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::{FairSpillPool, MemoryPool, TrackConsumersPool};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::prelude::SessionConfig;

use crate::error::{Error, Result};
use crate::source::BATCH_ROWS;
use crate::transform::budget::Budget;
use crate::transform::exact::ExactIntegers;
use crate::transform::exact_sum::ExactSums;
use crate::transform::{Limits, common_parts, failure, functions};

/// Consumers named when the pool runs out.
const CONSUMERS_SHOWN: NonZeroUsize = NonZeroUsize::new(3).expect("3 is not 0");

/// A pool of `bytes`.
///
/// It gives every operator that can spill an equal share of what the others leave. A greedy pool
/// would serve the first one alone, and a sort that came first would starve the join behind it.
pub(super) fn budget(bytes: u64) -> Budget {
    let size = usize::try_from(bytes).unwrap_or(usize::MAX);
    let pool: Arc<dyn MemoryPool> =
        Arc::new(TrackConsumersPool::new(FairSpillPool::new(size), CONSUMERS_SHOWN));
    Budget { pool, bytes }
}

/// The state from which every query starts.
pub(super) fn state(limits: &Limits, spill: &SpillFolder, budget: &Budget) -> Result<SessionState> {
    let disk = DiskManagerBuilder::default()
        .with_mode(DiskManagerMode::Directories(vec![spill.path().to_owned()]))
        .with_max_temp_directory_size(limits.spill_bytes);
    let runtime = RuntimeEnvBuilder::new()
        .with_memory_pool(budget.pool.clone())
        .with_disk_manager_builder(disk)
        .build_arc()
        .map_err(|error| failure::running(&error, "the session"))?;
    let mut state = SessionStateBuilder::new()
        .with_config(config(limits))
        .with_runtime_env(runtime)
        .with_default_features()
        .with_analyzer_rule(Arc::new(ExactIntegers))
        .with_analyzer_rule(Arc::new(ExactSums))
        .with_optimizer_rules(common_parts::rules())
        .build();
    functions::register(&mut state).map_err(|error| failure::running(&error, "the session"))?;
    // `now()` is the same in every statement of a run.
    state.mark_start_execution();
    Ok(state)
}

fn config(limits: &Limits) -> SessionConfig {
    let jobs = limits.jobs.max(1);
    let mut config = SessionConfig::new()
        .with_target_partitions(jobs)
        .with_batch_size(BATCH_ROWS)
        .with_information_schema(false);
    let options = config.options_mut();
    options.sql_parser.enable_ident_normalization = false;
    options.sql_parser.collect_spans = true;
    // Text is `Utf8` on both sides of SQL, so that a column keeps its type on the way.
    options.sql_parser.map_string_types_to_utf8view = false;
    // Every sort sets this much aside for its merge: by default 10 MB, too much for a small pool.
    let share = usize::try_from(limits.memory).unwrap_or(usize::MAX) / (4 * jobs);
    let execution = &mut options.execution;
    execution.sort_spill_reservation_bytes = execution.sort_spill_reservation_bytes.min(share);
    config
}

/// The folder of this process's spilled data; taken away at the end when nothing else is in it,
/// together with the folders above it that were made for it: a plan leaves nothing behind.
#[derive(Debug)]
pub(super) struct SpillFolder {
    own: PathBuf,
    /// Folders that were not there before, the deepest first.
    made: Vec<PathBuf>,
}

impl SpillFolder {
    /// Makes the folder, and removes what processes have left that were killed.
    pub(super) fn make(limits: &Limits) -> Result<SpillFolder> {
        let folder = limits.spill.join(std::process::id().to_string());
        let missing = |path: &&Path| !path.as_os_str().is_empty() && !path.exists();
        let above = folder.ancestors().skip(1);
        let made = above.take_while(missing).map(Path::to_owned).collect();
        // Rows are spilled here: nobody else may read them.
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)
            .map_err(|error| Error::io(&error, "create", &folder))?;
        for left in left_by_the_dead(&limits.spill) {
            // It costs space and nothing else; whoever runs next tries again.
            let _ = std::fs::remove_dir_all(left);
        }
        Ok(SpillFolder { own: folder, made })
    }

    pub(super) fn path(&self) -> &Path {
        &self.own
    }
}

impl Drop for SpillFolder {
    fn drop(&mut self) {
        // Another session may be using it, or its parent, in which case it is not empty and stays.
        let _ = std::fs::remove_dir(&self.own);
        let _ = self.own.parent().map(std::fs::remove_dir);
        for folder in &self.made {
            let _ = std::fs::remove_dir(folder);
        }
    }
}

/// The folders in `spill` that are named after processes that are no more.
fn left_by_the_dead(spill: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(spill) else { return Vec::new() };
    let is_dead = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.parse::<u32>().is_ok() && !Path::new("/proc").join(name).exists()
    };
    // Without `/proc` nobody can be known to be dead.
    let known = Path::new("/proc/self").exists();
    entries.flatten().map(|entry| entry.path()).filter(|path| known && is_dead(path)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_process_spilled_is_removed_and_that_of_a_living_one_stays() {
        let dir = tempfile::tempdir().unwrap();
        let spill = dir.path().join("spill");
        // No process has this number: it is above the kernel's largest, 4,194,304.
        std::fs::create_dir_all(spill.join("4194305/datafusion-x")).unwrap();
        std::fs::create_dir_all(spill.join("1/datafusion-y")).unwrap();
        let limits = Limits { memory: 1, jobs: 1, spill: spill.clone(), spill_bytes: 1 };
        let folder = SpillFolder::make(&limits).unwrap();
        assert!(!spill.join("4194305").exists());
        assert!(spill.join("1/datafusion-y").exists());
        let own = folder.path().to_owned();
        assert!(own.is_dir());
        drop(folder);
        assert!(!own.exists() && spill.exists());
    }
}
