//! Clients that others wrote.

use std::process::Command;

use mysql_async::prelude::Queryable;

use super::with_tables;
use crate::doris::stand::{Doris, Fault, When};
use crate::patience;

fn split(address: &str) -> (String, String) {
    let (host, port) = address.split_once(':').expect("host:port");
    (host.to_owned(), port.to_owned())
}

/// A session of the crate that dhow uses.
async fn client(doris: &Doris, password: &str) -> mysql_async::Result<mysql_async::Conn> {
    let (host, port) = split(&doris.query());
    let port: u16 = port.parse().expect("a port");
    let options = mysql_async::OptsBuilder::default()
        .ip_or_hostname(host)
        .tcp_port(port)
        .user(Some(doris.user.clone()))
        .pass(Some(password.to_owned()))
        .db_name(Some("shop"))
        .prefer_socket(false);
    mysql_async::Conn::new(options).await
}

#[tokio::test]
async fn a_client_of_the_mysql_protocol_logs_in_and_asks() {
    let doris = with_tables();
    let denied = client(&doris, "wrong").await.unwrap_err();
    assert!(matches!(&denied, mysql_async::Error::Server(e) if e.code == 1045), "{denied}");
    let mut conn = client(&doris, &doris.password).await.unwrap();
    conn.query_drop("insert into t with label l values (1, 'a', 2.5, '2026-01-01 00:00:00')")
        .await
        .unwrap();
    assert!(conn.info().contains("'label':'l', 'status':'VISIBLE'"), "{}", conn.info());
    assert_eq!(conn.affected_rows(), 1);
    let row: (i64, String, String) =
        conn.query_first("select id, name, price from t").await.unwrap().unwrap();
    assert_eq!(row, (1, "a".to_owned(), "2.50".to_owned()));
    let put = "insert into t (id, name, price) values (?, ?, ?)";
    conn.exec_drop(put, (2_i64, "it's", Option::<String>::None)).await.unwrap();
    let row: Option<(i64, String, Option<String>)> =
        conn.exec_first("select id, name, price from t where id = ?", (2,)).await.unwrap();
    assert_eq!(row, Some((2, "it's".to_owned(), None)));
    let missing = conn.query_drop("select * from nothing").await.unwrap_err();
    assert!(matches!(&missing, mysql_async::Error::Server(e) if e.code == 1105), "{missing}");
    let version: String = conn.query_first("select @@version_comment").await.unwrap().unwrap();
    assert!(version.contains("Doris"), "{version}");
    conn.query_drop("use shop").await.unwrap();
    assert!(conn.query_drop("use nowhere").await.is_err());
}

#[tokio::test]
async fn an_answer_of_the_query_port_is_lost_before_and_after_the_effect() {
    let doris = with_tables();
    for (fault, rows) in [(Fault::LoseBefore, 0), (Fault::LoseAfter, 1)] {
        doris.fault(When::query("insert into"), fault);
        let mut conn = client(&doris, &doris.password).await.unwrap();
        let lost = conn.query_drop("insert into t (id) values (1)").await.unwrap_err();
        assert!(!matches!(lost, mysql_async::Error::Server(_)), "{lost}");
        assert_eq!(doris.count("t"), Some(rows));
    }
    assert_eq!(doris.struck(), 2);
}

/// `DHOW_TEST_PYTHON`, or the environment that `make` fills from `requirements.txt`.
fn python() -> std::path::PathBuf {
    let own = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(".venv-tests/bin/python");
    std::env::var_os("DHOW_TEST_PYTHON").map_or(own, Into::into)
}

/// What a Python program prints that is called with the addresses of `doris`.
fn run_python(doris: &Doris, program: &str) -> String {
    let ((host, http), (_, query)) = (split(&doris.fe()), split(&doris.query()));
    let mut command = Command::new(python());
    command.args(["-c", program, &host, &query, &http, &doris.user, &doris.password]);
    let out = patience::output(&mut command);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).expect("UTF-8")
}

#[test]
fn the_client_pydoris_loads_json_and_csv_and_reads_them() {
    let doris = Doris::start();
    let said = run_python(
        &doris,
        r#"
import sys
from pydoris.doris_client import DorisClient
from pydoris.selectdb.config import WriteOptions
host, query, http, user, password = sys.argv[1:6]
client = DorisClient(host, query, http, user, password, "shop")
client.execute("create table p (id int not null, name varchar(10)) duplicate key(id) "
               "distributed by hash(id) buckets 1 properties('replication_num'='1')")
json = WriteOptions().set_json_format().set_label("l1")
print("=", client.write("shop.p", '{"id":1,"name":"a"}\n{"id":2}\n', json))
print("=", client.write("shop.p", '{"id":3}\n', json))
print("=", client.write("shop.p", '4,d\n', WriteOptions().set_csv_format(",")))
print("=", client.query("select id, name from p order by id"))
print("=", client.list_tables("shop"), client.get_table_columns("shop", "p").fields[1].field_name)
"#,
    );
    let told: Vec<_> = said.lines().filter(|line| line.starts_with("= ")).collect();
    assert_eq!(
        told,
        ["= True", "= False", "= True", "= [(1, 'a'), (2, None), (4, 'd')]", "= ['p'] name"]
    );
    assert_eq!(doris.labels()["l1"], "VISIBLE");
}

#[test]
fn the_client_pymysql_makes_a_table_and_fills_it() {
    let doris = Doris::start();
    let said = run_python(
        &doris,
        r#"
import sys, pymysql
host, query, _, user, password = sys.argv[1:6]
conn = pymysql.connect(host=host, port=int(query), user=user, password=password, database="shop", autocommit=True)
with conn.cursor() as cursor:
    cursor.execute("create table p (id int not null, price decimal(5,2)) unique key(id) "
                   "distributed by hash(id) buckets 1 properties('replication_num'='1')")
    print(cursor.execute("insert into p with label l values (%s, %s), (2, null)", (1, 1.5)))
    cursor.execute("select id, price from p order by id")
    print(cursor.fetchall(), [d[0] for d in cursor.description])
    try:
        cursor.execute("insert into p with label l values (3, 3)")
    except pymysql.err.Error as e:
        print(e.args[0], "has already been used" in e.args[1])
try:
    pymysql.connect(host=host, port=int(query), user=user, password="no")
except pymysql.err.OperationalError as e:
    print(e.args[0])
"#,
    );
    let expected = "2\n((1, '1.50'), (2, None)) ['id', 'price']\n1105 True\n1045\n";
    assert_eq!(said, expected);
}
