//! The byte stream of a WebSocket: a TCP connection with or without TLS, or a stream of an HTTP/2 connection.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, Interest, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::server::TlsStream;

use crate::{http2, record::End};

/// The error code of a stream that is reset like a TCP connection (RFC 8441, section 5.3).
const CANCEL: u32 = 8;

/// An accepted connection, or a stream of one.
#[derive(Debug)]
pub(crate) enum Socket {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    Http2(Box<http2::Stream>),
}

impl Socket {
    pub(crate) fn is_secure(&self) -> bool {
        match self {
            Self::Plain(_) => false,
            Self::Tls(_) => true,
            Self::Http2(stream) => stream.is_secure(),
        }
    }

    /// Returns the stream, if the socket is one of HTTP/2.
    pub(crate) fn http2(&mut self) -> Option<&mut http2::Stream> {
        match self {
            Self::Http2(stream) => Some(stream),
            Self::Plain(_) | Self::Tls(_) => None,
        }
    }

    /// Resets the TCP connection, or the stream with this error code.
    pub(crate) fn reset(mut self, code: Option<u32>) {
        match &mut self {
            Self::Http2(stream) => stream.reset(code.unwrap_or(CANCEL)),
            Self::Plain(_) | Self::Tls(_) => self.reset_on_drop(),
        }
    }

    /// Sets `SO_LINGER` to zero, so that dropping the socket resets the TCP connection.
    pub(crate) fn reset_on_drop(&self) {
        if let Some(tcp) = self.tcp() {
            let _ = tcp.set_zero_linger();
        }
    }

    /// Waits until the client disconnects, without reading.
    pub(crate) async fn wait_for_disconnect(&self) -> End {
        let tcp = match self {
            Self::Plain(tcp) => tcp,
            Self::Tls(tls) => tls.get_ref().0,
            Self::Http2(stream) => return stream.wait_for_disconnect().await,
        };
        // `PRIORITY` reports a FIN and is not triggered by unread bytes, as `READABLE` would be.
        // Systems without it report only a reset.
        #[cfg(any(target_os = "linux", target_os = "android"))]
        let interest = Interest::PRIORITY | Interest::ERROR;
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        let interest = Interest::ERROR;
        match tcp.ready(interest).await {
            Ok(ready) if !ready.is_error() => End::Fin,
            _ => End::Reset,
        }
    }

    fn tcp(&self) -> Option<&TcpStream> {
        match self {
            Self::Plain(tcp) => Some(tcp),
            Self::Tls(tls) => Some(tls.get_ref().0),
            Self::Http2(_) => None,
        }
    }
}

/// Returns how the client ended the connection, from the error of a read or write.
pub(crate) fn end_for_error(error: &io::Error) -> End {
    match error.kind() {
        // A TCP FIN without TLS `close_notify`.
        io::ErrorKind::UnexpectedEof => End::Fin,
        // The server has ended the TCP connection under a stream.
        io::ErrorKind::ConnectionAborted => End::Server,
        _ => End::Reset,
    }
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_read(cx, buffer),
            Self::Tls(tls) => Pin::new(tls.as_mut()).poll_read(cx, buffer),
            Self::Http2(stream) => Pin::new(stream.as_mut()).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_write(cx, bytes),
            Self::Tls(tls) => Pin::new(tls.as_mut()).poll_write(cx, bytes),
            Self::Http2(stream) => Pin::new(stream.as_mut()).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_flush(cx),
            Self::Tls(tls) => Pin::new(tls.as_mut()).poll_flush(cx),
            Self::Http2(stream) => Pin::new(stream.as_mut()).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Self::Tls(tls) => Pin::new(tls.as_mut()).poll_shutdown(cx),
            Self::Http2(stream) => Pin::new(stream.as_mut()).poll_shutdown(cx),
        }
    }
}
