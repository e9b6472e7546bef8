//! A project folder, and the real binary in it.

use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use tempfile::TempDir;

use crate::patience;

/// A project in a folder of its own, removed when dropped.
pub(crate) struct Project(TempDir);

/// How a call of `dhow` ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) signal: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Project {
    /// A folder with one pipeline.
    pub(crate) fn of(pipeline: &str) -> Self {
        let project = Project(tempfile::tempdir().expect("a temporary folder can be made"));
        std::fs::write(project.path("dhow.yaml"), pipeline).expect("files can be written");
        project
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    /// `dhow` with `arguments`, with nothing of ours in its environment.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dhow"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("DHOW_") {
                command.env_remove(name);
            }
        }
        command.current_dir(self.0.path()).args(arguments).stdin(Stdio::null());
        command
    }

    /// Calls `dhow` and waits for its end.
    pub(crate) fn dhow(&self, arguments: &[&str]) -> Ended {
        Ended::of_call(&mut self.command(arguments))
    }

    /// Runs the pipeline to its end, killed on the way at `fault` if one is named.
    pub(crate) fn run(&self, fault: Option<&str>) -> Ended {
        let mut command = self.command(&["run", "--quiet"]);
        if let Some(fault) = fault {
            command.env("DHOW_FAULT", fault);
        }
        Ended::of_call(&mut command)
    }

    /// A run that goes on by itself.
    pub(crate) fn begin(&self) -> Child {
        let mut command = self.command(&["run", "--quiet"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("dhow starts")
    }
}

impl Ended {
    /// Calls `command` and waits for its end.
    pub(crate) fn of_call(command: &mut Command) -> Self {
        Ended::of(patience::output(command))
    }

    /// Waits for the end of a run that was begun.
    pub(crate) fn of_run(child: Child) -> Self {
        Ended::of(patience::end(child, "a run of dhow"))
    }

    fn of(output: Output) -> Self {
        Ended {
            code: output.status.code(),
            signal: output.status.signal(),
            out: String::from_utf8(output.stdout).expect("dhow prints UTF-8"),
            err: String::from_utf8(output.stderr).expect("dhow prints UTF-8"),
        }
    }

    pub(crate) fn was_killed(&self) -> bool {
        self.signal == Some(9)
    }
}

/// Whether the long form of a test was asked for, as `make test-long` does.
pub(crate) fn is_long() -> bool {
    std::env::var_os("DHOW_LONG").is_some()
}

/// Does `work` with each of `items`, as many at a time as there are cores.
pub(crate) fn side_by_side<T: Sync>(items: &[T], work: impl Fn(&T) + Sync) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                while let Some(item) = items.get(next.fetch_add(1, Ordering::SeqCst)) {
                    work(item);
                }
            });
        }
    });
}
