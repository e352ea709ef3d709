//! How far the bytes that a stream sends have come: out of `h2`, and to the network.
//!
//! `h2` takes the frames of all streams in its own order. A payload leaves it just before or just after the write that has its last
//! bytes. So what has left `h2` before a write is with the network once the beginning of that write is.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::task::{Context, Poll, Waker};

use futures::task::AtomicWaker;

use crate::sync::Lock;

/// The writes of a connection.
#[derive(Default)]
pub(super) struct ConnectionProgress {
    /// The number of writes and flushes of `h2`.
    begun: AtomicU64,
    /// The number of the last one of them that is with the network.
    done: AtomicU64,
    /// Whether the connection has ended, so that nothing more is written.
    is_over: AtomicBool,
    /// The error of the stream below that has ended the connection.
    error: OnceLock<KeptError>,
    /// The streams that wait until their bytes are with the network. A stream that was dropped waits no longer.
    waiting: Lock<Vec<Weak<StreamProgress>>>,
    /// Whether there are any.
    has_waiting: AtomicBool,
}

/// An error of a stream, without the value inside, which can be the user's.
struct KeptError {
    kind: io::ErrorKind,
    /// The error number of the system.
    code: Option<i32>,
    /// The text of the value inside.
    text: Option<String>,
}

/// The bytes of one stream.
pub(super) struct StreamProgress {
    connection: Arc<ConnectionProgress>,
    /// The number of payloads that `h2` has, wholly or in part.
    in_h2: AtomicUsize,
    /// The number of writes that had begun when the last payload left `h2`.
    left_after: AtomicU64,
    /// Whether `h2` has discarded bytes, because the stream or the connection has ended.
    is_lost: AtomicBool,
    waker: AtomicWaker,
}

impl ConnectionProgress {
    /// Records that `h2` passes on everything that has left it. Returns the number of this write.
    pub(super) fn begin_write(&self) -> u64 {
        self.begun.fetch_add(1, Ordering::AcqRel) + 1
    }

    /// Returns whether a stream waits until its bytes are with the network.
    pub(super) fn is_awaited(&self) -> bool {
        self.has_waiting.load(Ordering::SeqCst)
    }

    /// Records that the writes up to this number are with the network.
    pub(super) fn end_writes(&self, number: u64) {
        if self.done.load(Ordering::Relaxed) == number {
            return;
        }
        // With this order, either this sees the stream that begins to wait, or that sees this.
        self.done.store(number, Ordering::SeqCst);
        if self.is_awaited() {
            self.wake();
        }
    }

    /// Keeps the error that ends the connection, if it is the first one.
    pub(super) fn keep_error(&self, error: &io::Error) {
        let text = error.get_ref().map(ToString::to_string);
        let _ = self.error.set(KeptError { kind: error.kind(), code: error.raw_os_error(), text });
    }

    /// Returns the error that was kept.
    pub(super) fn error(&self) -> Option<io::Error> {
        let KeptError { kind, code, text } = self.error.get()?;
        Some(match (code, text) {
            (Some(code), _) => io::Error::from_raw_os_error(*code),
            (None, Some(text)) => io::Error::new(*kind, text.clone()),
            (None, None) => (*kind).into(),
        })
    }

    /// Records that nothing more is written.
    pub(super) fn end(&self) {
        self.is_over.store(true, Ordering::SeqCst);
        self.wake();
    }

    /// Wakes the streams whose bytes were written. The others go on waiting.
    fn wake(&self) {
        let woken: Vec<Waker> = {
            let mut waiting = self.waiting.lock();
            let mut woken = Vec::new();
            waiting.retain(|stream| {
                let Some(stream) = stream.upgrade() else { return false };
                let is_ready = stream.is_flushed().is_some();
                if is_ready {
                    woken.extend(stream.waker.take());
                }
                !is_ready
            });
            self.has_waiting.store(!waiting.is_empty(), Ordering::SeqCst);
            woken
        };
        woken.into_iter().for_each(Waker::wake);
    }
}

