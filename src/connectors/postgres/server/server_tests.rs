//! Sessions with real servers, and with what may stand in their place.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::thread;

use tokio_postgres::Client;

use super::{Purpose, Server};
use crate::config::{Options, Place, Value};
use crate::connectors::postgres::cluster::{Cluster, SHARED};
use crate::connectors::postgres::proxy::{Fault, Proxy};
use crate::error::{Error, Kind};

/// The server of these options, which must be right.
pub(in crate::connectors::postgres) fn server(options: &[(&str, &str)]) -> Server {
    server_waiting(options, &[])
}

/// The same, with `wait_for`.
fn server_waiting(options: &[(&str, &str)], wait_for: &[(&str, &str)]) -> Server {
    let place = Place::without_lines("command line");
    let mut entries = Options::of_arguments(options).entries().to_vec();
    if !wait_for.is_empty() {
        let mut map = crate::config::Node::argument("", &place);
        map.value = Value::Map(Options::of_arguments(wait_for).entries().to_vec());
        entries.push(("wait_for".to_owned(), place.clone(), map));
    }
    let options = Options::new(place, entries);
    let reader = options.reader();
    let server = Server::read(&reader);
    assert_eq!(reader.finish(), []);
    server
}

/// Why no session can be had.
pub(in crate::connectors::postgres) async fn failure(options: &[(&str, &str)]) -> Error {
    let error = server(options).connect(Purpose::Read, "test").await.unwrap_err();
    let told = format!("{error:?} {}", error.report());
    assert!(!told.contains("horse"), "the password is in {told}");
    error
}

async fn shown(client: &Client, setting: &str) -> String {
    let row = client.query_one(&format!("show {setting}"), &[]).await.unwrap();
    row.get(0)
}

#[tokio::test]
async fn a_session_has_the_settings_that_values_depend_on() {
    let (url, name) = SHARED.url("settings");
    SHARED.psql(&name, &format!("alter database {name} set search_path to a, b"));
    SHARED.psql(&name, &format!("alter database {name} set statement_timeout to '1h'"));
    SHARED.psql(&name, &format!("alter database {name} set \"DateStyle\" to 'SQL, DMY'"));
    let server = server(&[("url", &url)]);
    for (purpose, read_only, hidden) in
        [(Purpose::Read, "on", "off"), (Purpose::Write, "off", "on")]
    {
        let client = server.connect(purpose, "reader 3").await.unwrap();
        assert_eq!(shown(&client, "default_transaction_read_only").await, read_only);
        assert_eq!(shown(&client, "row_security").await, hidden);
        assert_eq!(shown(&client, "statement_timeout").await, "0");
        assert_eq!(shown(&client, "application_name").await, "dhow/reader 3");
        assert_eq!(shown(&client, "search_path").await, "");
        assert_eq!(shown(&client, "DateStyle").await, "ISO, MDY");
        assert_eq!(shown(&client, "client_connection_check_interval").await, "10s");
    }
    let limited = server.limiting(std::time::Duration::from_secs(90));
    let client = limited.connect(Purpose::Write, "writer").await.unwrap();
    assert_eq!(shown(&client, "statement_timeout").await, "90s");
}

#[tokio::test]
async fn a_session_over_tcp_is_watched_from_both_ends() {
    let server = server(&[
        ("host", "127.0.0.1"),
        ("port", &SHARED.port.to_string()),
        ("user", "postgres"),
        ("database", "postgres"),
    ]);
    let client = server.connect(Purpose::Write, "writer").await.unwrap();
    assert_eq!(shown(&client, "tcp_keepalives_idle").await, "15");
    assert_eq!(shown(&client, "tcp_user_timeout").await, "45000");
}

