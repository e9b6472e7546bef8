//! The real binary over whole pipelines: killed, stopped, starved, fed with broken files, and run
//! twice at once. Nothing but the file system is needed.

mod broken;
mod demo;
mod functions;
mod interrupted;
// Release builds have no points at which to be killed.
#[cfg(debug_assertions)]
mod killed;
mod rejects;
mod starved;

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tempfile::TempDir;

/// Points at which no process is killed.
const UNDISTURBED: &str = "";

/// A project in a folder of its own, removed when dropped.
struct Project(TempDir);

/// How a call of `dhow` ended.
#[derive(Debug)]
struct Ended {
    code: Option<i32>,
    signal: Option<i32>,
    out: String,
    err: String,
}

impl Project {
    /// A folder with these files.
    fn of(files: &[(&str, &str)]) -> Self {
        let project = Project(tempfile::tempdir().expect("a temporary folder can be made"));
        for (path, text) in files {
            project.write(path, text);
        }
        project
    }

    /// The demo: `fixtures` and `sql`, side by side as in the repository, with one pipeline.
    fn demo() -> Self {
        let project = Project::of(&[]);
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        for folder in ["fixtures/flights", "sql"] {
            copy(&root.join(folder), &project.path(folder));
        }
        let pipeline = "fixtures/pipelines/flights.yaml";
        let text = std::fs::read(root.join(pipeline)).expect("the demo has a pipeline");
        project.write(pipeline, text);
        project
    }

    /// Another folder with the same files.
    fn twin(&self) -> Self {
        let twin = Project::of(&[]);
        copy(self.0.path(), twin.0.path());
        twin
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    fn write(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(path);
        let folder = path.parent().expect("a file is in a folder");
        std::fs::create_dir_all(folder).expect("folders can be made");
        std::fs::write(path, bytes).expect("files can be written");
    }

    /// `dhow` with `arguments`, to be called in `folder` of the project, with nothing of ours in
    /// its environment.
    fn command(&self, folder: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dhow"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("DHOW_") {
                command.env_remove(name);
            }
        }
        command.current_dir(self.path(folder)).args(arguments).stdin(Stdio::null());
        command
    }

    /// Calls `dhow` at the top of the project.
    fn dhow(&self, arguments: &[&str]) -> Ended {
        ended(self.command("", arguments))
    }

    /// Runs the only pipeline in `folder`, killed at `fault` unless that is [`UNDISTURBED`].
    fn run(&self, folder: &str, fault: &str) -> Ended {
        let mut command = self.command(folder, &["run", "--quiet"]);
        if fault != UNDISTURBED {
            command.env("DHOW_FAULT", fault);
        }
        ended(command)
    }

    /// What a reader sees who lists the folder of a table: its rows, sorted.
    fn table(&self, path: &str) -> Vec<String> {
        let mut rows = Vec::new();
        for file in parquet_files(&self.path(path)) {
            let folder = file.parent().and_then(|f| f.strip_prefix(self.path(path)).ok());
            let folder = folder.map(|f| f.display().to_string()).unwrap_or_default();
            rows.extend(rows_of(&file).iter().map(|row| format!("{folder}{row}")));
        }
        rows.sort_unstable();
        rows
    }
}

/// Calls `command` and waits for its end.
fn ended(mut command: Command) -> Ended {
    Ended::of(command.output().expect("dhow starts"))
}

impl Ended {
    fn of(output: Output) -> Self {
        Ended {
            code: output.status.code(),
            signal: output.status.signal(),
            out: String::from_utf8(output.stdout).expect("dhow prints UTF-8"),
            err: String::from_utf8(output.stderr).expect("dhow prints UTF-8"),
        }
    }

    fn was_killed(&self) -> bool {
        self.signal == Some(9)
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("folders can be made");
    for entry in std::fs::read_dir(from).expect("folders can be listed") {
        let entry = entry.expect("folders can be listed");
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        match from.is_dir() {
            true => copy(&from, &to),
            false => {
                std::fs::copy(&from, &to).expect("files can be copied");
            }
        }
    }
}

/// Parquet files that a reader of `folder` finds: names with a dot or an underscore in front are
/// hidden from readers by custom.
fn parquet_files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.expect("folders can be listed").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with(['.', '_']) {
            continue;
        }
        match path.is_dir() {
            true => files.extend(parquet_files(&path)),
            false if name.ends_with(".parquet") => files.push(path),
            false => {}
        }
    }
    files.sort();
    files
}

fn rows_of(path: &Path) -> Vec<String> {
    let file = std::fs::File::open(path).expect("a file that is listed can be read");
    let rows = ParquetRecordBatchReaderBuilder::try_new(file).expect("a whole Parquet file");
    let mut text = Vec::new();
    let mut writer = arrow::json::LineDelimitedWriter::new(&mut text);
    for batch in rows.build().expect("a whole Parquet file") {
        writer.write(&batch.expect("readable rows")).expect("rows can be shown");
    }
    writer.finish().expect("rows can be shown");
    String::from_utf8(text).expect("JSON is UTF-8").lines().map(str::to_owned).collect()
}
