//! The options of a BigQuery sink.

use std::path::PathBuf;
use std::time::Duration;

use super::field::Column;
use super::name::{OURS, TableName};
use super::{endpoint, layout};
use crate::config::{Options, Problem, Reader, measure};
use crate::connectors::OnSchemaChange;
use crate::connectors::{OptionDoc, Role};
use crate::ndjson::NullList;
use crate::network::tls::Tls;

/// What to write, and how.
#[derive(Debug, Clone)]
pub(super) struct SinkOptions {
    /// The table.
    pub target: TableName,
    /// The dataset of stage tables and marks, in the same project.
    pub staging_dataset: String,
    /// Where jobs run; that of the dataset when it is not given.
    pub location: Option<String>,
    /// The service.
    pub endpoint: endpoint::Endpoint,
    /// A file with credentials.
    pub credentials: Option<PathBuf>,
    /// Whom to trust.
    pub tls: Tls,
    /// How a connection may take to begin.
    pub connect_timeout: Duration,
    /// The format of load jobs.
    pub format: Format,
    /// Bytes of the source that one load job should have.
    pub group_bytes: u64,
    /// Whether a missing table is made.
    pub create_table: bool,
    /// Partitioning, clustering and labels of a new table.
    pub layout: layout::Layout,
    /// What happens to columns of the load that the table does not have, or has too narrow.
    pub on_schema_change: OnSchemaChange,
    /// Whether `replace` may put incompatible columns in place of the old ones.
    pub allow_table_recreation: bool,
    /// How columns of a new table are chosen.
    pub choices: Choices,
}

/// What a user decides about types.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Choices {
    /// Whether decimals become FLOAT64.
    pub decimals_as_float: bool,
    /// What becomes of NULL in the place of a list.
    pub null_lists: NullList,
    /// Types in place of those that follow from the load's: name and type, without a mode.
    pub columns: Vec<(String, Column)>,
}

/// The format of load jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// Lines of JSON, compressed with gzip at this level; 0 is not at all.
    Json {
        /// The level, 0 to 9.
        gzip: u32,
    },
    /// Parquet.
    Parquet,
}

/// The options, for the manual.
pub(super) const DOCS: &[OptionDoc] = &[
    doc("url", None, "project and dataset in one: bigquery://project/dataset"),
    doc("project", None, "the project that the table is in, and that jobs are billed to"),
    doc("dataset", None, "the dataset, which must exist"),
    doc("table", None, "the table"),
    doc("location", Some("the dataset's"), "where jobs run, such as EU or europe-west3"),
    doc("staging_dataset", Some("dataset"), "the dataset of stage tables and of `_dhow_mark`"),
    doc(
        "credentials_file",
        None,
        "a service account key; else GOOGLE_APPLICATION_CREDENTIALS, gcloud's, or the machine's",
    ),
    doc("endpoint", Some("https://bigquery.googleapis.com"), "where the service is, for emulators"),
    doc("format", Some("json"), "json or parquet: what load jobs are sent"),
    doc("gzip_level", Some("1"), "0 to 9: how hard lines of JSON are compressed; 0: not at all"),
    doc("group_bytes", Some("512MB"), "bytes of the source that one load job has, about"),
    doc("create_table", Some("true"), "whether a missing table is made"),
    doc("partition_by", None, "the column that partitions a new table"),
    doc("partition_type", Some("day"), "day, hour, month or year"),
    doc("cluster_by", None, "up to four columns that cluster a new table"),
    doc("labels", None, "labels of a new table and of all jobs: {team: sales}"),
    doc("description", None, "the description of a new table"),
    doc(
        "on_schema_change",
        Some("fail"),
        "fail, append_new_columns, or widen (which also makes narrow columns wider)",
    ),
    doc(
        "allow_table_recreation",
        Some("false"),
        "whether `replace` may take columns away or change their types",
    ),
    doc("columns", None, "types of a new table's columns: {place: GEOGRAPHY}"),
    doc("decimals", Some("exact"), "exact, or float: decimals as FLOAT64, which rounds them"),
    doc("null_lists", Some("refuse"), "refuse, or empty: what becomes of NULL in place of a list"),
    doc("connect_timeout", Some("10s"), "how long a connection may take to begin"),
    doc("tls", Some("verify-full"), "disable, require, verify-ca or verify-full"),
    doc("tls_ca", None, "certificates of authorities to trust beside those of the system"),
    doc("tls_cert", None, "our certificate"),
    doc("tls_key", None, "the key of `tls_cert`"),
    doc("tls_server_name", None, "the name in the server's certificate, if it is not the host"),
];

