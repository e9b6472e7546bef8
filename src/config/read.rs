//! Finds and reads pipeline files, the SQL files they name, and `.env`.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use jiff::civil::Date;

use crate::config::pipeline::{self, Outside};
use crate::config::{Known, Pipeline, Problem, Var, Variables, suggest, yaml};
use crate::error::{Error, Excerpt, Kind, Result};

/// Bytes of a pipeline, SQL or `.env` file, at most.
const LARGEST: u64 = 1 << 20;

/// Problems that are shown at once; a person who has solved these asks again.
const SHOWN: usize = 50;

/// Everything outside of a pipeline file that decides what it means.
#[derive(Debug, Clone)]
pub struct Given<'a> {
    /// The connectors there are.
    pub known: Known<'a>,
    /// Parameters of the command line, which go before those of the file.
    pub vars: &'a [(String, Var)],
    /// What `${NAME}` stands for; `.env` in the base folder is read behind it.
    pub variables: Variables,
    /// What `{date}` stands for.
    pub today: Date,
}

/// The pipeline in the file at `path`.
///
/// # Errors
/// Everything that is wrong, by line, each with file, line, column and a caret.
pub fn pipeline(path: &Path, given: &Given<'_>) -> Result<Pipeline, Vec<Error>> {
    let file = shown(path);
    let text = text(path, &file).map_err(|error| vec![error])?;
    let base = base(path);
    let (variables, mut problems) = variables(given, &base).map_err(|error| vec![error])?;
    let told = |problem: Problem| {
        let here = problem.place.as_ref().is_some_and(|place| *place.file == *file);
        problem.into_error(here.then_some(&*text))
    };
    let (root, twice) = match yaml::parse(&file.as_str().into(), &text) {
        Ok(read) => read,
        Err(problem) => return Err(vec![told(problem)]),
    };
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let read_sql = |sql: &str| sql_text(&base, sql);
    let outside = Outside {
        known: &given.known,
        variables: &variables,
        vars: given.vars,
        today: given.today,
        read_sql: &read_sql,
    };
    let (pipeline, wrong) = pipeline::pipeline(root, stem, &base, &outside);
    problems.extend(twice);
    problems.extend(wrong);
    if problems.is_empty() {
        return Ok(pipeline);
    }
    problems.sort_by_key(|problem| {
        problem.place.as_ref().map(|place| (*place.file != *file, place.line, place.column))
    });
    let more = problems.len().saturating_sub(SHOWN);
    let mut errors: Vec<_> = problems.into_iter().take(SHOWN).map(told).collect();
    if more > 0 {
        errors.push(Error::config(format!("`{file}` has {more} more problems")));
    }
    Err(errors)
}

/// The pipeline file meant by `name`: a path, a name under `pipelines/`, or, without a name,
/// `dhow.yaml` in `start` or above, or the only pipeline in `pipelines/`.
///
/// # Errors
/// [`Kind::Missing`] when there is none, [`Kind::Config`] when there are several.
pub fn find(name: Option<&str>, start: &Path) -> Result<PathBuf> {
    let all = stored(start)?;
    match name {
        Some(name) => named(name, start, &all),
        None => only(start, &all),
    }
}

const ENDINGS: &[&str] = &["yaml", "yml", "json"];

fn named(name: &str, start: &Path, all: &[PathBuf]) -> Result<PathBuf> {
    let path = start.join(name);
    if path.is_file() {
        return Ok(path);
    }
    let stems: Vec<_> = all.iter().filter_map(|path| path.file_stem()?.to_str()).collect();
    let found: Vec<_> =
        all.iter().zip(&stems).filter(|(_, stem)| **stem == name).map(|(path, _)| path).collect();
    match found.as_slice() {
        [path] => Ok((*path).clone()),
        [] if path.extension().is_some() || name.contains('/') => {
            Err(Error::missing(format!("`{name}` does not exist")).at("looked in", shown(start)))
        }
        [] => Err(Error::missing(format!("there is no pipeline `{name}`")).hint(match stems[..] {
            [] => "`dhow init` writes a first pipeline".to_owned(),
            _ => suggest(name, &stems),
        })),
        _ => Err(several(&format!("several files are the pipeline `{name}`"), &found)),
    }
}

