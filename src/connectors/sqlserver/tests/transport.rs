//! The way to the server: who it is, and who we are.

use std::io::Write;

use super::{lines, server, snapshot, source_at};
use crate::connectors::sqlserver::tds::{Encryption, Fault, Setup, Tds, When};
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
    let gate = crate::connectors::sqlserver::tds::Gate::closed();
    server.fault(When::statement("select [id] from [dbo].[t]"), Fault::Hold(gate.clone()));
    let error = super::failure(&server, &[("table", "t"), ("read_timeout", "200ms")]).await;
    assert_eq!(error.kind(), Kind::Unavailable);
    assert_eq!(error.message(), "could not read `t`");
    gate.open();
}
