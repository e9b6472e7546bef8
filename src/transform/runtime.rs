//! Where SQL runs: the pool of memory, the folder of spilled data, the settings.

use std::num::NonZeroUsize;
use std::path::PathBuf;
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
use crate::transform::{Limits, failure};

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
pub(super) fn state(limits: &Limits, budget: &Budget) -> Result<SessionState> {
    let disk = DiskManagerBuilder::default()
        .with_mode(DiskManagerMode::Directories(vec![limits.spill.clone()]))
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
        .build();
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

/// The folder of spilled data; taken away at the end when nothing else is in it.
#[derive(Debug)]
pub(super) struct SpillFolder(PathBuf);

impl SpillFolder {
    pub(super) fn make(limits: &Limits) -> Result<SpillFolder> {
        std::fs::create_dir_all(&limits.spill)
            .map_err(|error| Error::io(&error, "write to", &limits.spill))?;
        Ok(SpillFolder(limits.spill.clone()))
    }
}

impl Drop for SpillFolder {
    fn drop(&mut self) {
        // Another process may be using it, in which case it is not empty and stays.
        let _ = std::fs::remove_dir(&self.0);
    }
}
