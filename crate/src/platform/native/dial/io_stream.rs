//! The byte stream that a socket runs over.

#[cfg(feature = "proxy")]
use std::io;

use tokio::io::{AsyncRead, AsyncWrite};

/// A duplex stream of bytes that a socket can run over: TCP, TLS, a Unix socket, or a pipe in memory.
///
/// It is implemented for every type with tokio's [`AsyncRead`] and [`AsyncWrite`] that is [`Send`], [`Unpin`] and
/// `'static`. A [`Connector`](crate::Connector) returns one in a box. The methods of a custom stream may use the socket
/// that runs over it.
///
/// ```
/// use samesocket::IoStream;
///
/// let (near, _far) = tokio::io::duplex(64);
/// let stream: Box<dyn IoStream> = Box::new(near);
/// # drop(stream);
/// ```
pub trait IoStream: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> IoStream for S {}

/// Writes and flushes all bytes. A stream may keep what is written until it is flushed, as TLS does while TCP accepts nothing.
#[cfg(feature = "proxy")]
pub(super) async fn send(stream: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> io::Result<()> {
    use tokio::io::AsyncWriteExt as _;

    stream.write_all(bytes).await?;
    stream.flush().await
}
