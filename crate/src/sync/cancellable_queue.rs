//! A queue of items that can be cancelled while they wait.

use std::collections::VecDeque;

/// An item that can be cancelled while it waits, such as a reply whose future was dropped.
pub(crate) trait Cancellable {
    /// Returns whether the item is cancelled.
    fn is_cancelled(&self) -> bool;
}

/// A queue of items that can be cancelled while they wait, in order.
///
/// When a new item may make the cancelled ones the majority, these are removed. So the queue stays small even if its owner is
/// never polled, while futures come and go.
pub(crate) struct CancellableQueue<T> {
    items: VecDeque<T>,
    /// The number of items after the last removal.
    live: usize,
}

/// The length from which cancelled items are removed. Arbitrary.
const MIN_PRUNED: usize = 4;

impl<T: Cancellable> CancellableQueue<T> {
    /// Adds an item. Returns the cancelled items that it removes.
    #[must_use = "the cancelled items must be dropped outside the lock"]
    pub(crate) fn push(&mut self, item: T) -> VecDeque<T> {
        let mut cancelled = VecDeque::new();
        if self.items.len() >= 2 * self.live + MIN_PRUNED {
            (cancelled, self.items) = std::mem::take(&mut self.items).into_iter().partition(T::is_cancelled);
            self.live = self.items.len();
        }
        self.items.push_back(item);
        cancelled
    }
}

impl<T> CancellableQueue<T> {
    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Returns the first item.
    pub(crate) fn front(&self) -> Option<&T> {
        self.items.front()
    }

    /// Returns the first item.
    pub(crate) fn front_mut(&mut self) -> Option<&mut T> {
        self.items.front_mut()
    }

    /// Removes and returns the first item.
    pub(crate) fn pop(&mut self) -> Option<T> {
        let item = self.items.pop_front();
        self.live = self.live.min(self.items.len());
        item
    }

    /// Removes and returns all items in order.
    pub(crate) fn take_all(&mut self) -> VecDeque<T> {
        self.live = 0;
        std::mem::take(&mut self.items)
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }
}

impl<T> Default for CancellableQueue<T> {
    fn default() -> Self {
        Self { items: VecDeque::new(), live: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An item with a number. The odd ones are cancelled.
    impl Cancellable for u32 {
        fn is_cancelled(&self) -> bool {
            self % 2 == 1
        }
    }

    #[crate::test]
    fn cancelled_items_leave_the_queue_and_the_others_stay_in_order() {
        let mut queue = CancellableQueue::default();
        let mut removed = Vec::new();
        // Each fourth item is live.
        for number in (0..1000).map(|number| if number % 4 == 0 { number } else { 2 * number + 1 }) {
            removed.extend(queue.push(number));
            let live = queue.items.iter().filter(|item| !item.is_cancelled()).count();
            assert!(queue.len() <= 2 * live + MIN_PRUNED + 1, "{} items, {live} of them live", queue.len());
        }
        let kept: Vec<_> = queue.take_all().into();
        assert_eq!(kept.iter().filter(|item| !item.is_cancelled()).count(), 250);
        assert!(kept.is_sorted_by_key(|item| if item.is_cancelled() { item / 2 } else { *item }));
        assert_eq!(removed.len() + kept.len(), 1000, "none is dropped by the queue");
        assert!(removed.iter().all(Cancellable::is_cancelled) && queue.is_empty());
    }

    #[crate::test]
    fn removals_are_few_if_nothing_is_cancelled() {
        let mut queue = CancellableQueue::default();
        let mut removals = 0;
        for _ in 0..1_000 {
            let before = queue.live;
            assert!(queue.push(0).is_empty());
            removals += usize::from(queue.live != before);
        }
        assert!(removals < 10, "{removals}");
        assert_eq!((queue.pop(), queue.front(), queue.len()), (Some(0), Some(&0), 999));
    }
}
