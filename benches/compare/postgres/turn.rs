//! One turn of one contestant: a fresh target, the measured process, and what came of it.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use super::contestant::{Contestant, Ends, pipeline};
use super::server::{Server, scripts};
use super::{Case, Job, KEY};
use crate::child::{Run, measure};
use crate::data::Data;
use crate::{Result, Settings};

/// Everything that turns have in common.
pub(super) struct Turns<'a> {
    server: &'a Server,
    python: PathBuf,
    work: PathBuf,
    lineitem: PathBuf,
}

impl<'a> Turns<'a> {
    /// Finds Python with the peers.
    pub(super) fn new(settings: &Settings, data: &Data, server: &'a Server) -> Result<Self> {
        let home = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let python = std::env::var_os("DHOW_BENCH_POSTGRES_PYTHON").map(PathBuf::from);
        let python = python.unwrap_or_else(|| home.join(".venv-postgres/bin/python"));
        if !python.exists() {
            let found = python.display();
            return Err(format!("{found} is not there; `make bench` makes it").into());
        }
        let (work, lineitem) = (settings.folder.join("work"), data.file("lineitem.parquet"));
        Ok(Turns { server, python, work, lineitem })
    }

    /// Removes everything that contestants have written to files.
    pub(super) fn clear(&self) -> Result<()> {
        if self.work.exists() {
            std::fs::remove_dir_all(&self.work)?;
        }
        Ok(std::fs::create_dir_all(&self.work)?)
    }

    /// What the contestant's process cost, and the processor time of the server meanwhile.
    pub(super) fn take(&self, case: &Case, contestant: Contestant) -> Result<(Run, f64)> {
        let folder = self.work.join(contestant.word());
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        std::fs::create_dir_all(&folder)?;
        if case.job != Job::ToParquet {
            self.server.fresh(&target(contestant));
        }
        let ends = self.ends(case, contestant)?;
        if contestant.is_dhow() {
            let text = pipeline(case, contestant, &ends.source, &ends.target);
            std::fs::write(folder.join("pipeline.yaml"), text)?;
        }
        // Nobody pays for what another one has left in the server's buffers.
        self.server.sql("postgres", "checkpoint");
        let before = self.server.processor_seconds()?;
        let run = measure(&self.python, &folder, &contestant.command(case, &ends))?;
        // Sessions end a moment after their clients.
        std::thread::sleep(Duration::from_millis(300));
        let server_seconds = self.server.processor_seconds()? - before;
        let told = contestant.tells_seconds().then(|| run.stdout.trim().parse::<f64>());
        let seconds = told.transpose()?.unwrap_or(run.seconds);
        Ok((Run { seconds, ..run }, server_seconds))
    }

    fn ends(&self, case: &Case, contestant: Contestant) -> Result<Ends<'_>> {
        let text = |path: PathBuf| path.into_os_string().into_string();
        let source = match case.job {
            Job::FromParquet => text(self.lineitem.clone()),
            Job::ToParquet | Job::Between => Ok(self.server.url(case.table)),
        };
        let target = match case.job {
            Job::ToParquet => text(self.written(contestant)),
            Job::Between | Job::FromParquet => Ok(self.server.url(&target(contestant))),
        };
        let (Ok(source), Ok(target)) = (source, target) else {
            return Err("the folder of the bench has a name that is not text".into());
        };
        Ok(Ends { python: &self.python, scripts: SCRIPTS.as_path(), source, target })
    }

    /// The Parquet file, or dhow's folder of them.
    fn written(&self, contestant: Contestant) -> PathBuf {
        let name = if contestant.is_dhow() { "out" } else { "out.parquet" };
        self.work.join(contestant.word()).join(name)
    }

    /// Ends the bench unless every Parquet file holds the rows of the source.
    pub(super) fn check_files(&self, case: &Case, contestants: &[Contestant]) -> Result<()> {
        let written = contestants.iter().filter(|each| each.writes(case.job));
        let mut command = self.check("parquet", case);
        command.args(written.map(|each| self.written(*each)));
        finish(command, case)
    }

    /// Ends the bench unless the contestant's table holds the rows of the source, and has its key.
    pub(super) fn check_target(&self, case: &Case, contestant: Contestant) -> Result<()> {
        // The file has the rows of `lineitem`, so that is what a copy of it is compared with.
        let mut command = self.check("postgres", case);
        command.arg(self.server.url(&target(contestant))).arg(KEY);
        finish(command, case)
    }

    /// Removes the contestant's database, if it has one.
    pub(super) fn drop_target(&self, contestant: Contestant) {
        self.server.discard(&target(contestant));
    }

    fn check(&self, what: &str, case: &Case) -> Command {
        let mut command = Command::new(&self.python);
        command.arg(SCRIPTS.join("check.py")).arg(what).arg(self.server.url(case.table));
        command.arg(case.table).current_dir(&self.work);
        command
    }
}

/// The folder of scripts, made once.
static SCRIPTS: std::sync::LazyLock<PathBuf> = std::sync::LazyLock::new(scripts);

fn finish(mut command: Command, case: &Case) -> Result<()> {
    let output = command.output()?;
    match output.status.success() {
        true => Ok(()),
        false => {
            let why = String::from_utf8_lossy(&output.stderr).into_owned();
            Err(format!("{}: results differ: {why}", case.name).into())
        }
    }
}

/// The database that a contestant writes.
fn target(contestant: Contestant) -> String {
    format!("target_{}", contestant.word())
}
