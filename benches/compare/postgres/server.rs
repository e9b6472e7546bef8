//! The server of the bench: its settings, its tables, and the processor time it used.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use super::cluster::Cluster;
use crate::Result;
use crate::data::Data;

/// Enough memory for `lineitem`, no checkpoint or vacuum in the middle of a turn, and files of the log
/// that are written again instead of being made anew, which would take whoever writes first seconds.
const SETTINGS: &[&str] = &[
    "-c",
    "shared_buffers=1GB",
    "-c",
    "max_wal_size=16GB",
    "-c",
    "min_wal_size=6GB",
    "-c",
    "checkpoint_timeout=1h",
    "-c",
    "autovacuum=off",
];
/// Rows of `wide` at scale 1.
const WIDE_ROWS: f64 = 200_000.0;
/// Linux counts processor time of processes in hundredths.
const TICKS: f64 = 100.0;

/// A running server, and which tables it has.
pub(super) struct Server {
    cluster: Cluster,
    loaded: Mutex<BTreeSet<&'static str>>,
}

impl Server {
    /// Starts it.
    pub(super) fn start() -> Result<Self> {
        let psql = Command::new("psql").arg("--version").output();
        psql.map_err(|_| "the Postgres cases need psql and a server: `make test` installs them")?;
        Ok(Server { cluster: Cluster::start(SETTINGS), loaded: Mutex::default() })
    }

    /// The line above the tables.
    pub(super) fn describe(&self) -> String {
        let version = self.sql("postgres", "show server_version");
        format!("PostgreSQL {version} over the loopback, fsync=off, {}", SETTINGS.join(" "))
    }

    /// A database over the loopback, which every contestant can use.
    pub(super) fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.cluster.port)
    }

    /// What psql prints for one statement.
    pub(super) fn sql(&self, database: &str, statement: &str) -> String {
        self.cluster.psql(database, statement)
    }

    /// An empty database of this name.
    pub(super) fn fresh(&self, database: &str) {
        self.discard(database);
        self.sql("postgres", &format!("create database {database} template template0"));
    }

    /// No database of this name.
    pub(super) fn discard(&self, database: &str) {
        self.sql("postgres", &format!("drop database if exists {database} with (force)"));
    }

    /// Makes the table in a database of its own, once.
    pub(super) fn load(&self, table: &'static str, data: &Data, scale: f64) -> Result<()> {
        let mut loaded = self.loaded.lock().map_err(|_| "a thread has panicked")?;
        if !loaded.insert(table) {
            return Ok(());
        }
        self.fresh(table);
        match table {
            "lineitem" => self.load_lineitem(table, data),
            // Made of `lineitem`, in the same database.
            "documents" => {
                self.load_lineitem(table, data)?;
                self.script(table, "documents.sql", &[])
            }
            _ => {
                let rows = format!("rows={:.0}", WIDE_ROWS * scale);
                self.script(table, "wide.sql", &["-v", &rows])
            }
        }
    }

    fn load_lineitem(&self, database: &str, data: &Data) -> Result<()> {
        self.script(database, "lineitem.sql", &[])?;
        let copy = "copy lineitem from stdin (format csv, header)";
        let file = File::open(data.file("lineitem.csv"))?;
        self.psql(database, &["-c", copy], file.into())?;
        let key = format!("alter table lineitem add primary key ({})", super::KEY);
        self.sql(database, &key);
        self.sql(database, "vacuum (freeze, analyze) lineitem");
        Ok(())
    }

    /// Rows and size of a loaded table.
    pub(super) fn size(&self, table: &str) -> String {
        let sql = format!(
            "select count(*) || ' rows, ' || pg_table_size('{table}') / 1000000 || ' MB in Postgres' \
             from {table}"
        );
        self.sql(table, &sql)
    }

    fn script(&self, database: &str, name: &str, options: &[&str]) -> Result<()> {
        let path = scripts().join(name);
        let path = path.to_str().ok_or("the path of the bench is not text")?;
        let mut options = options.to_vec();
        options.extend(["-f", path]);
        self.psql(database, &options, Stdio::null())
    }

    fn psql(&self, database: &str, options: &[&str], input: Stdio) -> Result<()> {
        let done = Command::new("psql")
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"])
            .arg(self.url(database))
            .args(options)
            .stdin(input)
            .output()?;
        match done.status.success() {
            true => Ok(()),
            false => Err(String::from_utf8_lossy(&done.stderr).into_owned().into()),
        }
    }

    /// Seconds of processor time of all connections that have ended.
    pub(super) fn processor_seconds(&self) -> Result<f64> {
        let pid = std::fs::read_to_string(self.cluster.socket.join("data/postmaster.pid"))?;
        let pid = pid.lines().next().unwrap_or_default();
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
        // After the name in brackets, the 14th and 15th word are those of children.
        let (_, rest) = stat.rsplit_once(')').ok_or("no process state")?;
        let ticks = rest.split_whitespace().skip(13).take(2).map(str::parse::<f64>);
        Ok(ticks.sum::<std::result::Result<f64, _>>()? / TICKS)
    }
}

/// The folder of scripts.
pub(super) fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/postgres")
}
