//! A stream whose reads a test decides.

use std::io::Result;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream that reads by a function, and writes as the stream inside does.
pub(crate) struct ReadWith<S, F>(S, F);

/// Returns a stream that reads by this function, which has the stream inside.
pub(crate) fn read_with<S, F>(stream: S, read: F) -> ReadWith<S, F>
where
    F: FnMut(Pin<&mut S>, &mut Context<'_>, &mut ReadBuf<'_>) -> Poll<Result<()>>,
{
    ReadWith(stream, read)
}

impl<S, F> AsyncRead for ReadWith<S, F>
where
    S: Unpin,
    F: FnMut(Pin<&mut S>, &mut Context<'_>, &mut ReadBuf<'_>) -> Poll<Result<()>> + Unpin,
{
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        let Self(stream, read) = &mut *self;
        read(Pin::new(stream), context, buffer)
    }
}

impl<S: AsyncWrite + Unpin, F: Unpin> AsyncWrite for ReadWith<S, F> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