#[tokio::test]
async fn a_password_comes_from_the_options_a_file_or_a_program() {
    let own = Cluster::start(&[]);
    own.psql("postgres", "create role canary login password 'correct horse/battery'");
    let hba = own.socket.join("data/pg_hba.conf");
    let rules = std::fs::read_to_string(&hba).unwrap();
    let rule = "host all canary 127.0.0.1/32 scram-sha-256\n";
    std::fs::write(&hba, format!("{rule}{rules}")).unwrap();
    own.order("restart");

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    std::fs::write(&file, "correct horse/battery\n").unwrap();
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
    let port = own.port.to_string();
    let url = format!("postgres://canary:correct%20horse%2Fbattery@127.0.0.1:{port}/postgres");
    let address = [
        ("host", "127.0.0.1"),
        ("port", port.as_str()),
        ("user", "canary"),
        ("database", "postgres"),
    ];
    let with = |more: (&'static str, &'static str)| [&address[..], &[more]].concat();
    let ways = [
        vec![("url", url.as_str())],
        with(("password", "correct horse/battery")),
        with(("password_file", "password")),
    ];
    for way in &ways {
        let server = server(way).within(folder.path());
        let client = server.connect(Purpose::Read, "test").await.unwrap();
        assert_eq!(
            client.query_one("select current_user::text", &[]).await.unwrap().get::<_, String>(0),
            "canary"
        );
        assert!(!format!("{server:?} {way:?}", way = server.shown()).contains("horse"));
    }
    let script = folder.path().join("say");
    std::fs::write(&script, "#!/bin/sh\necho 'correct horse/battery'\n").unwrap();
    std::fs::set_permissions(&script, PermissionsExt::from_mode(0o700)).unwrap();
    let by_program = with(("password_command", "./say"));
    server(&by_program).within(folder.path()).connect(Purpose::Read, "test").await.unwrap();

    let report = failure(&with(("password", "wrong horse"))).await.report();
    assert_eq!(
        report,
        format!(
            "error: could not connect to `127.0.0.1:{port}`\n  \
         server:   password authentication failed for user \"canary\"\n  sqlstate: 28P01\n\n\
         hint: correct the user or the password"
        )
    );
    let error = failure(&address).await;
    assert_eq!(
        error.message(),
        format!("`127.0.0.1:{port}` asks for a password, and none is given")
    );

    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o640)).unwrap();
    let open = server(&with(("password_file", "password"))).within(folder.path());
    let error = open.connect(Purpose::Read, "test").await.unwrap_err();
    assert_eq!(error.kind(), Kind::Denied);
    assert_eq!(error.places()[1], ("mode".to_owned(), "0640".to_owned()));
}

#[tokio::test]
async fn a_program_that_fails_or_says_nothing_is_an_error_without_its_output() {
    let cases = [
        ("/bin/false", "the command for the password failed: exit status: 1"),
        ("/bin/true", "the password is empty"),
        ("/nowhere/at/all", "the command for the password could not be started"),
    ];
    for (program, message) in cases {
        let error = failure(&[("host", "/nowhere"), ("password_command", program)]).await;
        assert_eq!(error.message(), message);
    }
}

#[tokio::test]
async fn what_the_server_does_not_have_or_allow_is_named() {
    let (url, name) = SHARED.url("denied");
    let error = failure(&[("url", &format!("{url}_x"))]).await;
    assert_eq!(
        (error.kind(), &*error.places()[0].1),
        (Kind::Missing, &*format!("database \"{name}_x\" does not exist"))
    );

    SHARED.psql(&name, "create role only_one login connection limit 1");
    let url = url.replace("postgres@", "only_one@");
    let server = server(&[("url", &url)]);
    let _first = server.connect(Purpose::Read, "test").await.unwrap();
    let error = server.connect(Purpose::Read, "test").await.unwrap_err();
    assert_eq!(
        (error.kind(), error.advice()),
        (Kind::Limit, Some("lower `--jobs`, or raise `max_connections` of the server"))
    );
}

#[tokio::test]
async fn where_no_server_is_the_way_to_it_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = listener.local_addr().unwrap().port().to_string();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let cases = [
        ("127.0.0.1", &free, format!("nothing listens at `127.0.0.1:{free}`")),
        ("127.0.0.1", &silent, format!("`127.0.0.1:{silent}` began no session within 300ms")),
        ("nowhere.invalid", &free, "the host `nowhere.invalid` is not known".to_owned()),
        ("/nowhere", &free, "there is no socket of a server".to_owned()),
    ];
    for (host, port, message) in cases {
        let options =
            [("host", host), ("port", port), ("connect_timeout", "300ms"), ("tls", "disable")];
        let error = failure(&options).await;
        assert_eq!((error.kind(), error.message()), (Kind::Unavailable, &*message));
    }
}

