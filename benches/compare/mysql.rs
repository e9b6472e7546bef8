//! Compares dhow with what else moves a table out of MariaDB; one table for each case.
//!
//! The server is started here and loaded once. Contestants take turns, each time in another order;
//! the seconds are the median of all rounds. Afterwards every result is compared with the rows that
//! the server was loaded with.

// The server that tests start as well; most of what it can do is for them.
#[expect(dead_code, reason = "shared with the tests")]
#[path = "../../tests/databases/mariadb.rs"]
mod mariadb;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use mariadb::MariaDb;

use crate::child::{Run, measure};
use crate::data::Data;
use crate::table::{self, Line};
use crate::{Result, Settings};

/// Enough memory for `lineitem`.
const SETTINGS: &[&str] =
    &["--innodb-buffer-pool-size=2G", "--local-infile=1", "--innodb-flush-log-at-trx-commit=0"];
/// The name that is printed, and by which the case is chosen.
const CASE: &str = "mysql to parquet";
const TABLE: &str = "lineitem";
/// Linux counts processor time of processes in hundredths.
const TICKS: f64 = 100.0;

/// A program that moves tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Contestant {
    /// dhow at its default settings, with options beside the address of its source: another
    /// `reader`, for instance.
    Dhow { name: &'static str, options: &'static str },
    /// DuckDB with its MySQL extension.
    DuckDb,
    /// The command line of MariaDB, to nowhere.
    Client,
}

const CONTESTANTS: &[Contestant] = &[
    Contestant::Dhow { name: "dhow", options: "" },
    #[cfg(feature = "connectorx")]
    Contestant::Dhow {
        name: "dhow (reader: connectorx)",
        options: ", reader: connectorx, split_by: l_orderkey, partitions: 2",
    },
    Contestant::DuckDb,
    Contestant::Client,
];

impl Contestant {
    fn label(self) -> String {
        match self {
            Contestant::Dhow { name, .. } => name.to_owned(),
            Contestant::DuckDb => "DuckDB".to_owned(),
            Contestant::Client => "limit: mariadb --quick to nowhere".to_owned(),
        }
    }

    /// The name of its folder.
    fn word(self) -> String {
        self.label().replace([':', ' ', '(', ')'], "_")
    }
}

/// Does the case if `settings` want it, and prints its table.
pub(crate) fn bench(settings: &Settings, data: &Data) -> Result<()> {
    if !settings.wants(CASE) {
        return Ok(());
    }
    let bench = Bench::start(settings, data)?;
    println!("\n{}\n\n{CASE}: {}\n\n{}", bench.describe(), bench.size(), table::CONTESTANTS);
    for line in bench.compare(settings.rounds.max(1))? {
        println!("{line}");
    }
    Ok(())
}

/// A loaded server, and where contestants work.
struct Bench {
    server: MariaDb,
    database: String,
    python: PathBuf,
    work: PathBuf,
    original: PathBuf,
}

impl Bench {
    fn start(settings: &Settings, data: &Data) -> Result<Self> {
        let python = std::env::var_os("DHOW_BENCH_POSTGRES_PYTHON").map(PathBuf::from);
        let home = Path::new(env!("CARGO_MANIFEST_DIR"));
        let python = python.unwrap_or_else(|| home.join(".venv-postgres/bin/python"));
        if !python.exists() {
            return Err(format!("{} is not there; `make bench` makes it", python.display()).into());
        }
        let server = MariaDb::start(SETTINGS);
        let database = server.database("bench");
        let create = std::fs::read_to_string(scripts().join("lineitem.sql"))?;
        let load = format!(
            "{create} load data local infile '{}' into table {TABLE} fields terminated by ',' \
             optionally enclosed by '\"' lines terminated by '\\n' ignore 1 lines; \
             analyze table {TABLE}",
            data.file("lineitem.csv").display()
        );
        server.sql(&database, &load);
        let (work, original) = (settings.folder.join("work"), data.file("lineitem.parquet"));
        Ok(Bench { server, database, python, work, original })
    }

    fn describe(&self) -> String {
        let version = self.server.sql(&self.database, "select version()");
        format!("MariaDB {version} over the loopback, {}", SETTINGS.join(" "))
    }

    fn size(&self) -> String {
        let rows = self.server.sql(&self.database, &format!("select count(*) from {TABLE}"));
        let bytes = format!(
            "select round(data_length / 1000000) from information_schema.tables \
             where table_schema = database() and table_name = '{TABLE}'"
        );
        format!("{rows} rows, {} MB in MariaDB", self.server.sql(&self.database, &bytes))
    }

