//! Sessions with a real server.

use std::path::PathBuf;
use std::time::Duration;

use super::*;
use crate::config::{Options, Secret};
use crate::connectors::mysql::mariadb::{MariaDb, SHARED};
use crate::network::tls::Tls;

/// How the user `dhow` of a server logs in, with these options of TLS.
pub(in crate::connectors::mysql) fn login(server: &MariaDb, tls: &[(&str, &str)]) -> Login {
    let options = Options::of_arguments(tls);
    Login {
        host: Host::Tcp("127.0.0.1".to_owned(), server.port),
        shown: format!("127.0.0.1:{}", server.port),
        user: "dhow".to_owned(),
        password: None,
        database: None,
        tls: Tls::read(&options.reader(), None, true),
        base: PathBuf::new(),
        connect_timeout: Duration::from_secs(10),
        read_timeout: Duration::ZERO,
    }
}

/// A session in a new database, set up as the connector does.
pub(in crate::connectors::mysql) async fn session(what: &str) -> (Connection, String) {
    let database = SHARED.database(what);
    let login = Login { database: Some(database.clone()), ..login(&SHARED, &[]) };
    let mut connection = Connection::open(&login).await.unwrap();
    connection.execute("set time_zone = '+00:00'").await.unwrap();
    (connection, database)
}

#[tokio::test]
async fn a_session_knows_its_server_runs_statements_and_reads_texts() {
    let (mut connection, database) = session("hello").await;
    assert_eq!(connection.server().flavour, Flavour::MariaDb);
    assert!(connection.server().version >= (10, 5, 0), "{:?}", connection.server());
    assert_eq!(connection.execute("create table t (a int, b varchar(20))").await.unwrap(), 0);
    let changed = connection.execute("insert t values (1, 'ä'), (2, null), (3, '')").await;
    assert_eq!(changed.unwrap(), 3);
    let rows = connection.query("select a, b, database(), connection_id() from t").await.unwrap();
    let id = connection.id().to_string();
    let text = |text: &str| Some(text.to_owned());
    let row = |a, b| vec![text(a), b, text(&database), text(&id)];
    assert_eq!(rows, [row("1", text("ä")), row("2", None), row("3", text(""))]);
    assert_eq!(connection.execute("select * from t").await.unwrap(), 0);
    connection.close().await;
}

#[tokio::test]
async fn what_the_server_refuses_leaves_the_session_in_use() {
    let (mut connection, _) = session("refused").await;
    for sql in ["select * from nothing", "selekt", "select 1 from (select 1 union select"] {
        let Err(Failure::Server(_)) = connection.query(sql).await else { panic!("{sql}") };
        let Err(Failure::Server(_)) = connection.describe(sql).await else { panic!("{sql}") };
        let Err(Failure::Server(_)) = connection.rows(sql).await else { panic!("{sql}") };
    }
    let Err(Failure::Server(answer)) = connection.query("select * from nothing").await else {
        panic!("there is no such table")
    };
    assert_eq!((answer.code, answer.state.as_str()), (1146, "42S02"));
    // Two statements in one are one that is written wrongly.
    assert!(connection.query("select 1; select 2").await.is_err());
    assert!(matches!(connection.describe("select ?").await, Err(Failure::Told(_))));
    assert!(connection.is_usable());
    assert_eq!(connection.query("select 1").await.unwrap(), [[Some("1".to_owned())]]);
}

#[tokio::test]
async fn a_file_of_this_machine_is_not_sent() {
    let (mut connection, _) = session("infile").await;
    connection.execute("create table t (a text)").await.unwrap();
    let sql = "load data local infile '/etc/passwd' into table t";
    assert!(connection.execute(sql).await.is_err());
    assert_eq!(
        connection.query("select count(*) from t").await.unwrap()[0][0].as_deref(),
        Some("0")
    );
}

#[tokio::test]
async fn a_password_is_proved_by_its_hash_over_tcp_and_over_the_socket() {
    SHARED.sql("mysql", "create or replace user proved@'%' identified by 'Größe 1'");
    let user = |password: &str| Login {
        user: "proved".to_owned(),
        password: Some(Secret::new(password)),
        ..login(&SHARED, &[])
    };
    Connection::open(&user("Größe 1")).await.unwrap();
    let socket = Host::Socket(SHARED.socket.clone());
    Connection::open(&Login { host: socket, ..user("Größe 1") }).await.unwrap();
    for wrong in [user("Größe 2"), user(""), Login { password: None, ..user("") }] {
        let Err(Failure::Server(answer)) = Connection::open(&wrong).await else { panic!("let in") };
        assert_eq!(answer.code, 1045);
    }
}

#[tokio::test]
async fn a_password_is_proved_by_a_signature_over_tcp_and_over_the_socket() {
    SHARED.sql(
        "mysql",
        "install plugin if not exists ed25519 soname 'auth_ed25519'; \
         create or replace user signed@'%' identified via ed25519 using password('Größe 1')",
    );
    let signed = |user: &str, password: &str| Login {
        user: user.to_owned(),
        password: Some(Secret::new(password)),
        ..login(&SHARED, &[])
    };
    // Each time the server sends other bytes, which end as they like.
    for _ in 0..20 {
        Connection::open(&signed("signed", "Größe 1")).await.unwrap();
    }
    let socket = Host::Socket(SHARED.socket.clone());
    Connection::open(&Login { host: socket, ..signed("signed", "Größe 1") }).await.unwrap();
    let none = Login { password: None, ..signed("signed", "") };
    for wrong in [signed("signed", "Größe 2"), signed("signed", ""), none] {
        let Err(Failure::Server(answer)) = Connection::open(&wrong).await else { panic!("let in") };
        assert_eq!(answer.code, 1045);
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told_from_one_that_does_not_encrypt() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = nobody.local_addr().unwrap().port();
    drop(nobody);
    let error = |failure: Result<Connection>| match failure {
        Err(Failure::Told(error)) => error,
        other => panic!("{other:?}"),
    };
    let gone = Login { host: Host::Tcp("127.0.0.1".to_owned(), port), ..login(&SHARED, &[]) };
    let gone = error(Connection::open(&gone).await);
    assert_eq!(gone.kind(), crate::error::Kind::Unavailable);
    let gone = Login { host: Host::Socket("/nowhere/s".into()), ..login(&SHARED, &[]) };
    assert_eq!(error(Connection::open(&gone).await).kind(), crate::error::Kind::Unavailable);
    let plain = login(&SHARED, &[("tls", "require")]);
    let plain = error(Connection::open(&plain).await);
    assert_eq!(plain.kind(), crate::error::Kind::Denied);
    assert!(plain.message().ends_with("does not encrypt, and `tls` asks for it"));
}

#[tokio::test]
async fn a_session_that_was_killed_is_lost_and_says_so() {
    let (mut connection, _) = session("killed").await;
    SHARED.sql("mysql", &format!("kill {}", connection.id()));
    // The server may find time to say why, which is 1927.
    match connection.query("select 1").await {
        Err(Failure::Lost(_)) => assert!(!connection.is_usable()),
        Err(Failure::Server(answer)) => assert_eq!(answer.code, 1927),
        other => panic!("{other:?}"),
    }
}