/// Answers each session with the next of `answers` and closes it; behind the last one, passes
/// sessions on to the server of the tests. What `change` makes of the first message goes on.
fn stand_in(answers: Vec<Vec<u8>>, change: fn(Vec<u8>) -> Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = SHARED.port;
    thread::spawn(move || {
        let mut answers = answers.into_iter();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let first = first_message(&mut stream);
            match answers.next() {
                Some(answer) => {
                    // The client may have gone already.
                    let _ = stream.write_all(&answer);
                    let _ = stream.shutdown(Shutdown::Write);
                }
                None => pass(stream, server, &change(first)),
            }
        }
    });
    format!("postgres://postgres@127.0.0.1:{port}/postgres")
}

fn first_message(stream: &mut TcpStream) -> Vec<u8> {
    let mut length = [0; 4];
    stream.read_exact(&mut length).unwrap();
    let mut message = vec![0; u32::from_be_bytes(length) as usize];
    message[..4].copy_from_slice(&length);
    stream.read_exact(&mut message[4..]).unwrap();
    message
}

fn pass(mut client: TcpStream, port: u16, first: &[u8]) {
    let mut server = TcpStream::connect(("127.0.0.1", port)).unwrap();
    server.write_all(first).unwrap();
    let (mut up, mut down) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    thread::spawn(move || std::io::copy(&mut up, &mut server));
    thread::spawn(move || std::io::copy(&mut down, &mut client));
}

/// A message by which a server ends a session before it began.
fn error_response(code: &str, message: &str) -> Vec<u8> {
    let fields = format!("SFATAL\0VFATAL\0C{code}\0M{message}\0\0");
    let length = u32::try_from(fields.len() + 4).unwrap();
    [b"E", &length.to_be_bytes()[..], fields.as_bytes()].concat()
}

#[tokio::test]
async fn a_server_that_is_starting_is_waited_for_as_long_as_the_user_says() {
    let starting = || vec![error_response("57P03", "the database system is starting up"); 2];
    let error = failure(&[("url", &stand_in(starting(), |first| first))]).await;
    assert_eq!(error.kind(), Kind::Unavailable);
    for (tries, is_enough) in [("2", false), ("3", true)] {
        let url = stand_in(starting(), |first| first);
        let wait_for = [("tries", tries), ("delay", "1ms")];
        let server = server_waiting(&[("url", &url)], &wait_for);
        let begun = server.connect(Purpose::Read, "test").await;
        assert_eq!(begun.is_ok(), is_enough, "{tries}");
        if let Err(error) = begun {
            assert_eq!(error.places()[2], ("tried".to_owned(), "2 times in 0 s".to_owned()));
        }
    }
}

#[tokio::test]
async fn a_pooler_is_recognised_by_what_it_does_to_settings() {
    let refused = error_response("08P01", "unsupported startup parameter: options");
    let refusing = stand_in(vec![refused], |first| first);
    let ignoring = stand_in(vec![], |first| {
        // A setting of some extension in place of ours and of what follows.
        let at = first.windows(8).position(|key| key == b"options\0").unwrap();
        let mut changed = [&first[..at], b"a.b\0unused\0\0"].concat();
        let length = u32::try_from(changed.len()).unwrap();
        changed[..4].copy_from_slice(&length.to_be_bytes());
        changed
    });
    for url in [refusing, ignoring] {
        let error = failure(&[("url", &url)]).await;
        assert!(error.message().ends_with("it looks like a connection pooler"), "{error:?}");
        assert_eq!(error.kind(), Kind::Unsupported);
    }
}

#[tokio::test]
async fn a_server_that_falls_silent_in_an_answer_is_given_up() {
    let proxy = Proxy::to(SHARED.port);
    let server = server(&[("url", &proxy.url("postgres")), ("read_timeout", "300ms")]);
    let client = server.connect(Purpose::Read, "test").await.unwrap();
    proxy.set(Fault::BlackHole);
    let error = client.batch_execute("select 1").await.unwrap_err();
    let error = crate::connectors::postgres::error::of("could not read", &error);
    assert_eq!(error.kind(), Kind::Unavailable);
}
