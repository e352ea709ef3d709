//! The reads of files that a thread has started and that run on other threads.
//!
//! [`testing::run`](crate::testing::run()) waits for them, because its clock must not advance meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, Thread};

thread_local! {
    /// The number of reads that this thread has started and that have not ended.
    static UNFINISHED: Arc<AtomicUsize> = Arc::default();
}

/// A read that has not ended. Drop it when its future has been woken.
pub(super) struct FileRead {
    unfinished: Arc<AtomicUsize>,
    starter: Thread,
}

impl FileRead {
    /// Counts a read that the current thread starts.
    pub(super) fn start() -> Self {
        // A thread that is ending runs no test.
        let unfinished = UNFINISHED.try_with(Arc::clone).unwrap_or_default();
        unfinished.fetch_add(1, Ordering::Relaxed);
        Self { unfinished, starter: thread::current() }
    }
}

impl Drop for FileRead {
    fn drop(&mut self) {
        // After the wake-up of the future: a thread that sees the lower number sees that, too.
        self.unfinished.fetch_sub(1, Ordering::Release);
        self.starter.unpark();
    }
}

/// Returns whether a read has not ended that the current thread has started. Such a read ends by unparking the thread.
pub(crate) fn are_unfinished() -> bool {
    UNFINISHED.try_with(|unfinished| unfinished.load(Ordering::Acquire) > 0).unwrap_or(false)
}
