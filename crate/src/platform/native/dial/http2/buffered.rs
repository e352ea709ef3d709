//! A connection of `h2` over a stream with buffers in both directions.
//!
//! `h2` reads and writes each frame by itself, and flushes after each. Here the frames of one poll are gathered, and
//! written at its end.

use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, BytesMut};
use h2::PingPong;
use h2::client::{Builder, SendRequest};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};

use super::gathered::{Gathered, Payload, take_shown};
use super::send_memory::SEND_BUFFER;
use crate::platform::native::dial::io_stream::IoStream;
use crate::sync::Lock;

/// The bytes that are read at once, at most. Arbitrary: nearly four frames of the usual size.
///
/// It is not a multiple of a page, so that the source in the kernel moves within its page from one read to the next. Some processors
/// copy several times more slowly from certain places there: see the read buffer of `samesocket-protocol`.
const READ_SIZE: usize = (64 << 10) - 64;

/// The gathered bytes that one poll writes first, before it takes more, so that the server can begin.
///
/// Measured: with 512 KiB, job `pipe64` over HTTP/2 takes 1.5 times as long (November 2026).
const FIRST_WRITE: usize = 32 << 10;

/// The same for later writes. Arbitrary: as many bytes as a stream may have waiting.
///
/// Measured: if each write is only twice as large as the one before, `send16k` takes 1.3 times the CPU (November 2026).
const MAX_WRITE: usize = SEND_BUFFER;

/// The bytes that one poll reads, about, so that the sockets take them and the server may send more. Arbitrary.
const MAX_READ: usize = 128 << 10;

/// A connection of `h2`, which writes what its polls have gathered.
pub(super) struct BufferedConnection {
    connection: h2::client::Connection<SharedStream, Payload>,
    stream: SharedStream,
}

/// The stream under `h2`, which gathers what is written.
///
/// The buffers are taken out while the stream is used, because it can be the user's.
#[derive(Clone)]
struct SharedStream(Arc<Lock<Option<Box<Buffers>>>>);

struct Buffers {
    stream: Box<dyn IoStream>,
    /// The bytes that may be read before the task yields.
    read_budget: usize,
    /// The bytes that were read from the stream, and not by `h2`.
    input: BytesMut,
    /// The bytes to write to the stream.
    output: Gathered,
    /// The gathered bytes from which they are written before more are taken.
    write_size: usize,
    /// Whether the stream was written to since it was flushed.
    needs_flush: bool,
    /// The error of a write, until a read reports it.
    write_error: Option<io::Error>,
}

impl BufferedConnection {
    /// Begins HTTP/2 over `stream`.
    pub(super) async fn start(
        builder: &Builder,
        stream: Box<dyn IoStream>,
    ) -> Result<(SendRequest<Payload>, Self), h2::Error> {
        let buffers = Buffers {
            output: Gathered::new(stream.is_write_vectored()),
            stream,
            read_budget: MAX_READ,
            input: BytesMut::new(),
            write_size: FIRST_WRITE,
            needs_flush: false,
            write_error: None,
        };
        let stream = SharedStream(Arc::new(Lock::new(Some(Box::new(buffers)))));
        let (send, connection) = builder.handshake(stream.clone()).await?;
        Ok((send, Self { connection, stream }))
    }

    /// Returns the pings of the connection, the first time.
    pub(super) fn ping_pong(&mut self) -> Option<PingPong> {
        self.connection.ping_pong()
    }

    /// Moves bytes. Returns `Ready` when the connection has ended.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<(), h2::Error>> {
        if let Some(buffers) = &mut *self.stream.0.lock() {
            buffers.read_budget = MAX_READ;
            buffers.write_size = FIRST_WRITE;
        }
        loop {
            if let Poll::Ready(end) = Pin::new(&mut self.connection).poll(context) {
                return Poll::Ready(end);
            }
            if self.stream.poll_write_gathered(context).is_pending() {
                return Poll::Pending;
            }
        }
    }

    /// Returns whether the last poll has read anything.
    pub(super) fn has_read(&self) -> bool {
        self.stream.0.lock().as_ref().is_some_and(|buffers| buffers.read_budget < MAX_READ)
    }

    /// Releases the memory of empty buffers.
    pub(super) fn release_memory(&self) {
        if let Some(buffers) = &mut *self.stream.0.lock() {
            buffers.release_memory();
        }
    }
}

impl SharedStream {
    /// Uses the buffers. They are gone after a panic of the stream.
    fn with<T>(&self, act: impl FnOnce(&mut Buffers) -> Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        let Some(mut buffers) = self.0.lock().take() else {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        };
        let result = act(&mut buffers);
        *self.0.lock() = Some(buffers);
        result
    }

    /// Writes and flushes what was gathered. Returns `Ready` if that has failed, and the next read reports it.
    fn poll_write_gathered(&self, context: &mut Context<'_>) -> Poll<()> {
        let written = self.with(|buffers| match buffers.poll_flush(context) {
            Poll::Ready(Err(error)) => {
                buffers.output.clear();
                buffers.needs_flush = false;
                buffers.write_error = Some(error);
                Poll::Ready(Ok(()))
            }
            _ => Poll::Pending,
        });
        written.map(|_| ())
    }
}

impl Buffers {
    fn poll_read(&mut self, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if let Some(error) = self.write_error.take() {
            return Poll::Ready(Err(error));
        }
        if self.input.is_empty() {
            if self.read_budget == 0 {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            self.input.reserve(READ_SIZE);
            // The future keeps nothing between polls, so that it may be dropped.
            let count = ready!(pin!(self.stream.read_buf(&mut self.input)).poll(context))?;
            self.read_budget = self.read_budget.saturating_sub(count);
        }
        let count = self.input.len().min(buffer.remaining());
        buffer.put_slice(&self.input[..count]);
        self.input.advance(count);
        Poll::Ready(Ok(()))
    }

    fn poll_write(&mut self, context: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let shown = take_shown();
        if self.output.len() >= self.write_size {
            ready!(self.poll_write_all(context))?;
            self.write_size = MAX_WRITE;
        }
        Poll::Ready(Ok(self.output.push(slices, shown.as_ref())))
    }

    fn poll_write_all(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.output.is_empty() {
            if ready!(self.output.poll_write(&mut self.stream, context))? == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.needs_flush = true;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_write_all(context))?;
        if self.needs_flush {
            ready!(Pin::new(&mut self.stream).poll_flush(context))?;
            self.needs_flush = false;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_flush(context))?;
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn release_memory(&mut self) {
        if self.input.is_empty() {
            self.input = BytesMut::new();
        }
        self.output.release_memory();
    }
}

impl AsyncRead for SharedStream {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.with(|buffers| buffers.poll_read(context, buffer))
    }
}

impl AsyncWrite for SharedStream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.with(|buffers| buffers.poll_write(context, slices))
    }

    /// All slices are gathered, whether or not the stream below can write several.
    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // `poll_write_gathered` does it.
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|buffers| buffers.poll_shutdown(context))
    }
}
