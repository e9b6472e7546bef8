//! A server for tests that says what it is told to, be it wrong.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UnixListener};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::config::Options;
use crate::network::tls::Tls;

/// What the server does after its greeting, one after the other.
#[derive(Debug, Clone)]
pub(in crate::connectors::mysql) enum Turn {
    /// Waits for a packet and then says this, in packets that count on from that one.
    Answer(Vec<Vec<u8>>),
    /// Ends the connection.
    HangUp,
}

/// The greeting of a server that proves users like this.
pub(in crate::connectors::mysql) fn greeting(version: &str, plugin: &str, flags: u32) -> Vec<u8> {
    let flags = flags.to_le_bytes();
    let (low, high) = flags.split_at(2);
    [
        &[10][..],
        version.as_bytes(),
        &[0, 7, 0, 0, 0],
        b"12345678",
        &[0],
        low,
        &[45, 2, 0],
        high,
        &[21, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        b"abcdefghijkl\0",
        plugin.as_bytes(),
        &[0],
    ]
    .concat()
}

/// What MySQL 8 can do, without TLS; and an older one, which ends columns and rows by EOF.
pub(in crate::connectors::mysql) const MYSQL_8: u32 = 0x01ff_f7df & !0x800;
pub(in crate::connectors::mysql) const MYSQL_5: u32 = MYSQL_8 & !0x0100_0000;
/// The ability to encrypt.
const TLS: u32 = 0x800;

/// The packet of a statement without rows, and of a login that went well.
pub(in crate::connectors::mysql) fn ok() -> Vec<u8> {
    vec![0, 0, 0, 2, 0, 0, 0]
}

/// The end of rows in either form.
pub(in crate::connectors::mysql) fn end(flags: u32) -> Vec<u8> {
    match flags & 0x0100_0000 {
        0 => vec![0xfe, 0, 0, 2, 0],
        _ => vec![0xfe, 0, 0, 2, 0, 0, 0],
    }
}

/// An error of this number.
pub(in crate::connectors::mysql) fn error(code: u16, message: &str) -> Vec<u8> {
    [&[0xff], &code.to_le_bytes()[..], b"#HY000", message.as_bytes()].concat()
}

/// A length and bytes.
pub(in crate::connectors::mysql) fn counted(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).unwrap().to_le_bytes();
    match bytes.len() {
        0..=250 => [&length[..1], bytes].concat(),
        251..=0xffff => [&[252], &length[..2], bytes].concat(),
        _ => [&[253], &length[..3], bytes].concat(),
    }
}

/// A column of this name, type, flags, collation and length.
pub(in crate::connectors::mysql) fn column(
    name: &str,
    kind: u8,
    flags: u16,
    charset: u16,
) -> Vec<u8> {
    let texts = ["def", "db", "t", "t", name, name].map(|text| counted(text.as_bytes())).concat();
    let length = 1020_u32.to_le_bytes();
    let (charset, flags) = (charset.to_le_bytes(), flags.to_le_bytes());
    [&texts[..], &[12], &charset, &length, &[kind], &flags, &[0, 0, 0]].concat()
}

/// The answers to a statement that is prepared and run: these columns, these rows.
pub(in crate::connectors::mysql) fn answers(
    columns: &[Vec<u8>],
    rows: &[Vec<u8>],
    flags: u32,
) -> [Turn; 2] {
    let ends = || match flags & 0x0100_0000 {
        0 => vec![end(flags)],
        _ => Vec::new(),
    };
    let count = u8::try_from(columns.len()).unwrap();
    let prepared = vec![0, 1, 0, 0, 0, count, 0, 0, 0, 0, 0, 0];
    [
        Turn::Answer([vec![prepared], columns.to_vec(), ends()].concat()),
        Turn::Answer(
            [vec![vec![count]], columns.to_vec(), ends(), rows.to_vec(), vec![end(flags)]].concat(),
        ),
    ]
}

/// Starts a server for one session; what it was sent is given when the session has ended.
pub(in crate::connectors::mysql) async fn serve(
    greeting: Vec<u8>,
    turns: Vec<Turn>,
) -> (Login, JoinHandle<Vec<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let _ = socket.write_all(&framed(&[greeting], 0)).await;
        converse(Box::new(socket), turns).await
    });
    (login(port), heard)
}

/// The same over a Unix socket in `folder`.
pub(in crate::connectors::mysql) fn serve_in(
    folder: &Path,
    greeting: Vec<u8>,
    turns: Vec<Turn>,
) -> (Login, JoinHandle<Vec<Vec<u8>>>) {
    let path = folder.join("s");
    let listener = UnixListener::bind(&path).unwrap();
    let heard = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let _ = socket.write_all(&framed(&[greeting], 0)).await;
        converse(Box::new(socket), turns).await
    });
    (Login { host: Host::Socket(path), ..login(0) }, heard)
}

