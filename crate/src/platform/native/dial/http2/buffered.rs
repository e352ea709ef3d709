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
use super::progress::ConnectionProgress;
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

/// The bytes that `h2` may hold before a ping, at most: one frame, which has no more than a payload.
const HELD_BY_H2: u64 = SEND_BUFFER as u64 + 64;

/// A connection of `h2`, which writes what its polls have gathered.
pub(super) struct BufferedConnection {
    connection: h2::client::Connection<SharedStream, Payload>,
    stream: SharedStream,
    progress: Arc<ConnectionProgress>,
}

/// The bytes that are written before a ping.
pub(super) struct Backlog {
    /// The number of bytes that were written when it was brought up to date last.
    written: u64,
    /// The number of written bytes with which it has ended.
    end: u64,
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
    /// The number of bytes that were written to the stream.
    written: u64,
    /// Whether the stream was written to since it was flushed.
    needs_flush: bool,
    /// Whether a write has failed. Then what is written is discarded.
    is_broken: bool,
    /// The error of that write, until a read reports it, after all that was received.
    write_error: Option<io::Error>,
    /// Whether `h2` has to read once more for that.
    reads_again: bool,
    progress: Arc<ConnectionProgress>,
}

impl BufferedConnection {
    /// Begins HTTP/2 over `stream`.
    pub(super) async fn start(
        builder: &Builder,
        stream: Box<dyn IoStream>,
    ) -> Result<(SendRequest<Payload>, Self), h2::Error> {
        let progress = Arc::<ConnectionProgress>::default();
        let buffers = Buffers {
            output: Gathered::new(stream.is_write_vectored()),
            stream,
            read_budget: MAX_READ,
            input: BytesMut::new(),
            write_size: FIRST_WRITE,
            written: 0,
            needs_flush: false,
            is_broken: false,
            write_error: None,
            reads_again: false,
            progress: Arc::clone(&progress),
        };
        let stream = SharedStream(Arc::new(Lock::new(Some(Box::new(buffers)))));
        let (send, connection) = builder.handshake(stream.clone()).await?;
        Ok((send, Self { connection, stream, progress }))
    }

    /// Returns how far what the streams have sent has come.
    pub(super) fn progress(&self) -> Arc<ConnectionProgress> {
        Arc::clone(&self.progress)
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

    /// Returns what is written before a ping that is sent now.
    pub(super) fn backlog(&self) -> Backlog {
        let (written, waiting) =
            self.stream.0.lock().as_ref().map_or((0, 0), |buffers| (buffers.written, buffers.output.len()));
        Backlog { written, end: written + waiting as u64 + HELD_BY_H2 }
    }

    /// Brings a backlog up to date. Returns whether some of it was written, and whether all was.
    pub(super) fn advance(&self, backlog: &mut Backlog) -> (bool, bool) {
        let (written, is_empty) =
            self.stream.0.lock().as_ref().map_or((0, true), |buffers| (buffers.written, buffers.is_flushed()));
        let has_written = written > backlog.written;
        backlog.written = written;
        (has_written, is_empty || written >= backlog.end)
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

    /// Writes and flushes what was gathered. Returns `Ready` if writing has failed, so that `h2` has to read.
    fn poll_write_gathered(&self, context: &mut Context<'_>) -> Poll<()> {
        let written = self.with(|buffers| {
            let flushed = buffers.poll_flush(context);
            if let Poll::Ready(Err(error)) = flushed {
                buffers.fail_writing(error);
            } else if flushed.is_ready() && !buffers.is_broken {
                return Poll::Ready(Ok(Some(Arc::clone(&buffers.progress))));
            }
            if std::mem::take(&mut buffers.reads_again) { Poll::Ready(Ok(None)) } else { Poll::Pending }
        });
        match written {
            // Outside the buffers: this wakes tasks.
            Poll::Ready(Ok(Some(progress))) => {
                progress.end_flush();
                Poll::Pending
            }
            written => written.map(|_| ()),
        }
    }
}

impl Drop for BufferedConnection {
    fn drop(&mut self) {
        self.progress.end();
    }
}

impl Buffers {
    fn poll_read(&mut self, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.input.is_empty() {
            if self.read_budget == 0 {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            self.input.reserve(READ_SIZE);
            // The future keeps nothing between polls, so that it may be dropped.
            let read = pin!(self.stream.read_buf(&mut self.input)).poll(context);
            let is_over = !matches!(read, Poll::Ready(Ok(1..)));
            if let Some(error) = self.write_error.take_if(|_| is_over) {
                return Poll::Ready(Err(error));
            }
            let count = ready!(read)?;
            self.read_budget = self.read_budget.saturating_sub(count);
        }
        let count = self.input.len().min(buffer.remaining());
        buffer.put_slice(&self.input[..count]);
        self.input.advance(count);
        Poll::Ready(Ok(()))
    }

    fn poll_write(&mut self, context: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let shown = take_shown();
        if !self.is_broken && self.output.len() >= self.write_size {
            // A slow stream has little to write at any time, so that a ping does not wait behind much.
            self.write_size = match self.poll_write_all(context) {
                Poll::Ready(Ok(())) => MAX_WRITE,
                Poll::Ready(Err(error)) => {
                    self.fail_writing(error);
                    MAX_WRITE
                }
                Poll::Pending => FIRST_WRITE,
            };
            if self.output.len() >= self.write_size {
                return Poll::Pending;
            }
        }
        if self.is_broken {
            return Poll::Ready(Ok(slices.iter().map(|slice| slice.len()).sum()));
        }
        Poll::Ready(Ok(self.output.push(slices, shown.as_ref())))
    }

    /// Discards what is to be written.
    fn fail_writing(&mut self, error: io::Error) {
        self.output.clear();
        self.needs_flush = false;
        (self.is_broken, self.reads_again) = (true, true);
        self.write_error = Some(error);
    }

    fn poll_write_all(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.output.is_empty() {
            let count = ready!(self.output.poll_write(&mut self.stream, context))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.written += count as u64;
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

    /// Returns whether nothing waits to be written.
    fn is_flushed(&self) -> bool {
        self.output.is_empty() && !self.needs_flush
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
        self.with(|buffers| {
            buffers.progress.begin_flush();
            Poll::Ready(Ok(()))
        })
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|buffers| buffers.poll_shutdown(context))
    }
}