fn only(start: &Path, all: &[PathBuf]) -> Result<PathBuf> {
    let full = std::path::absolute(start).map_err(|e| Error::io(&e, "find", start))?;
    let project = full.ancestors().map(|folder| folder.join("dhow.yaml")).find(|p| p.is_file());
    match (project, all) {
        (Some(path), _) => Ok(path),
        (None, [path]) => Ok(path.clone()),
        (None, []) => Err(Error::missing("there is no pipeline here")
            .at("looked for", "dhow.yaml, pipelines/*.yaml")
            .hint("`dhow init` writes a first pipeline, or name the file")),
        (None, all) => Err(several("there are several pipelines", &all.iter().collect::<Vec<_>>())),
    }
}

fn several(message: &str, paths: &[&PathBuf]) -> Error {
    let error = Error::config(message).hint("name one of them");
    paths.iter().fold(error, |error, path| error.at("file", shown(path)))
}

/// The pipeline files under `pipelines/`, sorted.
fn stored(start: &Path) -> Result<Vec<PathBuf>> {
    let folder = start.join("pipelines");
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::io(&error, "list", &folder)),
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| Error::io(&error, "list", &folder))?.path();
        let ending = path.extension().and_then(|ending| ending.to_str());
        let hidden = path.file_name().is_some_and(|n| n.as_encoded_bytes().starts_with(b"."));
        if ending.is_some_and(|ending| ENDINGS.contains(&ending)) && !hidden && path.is_file() {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// The folder of the file at `path`, or the one above for files under `pipelines/`.
fn base(path: &Path) -> PathBuf {
    let folder = path.parent().unwrap_or(Path::new(""));
    let full = std::path::absolute(folder.join(".")).unwrap_or_else(|_| folder.to_owned());
    let base = match (full.ends_with("pipelines"), folder.parent()) {
        (false, _) => folder.to_owned(),
        (true, Some(above)) => above.to_owned(),
        (true, None) => PathBuf::from(".."),
    };
    if base.as_os_str().is_empty() { PathBuf::from(".") } else { base }
}

/// A path as people see it: from the current folder where it is below.
fn shown(path: &Path) -> String {
    let here = std::env::current_dir().ok();
    let below = here.and_then(|here| path.strip_prefix(here).ok().map(Path::to_owned));
    let path = below.as_deref().unwrap_or(path);
    let path = path.strip_prefix(".").unwrap_or(path);
    if path.as_os_str().is_empty() { ".".to_owned() } else { path.display().to_string() }
}

fn variables(given: &Given<'_>, base: &Path) -> Result<(Variables, Vec<Problem>)> {
    let path = base.join(".env");
    let file = shown(&path);
    match text(&path, &file) {
        Ok(text) => Ok(given.variables.clone().or_of_file(&file, &text)),
        Err(error) if error.kind() == Kind::Missing => Ok((given.variables.clone(), Vec::new())),
        Err(error) => Err(error),
    }
}

fn sql_text(base: &Path, sql: &str) -> Result<String> {
    text(&base.join(sql), sql).map_err(|error| match error.kind() {
        Kind::Missing => Error::missing(format!("the SQL file `{sql}` does not exist"))
            .hint(format!("paths start from `{}`", shown(base))),
        _ => error,
    })
}

/// The text of a small file, which messages call `shown`.
fn text(path: &Path, shown: &str) -> Result<String> {
    let io = |error: std::io::Error| Error::io(&error, "read", Path::new(shown));
    // Asked before opening: opening a pipe would wait for somebody to write.
    let meta = std::fs::metadata(path).map_err(io)?;
    if !meta.is_file() {
        return Err(Error::config(format!("`{shown}` is not a file")).hint("name a regular file"));
    }
    let mut bytes = Vec::new();
    let large = meta.len() > LARGEST;
    if !large {
        let file = File::open(path).map_err(io)?;
        file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(io)?;
    }
    if large || bytes.len() as u64 > LARGEST {
        return Err(Error::config(format!("`{shown}` is larger than 1 MiB"))
            .at("size", format!("{} bytes", meta.len()))
            .hint("a pipeline, SQL or `.env` file is small; is this the right file?"));
    }
    let text = String::from_utf8(bytes).map_err(|error| not_text(shown, &error))?;
    // A byte-order mark is not part of the text.
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

fn not_text(shown: &str, error: &std::string::FromUtf8Error) -> Error {
    let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
    let valid = String::from_utf8_lossy(valid);
    let Excerpt { line, column, .. } = Excerpt::of("", &valid, valid.len(), 1);
    Error::config(format!("`{shown}` is not UTF-8"))
        .at("place", format!("{shown}:{line}:{column}"))
        .hint("save the file as UTF-8")
}
