//! A bounded queue of messages between the back end and the consumer, which applies backpressure.
//!
//! The back end is the producer. It pushes messages and asks for free capacity; while there is none, it stops reading.
//! The consumer pops items, on native targets through a [`LocalBatch`]. When half of the limit is free again, the queue
//! wakes the back end. Read [`capacity`], then this file, then [`local_batch`].

mod capacity;
mod local_batch;
mod payload_len;

use std::collections::VecDeque;
use std::task::{Poll, Waker};

pub(crate) use self::capacity::Capacity;
pub(crate) use self::local_batch::LocalBatch;
use self::payload_len::PayloadLen;

/// A bounded queue. The limit applies to messages; other items always fit.
pub(crate) struct BoundedQueue<T> {
    items: VecDeque<T>,
    limit: Capacity,
    /// The messages in this queue and in the consumer's [`LocalBatch`], including those popped but not yet reported.
    in_use: Capacity,
    /// The waker of the consumer, while it waits for an item.
    waker: Option<Waker>,
    /// The waker of the back end, while it waits for free capacity.
    paused: Option<Waker>,
}

/// The capacity in items above which an empty queue releases its memory. Arbitrary.
pub(crate) const SHRINK_ABOVE: usize = 64;

impl<T: PayloadLen> BoundedQueue<T> {
    /// Creates an empty queue. It is full when it contains as many messages, or as many payload bytes, as the limit.
    pub(crate) const fn new(limit: Capacity) -> Self {
        Self { items: VecDeque::new(), limit, in_use: Capacity::NONE, waker: None, paused: None }
    }

    /// Appends an item without checking the limit.
    #[inline]
    pub(crate) fn push(&mut self, item: T) {
        if let Some(size) = item.payload_len() {
            self.in_use.add(1, size);
        }
        self.items.push_back(item);
    }

    /// Allocates memory for this number of additional items.
    pub(crate) fn reserve_memory(&mut self, items: usize) {
        self.items.reserve(items);
    }

    /// Moves all items of another queue to the end of this one, if all of them fit. Returns whether they fit.
    pub(crate) fn append(&mut self, other: &mut Self) -> bool {
        let done = self.append_items(&mut other.items, other.in_use);
        if done {
            other.in_use = Capacity::NONE;
        }
        done
    }

    /// Counts this amount as in use, if all of it fits. Returns whether it fits; the caller then adds the items.
    #[must_use]
    pub(crate) const fn reserve(&mut self, amount: Capacity) -> bool {
        let mut sum = self.in_use;
        sum.add(amount.messages, amount.bytes);
        let fits = sum.messages <= self.limit.messages && sum.bytes <= self.limit.bytes;
        if fits {
            self.in_use = sum;
        }
        fits
    }

    /// Moves items to the end of this queue, if all of them fit. Returns whether they fit. `amount` is their size.
    pub(crate) fn append_items(&mut self, items: &mut VecDeque<T>, amount: Capacity) -> bool {
        if !self.reserve(amount) {
            return false;
        }
        if self.items.is_empty() {
            std::mem::swap(&mut self.items, items);
        } else {
            self.items.append(items);
        }
        true
    }

    /// Pops the first item.
    #[inline]
    pub(crate) fn pop(&mut self) -> Option<T> {
        let item = self.items.pop_front()?;
        if let Some(size) = item.payload_len() {
            self.in_use.remove(1, size);
        }
        Some(item)
    }

    /// Pops the next item out of the consumer's batch, which is refilled from this queue if it is used up.
    ///
    /// Subtracts the messages that the consumer popped since its last report.
    #[inline]
    pub(crate) fn pop_into_batch(&mut self, batch: &mut LocalBatch<T>) -> Option<T> {
        let taken = batch.take_unreported();
        self.in_use.remove(taken.messages, taken.bytes);
        let item = batch.next(&mut self.items)?;
        if let Some(size) = item.payload_len() {
            self.in_use.remove(1, size);
        }
        Some(item)
    }

    /// Returns the free capacity after the report of the consumer's batch.
    pub(crate) fn free_after(&mut self, batch: &mut LocalBatch<T>) -> Capacity {
        let taken = batch.take_unreported();
        self.in_use.remove(taken.messages, taken.bytes);
        self.limit.minus(self.in_use)
    }

    /// Takes the waker of the paused back end, if at least half of the limit is free.
    #[must_use]
    pub(crate) fn take_resume_waker(&mut self) -> Option<Waker> {
        self.paused.as_ref()?;
        let free = self.in_use.messages <= self.limit.messages / 2 && self.in_use.bytes <= self.limit.bytes / 2;
        if free { self.paused.take() } else { None }
    }

    /// Returns the free capacity. If the queue is full, returns `Pending` and wakes the task when half of it is free.
    pub(crate) fn poll_capacity(&mut self, waker: &Waker) -> Poll<Capacity> {
        if !self.is_full() {
            return Poll::Ready(self.limit.minus(self.in_use));
        }
        if !self.paused.as_ref().is_some_and(|known| known.will_wake(waker)) {
            self.paused = Some(waker.clone());
        }
        Poll::Pending
    }

    /// Returns whether no further message fits.
    pub(crate) const fn is_full(&self) -> bool {
        self.limit.minus(self.in_use).is_none()
    }

    /// Creates the batch through which the consumer pops items.
    pub(crate) fn new_batch(&self) -> LocalBatch<T> {
        LocalBatch::new(self.limit)
    }

    /// Returns the amount of messages in use.
    pub(crate) const fn in_use(&self) -> Capacity {
        self.in_use
    }

    /// Returns whether the back end waits for free capacity.
    #[cfg(test)]
    pub(crate) const fn is_paused(&self) -> bool {
        self.paused.is_some()
    }

    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub(crate) const fn items(&self) -> &VecDeque<T> {
        &self.items
    }

    pub(crate) fn items_mut(&mut self) -> &mut VecDeque<T> {
        &mut self.items
    }

    /// Drops the queued items for which `keep` returns `false`. The items of a batch are not affected.
    pub(crate) fn retain(&mut self, keep: impl Fn(&T) -> bool) {
        let in_use = &mut self.in_use;
        self.items.retain(|item| {
            let keep = keep(item);
            if let Some(size) = item.payload_len().filter(|_| !keep) {
                in_use.remove(1, size);
            }
            keep
        });
    }

    /// Registers the waker of the consumer, and returns the waker that it replaces.
    ///
    /// Drop the returned waker outside the lock.
    #[must_use]
    pub(crate) fn set_waker(&mut self, waker: &Waker) -> Option<Waker> {
        match &self.waker {
            Some(known) if known.will_wake(waker) => None,
            _ => self.waker.replace(waker.clone()),
        }
    }

    /// Takes the waker of the consumer. Wake it outside the lock.
    #[must_use]
    pub(crate) fn take_waker(&mut self) -> Option<Waker> {
        self.waker.take()
    }

    /// Closes the consumer's end. Returns all items and all wakers.
    ///
    /// Drop the items, and wake the wakers, outside the lock.
    #[must_use]
    pub(crate) fn close(&mut self) -> (VecDeque<T>, [Option<Waker>; 2]) {
        self.in_use = Capacity::NONE;
        (std::mem::take(&mut self.items), [self.waker.take(), self.paused.take()])
    }
}
