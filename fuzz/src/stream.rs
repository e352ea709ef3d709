//! A stream in memory that reads and writes as much as a script permits.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The server's end of a stream. A clone is the same end.
#[derive(Clone, Default)]
pub(crate) struct Pipe(Arc<Mutex<State>>);

#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "a script switches each of them independently")]
struct State {
    /// The bytes for the client, and how many of them it may read.
    incoming: VecDeque<u8>,
    readable: usize,
    ended: bool,
    reader: Option<Waker>,
    /// The bytes that the client has written, and how many it may still write.
    written: Vec<u8>,
    writable: usize,
    fails: bool,
    writer: Option<Waker>,
    /// Whether flushing waits until more may be written.
    holds_flush: bool,
    shut_down: bool,
    /// Whether a write has followed the shutdown.
    is_misused: bool,
    dropped: bool,
}

/// The client's end of a stream.
pub(crate) struct ClientStream(Pipe);

impl Pipe {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the client's end.
    pub(crate) fn client(&self) -> ClientStream {
        ClientStream(self.clone())
    }

    /// Adds bytes for the client.
    pub(crate) fn send(&self, bytes: &[u8]) {
        self.lock().incoming.extend(bytes);
        self.permit_reads(0);
    }

    /// Permits the client to read this many more bytes.
    pub(crate) fn permit_reads(&self, bytes: usize) {
        let waker = {
            let mut state = self.lock();
            state.readable = state.readable.saturating_add(bytes);
            state.reader.take()
        };
        waker.into_iter().for_each(Waker::wake);
    }

    /// Permits the client to write this many more bytes.
    pub(crate) fn permit_writes(&self, bytes: usize, holds_flush: bool) {
        let waker = {
            let mut state = self.lock();
            state.writable = state.writable.saturating_add(bytes);
            state.holds_flush = holds_flush;
            state.writer.take()
        };
        waker.into_iter().for_each(Waker::wake);
    }

    /// Ends the stream behind the bytes for the client.
    pub(crate) fn end(&self) {
        self.lock().ended = true;
        self.permit_reads(0);
    }

    /// Lets all writes fail.
    pub(crate) fn fail_writes(&self) {
        self.lock().fails = true;
        self.permit_writes(0, false);
    }

    /// Takes the bytes that the client has written.
    pub(crate) fn take_written(&self) -> Vec<u8> {
        std::mem::take(&mut self.lock().written)
    }

    /// Returns whether the client has dropped its end.
    pub(crate) fn is_dropped(&self) -> bool {
        self.lock().dropped
    }

    /// Returns whether the client has written after it had shut down the stream.
    pub(crate) fn is_misused(&self) -> bool {
        self.lock().is_misused
    }
}

impl AsyncRead for ClientStream {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut state = self.0.lock();
        let size = state.readable.min(state.incoming.len()).min(buffer.remaining());
        if size == 0 && buffer.remaining() > 0 && !(state.ended && state.incoming.is_empty()) {
            state.reader = Some(context.waker().clone());
            return Poll::Pending;
        }
        state.readable -= size;
        let bytes: Vec<u8> = state.incoming.drain(..size).collect();
        buffer.put_slice(&bytes);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for ClientStream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut state = self.0.lock();
        state.is_misused |= state.shut_down;
        if state.fails {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let size = state.writable.min(bytes.len());
        if size == 0 && !bytes.is_empty() {
            state.writer = Some(context.waker().clone());
            return Poll::Pending;
        }
        state.writable -= size;
        state.written.extend_from_slice(&bytes[..size]);
        Poll::Ready(Ok(size))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut state = self.0.lock();
        if state.holds_flush && !state.fails {
            state.writer = Some(context.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.lock().shut_down = true;
        Poll::Ready(Ok(()))
    }
}

impl Drop for ClientStream {
    fn drop(&mut self) {
        self.0.lock().dropped = true;
    }
}
