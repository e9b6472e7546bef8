//! Where the password of a user comes from, and reading it there.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use crate::config::{Problem, Reader, Secret};
use crate::error::{Error, Result};

/// Longer ones are a mistake: a file of something else, or a command that says too much.
const LONGEST: usize = 64 * 1024;

/// Where a password comes from.
#[derive(Debug, Clone)]
pub enum Password {
    /// There is none.
    None,
    /// The options.
    Given(Secret),
    /// A file.
    File(PathBuf),
    /// The output of a program, given with its arguments.
    Command(Vec<Secret>),
}

impl Password {
    /// Takes `password`, `password_file` or `password_command`; `in_url` is that of the URL.
    pub fn read(reader: &Reader<'_>, in_url: Option<Secret>) -> Self {
        let names = ["password", "password_file", "password_command"];
        Self::read_as(reader, names, in_url)
    }

    /// The same under other names, such as `account_key`, `account_key_file` and
    /// `account_key_command`.
    pub fn read_as(
        reader: &Reader<'_>,
        [name, file_name, command_name]: [&'static str; 3],
        in_url: Option<Secret>,
    ) -> Self {
        let given = reader.text(name).map(Secret::guarded);
        let file = reader.text(file_name).map(PathBuf::from);
        let command = reader.list(command_name).into_iter().map(Secret::new);
        let command = Some(command.collect::<Vec<_>>()).filter(|command| !command.is_empty());
        let ways = [in_url.is_some(), given.is_some(), file.is_some(), command.is_some()];
        if ways.into_iter().filter(|way| *way).count() > 1 {
            let at = [file_name, command_name, name];
            let at = at.into_iter().find(|name| reader.node(name).is_some()).unwrap_or("url");
            let (message, hint) = match name {
                "password" => (
                    "the password is given more than once".to_owned(),
                    "keep one of password, password_file, password_command and that of `url`"
                        .to_owned(),
                ),
                _ => (
                    format!("`{name}` is given more than once"),
                    format!("keep one of {name}, {file_name} and {command_name}"),
                ),
            };
            reader.problem(Problem::new(&reader.place_of(at), message).hint(hint));
        }
        match (in_url.or(given), file, command) {
            (Some(password), ..) => Password::Given(password),
            (None, Some(file), _) => Password::File(file),
            (None, None, Some(command)) => Password::Command(command),
            (None, None, None) => Password::None,
        }
    }

    /// The password itself, read now: one of a command may be good for minutes only.
    pub async fn fetch(&self, base: &Path, patience: Duration) -> Result<Option<Secret>> {
        match self {
            Password::None => Ok(None),
            Password::Given(password) => Ok(Some(password.clone())),
            Password::File(path) => {
                let path = base.join(path);
                let read = tokio::task::spawn_blocking(move || of_file(&path)).await;
                read.map_err(|_| Error::bug("reading a password broke off"))?.map(Some)
            }
            Password::Command(command) => of_command(command, base, patience).await.map(Some),
        }
    }
}

fn of_file(path: &Path) -> Result<Secret> {
    let file = open_private(path, "password_file")?;
    let mut text = Vec::new();
    let read = file.take(LONGEST as u64 + 1).read_to_end(&mut text);
    read.map_err(|error| Error::io(&error, "read", path))?;
    secret(text).map_err(|error| error.at("password_file", path.display()))
}

/// Opens a file that nobody but its owner may read.
pub fn open_private(path: &Path, option: &str) -> Result<File> {
    // Asked before it is opened: opening a pipe would wait for a writer.
    let metadata = std::fs::metadata(path).map_err(|error| Error::io(&error, "read", path))?;
    if !metadata.is_file() {
        let error = Error::denied(format!("`{}` is no regular file", path.display()));
        return Err(error.at("option", option));
    }
    let file = File::open(path).map_err(|error| Error::io(&error, "read", path))?;
    let metadata = file.metadata().map_err(|error| Error::io(&error, "read", path))?;
    if metadata.mode() & 0o077 != 0 {
        let shown = path.display();
        let error = Error::denied(format!("`{shown}` can be read by others than its owner"));
        let mode = format!("{:04o}", metadata.mode() & 0o7777);
        let error = error.at("option", option).at("mode", mode);
        return Err(error.hint(format!("run `chmod 600 {shown}`")));
    }
    Ok(file)
}

async fn of_command(command: &[Secret], base: &Path, patience: Duration) -> Result<Secret> {
    let program = command.first().map_or("", Secret::reveal);
    let failed = |message: String| Error::denied(message).at("password_command", program);
    let child = tokio::process::Command::new(program)
        .args(command.iter().skip(1).map(Secret::reveal))
        .current_dir(if base.as_os_str().is_empty() { Path::new(".") } else { base })
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(patience, child).await;
    let Ok(output) = output else {
        let message = format!("the command for the password took longer than {patience:?}");
        return Err(failed(message).hint("run it by hand and see what it waits for"));
    };
    let output = output.map_err(|error| {
        failed("the command for the password could not be started".to_owned()).at("system", error)
    })?;
    if !output.status.success() {
        let message = format!("the command for the password failed: {}", output.status);
        return Err(failed(message).hint("run it by hand and see what it says"));
    }
    secret(output.stdout).map_err(|error| error.at("password_command", program))
}

/// The text without the line end behind it.
fn secret(text: Vec<u8>) -> Result<Secret> {
    if text.len() > LONGEST {
        return Err(Error::config("the password is longer than 64 KiB"));
    }
    let Ok(text) = String::from_utf8(text) else {
        return Err(Error::config("the password is not UTF-8 text"));
    };
    let secret = Secret::guarded(text);
    let text = secret.reveal();
    let text = text.strip_suffix('\n').unwrap_or(text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    if text.is_empty() {
        return Err(Error::config("the password is empty"));
    }
    if text.contains(['\n', '\0']) {
        return Err(Error::config("the password has more than one line"));
    }
    Ok(Secret::guarded(text))
}
