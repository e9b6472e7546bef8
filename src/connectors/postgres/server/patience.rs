//! Gives up a server that falls silent in the middle of an answer.
//!
//! This looks at plain text, so it stands above the encryption: only there can be told whether the
//! server owes anything.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_postgres::tls::{ChannelBinding, TlsConnect, TlsStream};

/// How the message "ready for query" begins; the state of the transaction follows.
const READY: [u8; 5] = [b'Z', 0, 0, 0, 5];

/// A stream on which the other side may be silent for a while only when it owes nothing.
#[derive(Debug)]
pub(in crate::connectors::postgres) struct Patient<S> {
    stream: S,
    /// How long it may be silent; zero for ever.
    limit: Duration,
    /// The last bytes that were read.
    tail: [u8; 6],
    is_owed: bool,
    heard: Instant,
    timer: Option<Pin<Box<Sleep>>>,
    /// Who waits for bytes although none are owed yet.
    reader: Option<Waker>,
}

impl<S> Patient<S> {
    /// Waits for `limit`, or for ever when that is zero.
    pub(in crate::connectors::postgres) fn new(stream: S, limit: Duration) -> Self {
        let heard = Instant::now();
        Patient { stream, limit, tail: [0; 6], is_owed: false, heard, timer: None, reader: None }
    }

    fn hear(&mut self, bytes: &[u8]) {
        self.heard = Instant::now();
        let kept = bytes.len().min(self.tail.len());
        self.tail.rotate_left(kept);
        let at = self.tail.len() - kept;
        self.tail[at..].copy_from_slice(&bytes[bytes.len() - kept..]);
        if self.tail.starts_with(&READY) {
            self.is_owed = false;
        }
    }

    /// Ready when the other side has been silent for too long.
    fn poll_silence(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if !self.is_owed {
            self.reader = Some(context.waker().clone());
            return Poll::Pending;
        }
        loop {
            let due = self.heard + self.limit;
            let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(due)));
            match timer.as_mut().poll(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(()) if due <= Instant::now() => return Poll::Ready(()),
                Poll::Ready(()) => timer.as_mut().reset(due),
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        match Pin::new(&mut self.stream).poll_read(context, buffer) {
            Poll::Ready(read) => {
                if !self.limit.is_zero() {
                    self.hear(&buffer.filled()[before..]);
                }
                Poll::Ready(read)
            }
            Poll::Pending if self.limit.is_zero() => Poll::Pending,
            Poll::Pending => self.poll_silence(context).map(|()| {
                let message = format!("the server was silent for {:?}", self.limit);
                Err(io::Error::new(io::ErrorKind::TimedOut, message))
            }),
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        if written.is_ready() && !self.limit.is_zero() {
            self.is_owed = true;
            self.heard = Instant::now();
            // Whoever waits to read does not know yet that there is a limit now.
            if let Some(reader) = self.reader.take() {
                reader.wake();
            }
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl<S: TlsStream + Unpin> TlsStream for Patient<S> {
    fn channel_binding(&self) -> ChannelBinding {
        self.stream.channel_binding()
    }
}

/// Encrypts by `T` and is patient above it.
#[derive(Debug)]
pub(in crate::connectors::postgres) struct PatientTls<T> {
    /// Encrypts.
    pub tls: T,
    /// How long the other side may be silent; zero for ever.
    pub limit: Duration,
}

impl<S, T> TlsConnect<S> for PatientTls<T>
where
    T: TlsConnect<S>,
    T::Stream: Send,
    T::Future: Send + 'static,
{
    type Stream = Patient<T::Stream>;
    type Error = T::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Stream, T::Error>> + Send>>;

    fn connect(self, stream: S) -> Self::Future {
        let limit = self.limit;
        let begun = self.tls.connect(stream);
        Box::pin(async move { Ok(Patient::new(begun.await?, limit)) })
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    #[tokio::test]
    async fn silence_is_an_error_only_while_an_answer_is_owed() {
        let (limit, (ours, mut theirs)) = (Duration::from_millis(50), duplex(100));
        let mut ours = Patient::new(ours, limit);
        let mut byte = [0];
        ours.write_all(b"Q").await.unwrap();
        let error = ours.read_exact(&mut byte).await.unwrap_err();
        assert_eq!(error.to_string(), "the server was silent for 50ms");

        for part in [&b"CZ\0\0\0"[..], b"\x05I"] {
            theirs.write_all(part).await.unwrap();
            ours.read_exact(&mut vec![0; part.len()]).await.unwrap();
        }
        let idle = tokio::time::timeout(limit * 5, ours.read_exact(&mut byte)).await;
        assert!(idle.is_err(), "nothing is owed behind `ready for query`");
    }

    #[tokio::test]
    async fn whatever_is_heard_or_sent_counts_as_life() {
        let (limit, (ours, mut theirs)) = (Duration::from_secs(1), duplex(100));
        let mut ours = Patient::new(ours, limit);
        ours.write_all(b"Q").await.unwrap();
        let mut byte = [0];
        for _ in 0..2 {
            let waited = tokio::time::timeout(limit * 3 / 5, ours.read_exact(&mut byte)).await;
            assert!(waited.is_err());
            theirs.write_all(b"D").await.unwrap();
            ours.read_exact(&mut byte).await.unwrap();
        }
        assert!(ours.read_exact(&mut byte).await.is_err());
    }
}
