//! The way to the server: who it is, and who we are.

use std::io::Write;

use super::{lines, server, snapshot, source_at};
use crate::connectors::sqlserver::tds::{Encryption, Fault, Gate, Setup, Tds, When};
use crate::error::{Error, Kind, Result};
use crate::source::Window;

const TABLE: &str = "create table t (id int not null primary key); insert into t values (1)";

/// Reads `t` in this mode; `more` are other options.
async fn read(server: &Tds, mode: &str, more: &[(&str, &str)]) -> Result<Vec<String>> {
    let more: Vec<_> = [("table", "t"), ("tls", mode)].iter().chain(more).copied().collect();
    let source = source_at(&server.url("shop"), &more);
    Ok(lines(&source.open(&Window::default()).await?).await)
}

fn authority(server: &Tds) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(server.authority().as_bytes()).unwrap();
    file
}

#[tokio::test(flavor = "multi_thread")]
async fn the_certificate_is_looked_at_as_the_mode_says() {
    let server = server(TABLE);
    let authority = authority(&server);
    let trusted = [("tls_ca", authority.path().to_str().unwrap())];
    assert_eq!(read(&server, "verify-full", &trusted).await.unwrap(), ["1"]);
    assert_eq!(read(&server, "require", &[]).await.unwrap(), ["1"]);
    assert_eq!(read(&server, "disable", &[]).await.unwrap(), ["1"]);
    let unknown = read(&server, "verify-full", &[]).await.unwrap_err();
    let other = [trusted[0], ("tls_server_name", "db.example.com")];
    let other = read(&server, "verify-full", &other).await.unwrap_err();
    for error in [unknown, other] {
        assert_eq!(error.kind(), Kind::Denied, "{error:?}");
        assert!(error.message().contains("is not trusted"), "{error:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_goes_out_in_the_clear_unless_it_is_said() {
    let none = Tds::with(&Setup { encryption: Encryption::NotSupported, ..Setup::default() });
    none.execute("shop", TABLE);
    assert_eq!(read(&none, "disable", &[]).await.unwrap(), ["1"]);
    let error = read(&none, "require", &[]).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Denied, "{error:?}");
    assert!(none.logins().len() < 20);

    let required = Tds::with(&Setup { encryption: Encryption::Required, ..Setup::default() });
    required.execute("shop", TABLE);
    assert_eq!(read(&required, "require", &[]).await.unwrap(), ["1"]);
    let error = read(&required, "disable", &[]).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Denied, "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_denied_and_not_shown() {
    let server = server(TABLE);
    let url = format!("mssql://ann:Wr0ngSecret@127.0.0.1:{}/shop", server.port());
    let error: Error = source_at(&url, &[("table", "t")]).schema().await.unwrap_err();
    assert_eq!(error.kind(), Kind::Denied);
    assert!(!error.report().contains("Wr0ng"), "{}", error.report());
}

#[tokio::test(flavor = "multi_thread")]
async fn another_server_is_gone_to_only_when_both_show_who_they_are() {
    let server = server(TABLE);
    let authority = authority(&server);
    let trusted = [("tls_ca", authority.path().to_str().unwrap())];
    let route = || Fault::Route("localhost".to_owned(), server.port());
    server.fault(When::login(), route());
    let error = read(&server, "require", &[]).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Denied);
    assert!(error.message().ends_with("sends us on to another server"), "{error:?}");
    server.fault(When::login(), route());
    assert_eq!(read(&server, "verify-full", &trusted).await.unwrap(), ["1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_makes_its_settings_first_and_is_called_dhow() {
    let server = server(TABLE);
    server.forget_log();
    lines(&snapshot(&server, &[("table", "t")]).await).await;
    let log = server.log();
    let mut sessions: Vec<_> = log.iter().map(|statement| statement.session).collect();
    sessions.dedup();
    sessions.sort_unstable();
    sessions.dedup();
    for session in sessions {
        let first = log.iter().find(|statement| statement.session == session).unwrap();
        assert!(first.text.starts_with("set ansi_nulls on"), "{}", first.text);
    }
    let logins = server.logins();
    assert!(logins.iter().any(|login| login.application == "dhow/reader"), "{logins:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_falls_silent_is_given_up() {
    let server = server(TABLE);
    let gate = Gate::closed();
    server.fault(When::statement("select [id] from [dbo].[t]"), Fault::Hold(gate.clone()));
    let error = super::failure(&server, &[("table", "t"), ("read_timeout", "200ms")]).await;
    assert_eq!(error.kind(), Kind::Unavailable);
    assert_eq!(error.message(), "could not read `t`");
    gate.open();
}

#[tokio::test(flavor = "multi_thread")]
async fn no_connection_is_asked_for_several_answers_at_once() {
    let server = server(TABLE);
    server.execute("shop", "insert into t values (2)");
    let more = [("table", "t"), ("split_rows", "1")];
    let found = snapshot(&server, &more).await;
    let (one, two) = (&found.splits()[0], &found.splits()[1]);
    let want = crate::source::Want::default();
    let gate = Gate::closed();
    let held = When::statement("select [id] from [dbo].[t]").times(2);
    server.fault(held, Fault::Hold(gate.clone()));
    let both = async {
        let (one, two) =
            futures::join!(super::read(&found, one, &want), super::read(&found, two, &want));
        one.unwrap()[0].num_rows() + two.unwrap()[0].num_rows()
    };
    let at_once = async {
        let gate = gate.clone();
        tokio::task::spawn_blocking(move || gate.wait_for(2)).await.unwrap();
    };
    let (rows, ()) = futures::join!(both, async {
        at_once.await;
        gate.open();
    });
    assert_eq!(rows, 2);
    let log = server.log();
    let readers = log.iter().filter(|s| s.text.starts_with("select [id] from [dbo].[t]"));
    let sessions: std::collections::BTreeSet<_> = readers.map(|s| s.session).collect();
    assert_eq!(sessions.len(), 2, "two reads at once are two sessions");
    assert!(server.logins().iter().all(|login| !login.mars));
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_arrive_in_packets_of_any_size() {
    for packet_size in [512, 4096, 32_767] {
        let server = Tds::with(&Setup { packet_size: Some(packet_size), ..Setup::default() });
        server.execute("shop", "create table t (id int not null primary key, c nvarchar(max))");
        server.execute("shop", "insert into t values (1, N'ж'), (2, null)");
        server.execute(
            "shop",
            "insert into t values (3, replicate(cast(N'ж' as nvarchar(max)), 40000))",
        );
        for mode in ["disable", "require"] {
            let found = read(&server, mode, &[]).await.unwrap();
            let long = format!("3|{}", "ж".repeat(40_000));
            assert_eq!(found, ["1|ж", "2|NULL", &long], "{packet_size} {mode}");
        }
    }
}
