//! The receiver that waits for the stream, beside the driver.

use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Waker;

use futures::task::AtomicWaker;

use crate::sync::catch_panic::wake;

/// The receiver that waits for the stream, and what it knows of the driver.
#[derive(Default)]
pub(super) struct WaitingReceiver {
    waker: AtomicWaker,
    /// Whether the stream may have bytes. While the driver is parked and not paused, this is `false` only if the last read has found
    /// the stream empty, so that the stream calls a waker.
    has_news: AtomicBool,
    /// The thread on which the driver was polled last; see [`current_thread`].
    driver_thread: AtomicUsize,
    /// The number of beginnings and ends of the driver's polls: odd while the driver is being polled.
    driver_polls: AtomicUsize,
}

/// A permission for the receiver to read, as long as the driver is not polled.
#[derive(Clone, Copy)]
pub(crate) struct ReceiverTurn {
    driver_polls: usize,
}

impl WaitingReceiver {
    /// Records that a poll of the driver begins on this thread.
    pub(super) fn begin_driver_poll(&self) {
        self.driver_thread.store(current_thread(), Ordering::Relaxed);
        self.count_driver_poll();
    }

    /// Records the end of that poll.
    pub(super) fn end_driver_poll(&self) {
        self.count_driver_poll();
    }

    fn count_driver_poll(&self) {
        // Polls of a task do not overlap. A receiver that sees this poll sees the thread, too.
        self.driver_polls.store(self.driver_polls.load(Ordering::Relaxed).wrapping_add(1), Ordering::Release);
    }

    /// Returns a permission to read, if the driver was polled last on this thread, and that poll has ended: what it delivers
    /// counts in the receiver's capacity.
    pub(super) fn turn(&self) -> Option<ReceiverTurn> {
        let driver_polls = self.driver_polls.load(Ordering::Acquire);
        let is_shared = self.driver_thread.load(Ordering::Relaxed) == current_thread();
        (is_shared && driver_polls % 2 == 0).then_some(ReceiverTurn { driver_polls })
    }

    /// Returns whether the driver was not polled since. The connection is locked.
    pub(super) fn is_valid(&self, turn: ReceiverTurn) -> bool {
        self.driver_polls.load(Ordering::Relaxed) == turn.driver_polls
    }

    /// Records that the stream is read now: what it reports later is news.
    pub(super) fn begin_read(&self) {
        self.has_news.swap(false, Ordering::AcqRel);
    }

    /// Records that a read has brought something. The stream reports nothing before another read finds it empty.
    pub(super) fn keep_news(&self) {
        self.has_news.store(true, Ordering::Release);
    }

    /// Returns whether the stream may have bytes.
    pub(super) fn has_news(&self) -> bool {
        self.has_news.load(Ordering::Acquire)
    }

    /// Registers the waker that is called when there are news; returns `false` if there are some already.
    pub(super) fn register(&self, waker: &Waker) -> bool {
        self.waker.register(waker);
        !self.has_news()
    }

    /// Records news, and wakes the receiver if it waits.
    pub(super) fn wake(&self) {
        self.keep_news();
        wake(self.waker.take());
    }

    /// Forgets the receiver. No lock may be held, because dropping a waker may run any code.
    pub(super) fn forget(&self) {
        drop(self.waker.take());
    }
}

/// Returns a number that differs from those of all other threads that are running.
fn current_thread() -> usize {
    thread_local!(static MARK: u8 = const { 0 });
    // A thread that ends polls nothing any more.
    MARK.try_with(|mark| ptr::from_ref(mark).addr()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turn_lasts_from_the_end_of_a_poll_to_the_next() {
        let receiver = WaitingReceiver::default();
        receiver.begin_driver_poll();
        assert!(receiver.turn().is_none());
        receiver.end_driver_poll();
        let turn = receiver.turn().unwrap();
        assert!(receiver.is_valid(turn));
        receiver.begin_driver_poll();
        assert!(!receiver.is_valid(turn) && receiver.turn().is_none());
        receiver.end_driver_poll();
        assert!(!receiver.is_valid(turn) && receiver.turn().is_some());
    }
}
