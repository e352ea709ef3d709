//! A mark on a thread: a driver is being polled on it.

use std::cell::Cell;

#[cfg(not(all(test, shuttle)))]
thread_local! {
    static IS_POLLING: Cell<bool> = const { Cell::new(false) };
}
#[cfg(all(test, shuttle))]
shuttle::thread_local! {
    static IS_POLLING: Cell<bool> = Cell::new(false);
}

/// Marks this thread as polling a driver until it is dropped.
///
/// A poll is to the user's callbacks what a task of the event loop is in a browser: bufferedAmount, of this socket or of
/// another one, does not fall by what a callback does.
pub(super) struct DriverScope {
    /// Whether the thread was marked before: scopes nest.
    outer: bool,
}

impl DriverScope {
    pub(super) fn enter() -> Self {
        Self { outer: IS_POLLING.with(|polling| polling.replace(true)) }
    }

    /// Returns whether a driver is being polled on this thread.
    pub(super) fn is_active() -> bool {
        IS_POLLING.with(Cell::get)
    }
}

impl Drop for DriverScope {
    fn drop(&mut self) {
        IS_POLLING.with(|polling| polling.set(self.outer));
    }
}
