//! A connection of `h2` over a stream with buffers in both directions.
//!
//! `h2` reads and writes each frame by itself, and flushes after each. Here the frames of one poll are gathered, and
//! written at its end.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, BytesMut};
use h2::PingPong;
use h2::client::{Builder, SendRequest};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};
use tokio::task::coop::has_budget_remaining;

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

/// The bytes that `h2` may hold before a ping: one frame, of a payload and its header.
const HELD_BY_H2: u64 = SEND_BUFFER as u64 + 64;

/// A connection of `h2`, which writes what its polls have gathered.
pub(super) struct BufferedConnection {
    connection: h2::client::Connection<SharedStream, Payload>,
    stream: SharedStream,
    progress: Arc<ConnectionProgress>,
}

/// The bytes that are written before a ping.
pub(super) struct Backlog {
    /// The steps of writing when it was brought up to date last.
    steps: u64,
    /// The number of written bytes with which it has ended.
    end: u64,
}

/// A write of `h2`.
struct Write {
    /// Its number, by [`ConnectionProgress::begin_write`].
    number: u64,
    /// The number of bytes that are written with all that had left `h2` before it.
    end: u64,
}

/// The state of the stream below.
enum StreamState {
    Intact,
    /// A write has failed. What is written is discarded, and the connection ends after all that was received.
    WriteFailed {
        error: io::Error,
        /// Whether `h2` has to read once more for that.
        reads_again: bool,
    },
    /// An error has ended the connection, which `h2` does not know.
    Ended,
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
    /// Whether `h2` waits to write more.
    is_full: bool,
    /// The number of times that the stream has accepted bytes, or that a flush of such bytes has ended.
    steps: u64,
    /// The writes of `h2` whose bytes the stream has not accepted.
    gathered_writes: VecDeque<Write>,
    /// The number of the last write that the stream has accepted.
    accepted: u64,
    /// The number of the last write that the stream has flushed.
    flushed: u64,
    state: StreamState,
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
            is_full: false,
            steps: 0,
            gathered_writes: VecDeque::new(),
            accepted: 0,
            flushed: 0,
            state: StreamState::Intact,
            progress: Arc::clone(&progress),
        };
        let stream = SharedStream(Arc::new(Lock::new(Some(Box::new(buffers)))));
        let (send, connection) = builder.handshake(stream.clone()).await?;
        Ok((send, Self { connection, stream, progress }))
    }

    /// Returns the progress of what the streams send.
    pub(super) fn progress(&self) -> Arc<ConnectionProgress> {
        Arc::clone(&self.progress)
    }

    /// Returns the error of the stream that has ended the connection, if there is one.
    pub(super) fn error(&self) -> Option<io::Error> {
        self.progress.error()
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
            if ready!(self.stream.poll_write_gathered(context)) {
                return Poll::Ready(Ok(()));
            }
        }
    }

    /// Returns whether the last poll has read anything.
    pub(super) fn has_read(&self) -> bool {
        self.stream.0.lock().as_ref().is_some_and(|buffers| buffers.read_budget < MAX_READ)
    }

    /// Returns what is written before a ping that is sent now.
    pub(super) fn backlog(&self) -> Backlog {
        self.stream.0.lock().as_ref().map_or(Backlog { steps: 0, end: 0 }, |buffers| Backlog {
            steps: buffers.steps,
            end: buffers.gathered_end() + HELD_BY_H2,
        })
    }

    /// Brings a backlog up to date. Returns whether some of it was written or flushed, and whether all was.
    pub(super) fn advance(&self, backlog: &mut Backlog) -> (bool, bool) {
        let Some(buffers) = &*self.stream.0.lock() else { return (false, true) };
        let has_moved = buffers.steps > backlog.steps;
        backlog.steps = buffers.steps;
        (has_moved, buffers.is_flushed() || buffers.written >= backlog.end)
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

    /// Writes and flushes what was gathered. Returns `Ready` if an error has ended the connection, with `true`, or if writing has
    /// failed, so that `h2` has to read.
    fn poll_write_gathered(&self, context: &mut Context<'_>) -> Poll<bool> {
        let written = self.with(|buffers| {
            if matches!(buffers.state, StreamState::Ended) {
                return Poll::Ready(Ok(true));
            }
            if let Poll::Ready(Err(error)) = buffers.poll_flush(context) {
                buffers.fail_writing(error);
            }
            let reads_again = match &mut buffers.state {
                StreamState::WriteFailed { reads_again, .. } => std::mem::take(reads_again),
                _ => false,
            };
            if reads_again { Poll::Ready(Ok(false)) } else { Poll::Pending }
        });
        self.report_flushed();
        // Without buffers, the stream has panicked before.
        written.map(|written| written.unwrap_or(true))
    }

    /// Reports which writes are with the network. It wakes tasks, so that the buffers are not in use.
    fn report_flushed(&self) {
        let flushed = self.0.lock().as_ref().map(|buffers| (Arc::clone(&buffers.progress), buffers.flushed));
        if let Some((progress, number)) = flushed {
            progress.end_writes(number);
        }
    }
}

impl Drop for BufferedConnection {
    fn drop(&mut self) {
        self.stream.report_flushed();
        self.progress.end();
    }
}

