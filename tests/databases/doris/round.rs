//! Rows into Doris and back by its query port, in every mode and of every type: against the
//! stand-in, or against the cluster that the variables of [`super`] name.

use mysql_async::prelude::Queryable;

use crate::doris::stand::{Doris, Layout};
use crate::project::Project;

/// Where rows go.
struct Cluster {
    fe: String,
    query: String,
    user: String,
    password: String,
    database: String,
    /// Kept alive as long as it is used.
    _stand_in: Option<Doris>,
}

impl Cluster {
    fn of() -> Self {
        let variable = |name: &str| std::env::var(format!("DHOW_TEST_DORIS_{name}")).ok();
        if let Some(fe) = variable("FE") {
            let needed = |name: &str| {
                variable(name).unwrap_or_else(|| panic!("DHOW_TEST_DORIS_{name} is not set"))
            };
            return Cluster {
                fe,
                query: needed("QUERY"),
                user: variable("USER").unwrap_or_else(|| "root".to_owned()),
                password: variable("PASSWORD").unwrap_or_default(),
                database: needed("DATABASE"),
                _stand_in: None,
            };
        }
        Cluster::stand_in(&Layout::default())
    }

    fn stand_in(layout: &Layout) -> Self {
        let doris = Doris::with(layout);
        Cluster {
            fe: doris.fe(),
            query: doris.query(),
            user: doris.user.clone(),
            password: doris.password.clone(),
            database: doris.database.clone(),
            _stand_in: Some(doris),
        }
    }

    fn sink(&self, table: &str, options: &str) -> String {
        let Cluster { fe, query, user, password, database, .. } = self;
        let password = match password.as_str() {
            "" => String::new(),
            password => format!("password: \"{password}\", "),
        };
        format!(
            "type: doris, fe: \"{fe}\", query: \"{query}\", database: {database}, user: {user}, \
             {password}table: {table}, replication_num: 1, tls: disable, {options}"
        )
    }

    /// Rows of a statement as texts, columns joined by `|`.
    fn ask(&self, sql: &str) -> Vec<String> {
        let (host, port) = self.query.rsplit_once(':').expect("host:port");
        let options = mysql_async::OptsBuilder::default()
            .ip_or_hostname(host)
            .tcp_port(port.parse().expect("a port"))
            .user(Some(self.user.clone()))
            .pass(Some(self.password.clone()).filter(|password| !password.is_empty()))
            .db_name(Some(self.database.clone()))
            .prefer_socket(false);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let asked = async {
            let mut conn = mysql_async::Conn::new(options).await.expect("it lets us in");
            let rows: Vec<mysql_async::Row> = conn.query(sql).await.expect(sql);
            conn.disconnect().await.expect("it lets us out");
            rows.into_iter()
                .map(|row| row.unwrap().into_iter().map(shown).collect::<Vec<_>>())
                .map(|texts| texts.join("|"))
                .collect()
        };
        runtime.expect("a runtime starts").block_on(asked)
    }
}

