//! The house rules that a machine can check. Each rule is a function from files to complaints, so
//! that the last test can plant a violation of each and see it found.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use dhow::connectors::ALL;
use dhow::error::Kind;

/// A file of `src`, with comments blanked.
struct File {
    path: String,
    lines: Vec<String>,
    /// For each line, whether it is compiled for tests only.
    is_test: Vec<bool>,
}

/// What a rule finds: one line for each violation.
type Rule = fn(&[File]) -> Vec<String>;

impl File {
    fn new(path: &str, text: &str) -> Self {
        let lines: Vec<_> = text.lines().map(without_comment).collect();
        let name = path.rsplit('/').next().unwrap_or(path);
        let whole = ["tests.rs", "conformance.rs"].contains(&name)
            || name.ends_with("_tests.rs")
            || path.contains("/tests/");
        let mut is_test = vec![whole; lines.len()];
        for at in (1..lines.len()).filter(|&at| lines[at - 1].trim() == "#[cfg(test)]") {
            let indent = &lines[at][..lines[at].len() - lines[at].trim_start().len()];
            let close = format!("{indent}}}");
            let ends = |line: &String| *line == close || !lines[at].ends_with('{');
            let length = lines[at..].iter().position(ends).map_or(lines.len() - at, |n| n + 1);
            is_test[at..at + length].fill(true);
        }
        File { path: path.to_owned(), lines, is_test }
    }

    /// The module right under `src`: `plan` for `src/plan/dag.rs`.
    fn module(&self) -> &str {
        let name = self.path.split('/').nth(1).unwrap_or("");
        name.strip_suffix(".rs").unwrap_or(name)
    }

    /// The connector this file belongs to.
    fn connector(&self) -> Option<&str> {
        let folder = self.path.strip_prefix("src/connectors/")?.split_once('/')?.0;
        (!ROOMS.contains(&folder)).then_some(folder)
    }

    /// Paths from the root of the crate, with groups in braces resolved, and the line of each.
    fn paths(&self) -> Vec<(usize, String)> {
        let text = self.lines.join("\n");
        let line = |at: usize| text[..at].matches('\n').count();
        let uses = text.match_indices("crate::");
        uses.flat_map(|(at, root)| {
            tree(&text[at + root.len()..]).into_iter().map(move |path| (line(at), path))
        })
        .collect()
    }

    fn place(&self, line: usize) -> String {
        format!("{}:{}", self.path, line + 1)
    }
}

fn without_comment(line: &str) -> String {
    let is_comment = line.trim_start().starts_with("//");
    if is_comment { String::new() } else { line.to_owned() }
}

/// `a::{b, c::d}` as `a::b` and `a::c::d`.
fn tree(text: &str) -> Vec<String> {
    let text = text.trim_start();
    let Some(group) = text.strip_prefix('{') else {
        let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        return match rest.strip_prefix("::") {
            None => vec![name.to_owned()],
            Some(rest) => tree(rest).iter().map(|path| format!("{name}::{path}")).collect(),
        };
    };
    let (mut depth, mut begin, mut paths) = (0_usize, 0, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                paths.extend(tree(&group[begin..at]));
                begin = at + 1;
            }
            _ => {}
        }
        if c == '}' && begin == at + 1 {
            break;
        }
    }
    paths
}

fn sources() -> Vec<File> {
    let mut files = Vec::new();
    read_folder("src", &mut files);
    files.into_iter().map(|(path, text)| File::new(&path, &text)).collect()
}

/// Every file under `folder` of the repository that is text, with its path.
fn read_folder(folder: &str, files: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(Path::new(ROOT).join(folder))
        .expect("a folder of the repository can be read")
    {
        let entry = entry.expect("a folder of the repository can be read");
        let path = format!("{folder}/{}", entry.file_name().to_str().expect("names are UTF-8"));
        if entry.file_type().expect("an entry has a type").is_dir() {
            read_folder(&path, files);
        } else if let Ok(text) = std::fs::read_to_string(entry.path()) {
            files.push((path, text));
        }
    }
}

