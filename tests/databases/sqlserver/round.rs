//! Every type at its limits from SQL Server into Postgres and into Parquet. What must arrive is
//! written here by hand; psql and the library of Parquet read what did.

use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::util::display::array_value_to_string;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tiberius::{AuthMethod, Client, Config, EncryptionLevel};
use tokio_util::compat::TokioAsyncWriteCompatExt;

use crate::cluster::SHARED;
use crate::project::Project;
use crate::tds::Tds;

/// A column, its type, its value in the first row as SQL, and what psql must show for it. The second
/// row has NULL everywhere.
const COLUMNS: &[(&str, &str, &str, &str)] = &[
    ("bit_", "bit", "1", "t"),
    ("tinyint_", "tinyint", "255", "255"),
    ("smallint_", "smallint", "-32768", "-32768"),
    ("int_", "int", "-2147483648", "-2147483648"),
    ("bigint_", "bigint", "-9223372036854775808", "-9223372036854775808"),
    ("real_", "real", "cast(0.1 as real)", "0.1"),
    ("float_", "float", "1.7976931348623157e308", "1.7976931348623157e+308"),
    (
        "decimal_",
        "decimal(38,10)",
        "1234567890123456789012345678.0000000001",
        "1234567890123456789012345678.0000000001",
    ),
    ("money_", "money", "-922337203685477.5808", "-922337203685477.5808"),
    ("smallmoney_", "smallmoney", "-214748.3648", "-214748.3648"),
    ("date_", "date", "'9999-12-31'", "9999-12-31"),
    ("time_", "time(7)", "'23:59:59.9999990'", "23:59:59.999999"),
    ("datetime_", "datetime", "'1753-01-01 00:00:00.003'", "1753-01-01 00:00:00.003"),
    ("smalldatetime_", "smalldatetime", "'2079-06-06 23:59'", "2079-06-06 23:59:00"),
    ("datetime2_", "datetime2(7)", "'0001-01-01 00:00:00.1234560'", "0001-01-01 00:00:00.123456"),
    ("offset_", "datetimeoffset(7)", "'2026-01-02 03:04:05.5 +14:00'", "2026-01-01 13:04:05.5+00"),
    ("char_", "char(4)", "'ab'", "ab"),
    ("cyrillic_", "varchar(20) collate Cyrillic_General_CI_AS", "N'Жук'", "Жук"),
    ("nvarchar_", "nvarchar(20)", "N'a 🪲 b'", "a 🪲 b"),
    ("nmax_", "nvarchar(max)", "N'жук'", "жук"),
    ("binary_", "binary(4)", "0x01ff", "\\x01ff0000"),
    ("blob_", "varbinary(max)", "0x00ff", "\\x00ff"),
    (
        "guid_",
        "uniqueidentifier",
        "'6f9619ff-8b86-d011-b42d-00c04fc964ff'",
        "6F9619FF-8B86-D011-B42D-00C04FC964FF",
    ),
    ("xml_", "xml", "'<a b=\"1\">x</a>'", "<a b=\"1\">x</a>"),
];

/// A database: the stand-in's, or the one that the environment names.
struct Database {
    url: String,
    table: String,
    /// Kept alive as long as it is used.
    _stand_in: Option<Tds>,
}

impl Database {
    fn of() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let table = format!("dhow_test_{}_{number}", std::process::id());
        if let Ok(url) = std::env::var("DHOW_TEST_SQLSERVER_URL") {
            return Database { url, table, _stand_in: None };
        }
        let server = Tds::start();
        Database { url: server.url("shop"), table, _stand_in: Some(server) }
    }

    /// Runs `sql` over the driver itself.
    fn execute(&self, sql: &str) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime");
        runtime.block_on(async {
            let config = config(&self.url);
            let stream = tokio::net::TcpStream::connect(config.get_addr()).await.expect("a server");
            let mut client =
                Client::connect(config, stream.compat_write()).await.expect("a session");
            let done = client.simple_query(sql).await.expect("a statement");
            done.into_results().await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        });
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if self._stand_in.is_none() {
            self.execute(&format!("drop table if exists {}", self.table));
        }
    }
}

