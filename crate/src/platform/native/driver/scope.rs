//! The turn that a driver has on its thread, which is a task of the event loop's for all callbacks in it.

use std::cell::Cell;

thread_local! {
    static TAKEN: Cell<bool> = const { Cell::new(false) };
}

/// A driver's turn, until it is dropped. No bufferedAmount falls by what is done within it, be it another socket's.
pub(in crate::platform::native) struct Turn {
    /// Whether it is within another one.
    inner: bool,
}

impl Turn {
    pub(in crate::platform::native) fn take() -> Self {
        Self { inner: TAKEN.replace(true) }
    }

    /// Whether a driver has its turn on this thread.
    pub(in crate::platform::native) fn is_taken() -> bool {
        TAKEN.get()
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        TAKEN.set(self.inner);
    }
}