const fn doc(
    name: &'static str,
    default: Option<&'static str>,
    summary: &'static str,
) -> OptionDoc {
    OptionDoc { name, role: Some(Role::Sink), default, summary }
}

/// Everything that is wrong with `options`.
pub(super) fn check(options: &Options, _role: Role) -> Vec<Problem> {
    read(options).1
}

/// The options as read, and everything that is wrong with them.
pub(super) fn read(options: &Options) -> (SinkOptions, Vec<Problem>) {
    let reader = options.reader();
    let target = target(&reader);
    let credentials = reader.text("credentials_file").map(PathBuf::from);
    let endpoint = endpoint::read(&reader, credentials.is_some());
    let wanted = SinkOptions {
        staging_dataset: name(&reader, "staging_dataset").unwrap_or(target.dataset.clone()),
        target,
        location: reader.text("location"),
        tls: Tls::read(&reader, None, endpoint.is_plain()),
        endpoint,
        credentials,
        connect_timeout: reader.duration("connect_timeout", Duration::from_secs(10)),
        format: format(&reader),
        group_bytes: group_bytes(&reader),
        create_table: reader.flag("create_table", true),
        layout: layout::read(&reader),
        on_schema_change: OnSchemaChange::read(&reader),
        allow_table_recreation: reader.flag("allow_table_recreation", false),
        choices: choices(&reader),
    };
    (wanted, reader.finish())
}

/// `bigquery://project/dataset`, or `project` and `dataset`.
fn target(reader: &Reader<'_>) -> TableName {
    let url = reader.text("url");
    let parts = url.as_deref().and_then(|url| url.strip_prefix("bigquery://")?.split_once('/'));
    if url.is_some() && parts.is_none() {
        let message = "`url` must be bigquery://project/dataset";
        reader.problem(Problem::new(&reader.place_of("url"), message));
    }
    let (project, dataset) = match (parts, &url) {
        (Some((project, dataset)), _) => (
            reader.text("project").unwrap_or_else(|| project.to_owned()),
            name(reader, "dataset").unwrap_or_else(|| dataset.trim_end_matches('/').to_owned()),
        ),
        (None, Some(_)) => (String::new(), String::new()),
        (None, None) => {
            let project = reader.required("project");
            reader.required("dataset");
            (project, name(reader, "dataset").unwrap_or_default())
        }
    };
    reader.required("table");
    let table = name(reader, "table").unwrap_or_default();
    if table.starts_with(OURS) {
        let message = format!("tables that begin with `{OURS}` belong to dhow itself");
        reader.problem(Problem::new(&reader.place_of("table"), message));
    }
    TableName { project, dataset, table }
}

/// A dataset or a table: both have at most 1,024 bytes, and no dots.
fn name(reader: &Reader<'_>, option: &'static str) -> Option<String> {
    let name = reader.text(option)?;
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | ' ');
    if name.is_empty() || name.len() > 1024 || !name.chars().all(is_name) {
        let message = format!("`{option}` cannot be `{}`", name.escape_debug());
        let hint = "project, dataset and table are options of their own: letters, digits and `_`";
        reader.problem(Problem::new(&reader.place_of(option), message).hint(hint));
    }
    Some(name)
}

