//! Who takes part, and how each is called.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use super::{Case, Job, KEY};

/// A program that moves tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Contestant {
    /// dhow at its default settings.
    Dhow,
    /// dhow with `reader: connectorx`, with two partitions.
    DhowConnectorx,
    /// DuckDB with its Postgres extension.
    DuckDb,
    /// connectorx, with two partitions.
    Connectorx,
    /// The Postgres driver of ADBC, with pyarrow.
    Adbc,
    /// pgcopydb, which clones the whole database.
    Pgcopydb,
    /// psql in so many streams; to nowhere where the target is no table.
    Psql(u8),
}

/// What a command line is made of.
pub(super) struct Ends<'a> {
    /// Python with the peers.
    pub(super) python: &'a Path,
    /// The folder `benches/postgres`.
    pub(super) scripts: &'a Path,
    /// The database or file that is read.
    pub(super) source: String,
    /// The database or file that is written.
    pub(super) target: String,
}

impl Contestant {
    /// The name in the table.
    pub(super) fn label(self, job: Job) -> String {
        match (self, job) {
            (Contestant::Dhow, _) => "dhow".to_owned(),
            (Contestant::DhowConnectorx, _) => "dhow (reader: connectorx)".to_owned(),
            (Contestant::DuckDb, _) => "DuckDB".to_owned(),
            (Contestant::Connectorx, _) => "connectorx".to_owned(),
            (Contestant::Adbc, _) => "ADBC".to_owned(),
            (Contestant::Pgcopydb, _) => "pgcopydb".to_owned(),
            (Contestant::Psql(streams), Job::ToParquet) => {
                format!("limit: {streams} × psql to nowhere")
            }
            (Contestant::Psql(streams), _) => format!("{streams} × psql to psql"),
        }
    }

    /// A word for names of files and databases.
    pub(super) fn word(self) -> String {
        match self {
            Contestant::Dhow => "dhow".to_owned(),
            Contestant::DhowConnectorx => "dhow_connectorx".to_owned(),
            Contestant::DuckDb => "duckdb".to_owned(),
            Contestant::Connectorx => "connectorx".to_owned(),
            Contestant::Adbc => "adbc".to_owned(),
            Contestant::Pgcopydb => "pgcopydb".to_owned(),
            Contestant::Psql(streams) => format!("psql{streams}"),
        }
    }

    /// Whether it can take part; what comes from PyPI and psql are there whenever the bench is.
    pub(super) fn is_installed(self) -> bool {
        match self {
            Contestant::Pgcopydb => Command::new("pgcopydb").arg("--version").output().is_ok(),
            Contestant::DhowConnectorx => cfg!(feature = "connectorx"),
            _ => true,
        }
    }

    /// Whether it is dhow, by whatever road.
    pub(super) fn is_dhow(self) -> bool {
        matches!(self, Contestant::Dhow | Contestant::DhowConnectorx)
    }

    /// Whether its script prints the seconds that count.
    pub(super) fn tells_seconds(self) -> bool {
        matches!(self, Contestant::DuckDb | Contestant::Connectorx | Contestant::Adbc)
    }

    /// Whether a case leaves something to be compared.
    pub(super) fn writes(self, job: Job) -> bool {
        job != Job::ToParquet || !matches!(self, Contestant::Psql(_))
    }

    /// The command line for `case`; dhow reads `pipeline.yaml` in the folder it runs in.
    pub(super) fn command(self, case: &Case, ends: &Ends<'_>) -> Vec<OsString> {
        match self {
            Contestant::Dhow | Contestant::DhowConnectorx => {
                words(&[env!("CARGO_BIN_EXE_dhow"), "run", "pipeline.yaml"])
            }
            Contestant::DuckDb | Contestant::Connectorx | Contestant::Adbc => self.peer(case, ends),
            Contestant::Pgcopydb => words(&[
                "pgcopydb",
                "clone",
                "--source",
                &ends.source,
                "--target",
                &ends.target,
                "--table-jobs",
                "2",
                "--index-jobs",
                "2",
                "--dir",
                "pgcopydb.work",
            ]),
            Contestant::Psql(streams) => {
                let script = ends.scripts.join("copy.sh");
                let mut command: Vec<OsString> = vec!["sh".into(), script.into()];
                command.extend(words(&[&ends.source, case.table, &streams.to_string()]));
                if case.job == Job::Between {
                    command.extend(words(&[&ends.target, KEY]));
                }
                command
            }
        }
    }

    fn peer(self, case: &Case, ends: &Ends<'_>) -> Vec<OsString> {
        let job = match case.job {
            Job::ToParquet => "postgres-to-parquet",
            Job::Between => "postgres-to-postgres",
            Job::FromParquet => "parquet-to-postgres",
        };
        let mut command: Vec<OsString> =
            vec![ends.python.into(), ends.scripts.join("peer.py").into()];
        command.extend(words(&[&self.word(), job, &ends.source, case.table, &ends.target]));
        if case.job != Job::ToParquet {
            command.push(KEY.into());
        }
        command
    }
}

fn words(words: &[&str]) -> Vec<OsString> {
    words.iter().map(OsString::from).collect()
}

/// The pipeline with which dhow does `case`, as this contestant.
pub(super) fn pipeline(case: &Case, contestant: Contestant, source: &str, target: &str) -> String {
    let table = case.table;
    let reader = match contestant {
        Contestant::DhowConnectorx => {
            ", reader: connectorx, split_by: l_orderkey, partitions: 2, url: \""
        }
        _ => ", url: \"",
    };
    let from = match case.job {
        Job::FromParquet => format!("type: parquet, path: \"{source}\""),
        Job::ToParquet | Job::Between => {
            format!("type: postgres{reader}{source}\", table: {table}")
        }
    };
    let to = match case.job {
        Job::ToParquet => format!("type: parquet, path: \"{target}\""),
        Job::Between | Job::FromParquet => {
            format!("type: postgres, url: \"{target}\", table: {table}, table_key: [{KEY}]")
        }
    };
    format!(
        "name: bench\nsources:\n  rows: {{ {from} }}\n\
         sinks:\n  {table}: {{ from: rows, mode: replace, {to} }}\n"
    )
}
