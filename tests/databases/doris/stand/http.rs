//! HTTP/1.1 by hand: what has to be in hand for `Expect: 100-continue`, resets and half answers.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The first line and the headers of a request.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    pub(crate) method: String,
    /// The path, with no query.
    pub(crate) path: String,
    /// What follows the `?`.
    pub(crate) query: String,
    /// As they came; names in lower case.
    pub(crate) headers: Vec<(String, String)>,
}

impl Head {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// The parts of the path.
    pub(crate) fn parts(&self) -> Vec<&str> {
        self.path.split('/').filter(|part| !part.is_empty()).collect()
    }

    /// A parameter of the query.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        let pairs = self.query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.into_iter().find(|(n, _)| *n == name).map(|(_, value)| decoded(value))
    }

    /// One text for what a fault may look for.
    pub(crate) fn text(&self) -> String {
        let headers = self.headers.iter().map(|(name, value)| format!("\n{name}: {value}"));
        format!("{} {}?{}{}", self.method, self.path, self.query, headers.collect::<String>())
    }

    fn framing(&self) -> Framing {
        if self.header("transfer-encoding").is_some_and(|v| v.eq_ignore_ascii_case("chunked")) {
            return Framing::Chunked;
        }
        let length = self.header("content-length").and_then(|v| v.trim().parse().ok());
        length.map_or(Framing::Known(0), Framing::Known)
    }
}

#[derive(Debug, Clone, Copy)]
enum Framing {
    Known(u64),
    Chunked,
}

/// A text with its `%xx` and `+` taken back.
pub(crate) fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        match (first, hex.and_then(|two| u8::from_str_radix(two, 16).ok())) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            (b'+', _) => {
                bytes.push(b' ');
                rest = after;
            }
            (byte, _) => {
                bytes.push(*byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What is answered.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    /// JSON with status 200, as nearly everything in Doris.
    pub(crate) fn json(value: &serde_json::Value) -> Self {
        let body = serde_json::to_string_pretty(value).expect("JSON can be written");
        Reply::of(200, "application/json", body)
    }

    pub(crate) fn of(status: u16, kind: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("Content-Type".to_owned(), kind.to_owned())];
        Reply { status, headers, body: body.into() }
    }

    /// A redirect that keeps the method.
    pub(crate) fn redirect(location: String) -> Self {
        let headers = vec![("Location".to_owned(), location)];
        Reply { status: 307, headers, body: Vec::new() }
    }

    fn bytes(&self, closes: bool) -> Vec<u8> {
        let mut text = format!("HTTP/1.1 {} {}\r\n", self.status, reason(self.status));
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        let closing = if closes { "Connection: close\r\n" } else { "" };
        text.push_str(&format!("{closing}Content-Length: {}\r\n\r\n", self.body.len()));
        let mut bytes = text.into_bytes();
        bytes.extend(&self.body);
        bytes
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        307 => "Temporary Redirect",
        404 => "Not Found",
        401 => "Unauthorized",
        413 => "Payload Too Large",
        503 => "Service Unavailable",
        _ => "Other",
    }
}

/// A connection.
#[derive(Debug)]
pub(crate) struct Wire {
    stream: TcpStream,
    ahead: Vec<u8>,
    waits: bool,
}

/// Longest head that is read.
const HEAD_BYTES_MAX: usize = 256 * 1024;

impl Wire {
    pub(crate) fn of(stream: TcpStream) -> Self {
        // An answer in two parts must not wait for the acknowledgement of the first.
        let _ = stream.set_nodelay(true);
        Wire { stream, ahead: Vec::new(), waits: false }
    }

    /// The next request; `None` when the client has gone.
    pub(crate) async fn head(&mut self) -> io::Result<Option<Head>> {
        let end = loop {
            if let Some(at) = self.ahead.windows(4).position(|four| four == b"\r\n\r\n") {
                break at;
            }
            if self.ahead.len() > HEAD_BYTES_MAX {
                return Err(io::Error::other("the head is too long"));
            }
            if self.more().await? == 0 {
                return Ok(None);
            }
        };
        let text = String::from_utf8_lossy(&self.ahead[..end]).into_owned();
        self.ahead.drain(..end + 4);
        let mut lines = text.split("\r\n");
        let first = lines.next().unwrap_or_default().to_owned();
        let mut words = first.split(' ');
        let method = words.next().unwrap_or_default().to_owned();
        let target = words.next().unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let pairs = lines.filter_map(|line| line.split_once(':'));
        let headers = pairs.map(|(n, v)| (n.trim().to_lowercase(), v.trim().to_owned())).collect();
        let head = Head { method, path: decoded(path), query: query.to_owned(), headers };
        self.waits = head.header("expect").is_some_and(|v| v.eq_ignore_ascii_case("100-continue"));
        Ok(Some(head))
    }

