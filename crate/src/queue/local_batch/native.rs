//! A local batch that saves lock acquisitions between the producer's and the consumer's thread.

use std::collections::VecDeque;

use crate::queue::payload_len::PayloadLen;
use crate::queue::{Capacity, SHRINK_ABOVE};

/// The items that the consumer moved out of the queue at once and has not used yet.
pub(crate) struct LocalBatch<T> {
    items: VecDeque<T>,
    /// The messages that the consumer popped here and that the queue still counts.
    unreported: Capacity,
    /// The amount of unreported messages at which the consumer reports to the queue.
    report_at: Capacity,
}

/// The consumer reports at the latest when it has popped this fraction of the limit: one sixteenth. Arbitrary.
const REPORT_FRACTION: usize = 16;

impl<T: PayloadLen> LocalBatch<T> {
    /// Creates an empty batch for a queue with this limit.
    pub(crate) const fn new(limit: Capacity) -> Self {
        let report_at =
            Capacity { messages: limit.messages / REPORT_FRACTION, bytes: limit.bytes / REPORT_FRACTION as u64 };
        Self { items: VecDeque::new(), unreported: Capacity::NONE, report_at }
    }

    /// Pops the next item without the queue's lock. Returns `None` if the batch is used up or a report is due.
    #[inline]
    pub(crate) fn pop_local(&mut self) -> Option<T> {
        let due = self.unreported.messages >= self.report_at.messages || self.unreported.bytes >= self.report_at.bytes;
        if due || self.items.len() <= 1 {
            return None;
        }
        let item = self.items.pop_front()?;
        if let Some(size) = item.payload_len() {
            self.unreported.add(1, size);
        }
        Some(item)
    }

    /// Returns the amount of unreported messages, which the queue subtracts from its count.
    #[inline]
    pub(crate) const fn take_unreported(&mut self) -> Capacity {
        std::mem::replace(&mut self.unreported, Capacity::NONE)
    }

    /// Pops the next item of the batch. If the batch is used up, refills it from the queue's items first.
    #[inline]
    pub(crate) fn next(&mut self, items: &mut VecDeque<T>) -> Option<T> {
        if self.items.is_empty() && items.len() > 1 {
            std::mem::swap(items, &mut self.items);
            if self.items.back().is_some_and(PayloadLen::may_grow) {
                items.extend(self.items.pop_back());
            }
        }
        if let Some(item) = self.items.pop_front() {
            return Some(item);
        }
        let item = items.pop_front()?;
        if items.capacity() > SHRINK_ABOVE {
            (*items, self.items) = (VecDeque::new(), VecDeque::new());
        }
        Some(item)
    }

    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }
}