/// Folders beside the connectors that are none: what several connectors share.
const ROOMS: &[&str] = &["shards"];

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(ROOT).join(path))
        .expect("a file of the repository can be read")
}

/// The modules of `lib.rs`, top to bottom.
fn layers() -> Vec<String> {
    let lib = read("src/lib.rs");
    let names = lib.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    names.map(str::to_owned).collect()
}

/// Lines with one of `needles` as whole words, in files that `allowed` does not take.
fn named(files: &[File], needles: &[&str], allowed: impl Fn(&File, bool) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for file in files {
        for (at, line) in file.lines.iter().enumerate() {
            if let Some(needle) = needles.iter().find(|needle| has_word(line, needle))
                && !allowed(file, file.is_test[at])
            {
                found.push(format!("{} names `{needle}`", file.place(at)));
            }
        }
    }
    found
}

fn has_word(line: &str, word: &str) -> bool {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        !line[..at].ends_with(is_name) && !line[at + word.len()..].starts_with(is_name)
    })
}

fn layering(files: &[File]) -> Vec<String> {
    let layers = layers();
    let depth = |name: &str| layers.iter().position(|layer| layer == name);
    let mut found = Vec::new();
    for file in files {
        // `lib.rs` and `main.rs` stand above all.
        let Some(own) = depth(file.module()) else { continue };
        for (line, path) in file.paths() {
            let first = path.split("::").next().unwrap_or("");
            if depth(first).is_none_or(|other| other < own) {
                let place = file.place(line);
                found.push(format!("{place} `{}` imports `{path}` from above", file.module()));
            }
        }
    }
    found
}

fn connectors_apart(files: &[File]) -> Vec<String> {
    let folders: BTreeSet<_> = files.iter().filter_map(File::connector).collect();
    let mut found = named(files, &["super::super"], |_, _| false);
    for file in files {
        for (line, path) in file.paths() {
            let mut parts = path.split("::");
            let other = parts.nth(1).filter(|_| path.starts_with("connectors::")).unwrap_or("");
            let is_inside =
                file.path.starts_with("src/connectors/") && file.path.matches('/').count() > 2;
            if is_inside && file.connector() != Some(other) && folders.contains(other) {
                found.push(format!("{} imports connector `{other}`", file.place(line)));
            }
        }
    }
    found
}

/// Outside of `src/connectors` nobody names one; tests have the one in memory.
fn connectors_unnamed(files: &[File]) -> Vec<String> {
    let mut found = Vec::new();
    let outside = |file: &&File| file.module() != "connectors";
    for file in files.iter().filter(outside) {
        for folder in files.iter().filter_map(File::connector).collect::<BTreeSet<_>>() {
            let path = format!("connectors::{folder}");
            let grouped = |(_, used): &(usize, String)| has_word(used, &path);
            let lines = file.paths().into_iter().filter(grouped).map(|(line, _)| line);
            let plain = (0..file.lines.len()).filter(|&at| has_word(&file.lines[at], &path));
            for line in lines.chain(plain).collect::<BTreeSet<_>>() {
                if folder != "memory" || !file.is_test[line] {
                    found.push(format!("{} names `{path}`", file.place(line)));
                }
            }
        }
    }
    found
}

fn datafusion_in_one_place(files: &[File]) -> Vec<String> {
    named(files, &["datafusion"], |file, _| file.module() == "transform")
}

fn sqlite_in_two_places(files: &[File]) -> Vec<String> {
    named(files, &["rusqlite"], |file, _| {
        // connectorx reads with the same driver, and does not tell what a column is declared as.
        file.module() == "state" || matches!(file.connector(), Some("sqlite" | "connectorx"))
    })
}

fn printing_in_cli(files: &[File]) -> Vec<String> {
    let printers =
        ["println!", "print!", "eprintln!", "eprint!", "dbg!", "io::stdout", "io::stderr"];
    named(files, &printers, |file, _| file.module() == "cli")
}

