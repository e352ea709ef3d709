//! A stream of bytes over binary messages.

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

/// The greatest message that one write makes.
const LARGEST: usize = 64 << 10;

/// A stream of bytes over the binary messages of a socket, from [`Socket::into_bytes`]: `AsyncRead` and `AsyncWrite` of
/// `futures` and, natively or by the feature `tokio`, of `tokio`.
///
/// Where one message ends and the next begins is not seen; an empty message is nothing, and not the end. The end is that of
/// the connection, if it was clean. Each write is one message of at most 64 KiB. Binary messages are received as bytes from
/// now on; a text message, or a blob that came before, is an error of the kind `InvalidData`. Flushing waits as the socket's
/// sink does; shutting down closes the socket.
pub struct ByteStream {
    socket: Socket,
    /// What was not yet read of the last message.
    rest: Bytes,
}

impl ByteStream {
    pub(super) fn new(socket: Socket) -> Self {
        socket.core().connection.set_binary_type(BinaryType::ArrayBuffer);
        Self { socket, rest: Bytes::new() }
    }

    /// Gives the socket back, and what was not yet read of its last message.
    pub fn into_parts(self) -> (Socket, Bytes) {
        (self.socket, self.rest)
    }

    /// Gives bytes that can be read, at least one; none is the end.
    pub(crate) fn poll_fill(&mut self, context: &mut Context<'_>) -> Poll<io::Result<&mut Bytes>> {
        while self.rest.is_empty() {
            match ready!(Pin::new(&mut self.socket).poll_next(context)) {
                None => break,
                Some(Ok(Message::Binary(bytes))) => self.rest = bytes,
                Some(Ok(Message::Lazy(unread))) if !unread.is_text() => {
                    if let OwnedMessage::Binary(bytes) = unread.read() {
                        self.rest = bytes;
                    }
                }
                Some(Ok(_)) => {
                    let error = io::Error::new(io::ErrorKind::InvalidData, "a message came that is not of bytes");
                    return Poll::Ready(Err(error));
                }
                Some(Err(error)) => return Poll::Ready(Err(error.into())),
            }
        }
        Poll::Ready(Ok(&mut self.rest))
    }

    pub(crate) fn poll_send(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if bytes.is_empty() {
            return Poll::Ready(Ok(0));
        }
        ready!(Pin::new(&mut self.socket).poll_ready(context))?;
        let piece = &bytes[..bytes.len().min(LARGEST)];
        let taken = self.socket.core().connection.send_if_open(Payload::Binary(piece, None));
        Poll::Ready(if taken { Ok(piece.len()) } else { Err(io::ErrorKind::BrokenPipe.into()) })
    }

    pub(crate) fn poll_flushed(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context).map_err(io::Error::from)
    }

    pub(crate) fn poll_shut(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_close(context).map_err(io::Error::from)
    }
}

impl AsyncRead for ByteStream {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        if buffer.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let rest = ready!(self.get_mut().poll_fill(context))?;
        let count = rest.len().min(buffer.len());
        rest.copy_to_slice(&mut buffer[..count]);
        Poll::Ready(Ok(count))
    }
}

impl AsyncWrite for ByteStream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.get_mut().poll_send(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_flushed(context)
    }

    fn poll_close(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_shut(context)
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
        f.debug_struct("ByteStream").field("socket", &self.socket).field("rest", &self.rest.len()).finish()
    }
}