fn format(reader: &Reader<'_>) -> Format {
    let gzip = reader.number("gzip_level", 1, 0..=9);
    match reader.one_of("format", &["json", "parquet"]) {
        "parquet" => {
            if reader.node("gzip_level").is_some() {
                let message = "`gzip_level` is for `format: json`";
                reader.problem(Problem::new(&reader.place_of("gzip_level"), message));
            }
            Format::Parquet
        }
        _ => Format::Json { gzip: u32::try_from(gzip).unwrap_or(1) },
    }
}

/// 512 MB keep a load of a terabyte within its quota of jobs, and a job under the 4 GB that a file
/// of gzip may have.
fn group_bytes(reader: &Reader<'_>) -> u64 {
    const DEFAULT: u64 = 512 * 1000 * 1000;
    let Some(text) = reader.text("group_bytes") else { return DEFAULT };
    match measure::size(&text) {
        Ok(bytes) if (1..=100 * 1000 * 1000 * 1000).contains(&bytes) => bytes,
        _ => {
            let message = format!("`group_bytes` must be a size up to 100GB, not `{text}`");
            let hint = "such as 256MB or 1GB";
            reader.problem(Problem::new(&reader.place_of("group_bytes"), message).hint(hint));
            DEFAULT
        }
    }
}

fn choices(reader: &Reader<'_>) -> Choices {
    let mut columns = Vec::new();
    for (name, place, kind) in reader.pairs("columns") {
        match Column::of_option(&name, &kind) {
            Some(column) => columns.push((name, column)),
            None => {
                let message = format!("there is no type `{}`", kind.escape_debug());
                let hint = "such as STRING, STRING(20), NUMERIC(12, 2), JSON or GEOGRAPHY";
                reader.problem(Problem::new(&place, message).hint(hint));
            }
        }
    }
    Choices {
        decimals_as_float: reader.one_of("decimals", &["exact", "float"]) == "float",
        null_lists: match reader.one_of("null_lists", &["refuse", "empty"]) {
            "empty" => NullList::Empty,
            _ => NullList::Refuse,
        },
        columns,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(options: &[(&str, &str)]) -> Vec<String> {
        let options = Options::of_arguments(options);
        check(&options, Role::Sink).into_iter().map(|problem| problem.message).collect()
    }

    const TABLE: [(&str, &str); 3] = [("project", "p"), ("dataset", "d"), ("table", "t")];

    #[test]
    fn a_table_is_named_by_three_options_or_by_a_url() {
        let options = Options::of_arguments(&TABLE);
        assert_eq!(read(&options).0.target.to_string(), "p.d.t");
        let options = Options::of_arguments(&[("url", "bigquery://p/d"), ("table", "t")]);
        let (wanted, problems) = read(&options);
        assert_eq!((wanted.target.to_string(), problems), ("p.d.t".to_owned(), vec![]));
        assert_eq!(wanted.staging_dataset, "d");
    }

    #[test]
    fn what_is_missing_or_wrong_is_said_all_at_once() {
        assert_eq!(
            problems(&[]),
            ["`project` is missing", "`dataset` is missing", "`table` is missing"]
        );
        let wrong = [
            ("project", "p"),
            ("dataset", "d.e"),
            ("table", "_dhow_mark"),
            ("group_bytes", "many"),
            ("cluster_by", "a"),
            ("labels", "x"),
        ];
        assert_eq!(
            problems(&wrong),
            [
                "`dataset` cannot be `d.e`",
                "tables that begin with `_dhow_` belong to dhow itself",
                "`group_bytes` must be a size up to 100GB, not `many`",
                "`labels` must be a map, not `x`",
            ]
        );
    }

    #[test]
    fn defaults_lose_nothing() {
        let (wanted, problems) = read(&Options::of_arguments(&TABLE));
        assert_eq!(problems, vec![]);
        assert_eq!(wanted.format, Format::Json { gzip: 1 });
        assert_eq!(wanted.group_bytes, 512_000_000);
        assert!(wanted.create_table && !wanted.allow_table_recreation);
        assert_eq!(wanted.on_schema_change, OnSchemaChange::Fail);
        assert!(!wanted.choices.decimals_as_float);
        assert_eq!(wanted.choices.null_lists, NullList::Refuse);
    }
}
