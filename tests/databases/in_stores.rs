//! `dhow` with tables and files in buckets: killed anywhere and run again, copied by one command,
//! cleaned, and told what is wrong. The oracle is DataFusion's answer to `dhow sql`, and pyarrow's.

use std::collections::BTreeSet;

use dhow::faults::{POINTS, STORES};

use crate::project::Project;
use crate::stores::{Effect, Gate, KEY, SECRET, make_in_moto, moto, python};

/// What the environment of a process must say to reach the bucket behind `gate`.
fn environment(gate: &Gate) -> [(&'static str, String); 4] {
    [
        ("AWS_ENDPOINT_URL_S3", format!("http://127.0.0.1:{}", gate.port)),
        ("AWS_ACCESS_KEY_ID", KEY.to_owned()),
        ("AWS_SECRET_ACCESS_KEY", SECRET.to_owned()),
        ("AWS_REGION", "us-east-1".to_owned()),
    ]
}

/// A project with `rows` of CSV, and a bucket.
struct Site {
    project: Project,
    gate: Gate,
    bucket: String,
}

impl Site {
    fn new(name: &str, mode: &str) -> Self {
        let bucket = format!("{name}-{}", std::process::id());
        make_in_moto(&bucket);
        let pipeline = format!(
            "sources:\n  rows: {{ type: csv, path: 'in/*.csv', split_bytes: 4000 }}\n\
             sinks:\n  out: {{ from: rows, type: parquet, path: \"s3://{bucket}/out/rows\", {mode} }}\n"
        );
        let project = Project::of(&pipeline);
        std::fs::create_dir(project.path("in")).expect("a folder can be made");
        let site = Site { project, gate: Gate::to(moto()), bucket };
        site.write(0..1_000);
        site
    }

    fn write(&self, ids: std::ops::Range<u32>) {
        let rows: String = ids.map(|id| format!("{id},w{id}\n")).collect();
        let text = format!("id,word\n{rows}");
        std::fs::write(self.project.path("in/a.csv"), text).expect("files can be written");
    }

    fn dhow(&self, arguments: &[&str], fault: Option<&str>) -> crate::project::Ended {
        let mut command = self.project.command(arguments);
        command.envs(environment(&self.gate));
        if let Some(fault) = fault {
            command.env("DHOW_FAULT", fault);
        }
        crate::project::Ended::of_call(&mut command)
    }

    /// How many rows there are and how many different ones, by dhow's own reading.
    fn counted(&self) -> String {
        let sql = "select count(*) as n, count(distinct id) as d from rows";
        let source = format!("rows=s3://{}/out/rows", self.bucket);
        let ended = self.dhow(&["sql", sql, "--source", &source, "--format", "csv"], None);
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        ended.out.lines().last().unwrap_or_default().to_owned()
    }
}

#[cfg(debug_assertions)]
#[test]
fn killed_at_every_point_and_run_again_every_row_is_in_the_bucket_once() {
    let mut deaths = BTreeSet::new();
    let points: Vec<&str> =
        POINTS.iter().chain(STORES).copied().filter(|point| *point != "run.finished").collect();
    let site = Site::new("killed", "mode: merge, key: [id]");
    for (round, point) in points.iter().enumerate() {
        // Every round changes half of the rows and adds as many.
        let first = u32::try_from(round).expect("few") * 100;
        site.write(first..first + 1_000);
        let ended = site.dhow(&["run", "--quiet"], Some(point));
        if ended.was_killed() {
            deaths.insert(*point);
            let again = site.dhow(&["run", "--quiet"], None);
            assert_eq!(again.code, Some(0), "{point}: {}", again.err);
        } else {
            assert_eq!(ended.code, Some(0), "{point}: {}", ended.err);
        }
        let all = first + 1_000;
        assert_eq!(site.counted(), format!("{all},{all}"), "killed at {point}");
    }
    for point in ["sink.staged_file", "sink.rewritten", "sink.before_mark", "sink.after_mark"] {
        assert!(deaths.contains(point), "nobody died at {point}: {deaths:?}");
    }
    assert!(STORES.iter().all(|point| deaths.contains(point)), "{deaths:?}");
    let listed = python(COUNT, &[&format!("{}/out/rows", site.bucket), &moto().to_string()]);
    assert_eq!(listed, site.counted().replace(',', " "));
}

/// Rows and different rows as pyarrow finds them.
const COUNT: &str = "
import sys
import pyarrow.dataset as ds
from pyarrow.fs import S3FileSystem
path, port = sys.argv[1:]
fs = S3FileSystem(access_key='dhow-tests', secret_key='secret-of-dhow-tests', endpoint_override=f'http://127.0.0.1:{port}', region='us-east-1')
ids = ds.dataset(path, filesystem=fs, format='parquet').to_table()['id'].to_pylist()
print(len(ids), len(set(ids)))
";

#[test]
fn a_copy_goes_into_a_bucket_and_out_of_it_with_what_the_environment_says() {
    let site = Site::new("copied", "mode: append");
    let (there, file) =
        (format!("s3://{}/c/t", site.bucket), format!("s3://{}/c/t.parquet", site.bucket));
    for target in [&there, &file] {
        let ended = site.dhow(&["copy", "in/a.csv", target], None);
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        let sql = "select sum(id) as s from t";
        let source = format!("t={target}");
        let ended = site.dhow(&["sql", sql, "--source", &source, "--format", "csv"], None);
        assert_eq!(ended.out, "s\n499500\n", "{}", ended.err);
    }
    let ended = site.dhow(&["copy", &file, "back.parquet"], None);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(site.project.path("back.parquet").is_file());
    let ended = site.dhow(&["clean", &there, "--older-than", "0s"], None);
    assert_eq!((ended.out.as_str(), ended.code), ("nothing to remove\n", Some(0)), "{}", ended.err);
}

#[test]
fn what_was_superseded_is_cleaned_away_in_a_bucket() {
    let site = Site::new("cleaned", "mode: replace");
    for round in 0..12 {
        site.write(0..10 + round);
        let ended = site.dhow(&["run", "--quiet"], None);
        assert_eq!(ended.code, Some(0), "{}", ended.err);
    }
    let table = format!("s3://{}/out/rows", site.bucket);
    let planned = site.dhow(&["clean", &table, "--older-than", "0s", "--dry-run"], None);
    assert!(planned.out.ends_with("would be removed\n"), "{}", planned.out);
    let cleaned = site.dhow(&["clean", &table, "--older-than", "0s"], None);
    assert_eq!(cleaned.code, Some(0), "{}", cleaned.err);
    assert!(cleaned.out.contains("manifest/00000001.json"), "{}", cleaned.out);
    assert_eq!(site.counted(), "21,21");
    let again = site.dhow(&["clean", &table, "--older-than", "0s"], None);
    assert_eq!(again.out, "nothing to remove\n");
}

#[test]
fn a_secret_of_a_store_is_in_no_output_and_credentials_are_looked_for_where_it_is_said() {
    let site = Site::new("secret", "mode: append");
    let denied = "<Error><Code>SignatureDoesNotMatch</Code><Message>no</Message></Error>";
    site.gate.rule("*", "", 99, Effect::Answer(403, denied));
    let ended = site.dhow(&["run"], None);
    assert_eq!(ended.code, Some(1), "{}", ended.err);
    let told = format!("`s3://{}` does not know our credentials", site.bucket);
    assert!(ended.err.contains(&told), "{}", ended.err);
    assert!(ended.err.contains("AWS_ACCESS_KEY_ID of the environment"), "{}", ended.err);
    assert!(!(ended.err + &ended.out).contains(SECRET));
    let closed = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let machine = format!("http://{}", closed.local_addr().expect("it is bound"));
    drop(closed);
    let mut command = site.project.command(&["run"]);
    command.env("HOME", site.project.path(".")).env("AWS_EC2_METADATA_SERVICE_ENDPOINT", machine);
    let ended = crate::project::Ended::of_call(&mut command);
    let told = format!("no credentials for `s3://{}` were found", site.bucket);
    assert!(ended.err.contains(&told), "{}", ended.err);
    assert!(ended.err.contains("AWS_WEB_IDENTITY_TOKEN_FILE"), "{}", ended.err);
}
