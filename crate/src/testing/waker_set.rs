//! A set of wakers that are woken together.

use std::task::Waker;

/// A set of wakers without duplicates. A waker that wakes the same task as another is a duplicate.
#[derive(Default)]
pub(super) struct WakerSet(Vec<Waker>);

impl WakerSet {
    /// Adds a waker, unless it is a duplicate.
    pub(super) fn register(&mut self, waker: &Waker) {
        if !self.0.iter().any(|known| known.will_wake(waker)) {
            self.0.push(waker.clone());
        }
    }

    /// Takes all wakers, to be woken outside the lock.
    pub(super) fn take(&mut self) -> Vec<Waker> {
        std::mem::take(&mut self.0)
    }
}