fn waiting_in_one_place(files: &[File]) -> Vec<String> {
    let waits = ["time::sleep", "thread::sleep", "time::interval", "backoff"];
    let allowed = [
        "src/engine/task.rs",
        "src/engine/mod.rs",
        "src/engine/backoff.rs",
        // It waits until a server is there at all, when its user asked for that.
        "src/network/wait.rs",
        // Between two questions about a job that runs elsewhere, or an upload that was interrupted.
        "src/network/pause.rs",
        // A store that is busy wants the one request again; it must not take a whole part to do so.
        "src/stores/client.rs",
        // It ends when nobody came for long enough.
        "src/connectors/postgres/source/holder.rs",
    ];
    named(files, &waits, |file, _| allowed.contains(&file.path.as_str()))
}

/// Where a secret becomes text: its own tests aside, only where a pipeline is put together and
/// where a password is fetched and handed to a driver.
fn revealing(files: &[File]) -> Vec<String> {
    named(files, &["reveal"], |file, is_test| {
        let allowed = [
            "src/config/secret.rs",
            "src/config/placeholder.rs",
            "src/network/password.rs",
            "src/connectors/bigquery/acting.rs",
            "src/connectors/bigquery/auth.rs",
            "src/connectors/bigquery/credentials.rs",
            "src/connectors/bigquery/federation.rs",
            "src/connectors/connectorx/road/lanes/mod.rs",
            "src/connectors/connectorx/road/lanes/sqlite.rs",
            "src/connectors/postgres/server/mod.rs",
            "src/connectors/doris/login.rs",
            "src/connectors/sqlserver/server.rs",
            "src/stores/s3.rs",
            "src/stores/azure.rs",
            "src/connectors/mysql/wire/proof.rs",
        ];
        is_test || allowed.contains(&file.path.as_str())
    })
}

/// A plan is made from values: it looks at nothing.
fn pure_plan(files: &[File]) -> Vec<String> {
    let world = ["std::fs", "std::env", "std::io", "tokio", "async", "Timestamp::now", "Instant"];
    named(files, &world, |file, _| file.module() != "plan")
}

fn nothing_unsafe(files: &[File]) -> Vec<String> {
    named(files, &["unsafe", "todo!", "unimplemented!"], |_, _| false)
}

/// connectorx and the clients that it brings are optional: only its road may name them.
fn connectorx_in_one_place(files: &[File]) -> Vec<String> {
    named(files, &["::connectorx", "::mysql", "::postgres"], |file, _| {
        file.path.starts_with("src/connectors/connectorx/road/")
    })
}

/// Lines of code that a file may have, tests aside.
const LINES: usize = 400;

/// Longer files, with the reason.
const LONG: &[(&str, &str)] = &[];

fn short_files(files: &[File]) -> Vec<String> {
    let mut found = Vec::new();
    for file in files.iter().filter(|file| !LONG.iter().any(|(path, _)| *path == file.path)) {
        let lines = file.is_test.iter().filter(|is_test| !**is_test).count();
        if lines > LINES {
            found.push(format!("{} has {lines} lines of code", file.path));
        }
    }
    found
}

fn names_of_the_field(files: &[File]) -> Vec<String> {
    // `types` says something where a format has types of its own.
    let empty = ["util", "utils", "common", "helper", "helpers", "misc", "imp"];
    let named = |file: &&File| {
        let parts = file.path.split(['/', '.']);
        parts.into_iter().any(|part| empty.contains(&part))
    };
    files.iter().filter(named).map(|file| format!("{} says nothing", file.path)).collect()
}

