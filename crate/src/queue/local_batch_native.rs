//! What was taken out of a backlog at once, so as not to meet its feeder, on another thread, for each item.

use std::collections::VecDeque;

use super::{Capacity, LARGE, PayloadLen};

/// What the taker of a backlog took out of it and has not yet given to anybody.
pub(crate) struct LocalBatch<T> {
    items: VecDeque<T>,
    /// The messages that were taken out of this and are still held in the backlog's count.
    taken: Capacity,
    /// How much of them that may be.
    share: Capacity,
}

/// The taker tells of what it took when that is so much of the bound, at the latest.
const SHARE: usize = 16;

impl<T: PayloadLen> LocalBatch<T> {
    /// One for a backlog with this bound.
    pub(crate) const fn new(bound: Capacity) -> Self {
        let share = Capacity { messages: bound.messages / SHARE, bytes: bound.bytes / SHARE as u64 };
        Self { items: VecDeque::new(), taken: Capacity::NONE, share }
    }

    /// Gives the next item, unless the backlog has to take note of it, or there is none.
    #[inline]
    pub(crate) fn pop_local(&mut self) -> Option<T> {
        let due = self.taken.messages >= self.share.messages || self.taken.bytes >= self.share.bytes;
        if due || self.items.len() <= 1 {
            return None;
        }
        let item = self.items.pop_front()?;
        if let Some(size) = item.message_size() {
            self.taken.add(1, size);
        }
        Some(item)
    }

    /// Gives what was taken quietly, for the backlog to take note of.
    #[inline]
    pub(crate) const fn settle(&mut self) -> Capacity {
        std::mem::replace(&mut self.taken, Capacity::NONE)
    }

    /// Gives the next item out of this or, if it is used up, of the backlog's, with what follows it.
    #[inline]
    pub(crate) fn next(&mut self, items: &mut VecDeque<T>) -> Option<T> {
        if self.items.is_empty() && items.len() > 1 {
            std::mem::swap(items, &mut self.items);
            items.extend(self.items.pop_back_if(|last| last.may_grow()));
        }
        if let Some(item) = self.items.pop_front() {
            return Some(item);
        }
        let item = items.pop_front()?;
        if items.capacity() > LARGE {
            (*items, self.items) = (VecDeque::new(), VecDeque::new());
        }
        Some(item)
    }

    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
}
