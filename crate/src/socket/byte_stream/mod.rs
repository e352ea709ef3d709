//! A byte stream over the binary messages of a socket. [`tokio`] implements that crate's traits for it, and [`shutdown`] ends
//! its writing.

mod shutdown;
#[cfg(any(feature = "tokio", not(all(target_family = "wasm", target_os = "unknown"))))]
mod tokio;

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use futures::io::{AsyncRead, AsyncWrite};
use futures::{Sink, Stream};

use self::shutdown::{Shutdown, WaitingReader};
use crate::socket::{ConnectionFailed, Control, Error, Socket};
use crate::sync::io_error;
use crate::types::binary_type::BinaryType;
use crate::types::failure::Failure;
use crate::types::message::Message;
use crate::types::owned_message::OwnedMessage;
use crate::types::payload::Data;
use samesocket_spec::ProtocolFailure;

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
/// Each write sends one message of at most 64 KiB. Flushing waits as the socket's sink does.
///
/// # Shutting down
///
/// TCP can end one direction and go on with the other. A WebSocket cannot: its Close frame ends both, and what the server sends
/// after it is lost. So a shutdown sends no Close frame. It waits until everything that was written has been passed to the
/// network. From then on every write fails with `BrokenPipe`, and reading goes on.
///
/// The server is not told. If its protocol marks the end of what it reads, it answers and closes, and the stream ends after
/// the answer. If it waits for the Close frame instead, the stream has to be dropped, or a limit has to be set:
///
/// | call | what it does |
/// | --- | --- |
/// | `shutdown` of `tokio`, `close` of `futures`, `copy_bidirectional` after the other side has ended | flushes; reading goes on |
/// | dropping the stream after a shutdown | closes with code 1000 |
/// | dropping the stream without one | closes without a code |
/// | [`control`](Self::control), then [`close`](Control::close) | sends what was written, then a Close frame with this code; discards what arrives later |
/// | [`half_close_timeout`](Self::half_close_timeout), then a shutdown | closes with code 1000 after this silence of the server |
/// | the same with zero | closes with code 1000 within the shutdown, and waits for the end |
///
/// A tunnel for any protocol, such as the one of a proxy, is best used with such a timeout. Without one, `copy_bidirectional`
/// waits until the server closes, even if the local side is gone. [`Connect::idle_timeout`](crate::Connect::idle_timeout) limits
/// this wait, too, with an error.
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
/// assert_eq!(stream.read(&mut answer).await?, 0, "the server closes");
/// # Ok(())
/// # }
/// ```
pub struct ByteStream {
    /// The state of the shutdown, once it has begun. It is dropped before the socket, because it closes with a code.
    // Boxed, because most of the time there is none.
    shutdown: Option<Box<Shutdown>>,
    half_close_timeout: Option<Duration>,
    waiting_reader: WaitingReader,
    socket: Socket,
    /// The unread bytes of the last message.
    unread: Bytes,
}

impl ByteStream {
    pub(super) fn new(socket: Socket) -> Self {
        socket.core().connection.set_binary_type(BinaryType::ArrayBuffer);
        Self {
            shutdown: None,
            half_close_timeout: None,
            waiting_reader: WaitingReader::default(),
            socket,
            unread: Bytes::new(),
        }
    }

