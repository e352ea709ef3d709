//! The bounded queue of received messages.

use std::collections::VecDeque;
use std::task::{Poll, Waker};

use super::Error;
use crate::platform::{self, Messages};
use crate::queue::{BoundedQueue, Capacity, LocalBatch};
use crate::types::message::Message;
use samesocket_spec::CloseEvent;

/// The end of the stream of messages.
pub(super) enum End {
    /// The connection was closed cleanly, with this event.
    Clean(CloseEvent),
    /// This error follows the messages, until it is taken.
    Error(Option<Error>),
}

/// The queue between a connection and the receiver of its socket.
///
/// The methods return wakers instead of waking or dropping them. The caller does that outside the lock, because a waker may
/// run any code.
pub(super) struct Inbox {
    messages: BoundedQueue<Message>,
    /// Whether the connection was open.
    opened: bool,
    /// The end of the stream, after which the queue accepts no more messages.
    end: Option<End>,
    /// Whether the receiver was dropped.
    abandoned: bool,
}

impl End {
    pub(super) const fn error(error: Error) -> Self {
        Self::Error(Some(error))
    }

    const fn take_error(&mut self) -> Option<Error> {
        if let Self::Error(error) = self { error.take() } else { None }
    }
}

impl Inbox {
    pub(super) const fn new(limit: Capacity) -> Self {
        Self { messages: BoundedQueue::new(limit), opened: false, end: None, abandoned: false }
    }

    /// Records that the connection is open. Returns the receiver's waker.
    #[must_use]
    pub(super) fn open(&mut self) -> Option<Waker> {
        self.opened = true;
        self.messages.take_waker()
    }

    /// Appends messages. Returns the receiver's waker, and whether the receive limit was exceeded.
    ///
    /// Exceeding the limit ends the stream with an error. Messages are dropped after the end, or without a receiver.
    pub(super) fn push(&mut self, messages: &mut Messages) -> (Option<Waker>, bool) {
        if self.end.is_some() || self.abandoned {
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
                    return (self.finish(End::error(Error::ReceiveLimit { messages, bytes })), true);
                }
                self.messages.push(message);
            }
        }
        (self.messages.take_waker(), false)
    }

    /// Ends the stream after the queued messages. Only the first end counts.
    #[must_use]
    pub(super) fn finish(&mut self, end: End) -> Option<Waker> {
        if self.end.is_some() {
            return None;
        }
        self.end = Some(end);
        self.messages.take_waker()
    }

    /// Returns the next item, and the waker that `waker` replaces. The item is `None` at the end of the stream.
    ///
    /// Messages are moved to `batch` in bulk and returned from there.
    pub(super) fn poll(
        &mut self,
        batch: &mut LocalBatch<Message>,
        waker: &Waker,
    ) -> (Poll<Option<Result<Message, Error>>>, Option<Waker>) {
        if let Some(message) = self.messages.pop_into_batch(batch) {
            return (Poll::Ready(Some(Ok(message))), None);
        }
        if let Some(end) = &mut self.end {
            return (Poll::Ready(end.take_error().map(Err)), None);
        }
        (Poll::Pending, self.messages.set_waker(waker))
    }

    /// Returns the free capacity, if no message and no end waits to be taken, with the waker that the receiver does not need while
    /// it is polled.
    pub(super) fn capacity_if_empty(&mut self, batch: &mut LocalBatch<Message>) -> Option<(Capacity, Option<Waker>)> {
        let is_empty = batch.len() == 0 && self.messages.is_empty() && self.end.is_none();
        is_empty.then(|| (self.messages.free_after(batch), self.messages.take_waker()))
    }

    /// Waits until the connection is open or has failed. Returns whether it was open, and the replaced waker.
    pub(super) fn poll_open(&mut self, waker: &Waker) -> (Poll<bool>, Option<Waker>) {
        if self.opened || self.end.is_some() {
            return (Poll::Ready(self.opened), None);
        }
        (Poll::Pending, self.messages.set_waker(waker))
    }

    /// Takes the error that follows the messages.
    pub(super) fn take_error(&mut self) -> Option<Error> {
        self.end.as_mut()?.take_error()
    }

    /// Returns the `close` event, if the connection was closed cleanly.
    pub(super) fn close_event(&self) -> Option<CloseEvent> {
        if let Some(End::Clean(event)) = &self.end { Some(event.clone()) } else { None }
    }

    /// Discards all messages from now on. Returns the queued ones and the wakers of the receiver and the back end.
    #[must_use]
    pub(super) fn abandon(&mut self) -> (VecDeque<Message>, [Option<Waker>; 2]) {
        self.abandoned = true;
        self.messages.close()
    }

    /// Returns the free capacity. If there is none, returns `Pending` and wakes `waker` once there is some.
    pub(super) fn poll_capacity(&mut self, waker: &Waker) -> Poll<Capacity> {
        if self.abandoned { Poll::Ready(Capacity::UNLIMITED) } else { self.messages.poll_capacity(waker) }
    }

    /// Returns the back end's waker if it waits and half the capacity is free.
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
}
