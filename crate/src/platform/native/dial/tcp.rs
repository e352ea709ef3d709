//! TCP streams that a socket can abort.

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::platform::native::dial::tcp_settings::TcpSettings;

thread_local! {
    static IS_ABORTING: Cell<bool> = const { Cell::new(false) };
}

/// A TCP stream. If it is dropped while its thread [aborts](abort) streams, the system resets the connection.
///
/// Otherwise the system sends what was written, and waits for the server, after the stream was dropped.
pub(super) struct TcpStream(tokio::net::TcpStream);

/// Drops a stream, or a future that connects one. TCP streams of this crate within it are reset.
///
/// The system keeps nothing of a connection that is reset, neither unsent bytes nor the wait for the server.
pub(in crate::platform::native) fn abort(drop_stream: impl FnOnce()) {
    let _restored = Restored(IS_ABORTING.replace(true));
    drop_stream();
}

/// Returns whether this thread aborts streams.
#[cfg(feature = "http2")]
pub(super) fn is_aborting() -> bool {
    IS_ABORTING.get()
}

/// Restores the mark of the thread, even if a destructor of the user panics.
struct Restored(bool);

impl Drop for Restored {
    fn drop(&mut self) {
        IS_ABORTING.set(self.0);
    }
}

impl TcpStream {
    pub(super) async fn connect(address: SocketAddr, settings: &TcpSettings) -> io::Result<Self> {
        settings.connect(address).await.map(Self)
    }
}

impl Drop for TcpStream {
    fn drop(&mut self) {
        if IS_ABORTING.get() {
            // Without it, the system closes the connection in its own time.
            let _ = self.0.set_zero_linger();
        }
    }
}

impl AsyncRead for TcpStream {
    #[inline]
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for TcpStream {
    #[inline]
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(context, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
