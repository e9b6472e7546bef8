//! The options of a Doris sink.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::config::{Options, Problem, Reader, measure};
use crate::connectors::OnSchemaChange;
use crate::connectors::{OptionDoc, Role};
use crate::network::password::Password;
use crate::network::tls::{Mode, Tls};

use super::address::{self, Address};
use super::kind::STRING_BYTES;
use super::types::Values;

/// What to write, and how.
#[derive(Debug, Clone)]
pub(super) struct DorisOptions {
    /// Where.
    pub cluster: Cluster,
    /// The database.
    pub database: String,
    /// The table.
    pub table: String,
    /// How rows are sent.
    pub format: Format,
    /// Whether bodies are compressed with gzip.
    pub gzip: bool,
    /// Bytes of a request's body before it is compressed, about.
    pub request_bytes: usize,
    /// What happens to columns of the load that the table does not have, or has too narrow.
    pub on_schema_change: OnSchemaChange,
    /// How bytes are written into texts.
    pub bytes: Bytes,
    /// The longest text of a `STRING` at the server, in bytes.
    pub text_bytes: usize,
    /// What a new table is like.
    pub new_table: NewTable,
    /// How long one load or one statement may take.
    pub timeout: Duration,
}

impl DorisOptions {
    /// How values are written.
    pub(super) fn values(&self) -> Values {
        let starrocks = self.cluster.starrocks;
        Values { bytes: self.bytes, text_bytes: self.text_bytes, starrocks }
    }
}

/// The servers, and as whom to go there.
#[derive(Debug, Clone)]
pub(super) struct Cluster {
    /// Front ends.
    pub fe: Vec<Address>,
    /// Back ends to load into; the front ends are asked when there are none.
    pub be: Vec<Address>,
    /// Front ends that answer statements.
    pub query: Vec<Address>,
    /// Where a server is reached that the front ends know under another address.
    pub address_map: BTreeMap<String, Address>,
    /// Hosts that may see the password beside those above and the back ends of the cluster.
    pub allowed_hosts: Vec<String>,
    /// The user.
    pub user: String,
    /// Where the password comes from.
    pub password: Password,
    /// Whom to trust.
    pub tls: Tls,
    /// How long a connection may take to begin.
    pub connect_timeout: Duration,
    /// Whether it is StarRocks.
    pub starrocks: bool,
}

impl Cluster {
    /// Whether all servers are on this machine.
    pub(super) fn is_local(&self) -> bool {
        self.fe.iter().chain(&self.be).chain(&self.query).all(Address::is_local)
    }
}

/// What a new table is like.
#[derive(Debug, Clone)]
pub(super) struct NewTable {
    /// Whether a missing table is made.
    pub create: bool,
    /// How many buckets; by the size of the load when it is not given.
    pub buckets: Option<u64>,
    /// How many copies of each row; the server's default when it is not given.
    pub replication_num: Option<u64>,
    /// The columns whose hash tells the bucket: the key.
    pub distribute_by: Vec<String>,
    /// The key of a new table where the mode has no key.
    pub table_key: Vec<String>,
    /// Further properties.
    pub properties: Vec<(String, String)>,
}

/// The form of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// Lines of JSON.
    Json,
    /// A stream of Arrow.
    Arrow,
    /// A Parquet file.
    Parquet,
}

/// How bytes are written into texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bytes {
    /// Lower-case digits.
    Hex,
    /// With padding.
    Base64,
}