fn shown(value: mysql_async::Value) -> String {
    match value {
        mysql_async::Value::NULL => "NULL".to_owned(),
        mysql_async::Value::Bytes(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        other => other.as_sql(true),
    }
}

fn run(source: &str, files: &[(&str, &str)], sink: &str) {
    let project = Project::of(&format!(
        "sources:\n  rows: {{ {source} }}\nsinks:\n  out: {{ from: rows, {sink} }}\n"
    ));
    for (path, text) in files {
        std::fs::write(project.path(path), text).expect("files can be written");
    }
    let ended = project.run(None);
    assert_eq!(ended.code, Some(0), "{sink}: {}", ended.err);
}

#[test]
fn two_loads_in_every_mode_leave_the_rows_that_the_mode_says() {
    assert_modes(&Cluster::of(), "");
}

#[test]
fn two_loads_in_every_mode_leave_the_rows_that_the_mode_says_in_starrocks() {
    let layout = Layout { starrocks: true, ..Layout::default() };
    assert_modes(&Cluster::stand_in(&layout), ", dialect: starrocks");
}

fn assert_modes(cluster: &Cluster, options: &str) {
    let source = "type: csv, path: rows.csv, columns: { id: bigint, day: int, name: text }";
    let first = "id,day,name\n1,1,a\n2,1,b\n3,2,c\n";
    let second = "id,day,name\n3,2,C\n4,3,d\n";
    for (mode, key, expected) in [
        ("append", "", vec!["1|1|a", "2|1|b", "3|2|C", "3|2|c", "4|3|d"]),
        ("truncate", "", vec!["3|2|C", "4|3|d"]),
        ("replace", "", vec!["3|2|C", "4|3|d"]),
        ("merge", ", key: [id]", vec!["1|1|a", "2|1|b", "3|2|C", "4|3|d"]),
        ("delete+insert", ", key: [day]", vec!["1|1|a", "2|1|b", "3|2|C", "4|3|d"]),
    ] {
        let table = format!("dhow_test_{}", mode.replace('+', "_"));
        cluster.ask(&format!("drop table if exists {table}"));
        let sink = cluster.sink(&table, &format!("mode: {mode}{key}{options}"));
        run(source, &[("rows.csv", first)], &sink);
        run(source, &[("rows.csv", second)], &sink);
        let rows = cluster.ask(&format!("select id, day, name from {table} order by id, name"));
        assert_eq!(rows, expected, "{mode}");
        cluster.ask(&format!("drop table {table}"));
    }
}

/// A column's type in CSV, a text, and the same as Doris shows it.
const VALUES: &[(&str, &str, &str)] = &[
    ("boolean", "true", "1"),
    ("smallint", "32767", "32767"),
    ("integer", "-2147483648", "-2147483648"),
    ("bigint", "9223372036854775807", "9223372036854775807"),
    (
        "decimal(38,10)",
        "-1234567890123456789012345678.0123456789",
        "-1234567890123456789012345678.0123456789",
    ),
    ("decimal(5,2)", "999.99", "999.99"),
    ("double", "-1.5e-10", "-1.5e-10"),
    ("date", "2024-02-29", "2024-02-29"),
    ("timestamp", "1969-12-31T23:59:59.999999", "1969-12-31 23:59:59.999999"),
    ("timestamptz", "2026-03-29T01:30:00+02:00", "2026-03-28 23:30:00.000000"),
    ("text", "a \\N 'b' \\t é 😀", "a \\N 'b' \\t é 😀"),
];

#[test]
fn values_of_every_type_come_back_as_they_went() {
    assert_values(&["format: json", "format: json, compression: gz"]);
}

#[test]
fn values_of_every_type_come_back_as_they_went_in_columns() {
    assert_values(&["format: arrow", "format: parquet"]);
}

fn assert_values(forms: &[&str]) {
    let cluster = Cluster::of();
    let columns: Vec<_> =
        VALUES.iter().enumerate().map(|(n, (kind, ..))| format!("c{n}: \"{kind}\"")).collect();
    let source =
        format!("type: csv, path: rows.csv, columns: {{ k: bigint, {} }}", columns.join(", "));
    let names: Vec<_> = (0..VALUES.len()).map(|n| format!("c{n}")).collect();
    let values: Vec<_> = VALUES.iter().map(|(_, text, _)| *text).collect();
    let nulls = ",".repeat(VALUES.len());
    let file = format!("k,{}\n1,{}\n2{nulls}\n", names.join(","), values.join(","));
    let expected: Vec<_> = VALUES.iter().map(|(.., shown)| *shown).collect();
    let expected =
        [format!("1|{}", expected.join("|")), format!("2{}", "|NULL".repeat(VALUES.len()))];
    for options in forms {
        let table = &format!("dhow_test_{}", options.replace(|c: char| !c.is_alphanumeric(), "_"));
        cluster.ask(&format!("drop table if exists {table}"));
        let sink = cluster.sink(table, &format!("mode: append, {options}"));
        run(&source, &[("rows.csv", &file)], &sink);
        let rows = cluster.ask(&format!("select k, {} from {table} order by k", names.join(", ")));
        assert_eq!(rows, expected, "{options}");
        cluster.ask(&format!("drop table {table}"));
    }
}
