//! How much of the machine a run may use: the flags, and their defaults from memory and cgroup.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

use super::show;
use crate::config::measure;
use crate::transform::Limits;

/// Flags of every command that moves rows.
#[derive(Debug, Args)]
pub(super) struct Effort {
    /// Splits in flight at once [default: cores]
    ///
    /// More splits in flight use more memory and more connections; on a machine that does other
    /// work as well, give fewer.
    #[arg(short, long, env = "DHOW_JOBS", value_name = "N", value_parser = jobs)]
    pub(super) jobs: Option<usize>,

    /// Memory for rows, joins and sorts together [default: 60 % of the machine or cgroup]
    ///
    /// What does not fit is spilled to disk. The process as a whole needs up to 150 MiB more.
    #[arg(long, env = "DHOW_MEMORY", value_name = "SIZE", value_parser = measure::size)]
    pub(super) memory: Option<u64>,

    /// Folder for what does not fit into memory [default: spill/ in the state folder]
    ///
    /// Change it when another disk is faster or has more room.
    #[arg(long, env = "DHOW_SPILL_DIR", value_name = "DIR")]
    pub(super) spill_dir: Option<PathBuf>,

    /// Disk space for what does not fit into memory
    #[arg(long, env = "DHOW_SPILL_LIMIT", value_name = "SIZE", default_value = "50GB",
        value_parser = measure::size)]
    pub(super) spill_limit: u64,

    /// Tries of a part before the run fails
    ///
    /// Only failures that may pass are tried again: no answer, or a quota that was reached.
    #[arg(long, env = "DHOW_TRIES", value_name = "N", default_value = "5",
        value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) tries: u32,

    /// Time between two lines of progress where there is no terminal
    #[arg(long, env = "DHOW_PROGRESS_INTERVAL", value_name = "TIME", default_value = "10s",
        value_parser = measure::duration)]
    pub(super) progress_interval: Duration,
}

impl Effort {
    /// Splits in flight at once.
    pub(super) fn jobs(&self) -> usize {
        self.jobs.unwrap_or_else(cores)
    }

    /// What SQL may use, with `state` as the state folder.
    pub(super) fn limits(&self, state: &Path) -> Limits {
        let whole = available();
        if let (Some(wanted), Some(whole)) = (self.memory, whole)
            && wanted > whole
        {
            tracing::warn!(
                wanted = show::bytes(wanted),
                available = show::bytes(whole),
                "--memory is more than there is: the system may end the run"
            );
        }
        Limits {
            memory: self.memory.unwrap_or_else(|| share(whole)),
            jobs: self.jobs(),
            spill: self.spill_dir.clone().unwrap_or_else(|| state.join("spill")),
            spill_bytes: self.spill_limit,
        }
    }
}

/// The limits of a command that moves no rows, such as `plan`.
pub(super) fn defaults(state: &Path) -> Limits {
    Limits {
        memory: share(available()),
        jobs: cores(),
        spill: state.join("spill"),
        spill_bytes: 50_000_000_000,
    }
}

/// What to assume of a machine that does not tell how much memory it has.
const UNKNOWN_MEMORY: u64 = 4 << 30;

fn share(whole: Option<u64>) -> u64 {
    whole.unwrap_or(UNKNOWN_MEMORY) / 10 * 6
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn jobs(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(jobs @ 1..=1024) => Ok(jobs),
        _ => Err("write a whole number from 1 to 1024".to_owned()),
    }
}

/// Bytes of memory that this process may use: those of the machine or of the cgroup, whichever
/// are fewer; `None` where neither is known.
fn available() -> Option<u64> {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let machine = machine_memory(&read("/proc/meminfo"));
    let group = cgroup_memory(Path::new("/sys/fs/cgroup"), &read("/proc/self/cgroup"));
    machine.into_iter().chain(group).min()
}

/// `MemTotal` of `/proc/meminfo`, in bytes.
fn machine_memory(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

/// The smallest limit on the way from our cgroup up to `root`. `membership` is the text of
/// `/proc/self/cgroup`: `0::/path` in version 2, `4:memory:/path` in version 1.
fn cgroup_memory(root: &Path, membership: &str) -> Option<u64> {
    let limits = membership.lines().filter_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, path) = (fields.next()?, fields.next()?);
        match controllers {
            "" => lowest(root, path, "memory.max"),
            _ if controllers.split(',').any(|name| name == "memory") => {
                lowest(&root.join("memory"), path, "memory.limit_in_bytes")
            }
            _ => None,
        }
    });
    limits.min()
}

fn lowest(root: &Path, path: &str, file: &str) -> Option<u64> {
    let group = root.join(path.trim_start_matches('/'));
    let ours = group.ancestors().take_while(|folder| folder.starts_with(root));
    // `max` in version 2 is no number; version 1 writes a huge one, which the machine's undercuts.
    ours.filter_map(|folder| std::fs::read_to_string(folder.join(file)).ok()?.trim().parse().ok())
        .min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_tells_its_memory_in_kibibytes() {
        let text = "MemTotal:       16384 kB\nMemFree:  1 kB\n";
        assert_eq!(machine_memory(text), Some(16_777_216));
        assert_eq!(machine_memory("MemTotal: many"), None);
    }

    #[test]
    fn the_lowest_limit_of_a_group_and_its_parents_counts() {
        let root = tempfile::tempdir().unwrap();
        let group = root.path().join("jobs/nightly");
        std::fs::create_dir_all(&group).unwrap();
        std::fs::write(group.join("memory.max"), "max\n").unwrap();
        assert_eq!(cgroup_memory(root.path(), "0::/jobs/nightly\n"), None);
        std::fs::write(root.path().join("jobs/memory.max"), "1000000\n").unwrap();
        assert_eq!(cgroup_memory(root.path(), "0::/jobs/nightly\n"), Some(1_000_000));
    }

    #[test]
    fn the_first_version_of_cgroups_is_understood_too() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("memory/a")).unwrap();
        std::fs::write(root.path().join("memory/a/memory.limit_in_bytes"), "2048\n").unwrap();
        let membership = "5:cpu,cpuacct:/a\n4:memory:/a\n";
        assert_eq!(cgroup_memory(root.path(), membership), Some(2048));
        assert_eq!(cgroup_memory(root.path(), "nonsense"), None);
    }

    #[test]
    fn a_run_takes_sixty_percent_of_what_there_is() {
        assert_eq!(share(Some(10_000)), 6_000);
        assert!(share(available()) > 0);
    }
}
