//! Connections over streams that a test makes.

use std::future::ready;
use std::io::{ErrorKind, Result};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use samesocket::{IoStream, Options, Target};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Connects over a stream, which is used once.
pub(crate) fn over(stream: impl IoStream + 'static) -> Options {
    let stream = Mutex::new(Some(stream));
    Options::new().connector(move |_: &Target| {
        let stream = stream.lock().unwrap().take().expect("one connection");
        ready(Ok(Box::new(stream) as Box<dyn IoStream>))
    })
}

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

/// A stream whose writes fail once it is broken. Reads still return the data that arrived before.
pub(crate) struct Breaking<S> {
    stream: S,
    is_broken: Arc<AtomicBool>,
}

/// Returns a stream like this one, and the switch that breaks it.
pub(crate) fn breaking<S>(stream: S) -> (Breaking<S>, Arc<AtomicBool>) {
    let is_broken = Arc::<AtomicBool>::default();
    (Breaking { stream, is_broken: Arc::clone(&is_broken) }, is_broken)
}

impl<S: AsyncRead + Unpin> AsyncRead for Breaking<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Breaking<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        if self.is_broken.load(Ordering::Relaxed) {
            return Poll::Ready(Err(ErrorKind::BrokenPipe.into()));
        }
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
