//! What waits to be taken, with a bound on the messages in it: the one that feeds it and the one that takes meet here, seldom.

mod capacity;
#[cfg_attr(not(all(target_family = "wasm", target_os = "unknown")), path = "local_batch_native.rs")]
#[cfg_attr(all(target_family = "wasm", target_os = "unknown"), path = "local_batch_web.rs")]
mod local_batch;

use std::collections::VecDeque;
use std::task::{Poll, Waker};

pub(crate) use self::capacity::Capacity;
pub(crate) use self::local_batch::LocalBatch;
use crate::types::event::QueuedEvent;
use crate::types::message::Message;

/// What may be a message, or hold one.
pub(crate) trait PayloadLen {
    /// The payload bytes of the message; none, if it is no message.
    fn message_size(&self) -> Option<u64>;

    /// Whether what follows may be added to it, so that it stays here until nothing is before it.
    #[allow(dead_code, reason = "in a browser nothing is taken out before its turn")]
    fn may_grow(&self) -> bool {
        false
    }
}

impl PayloadLen for Message {
    fn message_size(&self) -> Option<u64> {
        Some(self.weight())
    }
}

impl PayloadLen for QueuedEvent {
    #[inline]
    fn message_size(&self) -> Option<u64> {
        match self {
            Self::Message(message) => Some(message.weight()),
            _ => None,
        }
    }

    fn may_grow(&self) -> bool {
        matches!(self, Self::Lagged(_))
    }
}

/// Items in order; messages are held until their taker has told that they are taken.
pub(crate) struct BoundedQueue<T> {
    items: VecDeque<T>,
    bound: Capacity,
    /// The messages that are here or in the taker's [`LocalBatch`].
    held: Capacity,
    /// Who waits for an item.
    waker: Option<Waker>,
    /// The back end, when it waits for room.
    paused: Option<Waker>,
}

/// From this capacity on, memory is given back when little comes.
pub(crate) const LARGE: usize = 64;

impl<T: PayloadLen> BoundedQueue<T> {
    /// One that is full when it holds as many messages as this, or as many bytes of them.
    pub(crate) const fn new(bound: Capacity) -> Self {
        Self { items: VecDeque::new(), bound, held: Capacity::NONE, waker: None, paused: None }
    }

    #[inline]
    pub(crate) fn push(&mut self, item: T) {
        if let Some(size) = item.message_size() {
            self.held.add(1, size);
        }
        self.items.push_back(item);
    }

    /// Makes memory for so many more items.
    pub(crate) fn reserve(&mut self, items: usize) {
        self.items.reserve(items);
    }

    /// Moves what is in another one behind what is here, if there is room for all of it; whether there was.
    pub(crate) fn append(&mut self, other: &mut Self) -> bool {
        let done = self.append_all(&mut other.items, other.held);
        if done {
            other.held = Capacity::NONE;
        }
        done
    }

    /// Counts as much as held, if there is room for all of it; whether there was, so that items are to be added.
    #[must_use]
    pub(crate) const fn hold(&mut self, measured: Capacity) -> bool {
        let mut sum = self.held;
        sum.add(measured.messages, measured.bytes);
        let fits = sum.messages <= self.bound.messages && sum.bytes <= self.bound.bytes;
        if fits {
            self.held = sum;
        }
        fits
    }

    /// Moves items, of which so much is messages, behind what is here, if there is room for all of it; whether there was.
    pub(crate) fn append_all(&mut self, items: &mut VecDeque<T>, measured: Capacity) -> bool {
        if !self.hold(measured) {
            return false;
        }
        if self.items.is_empty() {
            std::mem::swap(&mut self.items, items);
        } else {
            self.items.append(items);
        }
        true
    }

    #[inline]
    pub(crate) fn pop(&mut self) -> Option<T> {
        let item = self.items.pop_front()?;
        if let Some(size) = item.message_size() {
            self.held.remove(1, size);
        }
        Some(item)
    }

    /// Takes the next item, out of the batch or, if that is used up, from here, with what follows it; takes note of what
    /// was taken out of the batch.
    #[inline]
    pub(crate) fn take(&mut self, batch: &mut LocalBatch<T>) -> Option<T> {
        let taken = batch.settle();
        self.held.remove(taken.messages, taken.bytes);
        let item = batch.next(&mut self.items)?;
        if let Some(size) = item.message_size() {
            self.held.remove(1, size);
        }
        Some(item)
    }

    /// Gives the back end's waker if it waits, and half the room is free.
    #[must_use]
    pub(crate) fn resume(&mut self) -> Option<Waker> {
        self.paused.as_ref()?;
        let free = self.held.messages <= self.bound.messages / 2 && self.held.bytes <= self.bound.bytes / 2;
        if free { self.paused.take() } else { None }
    }

    /// Tells how much room there is, and has `waker` woken once there is some again, if there is none.
    pub(crate) fn poll_capacity(&mut self, waker: &Waker) -> Poll<Capacity> {
        if !self.is_full() {
            return Poll::Ready(self.held.left_of(self.bound));
        }
        if !self.paused.as_ref().is_some_and(|known| known.will_wake(waker)) {
            self.paused = Some(waker.clone());
        }
        Poll::Pending
    }

    /// Whether there is no room for another message.
    pub(crate) const fn is_full(&self) -> bool {
        self.held.left_of(self.bound).is_none()
    }

    /// What a taker takes items out by.
    pub(crate) fn batch(&self) -> LocalBatch<T> {
        LocalBatch::new(self.bound)
    }

    /// The messages that are held, and their bytes.
    pub(crate) const fn held(&self) -> Capacity {
        self.held
    }

    /// Whether the back end waits for room.
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

    /// Drops items that are here; those in a batch have been taken.
    pub(crate) fn retain(&mut self, keep: impl Fn(&T) -> bool) {
        let held = &mut self.held;
        self.items.retain(|item| {
            let keep = keep(item);
            if !keep && let Some(size) = item.message_size() {
                held.remove(1, size);
            }
            keep
        });
    }

    /// Has `waker` woken when there is an item; gives the waker that it replaces, to be dropped when nothing is locked.
    #[must_use]
    pub(crate) fn wait(&mut self, waker: &Waker) -> Option<Waker> {
        match &self.waker {
            Some(known) if known.will_wake(waker) => None,
            _ => self.waker.replace(waker.clone()),
        }
    }

    /// Gives who waits for an item, to be woken when nothing is locked.
    #[must_use]
    pub(crate) fn wake(&mut self) -> Option<Waker> {
        self.waker.take()
    }

    /// Empties itself for good, since nobody takes anything any more; what was in it is to be dropped, and who waited to be
    /// woken, when nothing is locked.
    #[must_use]
    pub(crate) fn abandon(&mut self) -> (VecDeque<T>, [Option<Waker>; 2]) {
        self.held = Capacity::NONE;
        (std::mem::take(&mut self.items), [self.waker.take(), self.paused.take()])
    }
}
