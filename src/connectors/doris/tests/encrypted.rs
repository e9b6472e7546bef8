//! Sessions and requests that are encrypted, and servers that are not whom they should be.

use super::*;
use crate::connectors::doris::stand_in::Side;
use crate::error::Kind;
use crate::network::authority::Authority;
use crate::network::front::{Front, Speaks};

const NOW: [i32; 2] = [2000, 2100];

/// A cluster behind encryption, and a sink that knows it only by its encrypted addresses.
struct Encrypted {
    yard: Yard,
    fronts: [Front; 3],
    folder: tempfile::TempDir,
}

impl Encrypted {
    /// Front end, back end and query port show these certificates; `authority` is trusted.
    fn with(authority: &Authority, shown: [&(String, String); 3]) -> Self {
        let yard = yard(&Mode::Append);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("authority.pem");
        std::fs::write(&file, &authority.1).unwrap();
        let doris = &yard.doris;
        let fronts = [
            Front::before(&doris.fe(), Speaks::Http, shown[0]),
            Front::before(&doris.be(), Speaks::Http, shown[1]),
            Front::before(&doris.query(), Speaks::MySql, shown[2]),
        ];
        let [fe, be, query] = fronts.each_ref().map(|front| front.address.clone());
        let yard = yard
            .option("fe", &fe)
            .option("be", &be)
            .option("query", &query)
            .option("tls", "verify-full")
            .option("tls_ca", &file.display().to_string());
        Encrypted { yard, fronts, folder }
    }

    fn option(mut self, name: &str, value: &str) -> Self {
        self.yard = self.yard.option(name, value);
        self
    }

    /// The rows after a load, or why there are none, with `it` for the servers.
    async fn outcome(&self) -> String {
        match self.yard.load(&load("l1", Mode::Append), PARTS).await {
            Ok(_) => self.yard.rows(),
            Err(error) => {
                assert_eq!(error.kind(), Kind::Denied, "{error:?}");
                assert_eq!(self.yard.rows(), "1=old 2=old");
                let name = |text: String, front: &Front| text.replace(&front.address, "it");
                self.fronts.iter().fold(error.message().to_owned(), name)
            }
        }
    }
}

#[tokio::test]
async fn a_load_arrives_through_encrypted_sessions_alone() {
    let authority = Authority::new("known");
    let good = authority.certify("127.0.0.1", "doris", NOW);
    let encrypted = Encrypted::with(&authority, [&good; 3]);
    assert_eq!(encrypted.outcome().await, after(&Mode::Append));
    // The front end was not asked where to go: its answer would lead away from encryption.
    let sides: Vec<_> = encrypted.yard.doris.requests().iter().map(|r| r.side).collect();
    assert!(sides.contains(&Side::Be) && sides.contains(&Side::Query), "{sides:?}");
}

#[tokio::test]
async fn each_server_must_show_a_certificate_that_the_mode_takes() {
    let (known, unknown) = (Authority::new("known"), Authority::new("unknown"));
    let good = known.certify("127.0.0.1", "doris", NOW);
    let bad = [
        ("expired", known.certify("127.0.0.1", "doris", [2000, 2001])),
        ("made out to another name", known.certify("doris.example.com", "doris", NOW)),
        ("not trusted", unknown.certify("127.0.0.1", "doris", NOW)),
    ];
    for (why, shown) in &bad {
        for at in 0..3 {
            let mut all = [&good; 3];
            all[at] = shown;
            let full = Encrypted::with(&known, all).outcome().await;
            assert!(full.contains(why), "server {at}: {full}");
            let ca = Encrypted::with(&known, all).option("tls", "verify-ca").outcome().await;
            // The driver of the query port looks at names in this mode too: stricter than asked.
            let is_taken = why.contains("name") && at < 2;
            assert_eq!(ca == after(&Mode::Append), is_taken, "server {at}, {why}: {ca}");
            let any = Encrypted::with(&known, all).option("tls", "require").outcome().await;
            assert_eq!(any, after(&Mode::Append), "server {at}, {why}");
        }
    }
}

#[tokio::test]
async fn nobody_is_led_from_an_encrypted_front_end_to_a_plain_back_end() {
    let authority = Authority::new("known");
    let good = authority.certify("127.0.0.1", "doris", NOW);
    let encrypted = Encrypted::with(&authority, [&good; 3]).option("be", "");
    assert_eq!(encrypted.outcome().await, "`it` sends us to a server without encryption");
}

#[tokio::test]
async fn a_query_port_that_does_not_encrypt_sees_no_password() {
    let authority = Authority::new("known");
    let good = authority.certify("127.0.0.1", "doris", NOW);
    let encrypted = Encrypted::with(&authority, [&good; 3]);
    let query = encrypted.yard.doris.query();
    let encrypted = encrypted.option("query", &query);
    let said = encrypted.outcome().await;
    assert_eq!(said, format!("`{query}` does not encrypt its sessions"));
    drop(encrypted.folder);
}