    /// Sets how long the stream goes on reading after a shutdown while no message arrives. The default is no limit.
    ///
    /// When it has passed, the closing handshake starts with code 1000, and reading ends. What the server sends after that
    /// is lost. Zero starts the handshake within the shutdown, which then waits for its end. A limit above zero counts only
    /// while the stream is read, as in `copy_bidirectional`.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::time::Duration;
    ///
    /// let socket = samesocket::connect("wss://example.com/tunnel").await?;
    /// let stream = socket.into_bytes().half_close_timeout(Duration::from_secs(10));
    /// # drop(stream);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn half_close_timeout(self, timeout: Duration) -> Self {
        Self { half_close_timeout: Some(timeout), ..self }
    }

    /// Returns a handle that can close the connection and read its attributes. It keeps the connection open, unless it is
    /// [downgraded](Control::downgrade).
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let stream = samesocket::connect("wss://example.com/tunnel").await?.into_bytes();
    /// let event = stream.control().close(Some(3000), Some("no longer needed")).await?;
    /// assert_eq!(event.code, 3000);
    /// # Ok(())
    /// # }
    /// ```
    pub fn control(&self) -> Control {
        self.socket.control()
    }

    /// Returns the socket and the unread bytes of its last message. The socket stays open, even after a shutdown.
    pub fn into_parts(self) -> (Socket, Bytes) {
        if let Some(shutdown) = self.shutdown {
            shutdown.cancel();
        }
        (self.socket, self.unread)
    }

    /// Ends the connection at once, without a closing handshake; see [`Socket::abort`].
    pub fn abort(&self) {
        self.socket.abort();
    }

    /// Waits until bytes can be read, and returns them. An empty result is the end of the stream.
    pub(crate) fn poll_fill(&mut self, context: &mut Context<'_>) -> Poll<io::Result<&mut Bytes>> {
        while self.unread.is_empty() {
            match ready!(self.poll_message(context)) {
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

    /// Waits for the next message, after a shutdown no longer than its limit.
    fn poll_message(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Message, Error>>> {
        loop {
            let polled = Pin::new(&mut self.socket).poll_next(context);
            let Some(limit) = self.half_close_timeout else { return polled };
            if polled.is_ready() {
                if let Some(shutdown) = &mut self.shutdown {
                    shutdown.on_message();
                }
                return polled;
            }
            let Some(shutdown) = self.shutdown.as_mut().filter(|shutdown| shutdown.is_flushed()) else {
                self.waiting_reader.register(context);
                return polled;
            };
            if let Err(error) = ready!(shutdown.poll_silence(limit, context)) {
                return Poll::Ready(Some(Err(error)));
            }
        }
    }

    /// Sends at most 64 KiB of `bytes` as one message, and returns how many.
    pub(crate) fn poll_send(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.shutdown.is_some() {
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::BrokenPipe, "the byte stream was shut down")));
        }
        if bytes.is_empty() {
            return Poll::Ready(Ok(0));
        }
        ready!(Pin::new(&mut self.socket).poll_ready(context))?;
        let chunk = &bytes[..bytes.len().min(MAX_MESSAGE)];
        let data = Data { compression: self.socket.compression(), ..Data::from(chunk) };
        let sent = self.socket.core().connection.send_if_open(data);
        Poll::Ready(if sent { Ok(chunk.len()) } else { Err(io::ErrorKind::BrokenPipe.into()) })
    }

    pub(crate) fn poll_flush_socket(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context).map_err(io::Error::from)
    }

    /// Flushes what was written. From then on, writes fail. If the half-close timeout is zero, this also closes the
    /// socket.
    pub(crate) fn poll_end_writing(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let core = self.socket.core();
        let shutdown = self.shutdown.get_or_insert_with(|| Box::new(Shutdown::new(core)));
        if self.half_close_timeout == Some(Duration::ZERO) {
            return shutdown.poll_closed(context).map_err(io::Error::from);
        }
        let flushed = ready!(shutdown.poll_flushed(context));
        self.waiting_reader.wake();
        Poll::Ready(flushed.map_err(io::Error::from))
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
        self.get_mut().poll_end_writing(context)
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        let kind = match error {
            Error::Failed(ref failed) if is_closing_timeout(failed) => io::ErrorKind::TimedOut,
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

/// Returns whether the connection was ended because the closing handshake made no progress for the close timeout.
fn is_closing_timeout(failed: &ConnectionFailed) -> bool {
    // Code size: to compare failures would link their texts.
    matches!(failed.failure(), Some(Failure::Protocol(ProtocolFailure::ClosingTimeout)))
}

impl fmt::Debug for ByteStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ByteStream")
            .field("socket", &self.socket)
            .field("unread", &self.unread.len())
            .finish_non_exhaustive()
    }
}
