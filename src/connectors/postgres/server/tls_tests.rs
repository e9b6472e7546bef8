//! Every certificate that a server may show, in every mode.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::thread;

use super::Purpose;
use super::server_tests::{failure, server};
use crate::connectors::postgres::cluster::Cluster;
use crate::error::Kind;
use crate::network::authority::Authority;

/// A server that encrypts, and the files of its authority.
struct Encrypting {
    cluster: Cluster,
    folder: PathBuf,
    port: String,
}

impl Encrypting {
    fn start() -> Self {
        let cluster = Cluster::start(&[]);
        let (folder, port) = (cluster.socket.clone(), cluster.port.to_string());
        Encrypting { cluster, folder, port }
    }

    /// Writes a file that only the user of the server may read, who is not always ours.
    fn file(&self, name: &str, text: &str) -> String {
        let path = self.folder.join(name);
        std::fs::write(&path, text).unwrap();
        let owner = std::fs::metadata(&self.folder).unwrap();
        chown(&path, Some(owner.uid()), Some(owner.gid())).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        path.display().to_string()
    }

    /// Sets what the server shows from now on.
    fn show(&self, name: &str, certified: &(String, String)) {
        let certificate = self.file(&format!("{name}.crt"), &certified.0);
        let key = self.file(&format!("{name}.key"), &certified.1);
        self.set(&[("ssl", "on"), ("ssl_cert_file", &certificate), ("ssl_key_file", &key)]);
    }

    fn set(&self, settings: &[(&str, &str)]) {
        for (name, value) in settings {
            self.cluster.psql("postgres", &format!("alter system set {name} = '{value}'"));
        }
        self.cluster.order("restart");
    }

    fn options<'a>(&'a self, mode: &'a str, authority: &'a str) -> Vec<(&'a str, &'a str)> {
        let mut options = vec![("host", "127.0.0.1"), ("port", self.port.as_str()), ("tls", mode)];
        options.extend([("user", "postgres"), ("database", "postgres")]);
        if mode != "disable" {
            options.push(("tls_ca", authority));
        }
        options
    }

    /// What becomes of a session in `mode`: whether it is encrypted, or why there is none.
    async fn outcome(&self, mode: &str, authority: &str) -> String {
        let server = server(&self.options(mode, authority));
        match server.connect(Purpose::Read, "test").await {
            Ok(client) => {
                let sql = "select ssl from pg_catalog.pg_stat_ssl where pid = pg_backend_pid()";
                let row = client.query_one(sql, &[]).await.unwrap();
                if row.get(0) { "encrypted" } else { "plain" }.to_owned()
            }
            Err(error) => {
                assert_eq!(error.kind(), Kind::Denied, "{error:?}");
                error.message().replace(&format!("`127.0.0.1:{}`", self.port), "it")
            }
        }
    }
}

const MODES: [&str; 4] = ["disable", "require", "verify-ca", "verify-full"];

#[tokio::test]
async fn each_mode_takes_the_certificates_that_it_may_and_no_other() {
    let server = Encrypting::start();
    let (known, unknown) = (Authority::new("known"), Authority::new("unknown"));
    let authority = server.file("authority.crt", &known.1);
    let now = [2000, 2100];
    let shown = [
        ("good", known.certify("127.0.0.1", "db", now)),
        ("expired", known.certify("127.0.0.1", "db", [2000, 2001])),
        ("early", known.certify("127.0.0.1", "db", [2099, 2100])),
        ("wrong", known.certify("db.example.com", "127.0.0.1", now)),
        ("unknown", unknown.certify("127.0.0.1", "db", now)),
    ];
    let none = "it does not encrypt, and `tls` asks for it";
    let expired = "the certificate of it has expired";
    let early = "the certificate of it is not valid yet";
    let other = "the certificate of it is made out to another name";
    let stranger = "the certificate of it comes from an authority that is not trusted";
    let (ok, plain) = ("encrypted", "plain");
    let expected = [
        ("without", [plain, none, none, none]),
        ("good", [plain, ok, ok, ok]),
        ("expired", [plain, ok, expired, expired]),
        ("early", [plain, ok, early, early]),
        ("wrong", [plain, ok, ok, other]),
        ("unknown", [plain, ok, stranger, stranger]),
    ];
    let mut found = Vec::new();
    for (name, _) in &expected {
        if let Some((_, certified)) = shown.iter().find(|(known, _)| known == name) {
            server.show(name, certified);
        }
        let mut row = Vec::new();
        for mode in MODES {
            row.push(server.outcome(mode, &authority).await);
        }
        found.push((*name, row));
    }
    assert_eq!(found, expected.map(|(name, row)| (name, row.map(str::to_owned).to_vec())));
}