/// The options, for the manual.
pub(super) const OPTIONS: &[OptionDoc] = &[
    doc("fe", None, "front ends: `host:8030`, or a list of them, or URLs"),
    doc("be", Some("asked of the front ends"), "back ends to load into: `host:8040`, or a list"),
    doc("query", Some("the front ends, port 9030"), "where statements go: `host:9030`, or a list"),
    doc("database", None, "the database"),
    doc("table", None, "the table"),
    doc("user", Some("root"), "the user"),
    doc("password", None, "its password; or `password_file`, or `password_command`"),
    doc("password_file", None, "a file with the password that nobody else may read"),
    doc("password_command", None, "a program, with its arguments, that prints the password"),
    doc(
        "tls",
        Some("verify-full; disable on this machine"),
        "disable, require, verify-ca (statements: names too) or verify-full",
    ),
    doc("tls_ca", None, "certificates of authorities to trust beside those of the system"),
    doc("tls_cert", None, "our certificate, where servers want one"),
    doc("tls_key", None, "its key, which nobody else may read"),
    doc("tls_server_name", Some("the host"), "the name in the certificates of the servers"),
    doc("dialect", Some("doris"), "doris, or starrocks"),
    doc("format", Some("json"), "json, arrow or parquet: what a request carries"),
    doc("compression", Some("none"), "none or gz; old back ends take no compressed JSON"),
    doc("request_bytes", Some("96MB"), "bytes of one request before they are compressed, about"),
    doc(
        "on_schema_change",
        Some("fail"),
        "fail, append_new_columns, or widen (which also makes narrow columns wider)",
    ),
    doc("bytes", Some("base64"), "base64 or hex: how binary columns are written into text"),
    doc("string_bytes", Some("1MiB"), "the longest text of a STRING that the servers take"),
    doc("create_table", Some("true"), "whether a missing table is made"),
    doc("table_key", None, "the key of a new table, where the mode has no key"),
    doc("distribute_by", Some("the key"), "columns of a new table whose hash tells the bucket"),
    doc("buckets", Some("by size, or AUTO"), "buckets of a new table"),
    doc("replication_num", Some("the server's"), "copies of each row in a new table"),
    doc("properties", None, "further properties of a new table: {a: b}"),
    doc("timeout", Some("10m"), "how long one request or statement may take at the server"),
    doc("connect_timeout", Some("10s"), "how long a connection may take to begin"),
    doc("address_map", None, "where servers are reached: {\"10.0.0.5:8040\": \"lb:18040\"}"),
    doc("allowed_hosts", None, "further hosts to which a front end may send us, password and all"),
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
pub(super) fn read(options: &Options) -> (DorisOptions, Vec<Problem>) {
    let reader = options.reader();
    let wanted = DorisOptions {
        cluster: cluster(&reader),
        database: name(&reader, "database"),
        table: name(&reader, "table"),
        format: match reader.one_of("format", &["json", "arrow", "parquet"]) {
            "arrow" => Format::Arrow,
            "parquet" => Format::Parquet,
            _ => Format::Json,
        },
        gzip: reader.one_of("compression", &["none", "gz"]) == "gz",
        // Servers take 10 GB in one; but a request is sent again as a whole.
        request_bytes: size(&reader, "request_bytes", 96_000_000),
        on_schema_change: OnSchemaChange::read(&reader),
        bytes: match reader.one_of("bytes", &["base64", "hex"]) {
            "hex" => Bytes::Hex,
            _ => Bytes::Base64,
        },
        text_bytes: size(&reader, "string_bytes", STRING_BYTES),
        new_table: new_table(&reader),
        timeout: reader.duration("timeout", Duration::from_secs(600)),
    };
    contradictions(&reader, &wanted);
    (wanted, reader.finish())
}

fn contradictions(reader: &Reader<'_>, wanted: &DorisOptions) {
    let wrong = |name: &str, message: &str, hint: &str| {
        reader.problem(Problem::new(&reader.place_of(name), message).hint(hint));
    };
    if wanted.format != Format::Json && wanted.gzip {
        wrong("compression", "only JSON is compressed", "leave `compression` out");
    }
    if wanted.format != Format::Json && wanted.cluster.starrocks {
        wrong("format", "StarRocks takes neither Arrow nor Parquet here", "use `format: json`");
    }
    if wanted.table.starts_with("dhow__") {
        let hint = "choose another table";
        wrong("table", "tables that begin with `dhow__` belong to dhow itself", hint);
    }
}

fn cluster(reader: &Reader<'_>) -> Cluster {
    let fe = address::list(reader, "fe", 8030);
    if fe.is_empty() {
        let problem = Problem::new(&reader.place_of("fe"), "`fe` is missing");
        reader.problem(problem.hint("name a front end: `fe: doris.example.com:8030`"));
    }
    let be = address::list(reader, "be", 8040);
    let mut query = address::list(reader, "query", 9030);
    if query.is_empty() {
        query = fe.iter().map(|fe| fe.at_port(9030)).collect();
    }
    let is_local = fe.iter().chain(&be).chain(&query).all(Address::is_local);
    let tls = Tls::read(reader, None, is_local);
    let encrypted = tls.mode != Mode::Disable;
    let refuse_plain = |name, list: &[Address]| {
        if encrypted && list.iter().any(|address| address.scheme == Some("http")) {
            let message = format!("`{name}` has a URL without encryption");
            let hint = "write https, or set `tls: disable` if nobody can listen on the way";
            reader.problem(Problem::new(&reader.place_of(name), message).hint(hint));
        }
    };
    refuse_plain("fe", &fe);
    refuse_plain("be", &be);
    let dialect = reader.one_of("dialect", &["doris", "starrocks"]);
    Cluster {
        fe,
        be,
        query,
        address_map: address::map(reader),
        allowed_hosts: reader.list("allowed_hosts"),
        user: reader.text("user").unwrap_or_else(|| "root".to_owned()),
        password: Password::read(reader, None),
        tls,
        connect_timeout: reader.duration("connect_timeout", Duration::from_secs(10)),
        starrocks: dialect == "starrocks",
    }
}

fn new_table(reader: &Reader<'_>) -> NewTable {
    let number = |name, most| reader.node(name).map(|_| reader.number(name, 1, 1..=most));
    let properties = reader.pairs("properties").into_iter().map(|(key, _, value)| (key, value));
    NewTable {
        create: reader.flag("create_table", true),
        buckets: number("buckets", 100_000),
        replication_num: number("replication_num", 100),
        distribute_by: reader.list("distribute_by"),
        table_key: reader.list("table_key"),
        properties: properties.collect(),
    }
}

/// A name of at most 64 characters, which is what servers take.
fn name(reader: &Reader<'_>, option: &'static str) -> String {
    let name = reader.required(option);
    let length = name.chars().count();
    if length > 64 {
        let message = format!("`{option}` has {length} characters, and a name may have 64");
        reader.problem(Problem::new(&reader.place_of(option), message));
    }
    if name.contains(['/', '?', '#', '%', '`', '\0']) || name.contains('.') {
        let message = format!("`{option}` is no name");
        let hint = "give the database as `database` and the table as `table`";
        reader.problem(Problem::new(&reader.place_of(option), message).hint(hint));
    }
    name
}

/// A size of at most 1 GB.
fn size(reader: &Reader<'_>, option: &'static str, default: usize) -> usize {
    let Some(text) = reader.text(option) else { return default };
    match measure::size(&text).map(usize::try_from) {
        Ok(Ok(bytes @ 1..=1_000_000_000)) => bytes,
        _ => {
            let message = format!("`{option}` must be a size up to 1GB, such as 96MB");
            reader.problem(Problem::new(&reader.place_of(option), message));
            default
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(entries: &[(&str, &str)]) -> Vec<String> {
        read(&Options::of_arguments(entries)).1.into_iter().map(|p| p.message).collect()
    }

    #[test]
    fn what_is_not_given_follows_from_the_front_end() {
        let (options, problems) = read(&Options::of_arguments(&[
            ("fe", "db.example.com"),
            ("database", "shop"),
            ("table", "orders"),
        ]));
        assert_eq!(problems, []);
        assert_eq!(options.cluster.fe[0].shown(), "db.example.com:8030");
        assert_eq!(options.cluster.query[0].shown(), "db.example.com:9030");
        assert_eq!(options.cluster.tls.mode, Mode::VerifyFull);
        assert_eq!(options.request_bytes, 96_000_000);
    }

    #[test]
    fn contradictions_are_problems() {
        let common = [("fe", "http://db:8030"), ("database", "a"), ("table", "dhow__mark")];
        let odd = [("format", "arrow"), ("compression", "gz"), ("request_bytes", "2GB")];
        assert_eq!(
            problems(&[common.as_slice(), odd.as_slice()].concat()),
            [
                "`fe` has a URL without encryption",
                "`request_bytes` must be a size up to 1GB, such as 96MB",
                "only JSON is compressed",
                "tables that begin with `dhow__` belong to dhow itself",
            ]
        );
        assert_eq!(problems(&[("database", "a"), ("table", "b")]), ["`fe` is missing"]);
    }
}