    fn compare(&self, rounds: usize) -> Result<Vec<String>> {
        let mut order = CONTESTANTS.to_vec();
        let mut lines: Vec<Line> = order.iter().map(|each| Line::new(each.label())).collect();
        self.clear()?;
        for _ in 0..rounds {
            for contestant in &order {
                let (run, server_seconds) = self.take(*contestant)?;
                let label = contestant.label();
                if let Some(line) = lines.iter_mut().find(|line| line.name == label) {
                    line.add(run, server_seconds);
                }
            }
            order.rotate_left(1);
        }
        self.check()?;
        self.clear()?;
        Ok(table::lines(&lines))
    }

    fn clear(&self) -> Result<()> {
        if self.work.exists() {
            std::fs::remove_dir_all(&self.work)?;
        }
        Ok(std::fs::create_dir_all(&self.work)?)
    }

    /// What the contestant's process cost, and the processor time of the server meanwhile.
    fn take(&self, contestant: Contestant) -> Result<(Run, f64)> {
        let folder = self.work.join(contestant.word());
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        std::fs::create_dir_all(&folder)?;
        if let Contestant::Dhow { options, .. } = contestant {
            let url = self.url();
            let pipeline = format!(
                "name: bench\nsources:\n  rows: {{ type: mysql, url: \"{url}\", table: {TABLE}{options} }}\n\
                 sinks:\n  {TABLE}: {{ from: rows, mode: replace, type: parquet, path: out }}\n"
            );
            std::fs::write(folder.join("pipeline.yaml"), pipeline)?;
        }
        let before = self.processor_seconds()?;
        let run = measure(&self.python, &folder, &self.command(contestant))?;
        let server_seconds = self.processor_seconds()? - before;
        let seconds = match contestant {
            // Its script prints the seconds that count.
            Contestant::DuckDb => run.stdout.trim().parse()?,
            Contestant::Dhow { .. } | Contestant::Client => run.seconds,
        };
        Ok((Run { seconds, ..run }, server_seconds))
    }

    fn command(&self, contestant: Contestant) -> Vec<OsString> {
        let port = self.server.port.to_string();
        match contestant {
            Contestant::Dhow { .. } => words(&[env!("CARGO_BIN_EXE_dhow"), "run", "pipeline.yaml"]),
            Contestant::DuckDb => {
                let peer = scripts().join("peer.py").into_os_string();
                let mut command = vec![self.python.clone().into_os_string(), peer];
                command.extend(words(&[&port, &self.database, TABLE, "out.parquet"]));
                command
            }
            Contestant::Client => {
                let sql = format!(
                    "mariadb --no-defaults --quick --batch -h 127.0.0.1 -P {port} -u dhow {} \
                     -e 'select * from {TABLE}' >/dev/null",
                    self.database
                );
                words(&["sh", "-c", &sql])
            }
        }
    }

    /// Ends the bench unless everybody has written the rows that the server was loaded with.
    fn check(&self) -> Result<()> {
        let written = CONTESTANTS.iter().filter_map(|each| {
            let folder = self.work.join(each.word());
            match each {
                Contestant::Dhow { .. } => Some(folder.join("out")),
                Contestant::DuckDb => Some(folder.join("out.parquet")),
                Contestant::Client => None,
            }
        });
        let mut command = Command::new(&self.python);
        command.arg(scripts().join("check.py")).arg(&self.original).args(written);
        let output = command.output()?;
        match output.status.success() {
            true => Ok(()),
            false => {
                let why = String::from_utf8_lossy(&output.stderr).into_owned();
                Err(format!("{CASE}: results differ: {why}").into())
            }
        }
    }

    fn url(&self) -> String {
        format!("mysql://dhow@127.0.0.1:{}/{}", self.server.port, self.database)
    }

    /// Seconds of processor time of the server.
    fn processor_seconds(&self) -> Result<f64> {
        let pid = std::fs::read_to_string(self.server.folder.join("pid"))?;
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim()))?;
        // After the name in brackets, the 12th and 13th word are those of the process.
        let (_, rest) = stat.rsplit_once(')').ok_or("no process state")?;
        let ticks = rest.split_whitespace().skip(11).take(2).map(str::parse::<f64>);
        Ok(ticks.sum::<std::result::Result<f64, _>>()? / TICKS)
    }
}

/// The folder of scripts.
fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/mysql")
}

fn words(words: &[&str]) -> Vec<OsString> {
    words.iter().map(OsString::from).collect()
}