    async fn more(&mut self) -> io::Result<usize> {
        self.ahead.reserve(64 * 1024);
        self.stream.read_buf(&mut self.ahead).await
    }

    /// Reads the body piece by piece until its end, or until `take` has had enough. Answers whether
    /// it came to the end. A client that waits to be asked for the body is asked.
    pub(crate) async fn body(
        &mut self,
        head: &Head,
        mut take: impl FnMut(&[u8]) -> bool,
    ) -> io::Result<bool> {
        if std::mem::take(&mut self.waits) {
            self.stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        }
        match head.framing() {
            Framing::Known(length) => self.pieces(length, &mut take).await,
            Framing::Chunked => self.chunks(&mut take).await,
        }
    }

    async fn pieces(
        &mut self,
        mut left: u64,
        take: &mut impl FnMut(&[u8]) -> bool,
    ) -> io::Result<bool> {
        while left > 0 {
            if self.ahead.is_empty() && self.more().await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let here = usize::try_from(left).unwrap_or(usize::MAX).min(self.ahead.len());
            let goes_on = take(&self.ahead[..here]);
            self.ahead.drain(..here);
            left -= u64::try_from(here).expect("fits");
            if !goes_on {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn chunks(&mut self, take: &mut impl FnMut(&[u8]) -> bool) -> io::Result<bool> {
        loop {
            let line = self.line().await?;
            let size = line.split(';').next().unwrap_or_default().trim().to_owned();
            let size = u64::from_str_radix(&size, 16).map_err(io::Error::other)?;
            if size == 0 {
                while !self.line().await?.is_empty() {}
                return Ok(true);
            }
            if !self.pieces(size, take).await? {
                return Ok(false);
            }
            self.line().await?;
        }
    }

    async fn line(&mut self) -> io::Result<String> {
        loop {
            if let Some(at) = self.ahead.windows(2).position(|two| two == b"\r\n") {
                let line = String::from_utf8_lossy(&self.ahead[..at]).into_owned();
                self.ahead.drain(..at + 2);
                return Ok(line);
            }
            if self.more().await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// Answers, and keeps the connection.
    pub(crate) async fn reply(&mut self, reply: &Reply) -> io::Result<()> {
        self.waits = false;
        self.stream.write_all(&reply.bytes(false)).await
    }

    /// Answers only so many bytes of it, and closes.
    pub(crate) async fn reply_cut(mut self, reply: &Reply, bytes: usize) {
        let whole = reply.bytes(true);
        let _ = self.stream.write_all(&whole[..bytes.min(whole.len())]).await;
        self.close().await;
    }

    /// Answers before the body was read, and closes. What the client still sends is taken for a
    /// while and thrown away, so that it is not reset before it has seen the answer.
    pub(crate) async fn reply_early(mut self, reply: &Reply) {
        if self.stream.write_all(&reply.bytes(true)).await.is_ok() {
            self.close().await;
        }
    }

    async fn close(&mut self) {
        let _ = self.stream.shutdown().await;
        let mut scratch = vec![0; 64 * 1024];
        loop {
            let read = self.stream.read(&mut scratch);
            match tokio::time::timeout(Duration::from_secs(2), read).await {
                Ok(Ok(n)) if n > 0 => {}
                _ => return,
            }
        }
    }

    /// Reads a body that is not there, so that the next request can be read.
    pub(crate) async fn body_of_nothing(&mut self, head: &Head) -> io::Result<()> {
        self.waits = false;
        self.body(head, |_| true).await.map(drop)
    }

    /// Ends the connection with a reset.
    pub(crate) fn reset(self) {
        let _ = self.stream.set_zero_linger();
    }
}
