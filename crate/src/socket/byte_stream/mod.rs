//! A byte stream over the binary messages of a socket. [`tokio`] implements that crate's traits for it.

#[cfg(any(feature = "tokio", not(all(target_family = "wasm", target_os = "unknown"))))]
mod tokio;

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use futures::io::{AsyncRead, AsyncWrite};
use futures::{Sink, Stream};

use crate::socket::{Error, Socket};
use crate::sync::io_error;
use crate::types::binary_type::BinaryType;
use crate::types::message::Message;
use crate::types::owned_message::OwnedMessage;
use crate::types::payload::Payload;

/// The maximum size of the message that one write sends. Arbitrary.
const MAX_MESSAGE: usize = 64 << 10;

/// A byte stream over the binary messages of a socket, from [`Socket::into_bytes`].
///
/// It implements `AsyncRead` and `AsyncWrite` of `futures`. It implements those of `tokio` on native targets, and in a
/// browser with the feature `tokio`.
///
/// Reading ignores message boundaries and skips empty messages. The stream ends when the connection closes cleanly; any
/// other end is an error. A text message is an error of the kind `InvalidData`, and so is a blob that arrived before the
/// conversion. Later binary messages are received as bytes.
///
/// Each write sends one message of at most 64 KiB. Flushing waits as the socket's sink does. Shutting down closes the
/// socket.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use futures::io::{AsyncReadExt, AsyncWriteExt};
///
/// let mut stream = samesocket::connect("wss://example.com/tunnel").await?.into_bytes();
/// stream.write_all(b"hello").await?;
/// stream.flush().await?;
/// let mut answer = [0; 5];
/// stream.read_exact(&mut answer).await?;
/// stream.close().await?;
/// # Ok(())
/// # }
/// ```
pub struct ByteStream {
    socket: Socket,
    /// The unread bytes of the last message.
    unread: Bytes,
}

impl ByteStream {
    pub(super) fn new(socket: Socket) -> Self {
        socket.core().connection.set_binary_type(BinaryType::ArrayBuffer);
        Self { socket, unread: Bytes::new() }
    }

    /// Returns the socket and the unread bytes of its last message.
    pub fn into_parts(self) -> (Socket, Bytes) {
        (self.socket, self.unread)
    }

    /// Waits until bytes can be read, and returns them. An empty result is the end of the stream.
    pub(crate) fn poll_fill(&mut self, context: &mut Context<'_>) -> Poll<io::Result<&mut Bytes>> {
        while self.unread.is_empty() {
            match ready!(Pin::new(&mut self.socket).poll_next(context)) {
                None => break,
                Some(Ok(Message::Binary(bytes))) => self.unread = bytes,
                Some(Ok(Message::Lazy(message))) if !message.is_text() => {
                    if let OwnedMessage::Binary(bytes) = message.read() {
                        self.unread = bytes;
                    }
                }
                Some(Ok(_)) => {
                    let error = io::Error::new(io::ErrorKind::InvalidData, "expected a binary message");
                    return Poll::Ready(Err(error));
                }
                Some(Err(error)) => return Poll::Ready(Err(error.into())),
            }
        }
        Poll::Ready(Ok(&mut self.unread))
    }

    /// Sends at most 64 KiB of `bytes` as one message, and returns how many.
    pub(crate) fn poll_send(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if bytes.is_empty() {
            return Poll::Ready(Ok(0));
        }
        ready!(Pin::new(&mut self.socket).poll_ready(context))?;
        let chunk = &bytes[..bytes.len().min(MAX_MESSAGE)];
        let sent = self.socket.core().connection.send_if_open(Payload::Binary(chunk, None));
        Poll::Ready(if sent { Ok(chunk.len()) } else { Err(io::ErrorKind::BrokenPipe.into()) })
    }

    pub(crate) fn poll_flush_socket(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context).map_err(io::Error::from)
    }

    pub(crate) fn poll_close_socket(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_close(context).map_err(io::Error::from)
    }
}

impl AsyncRead for ByteStream {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        if buffer.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let unread = ready!(self.get_mut().poll_fill(context))?;
        let count = unread.len().min(buffer.len());
        unread.copy_to_slice(&mut buffer[..count]);
        Poll::Ready(Ok(count))
    }
}

impl AsyncWrite for ByteStream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.get_mut().poll_send(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_flush_socket(context)
    }

    fn poll_close(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_close_socket(context)
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        let kind = match error {
            Error::Failed(_) | Error::ReceiveLimit { .. } | Error::Undelivered { .. } => {
                io::ErrorKind::ConnectionAborted
            }
            Error::Idle { .. } | Error::NoAnswer { .. } | Error::CloseTimedOut { .. } => io::ErrorKind::TimedOut,
            Error::NotOpen(_) => io::ErrorKind::BrokenPipe,
            Error::Full(_) => io::ErrorKind::WouldBlock,
            Error::Exception(_) => io::ErrorKind::InvalidInput,
            Error::Unreadable(_) => io::ErrorKind::InvalidData,
        };
        io_error(kind, error)
    }
}

impl fmt::Debug for ByteStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ByteStream").field("socket", &self.socket).field("unread", &self.unread.len()).finish()
    }
}
