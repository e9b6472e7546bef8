//! Runs both programs as processes and measures them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use crate::cases::Case;
use crate::{Result, number};

/// What one process cost.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Run {
    /// The exit code.
    pub(crate) code: i32,
    /// Wall time.
    pub(crate) seconds: f64,
    /// User and system time.
    pub(crate) cpu_seconds: f64,
    /// The largest resident size.
    pub(crate) peak_bytes: u64,
    /// The end of what it printed.
    pub(crate) stdout: String,
    /// The end of what it complained about.
    pub(crate) stderr: String,
}

/// What [`Tools::same`] is told.
#[derive(Debug, Deserialize)]
struct Same {
    same: bool,
    why: String,
}

/// The programs, and what they may use.
pub(crate) struct Tools {
    /// A Python that has DuckDB.
    pub(crate) python: PathBuf,
    scripts: PathBuf,
    work: PathBuf,
    threads: usize,
    /// What both programs are told to stay below, in MiB.
    pub(crate) memory_mib: u64,
}

impl Tools {
    /// Finds Python with DuckDB, and makes a folder for results under `folder`.
    pub(crate) fn find(folder: &Path) -> Result<Self> {
        let home = Path::new(env!("CARGO_MANIFEST_DIR"));
        let python = std::env::var_os("DHOW_BENCH_PYTHON").map(PathBuf::from);
        let python = python.unwrap_or_else(|| home.join(".venv/bin/python"));
        if !python.exists() {
            let found = python.display();
            return Err(format!("{found} is not there; `make bench` makes it").into());
        }
        Ok(Tools {
            python,
            scripts: home.join("benches"),
            work: folder.join("work"),
            threads: std::thread::available_parallelism()?.get(),
            memory_mib: number("DHOW_BENCH_MEMORY_MIB", 2048)?,
        })
    }

    /// The line above the table: what ran where.
    pub(crate) fn describe(&self, scale: f64, rounds: usize) -> Result<String> {
        let version = "import duckdb; print(duckdb.__version__)";
        let version = Command::new(&self.python).args(["-c", version]).output()?.stdout;
        let version = String::from_utf8_lossy(&version);
        let processor = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let processor = processor.lines().find_map(|line| line.strip_prefix("model name\t: "));
        Ok(format!(
            "dhow {} and DuckDB {} on {} cores of {}, {} MiB each, scale {scale}, {rounds} rounds",
            env!("CARGO_PKG_VERSION"),
            version.trim(),
            self.threads,
            processor.unwrap_or("an unknown processor"),
            self.memory_mib,
        ))
    }

    /// Removes everything that cases have written.
    pub(crate) fn clear(&self) -> Result<()> {
        if self.work.exists() {
            std::fs::remove_dir_all(&self.work)?;
        }
        Ok(std::fs::create_dir_all(&self.work)?)
    }

    /// dhow does `case`.
    pub(crate) fn dhow(&self, case: &Case) -> Result<Run> {
        let mut command: Vec<OsString> = vec![env!("CARGO_BIN_EXE_dhow").into()];
        match &case.sql {
            None => {
                command.push("copy".into());
                command.extend(case.sources.iter().map(|(_, path)| path.into()));
                command.push("dhow.out/".into());
            }
            Some(sql) => {
                command.extend(["sql".into(), sql.into()]);
                for source in named(case) {
                    command.extend(["--source".into(), source]);
                }
                command.extend(["--to".into(), "dhow.out/".into()]);
            }
        }
        command.extend(["--memory".into(), self.memory().into()]);
        self.measure(&command)
    }

    /// DuckDB does `case`; its seconds do not count the start of Python.
    pub(crate) fn duckdb(&self, case: &Case) -> Result<Run> {
        let script = self.scripts.join("duckdb_peer.py");
        let mut command: Vec<OsString> = vec![self.python.clone().into(), script.into()];
        let threads = self.threads.to_string();
        let options = ["--to", "duckdb.parquet", "--temp", "duckdb.temp", "--threads", &threads];
        command.extend(options.map(OsString::from));
        command.extend(["--memory".into(), self.memory().into()]);
        if let Some(sql) = &case.sql {
            command.extend(["--sql".into(), sql.into()]);
        }
        command.extend(named(case));
        let run = self.measure(&command)?;
        let seconds = run.stdout.trim().parse()?;
        Ok(Run { seconds, ..run })
    }

    /// Ends the bench unless both wrote the same rows.
    pub(crate) fn same(&self, case: &Case) -> Result<()> {
        let more: &[_] = if case.sql.is_none() { &["--exact"] } else { &[] };
        let same = self.compare(&self.work, ["dhow.out", "duckdb.parquet"], more);
        same.map_err(|e| format!("{}: dhow and DuckDB: {e}", case.name).into())
    }

    /// Ends the bench unless two tables in `folder` have the same rows, as `same.py` compares them.
    pub(crate) fn compare(&self, folder: &Path, tables: [&str; 2], more: &[&str]) -> Result<()> {
        let mut command = Command::new(&self.python);
        command.arg(self.scripts.join("same.py")).args(tables).args(more);
        let output = command.current_dir(folder).output()?;
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        let Ok(told) = serde_json::from_slice::<Same>(&output.stdout) else {
            return Err(format!("could not compare: {complaint}").into());
        };
        if told.same { Ok(()) } else { Err(format!("the rows differ: {}", told.why).into()) }
    }

    /// Runs `pipeline` with dhow in `folder`, which is emptied before.
    pub(crate) fn pipeline(&self, folder: &Path, pipeline: &str) -> Result<Run> {
        if folder.exists() {
            std::fs::remove_dir_all(folder)?;
        }
        std::fs::create_dir_all(folder)?;
        std::fs::write(folder.join("pipeline.yaml"), pipeline)?;
        let command = [env!("CARGO_BIN_EXE_dhow"), "run", "pipeline.yaml", "--quiet"];
        measure(&self.python, folder, &command.map(Into::into))
    }

    fn memory(&self) -> String {
        format!("{}MiB", self.memory_mib)
    }

    fn measure(&self, command: &[OsString]) -> Result<Run> {
        measure(&self.python, &self.work, command)
    }
}

/// Runs `command` in `folder` and measures it with the script for that.
pub(crate) fn measure(python: &Path, folder: &Path, command: &[OsString]) -> Result<Run> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/measure.py");
    let output = Command::new(python).arg(script).args(command).current_dir(folder).output()?;
    let run: Run = serde_json::from_slice(&output.stdout)
        .map_err(|_| String::from_utf8_lossy(&output.stderr).into_owned())?;
    if run.code != 0 {
        return Err(format!("{command:?} ended with {}:\n{}", run.code, run.stderr).into());
    }
    Ok(run)
}

/// The sources of `case` as `name=path`.
fn named(case: &Case) -> impl Iterator<Item = OsString> {
    case.sources.iter().map(|(name, path)| {
        let mut source = OsString::from(format!("{name}="));
        source.push(path);
        source
    })
}