#[tokio::test]
async fn a_client_certificate_stands_for_a_password_and_scram_is_bound_to_the_channel() {
    let server = Encrypting::start();
    let known = Authority::new("known");
    let authority = server.file("authority.crt", &known.1);
    let hba = server.folder.join("data/pg_hba.conf");
    let rules = std::fs::read_to_string(&hba).unwrap();
    let own =
        "hostssl all visitor 127.0.0.1/32 cert\nhostssl all canary 127.0.0.1/32 scram-sha-256\n";
    std::fs::write(&hba, format!("{own}{rules}")).unwrap();
    server.cluster.psql("postgres", "create role visitor login");
    server.cluster.psql("postgres", "create role canary login password 'horse battery'");
    server.set(&[("ssl_ca_file", &authority)]);
    server.show("good", &known.certify("db.example.com", "db", [2000, 2100]));

    let (certificate, key) = known.certify("visitor", "visitor", [2000, 2100]);
    let certificate = server.file("visitor.crt", &certificate);
    let key = server.file("visitor.key", &key);
    let base = server.options("verify-full", &authority);
    let named = |user| {
        let mut options = base.clone();
        options.retain(|(name, _)| *name != "user");
        options.extend([("user", user), ("tls_server_name", "db.example.com")]);
        options
    };
    let error = failure(&named("visitor")).await;
    assert_eq!(error.places()[0].1, "connection requires a valid client certificate");
    let with = [named("visitor"), vec![("tls_cert", &certificate), ("tls_key", &key)]].concat();
    super::server_tests::server(&with).connect(Purpose::Read, "test").await.unwrap();
    let scram = [named("canary"), vec![("password", "horse battery")]].concat();
    super::server_tests::server(&scram).connect(Purpose::Read, "test").await.unwrap();

    std::fs::set_permissions(&key, PermissionsExt::from_mode(0o644)).unwrap();
    let error = failure(&with).await;
    assert_eq!(error.message(), format!("`{key}` can be read by others than its owner"));
    let other = server.file("other.key", &rcgen::KeyPair::generate().unwrap().serialize_pem());
    let mixed = [named("visitor"), vec![("tls_cert", &certificate), ("tls_key", &other)]].concat();
    let error = failure(&mixed).await;
    assert_eq!(error.message(), "`tls_cert` and `tls_key` do not belong together");
}

#[tokio::test]
async fn files_that_are_no_certificates_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str, text: &str| -> String {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let empty = path("empty", "");
    let half = path("half", "-----BEGIN CERTIFICATE-----\nAAAA\n");
    let missing = folder.path().join("missing").display().to_string();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    for (file, message) in [
        (&empty, format!("there is no certificate in `{empty}`")),
        (&half, format!("there is no certificate in `{half}`")),
        (&missing, format!("`{missing}` does not exist")),
    ] {
        let options =
            [("host", "127.0.0.1"), ("port", &port), ("tls", "verify-ca"), ("tls_ca", file)];
        assert_eq!(failure(&options).await.message(), message);
    }
    assert!(Path::new(&empty).exists());
}

#[tokio::test]
async fn bytes_that_are_slipped_in_before_the_handshake_end_the_session() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.read_exact(&mut [0; 8]).unwrap();
        stream.write_all(b"SR\0\0\0\x08\0\0\0\0Z\0\0\0\x05I").unwrap();
        // Until the client hangs up.
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let error = failure(&[("host", "127.0.0.1"), ("port", &port), ("tls", "require")]).await;
    assert_eq!(error.message(), format!("`127.0.0.1:{port}` did not answer in TLS"));
    assert_eq!(error.kind(), Kind::Denied);
}
