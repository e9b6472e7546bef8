//! Servers that ask for every proof there is, and for more than a proof.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::alg_id;
use tempfile::tempdir;

use super::lies::said;
use super::script::{MYSQL_8, Turn, greeting, ok, serve, serve_encrypted, serve_in};
use super::*;
use crate::error::Kind;

/// The word of a server that has not seen the password yet.
const ASKS_FOR_ALL: [u8; 2] = [1, 4];

/// What a server hears that greets with `plugin` and then takes these turns.
pub(super) async fn hears(plugin: &str, turns: Vec<Turn>) -> (Result<()>, Vec<Vec<u8>>) {
    let (login, heard) = serve(greeting("8.0.40", plugin, MYSQL_8), turns).await;
    let opened = Connection::open(&login).await;
    let opened = opened.map(|connection| assert!(connection.is_usable()));
    (opened, heard.await.unwrap())
}

fn has_password(heard: &[Vec<u8>]) -> bool {
    heard.iter().any(|packet| packet.windows(6).any(|bytes| bytes == b"secret"))
}

/// The packet that asks for the proof `plugin` of these bytes.
fn switch(plugin: &str, nonce: &[u8]) -> Vec<u8> {
    [&[0xfe], plugin.as_bytes(), &[0], nonce].concat()
}

/// Whether this is the signature of `message` by whoever knows the password `secret`, of which
/// MariaDB's manual gives the public key.
fn is_signed(signature: &[u8], message: &[u8]) -> bool {
    let key = STANDARD.decode("ZIgUREUg5PVgQ6LskhXmO+eZLS0nC8be6HPjYWR4YJY=").unwrap();
    let known = rustls::crypto::ring::default_provider().signature_verification_algorithms.all;
    let ed25519 = known.iter().find(|a| a.signature_alg_id() == alg_id::ED25519).unwrap();
    ed25519.verify_signature(&key, message, signature).is_ok()
}

#[tokio::test]
async fn a_password_that_the_server_remembers_is_proved_by_its_hash() {
    let turns = vec![Turn::Answer(vec![vec![1, 3], ok()])];
    let (opened, heard) = hears("caching_sha2_password", turns).await;
    opened.unwrap();
    let hash = mysql_common::scramble::scramble_sha256(b"12345678abcdefghijkl", b"secret").unwrap();
    assert!(heard[0].windows(32).any(|bytes| bytes == hash), "{heard:?}");
    assert!(!has_password(&heard));
}

#[tokio::test]
async fn a_password_that_the_server_has_forgotten_is_sent_inside_tls() {
    let folder = tempdir().unwrap();
    let turns =
        || vec![Turn::Answer(vec![ASKS_FOR_ALL.to_vec()]), Turn::Answer(vec![ok()]), Turn::HangUp];
    let (login, heard) = serve_encrypted(folder.path(), "caching_sha2_password", turns()).await;
    assert!(Connection::open(&login).await.unwrap().is_usable());
    let heard = heard.await.unwrap();
    assert_eq!(heard[2], b"secret\0");
    assert!(!has_password(&heard[..2]), "before encryption, and with the name of the user");
    // An empty password is a zero alone.
    let folder = tempdir().unwrap();
    let (login, heard) = serve_encrypted(folder.path(), "caching_sha2_password", turns()).await;
    Connection::open(&Login { password: None, ..login }).await.unwrap();
    assert_eq!(heard.await.unwrap()[2], [0]);
}

#[tokio::test]
async fn a_password_that_the_server_has_forgotten_goes_through_a_socket_of_this_machine() {
    let folder = tempdir().unwrap();
    let turns = vec![Turn::Answer(vec![ASKS_FOR_ALL.to_vec()]), Turn::Answer(vec![ok()])];
    let greeting = greeting("8.0.40", "caching_sha2_password", MYSQL_8);
    let (login, heard) = serve_in(folder.path(), greeting, turns);
    drop(Connection::open(&login).await.unwrap());
    assert_eq!(heard.await.unwrap()[1], b"secret\0");
}

#[tokio::test]
async fn a_password_is_never_sent_where_somebody_can_listen() {
    let all = ASKS_FOR_ALL.to_vec();
    let asked = [
        ("caching_sha2_password", vec![all.clone()]),
        ("mysql_native_password", vec![switch("caching_sha2_password", &[b'n'; 21]), all]),
        ("mysql_native_password", vec![switch("mysql_clear_password", b"")]),
        ("mysql_native_password", vec![switch("sha256_password", &[b'n'; 21])]),
    ];
    for (plugin, answers) in asked {
        let last = answers.last().unwrap().clone();
        let turns = answers.into_iter().map(|packet| Turn::Answer(vec![packet])).collect();
        let (opened, heard) = hears(plugin, turns).await;
        let error = said(opened.unwrap_err());
        let message = "`db:3306` asks for the password in clear text";
        assert_eq!((error.kind(), error.message()), (Kind::Denied, message), "{last:?}");
        assert!(error.advice().unwrap().starts_with("set `tls` to verify-full"), "{error:?}");
        assert!(!has_password(&heard), "{heard:?}");
    }
    // The same where it is what the greeting names: the first answer is a hash.
    for plugin in ["mysql_clear_password", "sha256_password", "client_ed25519"] {
        let (_, heard) = hears(plugin, vec![Turn::Answer(vec![]), Turn::HangUp]).await;
        let hash = mysql_common::scramble::scramble_native(b"12345678abcdefghijkl", b"secret");
        let hash = hash.unwrap();
        assert!(heard[0].windows(20).any(|bytes| bytes == hash), "{plugin}: {heard:?}");
        assert!(!has_password(&heard));
    }
}

