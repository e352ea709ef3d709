//! A local batch that is always empty, because the producer and the consumer run on one thread.

use std::collections::VecDeque;
use std::marker::PhantomData;

use crate::queue::payload_len::PayloadLen;
use crate::queue::{Capacity, SHRINK_ABOVE};

/// The consumer's batch. In a browser the consumer takes every item directly from the queue.
pub(crate) struct LocalBatch<T>(PhantomData<T>);

#[expect(clippy::unused_self, reason = "on native targets the batch holds items")]
impl<T: PayloadLen> LocalBatch<T> {
    pub(crate) const fn new(_limit: Capacity) -> Self {
        Self(PhantomData)
    }

    /// Returns `None`: the batch is always empty.
    pub(crate) const fn pop_local(&self) -> Option<T> {
        None
    }

    /// Returns no capacity: the queue counts every item itself.
    pub(crate) const fn take_unreported(&self) -> Capacity {
        Capacity::NONE
    }

    /// Pops the next item of the queue.
    pub(crate) fn next(&self, items: &mut VecDeque<T>) -> Option<T> {
        let item = items.pop_front()?;
        if items.is_empty() && items.capacity() > SHRINK_ABOVE {
            *items = VecDeque::new();
        }
        Some(item)
    }

    pub(crate) const fn len(&self) -> usize {
        0
    }
}
