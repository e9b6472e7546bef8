//! Asks SQL Server Browser at which port a named instance listens (MC-SQLR, the specification of
//! its protocol).

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{UdpSocket, lookup_host};
use tokio::time::timeout;

use crate::error::{Error, Result};

/// Where it listens on every machine.
pub(super) const PORT: u16 = 1434;
/// The first byte of a question about one instance, and of an answer.
const QUESTION: u8 = 0x04;
const ANSWER: u8 = 0x05;
/// The longest answer about one instance, with its head of three bytes.
const LONGEST: usize = 3 + 1024;

/// The port of `instance` on `host`, whose browser listens at `port`.
///
/// # Errors
/// [`crate::error::Kind::Unavailable`] when nobody answers, `Missing` when it has no TCP port.
pub(super) async fn port_of(
    host: &str,
    port: u16,
    instance: &str,
    patience: Duration,
) -> Result<u16> {
    let shown = format!("{host}\\{instance}");
    let silent = |reason: String| {
        Error::unavailable(format!("SQL Server Browser did not say where `{shown}` listens"))
            .at("reason", reason)
            .hint("start the service SQL Server Browser there, or give the `port` of the instance")
    };
    let answer = timeout(patience, ask(host, port, instance)).await;
    let answer = answer.map_err(|_| silent(format!("no answer within {patience:?}")))?;
    let answer = answer.map_err(|e| silent(e.to_string()))?;
    tcp_port(&answer).ok_or_else(|| {
        Error::missing(format!("`{shown}` listens at no TCP port"))
            .hint("turn TCP/IP on in its SQL Server Configuration Manager")
    })
}

async fn ask(host: &str, port: u16, instance: &str) -> std::io::Result<Vec<u8>> {
    let server = lookup_host((host, port)).await?.next();
    let server = server.ok_or_else(|| std::io::Error::other("the host has no address"))?;
    let own: SocketAddr = match server {
        SocketAddr::V4(_) => (std::net::Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (std::net::Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(own).await?;
    socket.connect(server).await?;
    let mut question = vec![QUESTION];
    question.extend_from_slice(instance.as_bytes());
    question.push(0);
    socket.send(&question).await?;
    let mut answer = vec![0; LONGEST];
    let length = socket.recv(&mut answer).await?;
    answer.truncate(length);
    Ok(answer)
}

/// The port in an answer: `ServerName;A;InstanceName;B;…;tcp;1433;;` behind its head.
fn tcp_port(answer: &[u8]) -> Option<u16> {
    let text = answer.strip_prefix(&[ANSWER])?.get(2..)?;
    let text = String::from_utf8_lossy(text);
    let mut parts = text.split(';');
    while let (Some(key), Some(value)) = (parts.next(), parts.next()) {
        if key.eq_ignore_ascii_case("tcp") {
            return value.parse().ok().filter(|port| *port > 0);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_found_in_an_answer_and_nothing_in_others() {
        let text = b"ServerName;DB;InstanceName;SHOP;IsClustered;No;Version;16.0.1;tcp;50123;;";
        let answer = [&[ANSWER, 70, 0][..], text].concat();
        assert_eq!(tcp_port(&answer), Some(50_123));
        for answer in [&b""[..], &[5], &[5, 0, 0], &[4, 9, 0, b't'], b"\x05\x00\x00tcp;0;;"] {
            assert_eq!(tcp_port(answer), None, "{answer:?}");
        }
        let named_pipes = b"\x05\x00\x00ServerName;tcp;InstanceName;a;np;\\\\DB\\pipe;;";
        assert_eq!(tcp_port(named_pipes), None);
    }

    #[tokio::test]
    async fn a_browser_is_asked_for_the_port_of_an_instance() {
        let browser = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let port = browser.local_addr().unwrap().port();
        let answering = tokio::spawn(async move {
            let mut question = [0; 64];
            let (length, from) = browser.recv_from(&mut question).await.unwrap();
            browser.send_to(b"\x05\x0b\x00tcp;50123;;", from).await.unwrap();
            question[..length].to_vec()
        });
        let found = port_of("127.0.0.1", port, "SHOP", Duration::from_secs(10)).await.unwrap();
        assert_eq!(found, 50_123);
        assert_eq!(answering.await.unwrap(), b"\x04SHOP\0");
    }
}
