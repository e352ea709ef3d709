//! The senders of a socket that wait until bufferedAmount falls.

use std::task::Waker;

use crate::sync::Lock;
use crate::sync::catch_panic::wake;
use crate::sync::keyed_waiters::KeyedWaiters;

/// A list of senders, each with the bufferedAmount that it waits for.
#[derive(Default)]
pub(super) struct WaitingSenders(Lock<KeyedWaiters<u64>>);

impl WaitingSenders {
    /// Registers a sender that waits until bufferedAmount is at most `mark`.
    pub(super) fn register(&self, key: &mut Option<u64>, mark: u64, waker: &Waker) {
        let replaced = self.0.lock().register(key, mark, waker);
        // Drop outside the lock: a waker may run any code.
        drop(replaced);
    }

    /// Removes a sender that waits no longer.
    pub(super) fn remove(&self, key: u64) {
        let waker = self.0.lock().remove(key);
        // Drop outside the lock: a waker may run any code.
        drop(waker);
    }

    /// Wakes the senders that wait for `amount` or more. Returns whether others still wait.
    pub(super) fn wake(&self, amount: u64) -> bool {
        // Each sender is woken once, even if its waker sends at once and registers again.
        let mut last = 0;
        loop {
            let mut senders = self.0.lock();
            let Some(waker) = senders.take_next(&mut last, |&mark| amount <= mark) else {
                return senders.pending_conditions().next().is_some();
            };
            drop(senders);
            wake([waker]);
        }
    }
}
