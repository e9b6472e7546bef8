//! `dhow clean`: removes what killed and replaced loads have left beside a table.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::exit::{SUCCESS, Stop};
use super::table::{Side, Table};
use super::{print, runtime, show};
use crate::config::measure;
use crate::connectors::{Orphan, clean};

/// Flags of `dhow clean`.
#[derive(Debug, Args)]
#[command(after_help = "Example: dhow clean out/orders --older-than 7d --dry-run")]
pub(super) struct Clean {
    /// Folder of a table [default: the current one]
    #[arg(value_name = "FOLDER", default_value = ".", hide_default_value = true)]
    folder: PathBuf,

    /// Age from which on a file that no load names is removed
    ///
    /// It must be more than the longest run, or files of a run that still works are removed.
    #[arg(long, env = "DHOW_OLDER_THAN", value_name = "TIME", default_value = "24h",
        value_parser = measure::duration)]
    older_than: Duration,

    /// List the files and remove nothing
    #[arg(long, env = "DHOW_DRY_RUN")]
    dry_run: bool,
}

/// Runs the command.
pub(super) fn run(command: Clean) -> Result<u8, Stop> {
    let Clean { folder, older_than, dry_run } = command;
    let found = runtime::block_on(2, async move { clean(&folder, older_than, dry_run).await })??;
    print::line(&shown(&found, dry_run))?;
    Ok(SUCCESS)
}

fn shown(orphans: &[Orphan], dry_run: bool) -> String {
    if orphans.is_empty() {
        return "nothing to remove".to_owned();
    }
    let mut table = Table::new(&[("file", Side::Left), ("bytes", Side::Right)]);
    for orphan in orphans {
        table.row([orphan.path.clone(), show::bytes(orphan.bytes)]);
    }
    let bytes = orphans.iter().map(|orphan| orphan.bytes).fold(0, u64::saturating_add);
    let verb = if dry_run { "would be removed" } else { "removed" };
    let files = show::plural(orphans.len(), "file");
    format!("{table}\n\n{files}, {} {verb}", show::bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_removed_is_listed_with_its_sum() {
        let orphans = [("a.parquet", 1500), ("b.parquet", 500)]
            .map(|(path, bytes)| Orphan { path: path.into(), bytes });
        assert_eq!(
            shown(&orphans, true),
            "file        bytes\na.parquet  1.5 kB\nb.parquet   500 B\n\n2 files, 2.0 kB would be removed"
        );
        assert_eq!(shown(&[], false), "nothing to remove");
    }
}