#[tokio::test]
async fn a_password_in_clear_text_is_sent_inside_tls_alone() {
    for plugin in ["mysql_clear_password", "sha256_password"] {
        let folder = tempdir().unwrap();
        let turns = || vec![Turn::Answer(vec![switch(plugin, b"")]), Turn::Answer(vec![ok()])];
        let (login, heard) = serve_encrypted(folder.path(), plugin, turns()).await;
        drop(Connection::open(&login).await.unwrap());
        let heard = heard.await.unwrap();
        assert_eq!((heard[2].as_slice(), has_password(&heard[..2])), (&b"secret\0"[..], false));
        // No server takes it through its socket without TLS.
        let greeting = greeting("8.0.40", "mysql_native_password", MYSQL_8);
        let (login, heard) = serve_in(folder.path(), greeting, turns());
        assert_eq!(said(Connection::open(&login).await.unwrap_err()).kind(), Kind::Denied);
        assert!(!has_password(&heard.await.unwrap()));
    }
}

#[tokio::test]
async fn a_server_may_ask_for_another_proof() {
    let switch = switch("mysql_native_password", b"abcdefghij1234567890\0");
    let turns = vec![Turn::Answer(vec![switch]), Turn::Answer(vec![ok()])];
    let (opened, heard) = hears("caching_sha2_password", turns).await;
    opened.unwrap();
    let hash = mysql_common::scramble::scramble_native(b"abcdefghij1234567890", b"secret").unwrap();
    assert_eq!(heard[1], hash);
}

#[tokio::test]
async fn a_signature_is_of_all_that_the_server_sent_also_where_it_ends_in_a_zero() {
    for nonce in [vec![b'n'; 32], [&[b'n'; 31][..], &[0]].concat(), vec![0; 32]] {
        let turns =
            vec![Turn::Answer(vec![switch("client_ed25519", &nonce)]), Turn::Answer(vec![ok()])];
        let (opened, heard) = hears("mysql_native_password", turns).await;
        opened.unwrap();
        assert_eq!(heard[1].len(), 64);
        assert!(is_signed(&heard[1], &nonce), "{nonce:?}");
        assert!(!has_password(&heard));
    }
}

#[tokio::test]
async fn nothing_but_32_bytes_is_signed() {
    for length in [0, 20, 31, 33, 64, 4096] {
        let asked = switch("client_ed25519", &vec![b'n'; length]);
        let (opened, heard) = hears("mysql_native_password", vec![Turn::Answer(vec![asked])]).await;
        let report = said(opened.unwrap_err()).report();
        assert!(report.contains("32 bytes to sign"), "{length}: {report}");
        assert_eq!(heard.len(), 1, "{length}");
    }
    // A server that goes on to ask for the password gets none.
    let asked = switch("client_ed25519", &[b'n'; 32]);
    let turns = vec![Turn::Answer(vec![asked]), Turn::Answer(vec![ASKS_FOR_ALL.to_vec()])];
    let (opened, heard) = hears("mysql_native_password", turns).await;
    assert_eq!(said(opened.unwrap_err()).kind(), Kind::Data);
    assert!(heard.len() == 2 && !has_password(&heard));
}

#[tokio::test]
async fn proofs_that_are_not_known_here_are_named_and_refused() {
    for (asked, name) in [
        (vec![0xfe], "mysql_old_password"),
        (switch("mysql_old_password", b"abc"), "mysql_old_password"),
        (switch("dialog", b"\x04Password: "), "dialog"),
        (switch("parsec", &[b'n'; 32]), "parsec"),
    ] {
        let (opened, heard) = hears("mysql_native_password", vec![Turn::Answer(vec![asked])]).await;
        let report = said(opened.unwrap_err()).report();
        assert!(report.contains("asks the user `ada` for a proof that dhow does not know"));
        assert!(report.contains(&format!("asked for: {name}")), "{report}");
        assert_eq!(heard.len(), 1);
    }
    let (login, _) = serve(greeting("4.0.30", "", 0x2c), vec![]).await;
    let error = said(Connection::open(&login).await.unwrap_err());
    assert_eq!(error.message(), "`db:3306` is older than MySQL 5.5.7");
}