/// The same over TLS, with a certificate that is written into `folder`; what went before
/// encryption is heard as well.
pub(in crate::connectors::mysql) async fn serve_encrypted(
    folder: &Path,
    plugin: &str,
    turns: Vec<Turn>,
) -> (Login, JoinHandle<Vec<Vec<u8>>>) {
    let acceptor = acceptor(folder);
    let greeting = greeting("8.0.40", plugin, MYSQL_8 | TLS);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let _ = socket.write_all(&framed(&[greeting], 0)).await;
        let (_, request) = packet(&mut socket).await.unwrap();
        let encrypted = acceptor.accept(socket).await.unwrap();
        [vec![request], converse(Box::new(encrypted), turns).await].concat()
    });
    let options = Options::of_arguments(&[("tls", "verify-full"), ("tls_ca", "server.crt")]);
    let tls = Tls::read(&options.reader(), None, false);
    (Login { tls, base: folder.to_owned(), ..login(port) }, heard)
}

fn acceptor(folder: &Path) -> TlsAcceptor {
    let own = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    std::fs::write(folder.join("server.crt"), own.cert.pem()).unwrap();
    let key = PrivateKeyDer::try_from(own.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider);
    let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let config = config.with_single_cert(vec![own.cert.der().clone()], key).unwrap();
    TlsAcceptor::from(Arc::new(config))
}

/// Takes the turns; gives what was heard before each.
async fn converse(mut socket: Box<dyn super::stream::Socket>, turns: Vec<Turn>) -> Vec<Vec<u8>> {
    let mut heard = Vec::new();
    for turn in turns {
        let Turn::Answer(packets) = turn else { return heard };
        let Some((number, packet)) = packet(&mut socket).await else { return heard };
        heard.push(packet);
        let _ = socket.write_all(&framed(&packets, number.wrapping_add(1))).await;
    }
    // What is sent after that is read, and not answered.
    let _ = socket.read_to_end(&mut Vec::new()).await;
    heard
}

/// The number of the next packet, and the packet.
async fn packet(socket: &mut (impl super::stream::Socket + ?Sized)) -> Option<(u8, Vec<u8>)> {
    let mut header = [0; 4];
    socket.read_exact(&mut header).await.ok()?;
    let length = u32::from_le_bytes([header[0], header[1], header[2], 0]);
    let mut packet = vec![0; usize::try_from(length).unwrap()];
    socket.read_exact(&mut packet).await.unwrap();
    Some((header[3], packet))
}

/// Packets in their frames.
pub(in crate::connectors::mysql) fn framed(packets: &[Vec<u8>], from: u8) -> Vec<u8> {
    let mut number = from;
    let mut framed = Vec::new();
    for packet in packets {
        let length = u32::try_from(packet.len()).unwrap().to_le_bytes();
        framed.extend([length[0], length[1], length[2], number]);
        framed.extend_from_slice(packet);
        number = number.wrapping_add(1);
    }
    framed
}

fn login(port: u16) -> Login {
    Login {
        host: Host::Tcp("127.0.0.1".to_owned(), port),
        shown: "db:3306".to_owned(),
        user: "ada".to_owned(),
        password: Some(crate::config::Secret::new("secret")),
        database: Some("shop".to_owned()),
        tls: Tls::read(&Options::of_arguments(&[]).reader(), None, true),
        base: std::path::PathBuf::new(),
        connect_timeout: Duration::from_secs(10),
        read_timeout: Duration::ZERO,
    }
}

/// A connection that reads these bytes and whose own go nowhere.
pub(in crate::connectors::mysql) async fn recorded(bytes: &[u8], flags: u32) -> Connection {
    let (ours, mut theirs) = tokio::io::duplex(bytes.len() + 1);
    theirs.write_all(bytes).await.unwrap();
    theirs.shutdown().await.unwrap();
    // Kept open for writing: the server is there, and says no more.
    tokio::spawn(async move { theirs.read_to_end(&mut Vec::new()).await });
    let greeting = greeting::Greeting::read(&greeting("8.0.40", "", flags)).unwrap();
    Connection {
        id: greeting.id,
        server: greeting.server(),
        flags: greeting.flags,
        extended: false,
        done_with: None,
        stream: Some(Stream::new(Box::new(ours), "db", Duration::ZERO)),
    }
}
