//! The receiver that waits for the stream, beside the driver.

use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Waker;

use futures::task::AtomicWaker;

use crate::sync::catch_panic::wake;

/// The receiver that waits for the stream.
#[derive(Default)]
pub(super) struct WaitingReceiver {
    waker: AtomicWaker,
    /// Whether the stream may have bytes: no read has found it empty since it last had some.
    has_news: AtomicBool,
}

impl WaitingReceiver {
    /// Records that the stream is read now: what it reports later is news.
    pub(super) fn begin_read(&self) {
        self.has_news.swap(false, Ordering::AcqRel);
    }

    /// Records that the read has brought something. The stream reports nothing before another read finds it empty.
    pub(super) fn end_read(&self) {
        self.has_news.store(true, Ordering::Release);
    }

    /// Returns whether the stream may have bytes.
    pub(super) fn has_news(&self) -> bool {
        self.has_news.load(Ordering::Acquire)
    }

    /// Waits for news; returns `false` if there are some already.
    pub(super) fn wait(&self, waker: &Waker) -> bool {
        self.waker.register(waker);
        !self.has_news()
    }

    /// Records news, and wakes the receiver if it waits.
    pub(super) fn wake(&self) {
        self.has_news.store(true, Ordering::Release);
        wake(self.waker.take());
    }
}