/// Panics with everything that `rule` finds in `src`.
#[track_caller]
fn holds(rule: Rule) {
    let found = rule(&sources());
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_module_imports_only_what_stands_below_it() {
    holds(layering);
}

#[test]
fn a_connector_imports_no_other() {
    holds(connectors_apart);
}

#[test]
fn nobody_but_the_registry_names_a_connector() {
    holds(connectors_unnamed);
}

#[test]
fn datafusion_is_named_in_transform_alone() {
    holds(datafusion_in_one_place);
}

#[test]
fn sqlite_is_named_by_the_state_and_by_its_connector() {
    holds(sqlite_in_two_places);
}

#[test]
fn only_the_command_line_prints() {
    holds(printing_in_cli);
}

#[test]
fn only_the_task_of_a_split_waits_and_tries_again() {
    holds(waiting_in_one_place);
}

#[test]
fn secrets_are_revealed_where_a_pipeline_is_put_together() {
    holds(revealing);
}

#[test]
fn a_plan_is_made_without_looking_at_the_world() {
    holds(pure_plan);
}

#[test]
fn nothing_is_unsafe_or_left_for_later() {
    holds(nothing_unsafe);
}

#[test]
fn connectorx_is_named_on_its_road_alone() {
    holds(connectorx_in_one_place);
}

#[test]
fn files_are_short_and_named_after_something() {
    holds(short_files);
    holds(names_of_the_field);
    let text = |(path, _): &&(&str, &str)| File::new(path, &read(path));
    let long = LONG.iter().filter(|file| short_again(&text(file))).collect::<Vec<_>>();
    assert!(long.is_empty(), "no longer long: {long:?}");
}

fn short_again(file: &File) -> bool {
    file.is_test.iter().filter(|is_test| !**is_test).count() <= LINES
}

#[test]
fn every_module_says_what_it_does_first() {
    let mut files = Vec::new();
    read_folder("src", &mut files);
    let rust = files.iter().filter(|(path, _)| path.ends_with(".rs"));
    let silent: Vec<_> =
        rust.filter(|(_, text)| !text.starts_with("//! ")).map(|(path, _)| path).collect();
    assert!(silent.is_empty(), "{silent:?}");
}

#[test]
fn no_work_is_left_in_comments() {
    let mut files = Vec::new();
    for folder in ["src", "sql", "tests", "benches"] {
        read_folder(folder, &mut files);
    }
    let words = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];
    let left = files.iter().filter(|(_, text)| words.iter().any(|word| has_word(text, word)));
    let left: Vec<_> = left.map(|(path, _)| path).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn every_folder_of_connectors_is_registered_and_the_other_way_round() {
    let folders = std::fs::read_dir(Path::new(ROOT).join("src/connectors")).unwrap();
    let folders: BTreeSet<_> = folders
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_type().unwrap().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .filter(|folder| !ROOMS.contains(&folder.as_str()))
        .collect();
    let names: Vec<_> = ALL.iter().map(|connector| connector.name.to_owned()).collect();
    assert!(names.is_sorted(), "{names:?}");
    assert_eq!(folders, names.into_iter().collect());
}

#[test]
fn the_top_of_the_repository_is_tidy() {
    let allowed = [
        "Cargo.toml",
        "Cargo.lock",
        "src",
        "sql",
        "fixtures",
        "benches",
        "tests",
        "Makefile",
        "README.md",
        "LICENSE",
        "CHANGELOG.md",
        "deny.toml",
        "target",
        "vendor",
    ];
    let names = std::fs::read_dir(ROOT).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let odd = |name: &String| !name.starts_with('.') && !allowed.contains(&name.as_str());
    assert_eq!(names.filter(odd).collect::<Vec<_>>(), Vec::<String>::new());
}

/// What stands in README between `<!-- name -->` and `<!-- /name -->`.
fn readme(name: &str) -> String {
    let readme = read("README.md");
    let (_, rest) = readme.split_once(&format!("<!-- {name} -->\n")).expect("a marker");
    let (part, _) = rest.split_once(&format!("<!-- /{name} -->")).expect("its end");
    part.trim_matches('\n').to_owned()
}

fn printed(arguments: &[&str]) -> String {
    let output =
        Command::new(env!("CARGO_BIN_EXE_dhow")).args(arguments).output().expect("dhow starts");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("dhow prints UTF-8")
}

#[test]
fn readme_has_every_kind_of_error_beside_its_exit_code() {
    let table = readme("exit codes");
    let rows: BTreeMap<_, _> = table.lines().filter_map(|row| row[1..].split_once('|')).collect();
    for kind in Kind::ALL {
        let code = kind.exit_code().to_string();
        let row = rows.iter().find(|(codes, _)| codes.split(',').any(|c| c.trim() == code));
        let (_, row) = row.unwrap_or_else(|| panic!("no exit code {code}"));
        assert!(row.contains(&format!("`{}`", kind.word())), "{code}: {kind:?}");
    }
}

#[test]
fn readme_has_the_connectors_that_the_program_prints() {
    assert_eq!(readme("connectors"), printed(&["connectors", "--markdown"]).trim_end());
}

#[test]
fn readme_has_the_functions_that_the_program_prints() {
    assert_eq!(readme("functions"), printed(&["functions", "--markdown"]).trim_end());
}

#[test]
fn readme_has_the_commands_that_the_program_prints() {
    let help = printed(&["-h"]);
    let (_, commands) = help.split_once("Commands:\n").unwrap();
    let (commands, _) = commands.split_once("\n\n").unwrap();
    assert_eq!(readme("commands"), format!("```text\n{commands}\n```"));
}

#[test]
fn every_rule_finds_what_breaks_it() {
    let long = "let a = 1;\n".repeat(LINES + 1);
    let planted: &[(Rule, &str, &str)] = &[
        (layering, "src/plan/dag.rs", "use crate::engine::World;"),
        (layering, "src/plan/dag.rs", "use crate::{\n    error::Error,\n    cli::{self, a},\n};"),
        (layering, "src/sink.rs", "#[cfg(test)]\nmod tests {\n    use crate::state::Ledger;\n}"),
        (layering, "src/sink.rs", "fn a() { crate::nowhere::b() }"),
        (connectors_apart, "src/connectors/csv/mod.rs", "use crate::connectors::json::Value;"),
        (connectors_apart, "src/connectors/csv/mod.rs", "use crate::connectors::{Context, json};"),
        (connectors_apart, "src/connectors/csv/mod.rs", "use super::super::json;"),
        (connectors_apart, "src/connectors/shards/mod.rs", "use crate::connectors::json::Value;"),
        (connectors_unnamed, "src/engine/run.rs", "use crate::connectors::{self, json};"),
        (connectors_unnamed, "src/engine/run.rs", "connectors::memory::open()"),
        (connectors_unnamed, "src/engine/tests.rs", "use crate::connectors::json;"),
        (datafusion_in_one_place, "src/plan/dag.rs", "use datafusion::sql;"),
        (sqlite_in_two_places, "src/engine/run.rs", "rusqlite::Connection::open(path)"),
        (printing_in_cli, "src/engine/run.rs", "println!(\"done\");"),
        (printing_in_cli, "src/engine/run.rs", "std::io::stdout().lock()"),
        (waiting_in_one_place, "src/connectors/json/read.rs", "tokio::time::sleep(a).await;"),
        (revealing, "src/engine/run.rs", "secret.reveal()"),
        (pure_plan, "src/plan/dag.rs", "std::fs::read(path)"),
        (nothing_unsafe, "src/sink.rs", "unsafe { a() }"),
        (nothing_unsafe, "src/sink.rs", "fn a() { todo!() }"),
        (connectorx_in_one_place, "src/sink.rs", "use ::connectorx::prelude::CXQuery;"),
        (short_files, "src/sink.rs", &long),
        (names_of_the_field, "src/plan/utils.rs", ""),
    ];
    for (rule, path, text) in planted {
        let clean = [
            File::new("src/connectors/json/mod.rs", ""),
            File::new("src/connectors/memory/mod.rs", ""),
        ];
        assert_eq!(rule(&clean), Vec::<String>::new());
        let files: Vec<_> = clean.into_iter().chain([File::new(path, text)]).collect();
        assert!(!rule(&files).is_empty(), "nothing is found in {path}: {text}");
    }
}
