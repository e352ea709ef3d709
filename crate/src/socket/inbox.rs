//! Messages that wait to be taken, with a bound.

use std::collections::VecDeque;
use std::task::{Poll, Waker};

use super::{ConnectionFailed, Error};
use crate::platform::{self, Messages};
use crate::queue::{BoundedQueue, Capacity, LocalBatch};
use crate::types::message::Message;

/// The one queue between a connection and who receives.
pub(super) struct Inbox {
    messages: BoundedQueue<Message>,
    opened: bool,
    /// Whether nothing comes after what is here.
    ended: bool,
    /// What is told after the messages.
    error: Option<Error>,
    /// Whether nobody will take anything.
    abandoned: bool,
}

impl Inbox {
    pub(super) const fn new(limit: Capacity) -> Self {
        Self { messages: BoundedQueue::new(limit), opened: false, ended: false, error: None, abandoned: false }
    }

    /// Notes that the connection is open; this waker, and those below, is to be woken when nothing is locked.
    #[must_use]
    pub(super) fn open(&mut self) -> Option<Waker> {
        self.opened = true;
        self.messages.take_waker()
    }

    /// Takes messages, all of them, unless nobody wants any; who is to be woken, as above, and whether there was no room
    /// for them all, which is an error from now on.
    pub(super) fn push(&mut self, messages: &mut Messages) -> (Option<Waker>, bool) {
        if self.ended || self.abandoned {
            return (None, false);
        }
        if !platform::append_messages(&mut self.messages, messages) {
            let count = messages.iter().len();
            if count > 1 {
                self.messages.reserve_memory(count);
            }
            while let Some(message) = platform::next_message(messages) {
                if self.messages.is_full() {
                    let Capacity { messages, bytes } = self.messages.in_use();
                    return (self.end(Some(Error::ReceiveLimit { messages, bytes })), true);
                }
                self.messages.push(message);
            }
        }
        (self.messages.take_waker(), false)
    }

    /// Notes the end of the connection; only the first end counts.
    #[must_use]
    pub(super) fn finish(&mut self, failed: Option<ConnectionFailed>) -> Option<Waker> {
        self.end(failed.map(Error::Failed))
    }

    /// Ends the stream after what is here.
    #[must_use]
    pub(super) fn end(&mut self, error: Option<Error>) -> Option<Waker> {
        if self.ended {
            return None;
        }
        self.ended = true;
        self.error = error;
        self.messages.take_waker()
    }

    /// Takes what comes next, out of `batch` or into it, which is `None` at the end, or has `waker` woken; a waker that is
    /// replaced is given back, to be dropped when nothing is locked.
    pub(super) fn poll(
        &mut self,
        batch: &mut LocalBatch<Message>,
        waker: &Waker,
    ) -> (Poll<Option<Result<Message, Error>>>, Option<Waker>) {
        if let Some(message) = self.messages.pop_into_batch(batch) {
            return (Poll::Ready(Some(Ok(message))), None);
        }
        if self.ended {
            return (Poll::Ready(self.error.take().map(Err)), None);
        }
        (Poll::Pending, self.messages.set_waker(waker))
    }

    /// Waits until the connection is open, or has failed; whether it is open, as it is if its end came since.
    pub(super) fn poll_open(&mut self, waker: &Waker) -> (Poll<bool>, Option<Waker>) {
        if self.opened || self.ended {
            return (Poll::Ready(self.opened), None);
        }
        (Poll::Pending, self.messages.set_waker(waker))
    }

    /// Takes what is told after the messages.
    pub(super) const fn take_error(&mut self) -> Option<Error> {
        self.error.take()
    }

    /// Drops what is here, now and from now on.
    #[must_use]
    pub(super) fn abandon(&mut self) -> (VecDeque<Message>, [Option<Waker>; 2]) {
        self.abandoned = true;
        self.messages.close()
    }

    /// Tells how much room there is, and has `waker` woken once there is some again, if there is none.
    pub(super) fn poll_capacity(&mut self, waker: &Waker) -> Poll<Capacity> {
        if self.abandoned { Poll::Ready(Capacity::UNLIMITED) } else { self.messages.poll_capacity(waker) }
    }

    /// Gives the back end's waker if it waits, and half the room is free.
    #[must_use]
    pub(super) fn resume(&mut self) -> Option<Waker> {
        self.messages.take_resume_waker()
    }

    pub(super) fn batch(&self) -> LocalBatch<Message> {
        self.messages.new_batch()
    }

    pub(super) fn len(&self) -> usize {
        self.messages.len()
    }

    /// Whether nothing comes any more, not even an error.
    pub(super) fn is_exhausted(&self) -> bool {
        self.ended && self.messages.is_empty() && self.error.is_none()
    }
}
