//! Values that belong to the threads of one process.

use std::process;

use parking_lot::{Mutex, MutexGuard};

/// A value of this process, which a forked child does not inherit.
///
/// After `fork`, the child has a copy of the memory and only one thread. A value that stands for another thread of the
/// parent, such as a runtime or the place of a socket in a queue, would never change again there.
pub(in crate::platform::native) struct PerProcess<T>(Mutex<Owned<T>>);

/// A value, and the process that created it.
pub(in crate::platform::native) struct Owned<T> {
    process: u32,
    /// The value, once this process has created it.
    pub(in crate::platform::native) value: Option<T>,
}

impl<T> PerProcess<T> {
    pub(in crate::platform::native) const fn new() -> Self {
        Self(Mutex::new(Owned { process: 0, value: None }))
    }

    /// Locks the value of this process.
    pub(in crate::platform::native) fn lock(&self) -> MutexGuard<'_, Owned<T>> {
        self.lock_as(process::id())
    }

    fn lock_as(&self, process: u32) -> MutexGuard<'_, Owned<T>> {
        let mut owned = self.0.lock();
        if owned.process != process {
            owned.process = process;
            // It is not dropped, because a destructor might wait for the parent's threads.
            std::mem::forget(owned.value.take());
        }
        owned
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value_is_forgotten_in_another_process() {
        let numbers = PerProcess::new();
        assert_eq!(numbers.lock_as(7).value, None);
        numbers.lock_as(7).value = Some("parent");
        assert_eq!(numbers.lock_as(7).value, Some("parent"));
        assert_eq!(numbers.lock_as(8).value, None);
        numbers.lock_as(8).value = Some("child");
        assert_eq!(numbers.lock_as(8).value, Some("child"));
    }

    #[test]
    fn value_is_kept_within_this_process() {
        static VALUE: PerProcess<u8> = PerProcess::new();
        VALUE.lock().value = Some(1);
        assert_eq!(VALUE.lock().value, Some(1));
    }
}
