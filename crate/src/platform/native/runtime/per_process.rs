//! Values that belong to the threads of one process.

use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Mutex, MutexGuard};

/// The number of slots of a [`PerProcess`]. Arbitrary: a child of a child of a child seldom uses sockets.
const GENERATIONS: usize = 8;

/// A value of this process, which a forked child does not inherit.
///
/// After `fork`, the child has a copy of the memory and only one thread. A value that stands for another thread of the
/// parent never changes again there. Examples are a runtime, and the place of a socket in a queue. A lock that such a
/// thread holds is never released there. So a child never waits for the lock of its parent: it moves on to another
/// slot.
///
/// The slots run out only if another thread held a lock at each of the last [`GENERATIONS`] nested forks.
pub(in crate::platform::native) struct PerProcess<T> {
    /// The process that owns the value, in the upper half, and the index of its slot.
    current: AtomicU64,
    slots: [Mutex<Owned<T>>; GENERATIONS],
}

/// A value of one process.
pub(in crate::platform::native) struct Owned<T> {
    /// The value, once this process has created it.
    pub(in crate::platform::native) value: Option<T>,
}

impl<T> PerProcess<T> {
    pub(in crate::platform::native) const fn new() -> Self {
        Self { current: AtomicU64::new(0), slots: [const { Mutex::new(Owned { value: None }) }; GENERATIONS] }
    }

    /// Locks the value of this process.
    pub(in crate::platform::native) fn lock(&self) -> MutexGuard<'_, Owned<T>> {
        self.lock_as(process::id())
    }

    fn lock_as(&self, process: u32) -> MutexGuard<'_, Owned<T>> {
        // Read the owner before any lock, because a thread of the parent may hold its lock for ever.
        let mut current = self.current.load(Ordering::Acquire);
        while current >> 32 != u64::from(process) {
            let (index, mut owned) = self.lock_free_slot(slot(current));
            let claim = u64::from(process) << 32 | index as u64;
            match self.current.compare_exchange(current, claim, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => {
                    // It is not dropped, because a destructor might wait for the parent's threads.
                    std::mem::forget(owned.value.take());
                    return owned;
                }
                Err(other) => current = other,
            }
        }
        self.slots[slot(current)].lock()
    }

    /// Locks a slot other than `taken` whose lock is free.
    fn lock_free_slot(&self, taken: usize) -> (usize, MutexGuard<'_, Owned<T>>) {
        let mut indices = (taken + 1..=taken + GENERATIONS).map(|index| index % GENERATIONS);
        let free = indices.find_map(|index| Some((index, self.slots[index].try_lock()?)));
        free.unwrap_or_else(|| (taken, self.slots[taken].lock()))
    }
}

/// Returns the index in the lower half of [`PerProcess::current`].
fn slot(current: u64) -> usize {
    usize::try_from(current & u64::from(u32::MAX)).unwrap_or_default() % GENERATIONS
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
    fn lock_of_the_parent_does_not_block_the_child() {
        const { assert!(GENERATIONS == 8) };
        let (locked, is_locked) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let values = PerProcess::new();
            let mut held = Vec::new();
            for process in 1..=8 {
                // As after `fork` while another thread holds the lock.
                let mut owned = values.lock_as(process);
                assert_eq!(owned.value.replace(process), None);
                held.push(owned);
                locked.send(process).unwrap();
            }
            // A lock that was free is used again.
            drop(held.remove(1));
            assert_eq!(values.lock_as(100).value, None);
            locked.send(100).unwrap();
        });
        for process in (1..=8).chain([100]) {
            assert_eq!(is_locked.recv_timeout(std::time::Duration::from_secs(10)), Ok(process));
        }
    }

    #[test]
    fn threads_of_one_process_share_one_value() {
        for _ in 0..100 {
            let numbers = PerProcess::new();
            numbers.lock_as(1).value = Some(0);
            std::thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| *numbers.lock_as(2).value.get_or_insert(0) += 1);
                }
            });
            assert_eq!(numbers.lock_as(2).value, Some(4));
        }
    }

    #[test]
    fn value_is_kept_within_this_process() {
        static VALUE: PerProcess<u8> = PerProcess::new();
        VALUE.lock().value = Some(1);
        assert_eq!(VALUE.lock().value, Some(1));
    }
}