fn config(url: &str) -> Config {
    let rest = url.split_once("://").expect("a URL").1;
    let (login, server) = rest.rsplit_once('@').expect("a user");
    let (user, password) = login.split_once(':').expect("a password");
    let (server, database) = server.split_once('/').expect("a database");
    let (host, port) = server.split_once(':').unwrap_or((server, "1433"));
    let plain =
        |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
    let mut config = Config::new();
    config.host(host);
    config.port(port.parse().expect("a port"));
    config.database(database.split('?').next().expect("a database"));
    config.authentication(AuthMethod::sql_server(plain(user), plain(password)));
    config.encryption(EncryptionLevel::Required);
    config.trust_cert();
    config
}

#[test]
fn every_type_and_value_arrives_in_postgres_and_in_parquet() {
    let database = Database::of();
    let columns: Vec<_> =
        COLUMNS.iter().map(|(name, kind, ..)| format!("{name} {kind} null")).collect();
    let names: Vec<_> = COLUMNS.iter().map(|(name, ..)| *name).collect();
    let values: Vec<_> = COLUMNS.iter().map(|(.., value, _)| *value).collect();
    let table = &database.table;
    database.execute(&format!(
        "create table {table} (id int not null primary key, {});
         insert into {table} (id, {}) values (1, {});
         insert into {table} (id) values (2)",
        columns.join(", "),
        names.join(", "),
        values.join(", ")
    ));
    let (target_url, target) = SHARED.url("from_sqlserver");
    let project = Project::of(&format!(
        "sources:\n  rows: {{ type: sqlserver, url: \"{}\", tls: require, table: {table} }}\n\
         sinks:\n  tables: {{ from: rows, type: postgres, url: \"{target_url}\", table: copy, mode: replace }}\n  \
         files: {{ from: rows, type: parquet, path: out/copy, mode: replace }}\n",
        database.url
    ));
    let ended = project.run(None);
    assert_eq!(ended.code, Some(0), "{}", ended.err);

    let nulls =
        names.iter().map(|name| format!("{name} is null")).collect::<Vec<_>>().join(" and ");
    let sql = format!("select id from copy where {nulls}");
    assert_eq!(SHARED.psql(&target, &sql), "2");
    for (name, kind, _, expected) in COLUMNS {
        let sql = format!("set time zone 'UTC'; select {name} from copy where id = 1");
        assert_eq!(SHARED.psql(&target, &sql), *expected, "{name} {kind}");
    }
    // The helper of psql takes blanks at the end away.
    assert_eq!(SHARED.psql(&target, "select length(char_) from copy where id = 1"), "4");
    assert_eq!(parquet(&project, "money_"), ["-922337203685477.5808", ""]);
    assert_eq!(parquet(&project, "tinyint_"), ["255", ""]);
    assert_eq!(parquet(&project, "cyrillic_"), ["Жук", ""]);
    assert_eq!(parquet(&project, "datetime_"), ["1753-01-01T00:00:00.003", ""]);
}

/// The values of a column in the files of the table.
fn parquet(project: &Project, column: &str) -> Vec<String> {
    let mut found = Vec::new();
    let folder = std::fs::read_dir(project.path("out/copy")).expect("a folder");
    for file in folder.map(|entry| entry.expect("an entry").path()) {
        if file.extension().is_none_or(|ending| ending != "parquet") {
            continue;
        }
        let file = std::fs::File::open(file).expect("a file");
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("Parquet");
        for batch in reader.build().expect("Parquet") {
            let batch = batch.expect("rows");
            let values = batch.column_by_name(column).expect("a column");
            found.extend(
                (0..batch.num_rows())
                    .map(|row| array_value_to_string(values, row).expect("it can be shown")),
            );
        }
    }
    found
}
