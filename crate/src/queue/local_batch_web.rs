//! What was taken out of a backlog at once: nothing, since its feeder and its taker are on one thread.

use std::collections::VecDeque;
use std::marker::PhantomData;

use super::{Capacity, LARGE, PayloadLen};

/// What the taker of a backlog took out of it and has not yet given to anybody, which it does with each item at once.
pub(crate) struct LocalBatch<T>(PhantomData<T>);

#[expect(clippy::unused_self, reason = "natively there is something in it")]
impl<T: PayloadLen> LocalBatch<T> {
    pub(crate) const fn new(_bound: Capacity) -> Self {
        Self(PhantomData)
    }

    /// Gives none: the backlog takes note of each item.
    pub(crate) const fn pop_local(&self) -> Option<T> {
        None
    }

    pub(crate) const fn settle(&self) -> Capacity {
        Capacity::NONE
    }

    /// Gives the next item of the backlog's.
    pub(crate) fn next(&self, items: &mut VecDeque<T>) -> Option<T> {
        let item = items.pop_front()?;
        if items.is_empty() && items.capacity() > LARGE {
            *items = VecDeque::new();
        }
        Some(item)
    }

    pub(crate) const fn len(&self) -> usize {
        0
    }

    pub(crate) const fn is_empty(&self) -> bool {
        true
    }
}
