//! Sessions with real servers.

use tokio_postgres::Client;

use super::cluster::SHARED;
use super::server::{Purpose, Server};
use crate::config::Options;

/// The server of these options, which must be right.
fn server(options: &[(&str, &str)]) -> Server {
    let options = Options::of_arguments(options);
    let reader = options.reader();
    let server = Server::read(&reader);
    assert_eq!(reader.finish(), []);
    server
}

#[tokio::test]
async fn a_session_has_the_settings_that_values_depend_on() {
    let (url, name) = SHARED.url("settings");
    SHARED.psql(&name, &format!("alter database {name} set search_path to a, b"));
    SHARED.psql(&name, &format!("alter database {name} set statement_timeout to '1h'"));
    let server = server(&[("url", &url)]);
    for (purpose, read_only, timeout) in [(Purpose::Read, "on", "0"), (Purpose::Write, "off", "0")]
    {
        let client = server.connect(purpose, "reader 3").await.unwrap();
        assert_eq!(shown(&client, "default_transaction_read_only").await, read_only);
        assert_eq!(shown(&client, "statement_timeout").await, timeout);
        assert_eq!(shown(&client, "application_name").await, "dhow/reader 3");
        assert_eq!(shown(&client, "search_path").await, "");
        assert_eq!(shown(&client, "DateStyle").await, "ISO, MDY");
    }
}

async fn shown(client: &Client, setting: &str) -> String {
    let row = client.query_one(&format!("show {setting}"), &[]).await.unwrap();
    row.get(0)
}