impl Buffers {
    fn poll_read(&mut self, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if matches!(self.state, StreamState::Ended) {
            return Poll::Pending;
        }
        if self.input.is_empty() {
            if self.read_budget == 0 {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            self.input.reserve(READ_SIZE);
            // The future keeps nothing between polls, so that it may be dropped.
            let read = pin!(self.stream.read_buf(&mut self.input)).poll(context);
            if matches!(self.state, StreamState::WriteFailed { .. }) && !matches!(read, Poll::Ready(Ok(1..))) {
                if read.is_pending() && !has_budget_remaining() {
                    // A task that has used up its budget is told to wait, too, although there may be more to read.
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
                return self.end(read);
            }
            match read {
                Poll::Ready(Ok(count)) => self.read_budget = self.read_budget.saturating_sub(count),
                Poll::Ready(Err(_)) => return self.end(read),
                Poll::Pending => return Poll::Pending,
            }
        }
        let count = self.input.len().min(buffer.remaining());
        buffer.put_slice(&self.input[..count]);
        self.input.advance(count);
        Poll::Ready(Ok(()))
    }

    fn poll_write(&mut self, context: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let shown = take_shown();
        if self.is_intact() && self.output.len() >= self.write_size {
            // A slow stream has little to write at any time, so that a ping does not wait behind much.
            self.write_size = match self.poll_write_all(context) {
                Poll::Ready(Ok(())) => MAX_WRITE,
                Poll::Ready(Err(error)) => {
                    self.fail_writing(error);
                    MAX_WRITE
                }
                Poll::Pending => FIRST_WRITE,
            };
            self.is_full = self.output.len() >= self.write_size;
            if self.is_full {
                return Poll::Pending;
            }
        }
        if !self.is_intact() {
            return Poll::Ready(Ok(slices.iter().map(|slice| slice.len()).sum()));
        }
        self.is_full = false;
        // What has left `h2` was copied in front of the payload that is written now, if there is one.
        self.begin_write(slices.first().map_or(0, |slice| slice.len()));
        Poll::Ready(Ok(self.output.push(slices, shown.as_ref())))
    }

    /// Notes that `h2` passes on everything that has left it, in the next `count` bytes.
    fn begin_write(&mut self, count: usize) {
        let write = Write { number: self.progress.begin_write(), end: self.gathered_end() + count as u64 };
        if !self.is_intact() {
            return;
        }
        match self.gathered_writes.back_mut() {
            Some(last) if last.end == write.end => *last = write,
            _ => self.gathered_writes.push_back(write),
        }
    }

    /// Ends the connection with the error of the former write, or of this read. `h2` does not learn of it, because it would forget a
    /// GOAWAY of the server for it.
    fn end<T>(&mut self, read: Poll<io::Result<usize>>) -> Poll<io::Result<T>> {
        self.discard_output();
        match (std::mem::replace(&mut self.state, StreamState::Ended), read) {
            (StreamState::WriteFailed { error, .. }, _) | (_, Poll::Ready(Err(error))) => {
                self.progress.keep_error(&error);
            }
            _ => {}
        }
        Poll::Pending
    }

    /// Discards what is to be written, and reads on up to the error.
    fn fail_writing(&mut self, error: io::Error) {
        self.discard_output();
        self.state = StreamState::WriteFailed { error, reads_again: true };
    }

    fn discard_output(&mut self) {
        self.output.clear();
        self.gathered_writes.clear();
        self.accepted = self.flushed;
        (self.needs_flush, self.is_full) = (false, false);
    }

    const fn is_intact(&self) -> bool {
        matches!(self.state, StreamState::Intact)
    }

    /// Writes all that was gathered.
    ///
    /// If a stream waits until its bytes are with the network, those are flushed before more is written. Otherwise a neighbour that
    /// never stops writing would prevent the flush.
    fn poll_write_all(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            self.accept_writes();
            if self.flushed < self.accepted && self.progress.is_awaited() {
                ready!(self.poll_flush_stream(context))?;
            }
            if self.output.is_empty() {
                return Poll::Ready(Ok(()));
            }
            let count = ready!(self.output.poll_write(&mut self.stream, context))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.written += count as u64;
            self.steps += 1;
            self.needs_flush = true;
        }
    }

    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_write_all(context))?;
        self.poll_flush_stream(context)
    }

    /// Flushes what the stream has accepted.
    fn poll_flush_stream(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.needs_flush {
            ready!(Pin::new(&mut self.stream).poll_flush(context))?;
            self.steps += 1;
            self.needs_flush = false;
        }
        self.flushed = self.accepted;
        Poll::Ready(Ok(()))
    }

    /// Notes the writes of `h2` that the stream has accepted.
    fn accept_writes(&mut self) {
        while let Some(write) = self.gathered_writes.front().filter(|write| write.end <= self.written) {
            self.accepted = write.number;
            self.gathered_writes.pop_front();
        }
    }

    /// Returns the number of bytes that are written when everything that was gathered is.
    const fn gathered_end(&self) -> u64 {
        self.written + self.output.len() as u64
    }

    /// Returns whether nothing waits to be written.
    const fn is_flushed(&self) -> bool {
        self.output.is_empty() && !self.needs_flush && !self.is_full
    }

    fn poll_shutdown(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.is_intact() {
            return Poll::Ready(Ok(()));
        }
        ready!(self.poll_flush(context))?;
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn release_memory(&mut self) {
        if self.input.is_empty() {
            self.input = BytesMut::new();
        }
        self.output.release_memory();
        self.gathered_writes.shrink_to_fit();
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
            buffers.begin_write(0);
            Poll::Ready(Ok(()))
        })
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|buffers| buffers.poll_shutdown(context))
    }
}
