//! The real binary: what it prints, where, and how it exits.

mod bad;
mod help;
mod init;
mod secrets;

use std::path::Path;

use assert_cmd::Command;

/// What a call of `dhow` gave.
#[derive(Debug, PartialEq, Eq)]
struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

/// Calls `dhow` in `folder`, with nothing of ours in its environment.
fn dhow(folder: &Path, arguments: &[&str]) -> Said {
    let mut command = Command::cargo_bin("dhow").expect("cargo builds the binary for its tests");
    let ours = std::env::vars_os().map(|(name, _)| name);
    for name in ours.filter(|name| name.to_string_lossy().starts_with("DHOW_")) {
        command.env_remove(name);
    }
    let output = command.current_dir(folder).args(arguments).output().expect("dhow starts");
    Said {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).expect("dhow prints UTF-8"),
        err: String::from_utf8(output.stderr).expect("dhow prints UTF-8"),
    }
}

fn said(code: i32, out: &str, err: &str) -> Said {
    Said { code: Some(code), out: out.to_owned(), err: err.to_owned() }
}
