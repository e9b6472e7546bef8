//! Encryption in front of a stand-in that has none: what arrives encrypted goes on in the clear.
//!
//! HTTP is encrypted from its first byte. In MySQL's protocol the server greets first, in the clear,
//! and says whether it can encrypt; so the greeting is changed on its way, and the numbers of the
//! packets are, which count the request for encryption that the stand-in never sees.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy_bidirectional, split};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;

/// A port on the loopback where everything is encrypted; it ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Front {
    /// `127.0.0.1:port`.
    pub(crate) address: String,
    runtime: Option<Runtime>,
}

/// What is spoken there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speaks {
    Http,
    MySql,
}

impl Front {
    /// Encrypts what goes to the server at `to`, with this certificate and key in PEM.
    pub(crate) fn before(to: &str, speaks: Speaks, certified: &(String, String)) -> Self {
        let acceptor = TlsAcceptor::from(Arc::new(config(certified)));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime starts");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        listener.set_nonblocking(true).expect("sockets can be set");
        let address = listener.local_addr().expect("bound").to_string();
        let to = to.to_owned();
        runtime.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a socket");
            while let Ok((client, _)) = listener.accept().await {
                let (acceptor, to) = (acceptor.clone(), to.clone());
                // It ends with an error when one of the two sides goes.
                tokio::spawn(async move {
                    match speaks {
                        Speaks::Http => http(client, &to, acceptor).await,
                        Speaks::MySql => mysql(client, &to, acceptor).await,
                    }
                });
            }
        });
        Front { address, runtime: Some(runtime) }
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn config((certificate, key): &(String, String)) -> ServerConfig {
    let chain = CertificateDer::pem_slice_iter(certificate.as_bytes());
    let chain = chain.collect::<Result<Vec<_>, _>>().expect("certificates");
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions that ring has")
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .expect("they belong together")
}

async fn http(client: TcpStream, to: &str, acceptor: TlsAcceptor) -> io::Result<()> {
    let mut client = acceptor.accept(client).await?;
    let mut server = TcpStream::connect(to).await?;
    copy_bidirectional(&mut client, &mut server).await.map(drop)
}

/// What a client and a server say of themselves when they can encrypt, in the lower byte of two.
const CAN_ENCRYPT: u8 = 0x08;

async fn mysql(mut client: TcpStream, to: &str, acceptor: TlsAcceptor) -> io::Result<()> {
    let mut server = TcpStream::connect(to).await?;
    let mut greeting = packet(&mut server).await?;
    // Behind the version, which ends with a zero: the id of the connection, eight bytes of salt, a zero.
    let version = greeting[5..].iter().position(|byte| *byte == 0).expect("a version");
    greeting[5 + version + 1 + 4 + 8 + 1 + 1] |= CAN_ENCRYPT;
    client.write_all(&greeting).await?;
    let request = packet(&mut client).await?;
    assert_eq!(request.len(), 36, "the client asks for encryption before it says who it is");
    let client = acceptor.accept(client).await?;
    let (mut from_client, mut to_client) = split(client);
    let (mut from_server, mut to_server) = server.into_split();
    // Until the server has answered that the client is welcome, or not.
    loop {
        let mut packet_of_client = packet(&mut from_client).await?;
        packet_of_client[3] -= 1;
        packet_of_client[5] &= !CAN_ENCRYPT;
        to_server.write_all(&packet_of_client).await?;
        let mut answer = packet(&mut from_server).await?;
        answer[3] += 1;
        to_client.write_all(&answer).await?;
        if matches!(answer[4], 0x00 | 0xff) {
            break;
        }
    }
    tokio::select! {
        up = pass(&mut from_client, &mut to_server) => up,
        down = pass(&mut from_server, &mut to_client) => down,
    }
}

/// The next packet: three bytes of length, its number, and what is in it.
async fn packet(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let mut packet = vec![0; 4];
    from.read_exact(&mut packet).await?;
    let length = u32::from_le_bytes([packet[0], packet[1], packet[2], 0]);
    packet.resize(4 + length as usize, 0);
    from.read_exact(&mut packet[4..]).await?;
    Ok(packet)
}

async fn pass(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
) -> io::Result<()> {
    let mut bytes = vec![0; 64 * 1024];
    loop {
        let read = from.read(&mut bytes).await?;
        if read == 0 {
            return Ok(());
        }
        to.write_all(&bytes[..read]).await?;
        to.flush().await?;
    }
}
