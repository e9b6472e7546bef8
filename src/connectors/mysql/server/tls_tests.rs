//! Every certificate that a server may show, in every mode.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use tempfile::TempDir;

use super::server_tests::server;
use crate::connectors::mysql::mariadb::{MariaDb, SHARED};
use crate::error::Kind;

/// An authority of the tests' own.
struct Authority(Issuer<'static, KeyPair>, String);

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Authority(Issuer::new(params, key), pem)
    }

    /// A certificate made out to `host`, valid in these years, and its key.
    fn certify(&self, host: &str, name: &str, years: [i32; 2]) -> (String, String) {
        let mut params = CertificateParams::new([host.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        [params.not_before, params.not_after] = years.map(|year| date_time_ymd(year, 1, 1));
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.0).unwrap().pem(), key.serialize_pem())
    }
}

/// A server that encrypts, and the folder of its files.
struct Encrypting {
    own: MariaDb,
    folder: TempDir,
}

impl Encrypting {
    fn start(authority: &Authority, first: &(String, String)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // The server has another user.
        std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
        std::fs::write(folder.path().join("authority.crt"), &authority.1).unwrap();
        write(folder.path(), "server", first);
        let at = |name: &str| folder.path().join(name).display().to_string();
        let own = MariaDb::start(&[
            &format!("--ssl-cert={}", at("server.crt")),
            &format!("--ssl-key={}", at("server.key")),
            &format!("--ssl-ca={}", at("authority.crt")),
        ]);
        Encrypting { own, folder }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// Sets what the server shows from now on.
    fn show(&self, certified: &(String, String)) {
        write(self.folder.path(), "server", certified);
        self.own.sql("mysql", "flush ssl");
    }
}

fn write(folder: &Path, name: &str, (certificate, key): &(String, String)) {
    std::fs::write(folder.join(format!("{name}.crt")), certificate).unwrap();
    std::fs::write(folder.join(format!("{name}.key")), key).unwrap();
}

/// What becomes of a session in `mode`: whether it is encrypted, or why there is none.
async fn outcome(own: &MariaDb, mode: &str, authority: &str) -> String {
    let port = own.port.to_string();
    let mut options = vec![("host", "127.0.0.1"), ("port", &port), ("user", "dhow"), ("tls", mode)];
    if mode != "disable" {
        options.push(("tls_ca", authority));
    }
    match server(&options).connect().await {
        Ok(mut session) => {
            let row = session.query("show session status like 'Ssl_cipher'").await.unwrap();
            let cipher = row[0][1].clone().unwrap_or_default();
            if cipher.is_empty() { "plain" } else { "encrypted" }.to_owned()
        }
        Err(error) => {
            assert_eq!(error.kind(), Kind::Denied, "{error:?}");
            error.message().replace(&format!("`127.0.0.1:{port}`"), "it")
        }
    }
}

const MODES: [&str; 4] = ["disable", "require", "verify-ca", "verify-full"];

#[tokio::test(flavor = "multi_thread")]
async fn each_mode_takes_the_certificates_that_it_may_and_no_other() {
    let (known, unknown) = (Authority::new("known"), Authority::new("unknown"));
    let now = [2000, 2100];
    let good = known.certify("127.0.0.1", "db", now);
    let server = Encrypting::start(&known, &good);
    let authority = server.path("authority.crt");
    let none = "it does not encrypt, and `tls` asks for it";
    let expired = "the certificate of it has expired";
    let early = "the certificate of it is not valid yet";
    let other = "the certificate of it is made out to another name";
    let stranger = "the certificate of it comes from an authority that is not trusted";
    let (ok, plain) = ("encrypted", "plain");
    let expected = [
        ("good", [plain, ok, ok, ok]),
        ("expired", [plain, ok, expired, expired]),
        ("early", [plain, ok, early, early]),
        ("wrong", [plain, ok, ok, other]),
        ("unknown", [plain, ok, stranger, stranger]),
    ];
    let shown = [
        good,
        known.certify("127.0.0.1", "db", [2000, 2001]),
        known.certify("127.0.0.1", "db", [2099, 2100]),
        known.certify("db.example.com", "127.0.0.1", now),
        unknown.certify("127.0.0.1", "db", now),
    ];
    for ((name, expected), certified) in expected.iter().zip(&shown) {
        server.show(certified);
        for (mode, expected) in MODES.iter().zip(expected) {
            let found = outcome(&server.own, mode, &authority).await;
            assert_eq!(found, *expected, "{name} {mode}");
        }
    }
    for (mode, expected) in MODES.iter().zip([plain, none, none, none]) {
        assert_eq!(outcome(&SHARED, mode, &authority).await, expected, "without {mode}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_may_ask_for_our_certificate_or_for_another_name() {
    let known = Authority::new("known");
    let encrypting =
        Encrypting::start(&known, &known.certify("db.example.com", "db", [2000, 2100]));
    encrypting
        .own
        .sql("mysql", "create user visitor@'%' require x509; grant select on *.* to visitor@'%'");
    let folder = encrypting.folder.path();
    write(folder, "visitor", &known.certify("visitor", "visitor", [2000, 2100]));
    std::fs::set_permissions(folder.join("visitor.key"), PermissionsExt::from_mode(0o600)).unwrap();
    let port = encrypting.own.port.to_string();
    let (authority, certificate, key) = (
        encrypting.path("authority.crt"),
        encrypting.path("visitor.crt"),
        encrypting.path("visitor.key"),
    );
    let options = vec![
        ("host", "127.0.0.1"),
        ("port", port.as_str()),
        ("user", "visitor"),
        ("tls", "verify-full"),
        ("tls_ca", authority.as_str()),
        ("tls_server_name", "db.example.com"),
    ];
    let error = server(&options).connect().await.unwrap_err();
    assert_eq!(error.kind(), Kind::Denied, "{error:?}");
    let own = [("tls_cert", certificate.as_str()), ("tls_key", key.as_str())];
    server(&[options, own.to_vec()].concat()).connect().await.unwrap();
}
