//! Wakers of futures that wait for the same thing.

use std::task::Waker;

/// A list of waiting futures, each with a key, a condition and a waker.
///
/// The list keeps the order of registration, so wakers come out first in, first out. A future registers under the
/// same key each time it is polled. It removes its entry when it completes or is dropped, so the list never holds more
/// entries than there are futures.
///
/// The list wakes and drops no waker itself, because a waker may run any code. The caller does both after it has
/// released its lock.
#[derive(Debug)]
pub(crate) struct KeyedWaiters<C> {
    waiters: Vec<Waiter<C>>,
    last_key: u64,
}

#[derive(Debug)]
struct Waiter<C> {
    key: u64,
    condition: C,
    /// `None` after the waiter was woken and before it registers again.
    waker: Option<Waker>,
}

impl<C> KeyedWaiters<C> {
    /// Creates an empty list.
    pub(crate) const fn new() -> Self {
        Self { waiters: Vec::new(), last_key: 0 }
    }

    /// Registers `waker` under `key` and returns the waker that it replaces.
    ///
    /// `key` is `None` before the first call, which sets it.
    #[must_use = "the replaced waker must be dropped outside the lock"]
    pub(crate) fn register(&mut self, key: &mut Option<u64>, condition: C, waker: &Waker) -> Option<Waker> {
        let key = *key.get_or_insert_with(|| {
            self.last_key += 1;
            self.last_key
        });
        let Some(waiter) = self.waiters.iter_mut().find(|waiter| waiter.key == key) else {
            self.waiters.push(Waiter { key, condition, waker: Some(waker.clone()) });
            return None;
        };
        waiter.condition = condition;
        waiter.waker.replace(waker.clone())
    }

    /// Removes the entry under `key` and returns its waker.
    #[must_use = "the removed waker must be dropped outside the lock"]
    pub(crate) fn remove(&mut self, key: u64) -> Option<Waker> {
        let index = self.waiters.iter().position(|waiter| waiter.key == key)?;
        self.waiters.remove(index).waker
    }

    /// Returns the wakers whose condition is met.
    pub(crate) fn take_ready(&mut self, is_met: impl Fn(&C) -> bool) -> Vec<Waker> {
        let mut wakers = Vec::new();
        for waiter in &mut self.waiters {
            if is_met(&waiter.condition) {
                wakers.extend(waiter.waker.take());
            }
        }
        wakers
    }

    /// Returns the first waker behind the key `last` whose condition is met, and sets `last` to its key.
    // Code size: a page needs no list of wakers to wake its senders, and a binary search takes 55 bytes more. Registering
    // and removing look through the list, too.
    pub(crate) fn take_next(&mut self, last: &mut u64, is_met: impl Fn(&C) -> bool) -> Option<Waker> {
        // The order of registration is that of the keys.
        for waiter in &mut self.waiters {
            if waiter.key > *last && is_met(&waiter.condition) && waiter.waker.is_some() {
                *last = waiter.key;
                return waiter.waker.take();
            }
        }
        None
    }

    /// Returns the conditions of the waiters that were not woken yet.
    pub(crate) fn pending_conditions(&self) -> impl Iterator<Item = &C> {
        self.waiters.iter().filter(|waiter| waiter.waker.is_some()).map(|waiter| &waiter.condition)
    }
}

impl<C> Default for KeyedWaiters<C> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::task::ArcWake;
    use std::sync::{Arc, Mutex};

    /// A waker that records its number when it is woken.
    struct NumberedWaker(u32, Arc<Mutex<Vec<u32>>>);

    impl ArcWake for NumberedWaker {
        fn wake_by_ref(this: &Arc<Self>) {
            this.1.lock().unwrap().push(this.0);
        }
    }

    #[test]
    fn waiters_wake_in_order_of_registration_after_a_removal() {
        let woken = Arc::default();
        let waker = |number| futures::task::waker(Arc::new(NumberedWaker(number, Arc::clone(&woken))));
        let (mut waiters, mut keys) = (KeyedWaiters::new(), [None; 4]);
        for (number, key) in (0..).zip(&mut keys) {
            assert!(waiters.register(key, 10, &waker(number)).is_none());
        }
        assert!(waiters.remove(keys[0].unwrap()).is_some());
        let wakers = waiters.take_ready(|&mark| mark >= 10);
        wakers.into_iter().for_each(Waker::wake);
        assert_eq!(woken.lock().unwrap()[..], [1, 2, 3]);
        assert_eq!(waiters.pending_conditions().count(), 0);
    }

    #[test]
    fn each_waiter_is_taken_once_though_it_registers_again() {
        let (mut waiters, mut keys) = (KeyedWaiters::new(), [None; 3]);
        for (mark, key) in [5, 9, 7].into_iter().zip(&mut keys) {
            assert!(waiters.register(key, mark, Waker::noop()).is_none());
        }
        let (mut last, mut taken) = (0, Vec::new());
        while waiters.take_next(&mut last, |&mark| mark >= 7).is_some() {
            taken.push(last);
            let key = keys.iter_mut().find(|key| **key == Some(last)).unwrap();
            assert!(waiters.register(key, 9, Waker::noop()).is_none());
        }
        assert_eq!(taken, [2, 3]);
        assert_eq!(waiters.pending_conditions().collect::<Vec<_>>(), [&5, &9, &9]);
    }

    #[test]
    fn woken_waiter_is_not_pending_until_it_registers_again() {
        let (mut waiters, mut key) = (KeyedWaiters::new(), None);
        assert!(waiters.register(&mut key, 7, Waker::noop()).is_none());
        assert_eq!(waiters.pending_conditions().collect::<Vec<_>>(), [&7]);
        assert!(waiters.take_ready(|_| false).is_empty());
        assert_eq!(waiters.take_ready(|_| true).len(), 1);
        assert_eq!(waiters.pending_conditions().count(), 0);
        assert!(waiters.register(&mut key, 8, Waker::noop()).is_none());
        assert_eq!(waiters.pending_conditions().collect::<Vec<_>>(), [&8]);
        assert!(waiters.remove(key.unwrap()).is_some());
        assert!(waiters.remove(key.unwrap()).is_none());
    }
}