impl StreamProgress {
    pub(super) fn new(connection: Arc<ConnectionProgress>) -> Arc<Self> {
        Arc::new(Self {
            connection,
            in_h2: AtomicUsize::new(0),
            left_after: AtomicU64::new(0),
            is_lost: AtomicBool::new(false),
            waker: AtomicWaker::new(),
        })
    }

    /// Records that `h2` gets a payload.
    pub(super) fn enter(&self) {
        self.in_h2.fetch_add(1, Ordering::AcqRel);
    }

    /// Records that a payload has left `h2`, or was dropped.
    pub(super) fn leave(&self) {
        self.left_after.store(self.connection.begun.load(Ordering::Acquire), Ordering::Release);
        self.in_h2.fetch_sub(1, Ordering::AcqRel);
    }

    /// Records that `h2` has discarded bytes. It holds a lock of its own.
    pub(super) fn lose(&self) {
        self.is_lost.store(true, Ordering::SeqCst);
        self.waker.wake();
    }

    /// Returns whether all bytes were written, or `None` if they still may be.
    fn is_flushed(&self) -> Option<bool> {
        if self.is_lost.load(Ordering::SeqCst) {
            return Some(false);
        }
        let has_left = self.in_h2.load(Ordering::Acquire) == 0;
        if has_left && self.connection.done.load(Ordering::SeqCst) > self.left_after.load(Ordering::Acquire) {
            return Some(true);
        }
        self.connection.is_over.load(Ordering::SeqCst).then_some(false)
    }

    /// Waits until all bytes were written. Returns `false` if they cannot be any more.
    pub(super) fn poll_flushed(self: &Arc<Self>, context: &Context<'_>) -> Poll<bool> {
        if let Some(is_flushed) = self.is_flushed() {
            return Poll::Ready(is_flushed);
        }
        self.waker.register(context.waker());
        {
            let (mut waiting, this) = (self.connection.waiting.lock(), Arc::downgrade(self));
            if !waiting.iter().any(|stream| stream.ptr_eq(&this)) {
                waiting.push(this);
            }
            self.connection.has_waiting.store(true, Ordering::SeqCst);
        }
        // Looked at again, because they may have been written before.
        self.is_flushed().map_or(Poll::Pending, Poll::Ready)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use futures::FutureExt as _;
    use futures::future::poll_fn;

    use super::super::gathered::Payload;

    use super::*;

    #[test]
    fn bytes_are_flushed_once_a_write_that_began_after_them_has_ended() {
        let connection = Arc::<ConnectionProgress>::default();
        let stream = StreamProgress::new(Arc::clone(&connection));
        let is_flushed = || poll_fn(|context| stream.poll_flushed(context)).now_or_never();
        stream.enter();
        connection.end_writes(connection.begin_write());
        assert_eq!(is_flushed(), None, "h2 has them");
        let number = connection.begin_write();
        stream.leave();
        connection.end_writes(number);
        assert_eq!(is_flushed(), None, "they left h2 after it wrote");
        let number = connection.begin_write();
        assert_eq!(is_flushed(), None, "they are not written");
        connection.end_writes(number);
        assert_eq!(is_flushed(), Some(true));
        stream.enter();
        connection.end();
        assert_eq!(is_flushed(), Some(false));
    }

    #[test]
    fn bytes_that_were_discarded_are_not_flushed() {
        let connection = Arc::<ConnectionProgress>::default();
        let stream = StreamProgress::new(Arc::clone(&connection));
        drop(Payload::new(Bytes::from_static(b"lost"), &stream));
        connection.end_writes(connection.begin_write());
        assert_eq!(poll_fn(|context| stream.poll_flushed(context)).now_or_never(), Some(false));
    }

    #[test]
    fn stream_that_waits_is_released_with_its_handle() {
        let connection = Arc::<ConnectionProgress>::default();
        let stream = StreamProgress::new(Arc::clone(&connection));
        stream.enter();
        assert!(poll_fn(|context| stream.poll_flushed(context)).now_or_never().is_none());
        drop(stream);
        assert_eq!(Arc::strong_count(&connection), 1);
    }
}
