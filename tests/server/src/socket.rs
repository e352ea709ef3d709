//! A TCP connection with or without TLS.

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

use crate::record::End;

/// An accepted connection.
#[derive(Debug)]
pub(crate) enum Socket {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Socket {
    pub(crate) fn is_secure(&self) -> bool {
        matches!(self, Self::Tls(_))
    }

    /// Sets `SO_LINGER` to zero, so that dropping the socket resets the connection.
    pub(crate) fn reset_on_drop(&self) {
        let _ = self.tcp().set_zero_linger();
    }

    /// Waits until the client disconnects, without reading.
    pub(crate) async fn wait_for_disconnect(&self) -> End {
        // `PRIORITY` reports a FIN and is not triggered by unread bytes, as `READABLE` would be.
        // Systems without it report only a reset.
        #[cfg(any(target_os = "linux", target_os = "android"))]
        let interest = Interest::PRIORITY | Interest::ERROR;
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        let interest = Interest::ERROR;
        match self.tcp().ready(interest).await {
            Ok(ready) if !ready.is_error() => End::Fin,
            _ => End::Reset,
        }
    }

    fn tcp(&self) -> &TcpStream {
        match self {
            Self::Plain(tcp) => tcp,
            Self::Tls(tls) => tls.get_ref().0,
        }
    }
}

/// Returns how the client ended the connection, from the error of a read or write.
pub(crate) fn end_for_error(error: &io::Error) -> End {
    match error.kind() {
        // A TCP FIN without TLS `close_notify`.
        io::ErrorKind::UnexpectedEof => End::Fin,
        _ => End::Reset,
    }
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_read(cx, buffer),
            Self::Tls(tls) => Pin::new(tls.as_mut()).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_write(cx, bytes),
            Self::Tls(tls) => Pin::new(tls.as_mut()).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_flush(cx),
            Self::Tls(tls) => Pin::new(tls.as_mut()).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Self::Tls(tls) => Pin::new(tls.as_mut()).poll_shutdown(cx),
        }
    }
}
