//! How far the bytes that a stream sends have come: out of `h2`, and to the network.
//!
//! `h2` takes the frames of all streams in its own order, and passes them on. When it has passed on everything, it flushes. So what
//! has left `h2` before such a flush is with the network once all that was gathered by then has been written.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker};

use futures::task::AtomicWaker;

use crate::sync::Lock;

/// The flushes of a connection.
#[derive(Default)]
pub(super) struct ConnectionProgress {
    /// The number of flushes that `h2` has begun.
    begun: AtomicU64,
    /// The number of the last flush after which everything was written.
    done: AtomicU64,
    /// Whether the connection has ended, so that nothing more is written.
    is_over: AtomicBool,
    /// The streams that wait for a flush. A stream that was dropped waits no longer.
    waiting: Lock<Vec<Weak<StreamProgress>>>,
    /// Whether there are any.
    has_waiting: AtomicBool,
}

/// The bytes of one stream.
pub(super) struct StreamProgress {
    connection: Arc<ConnectionProgress>,
    /// The number of payloads that `h2` has, wholly or in part.
    in_h2: AtomicUsize,
    /// The number of flushes that had begun when the last payload left `h2`.
    left_after: AtomicU64,
    waker: AtomicWaker,
}

impl ConnectionProgress {
    /// Records that `h2` has passed on everything that it has taken.
    pub(super) fn begin_flush(&self) {
        self.begun.fetch_add(1, Ordering::AcqRel);
    }

    /// Records that everything that was gathered has been written.
    pub(super) fn end_flush(&self) {
        // With this order, either this sees the stream that begins to wait, or that sees this.
        self.done.store(self.begun.load(Ordering::Acquire), Ordering::SeqCst);
        if self.has_waiting.load(Ordering::SeqCst) {
            self.wake();
        }
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

    /// Returns whether all bytes were written, or `None` if they still may be.
    fn is_flushed(&self) -> Option<bool> {
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
    use futures::FutureExt as _;
    use futures::future::poll_fn;

    use super::*;

    #[test]
    fn bytes_are_flushed_once_a_flush_that_began_after_them_has_ended() {
        let connection = Arc::<ConnectionProgress>::default();
        let stream = StreamProgress::new(Arc::clone(&connection));
        let is_flushed = || poll_fn(|context| stream.poll_flushed(context)).now_or_never();
        stream.enter();
        connection.begin_flush();
        connection.end_flush();
        assert_eq!(is_flushed(), None, "h2 has them");
        connection.begin_flush();
        stream.leave();
        connection.end_flush();
        assert_eq!(is_flushed(), None, "they left h2 while it flushed");
        connection.begin_flush();
        assert_eq!(is_flushed(), None, "they are not written");
        connection.end_flush();
        assert_eq!(is_flushed(), Some(true));
        stream.enter();
        connection.end();
        assert_eq!(is_flushed(), Some(false));
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
