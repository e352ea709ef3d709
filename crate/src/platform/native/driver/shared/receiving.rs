//! Messages that have arrived, on their way to the receiver.

use std::task::Context;
use std::time::Duration;

use super::ending::is_failure;
use super::state::{ConnState, ConnectionLock, Guard};
use crate::platform::native::driver::io::{Locked, StreamIo};
use crate::platform::native::driver::receive_backpressure::Delivery;
use crate::platform::native::driver::small_messages::MessageBatch;
use crate::platform::native::driver::waiting_receiver::WaitingReceiver;
use crate::queue::Capacity;
use samesocket_protocol::BorrowedMessage;
use samesocket_spec::state::Feedback;

/// The bytes of messages that are inflated or put together before the lock is released.
const MAX_ASSEMBLED: usize = 64 << 10;

/// The item after the messages that [`ConnState::next_messages`] returned.
pub(crate) enum Next {
    /// Perhaps more messages: the capacity is used up, they have to be answered first, or one is being inflated in steps.
    More,
    /// Nothing, until more bytes are read.
    Nothing,
    /// Feedback that is no message.
    Feedback(Feedback<()>),
}

impl ConnState {
    /// Lets the receiver read in place of the driver, if nothing but the stream can have anything; returns whether it may.
    pub(crate) fn begin_receiving(&mut self) -> bool {
        let is_readable = |stream: &StreamIo| stream.may_wake_receiver() && stream.is_readable();
        self.is_left_to_stream() && self.stream.get().is_some_and(is_readable) && self.run.begin_receiving()
    }

    /// Returns the place to the driver; returns whether its waker has to be called.
    pub(crate) const fn end_receiving(&mut self) -> bool {
        self.run.end_receiving()
    }

    /// Reads from a stream of this crate's; returns whether there was anything, or the input has ended. Returns `None` if a sender
    /// uses the stream.
    pub(crate) fn read(guard: &mut Guard<'_>, context: &mut Context<'_>, receiver: &WaitingReceiver) -> Option<bool> {
        let mut stream = guard.stream.borrow()?;
        guard.lend_read_memory();
        receiver.begin_read();
        let has_read = stream.read(context, &mut Locked::<ConnectionLock>(guard));
        if has_read {
            receiver.keep_news();
        }
        guard.stream.put_back(stream);
        guard.has_received |= has_read;
        Some(has_read)
    }

    /// Returns whether anything that was read may be left to decode.
    pub(crate) fn may_have_event(&self) -> bool {
        self.connection.may_have_event()
    }

    /// Returns whether the next thing to decode is known to be no message, or takes several steps.
    pub(crate) fn has_work_for_driver(&self) -> bool {
        self.connection.has_other_event() || self.connection.has_more_events()
    }

    /// Keeps the feedback behind the messages that the receiver has read, for the driver.
    pub(crate) fn keep_feedback(&mut self, feedback: Feedback<()>) {
        self.feedback = Some(feedback);
    }

    /// Returns whether [`read`](Self::read) has brought anything since the last call.
    pub(crate) const fn take_has_received(&mut self) -> bool {
        std::mem::replace(&mut self.has_received, false)
    }

    pub(crate) const fn delivery(&self) -> Delivery {
        self.delivery
    }

    /// Moves the messages that have arrived into `batch`, as far as `capacity` goes, which they reduce; returns what follows
    /// them.
    ///
    /// After a message, only further messages are decoded: what the user answers to them is sent before a Close or a protocol
    /// error after them has its effect.
    pub(crate) fn next_messages(
        &mut self,
        batch: &mut MessageBatch,
        capacity: &mut Capacity,
        now: impl FnOnce() -> Duration,
    ) -> Next {
        if let Some(feedback) = self.feedback.take() {
            return Next::Feedback(feedback);
        }
        if !self.connection.may_have_event() {
            return Next::Nothing;
        }
        let first = match self.connection.with_next_message(|message| take(batch, capacity, message)) {
            Some(()) => Some(Ok(())),
            None => self.connection.with_next_event(now(), |feedback| {
                feedback.into_message().map(|message| take(batch, capacity, message))
            }),
        };
        match first {
            // A message is being inflated in steps, each of which counts, so that other tasks of the thread have their turn.
            None if self.connection.has_more_events() => {
                capacity.remove(0, MAX_ASSEMBLED as u64);
                Next::More
            }
            None => Next::Nothing,
            Some(Err(feedback)) => {
                self.has_failed |= is_failure(&feedback);
                self.response = self.response.take().or_else(|| self.take_response());
                Next::Feedback(feedback)
            }
            Some(Ok(())) => {
                self.further_messages(batch, capacity);
                Next::More
            }
        }
    }

    /// Moves messages that precede everything else into `batch`, like [`next_messages`](Self::next_messages); returns whether there
    /// may be more, because it has stopped after 64 KiB.
    pub(crate) fn further_messages(&mut self, batch: &mut MessageBatch, capacity: &mut Capacity) -> bool {
        // A copy stays in registers while messages are pushed.
        let mut rest = *capacity;
        let mut push = |message: BorrowedMessage<'_>| {
            take(batch, &mut rest, message);
            !rest.is_none()
        };
        // The lock is released after 64 KiB that had to be inflated, or put together.
        let mut assembled = 0;
        let mut has_capacity = !capacity.is_none();
        let mut is_assembled = false;
        while has_capacity {
            // Messages that lie whole in the read buffer, the most frequent ones, have the shortest loop.
            let mut borrowed = Some(true);
            while borrowed == Some(true) {
                borrowed = self.connection.with_next_message(&mut push);
            }
            let next = || {
                self.connection.next_message().map(|message| {
                    let message = BorrowedMessage::Owned(message);
                    assembled += message.len();
                    is_assembled = assembled >= MAX_ASSEMBLED;
                    push(message) && !is_assembled
                })
            };
            has_capacity = borrowed.or_else(next).unwrap_or(false);
        }
        *capacity = rest;
        is_assembled && !rest.is_none()
    }

    /// Returns whether writing has failed while received messages still wait for the receiver's capacity.
    pub(crate) fn waits_for_receiver(&self) -> bool {
        self.connection.has_write_failed() && self.delivery != Delivery::Discarded
    }

    /// Discards received messages from now on, because the receiver did not take them in time.
    pub(crate) const fn discard_messages(&mut self) {
        self.delivery = Delivery::Discarded;
    }
}

/// Moves a message into `batch`, and reduces `capacity` by it.
#[inline]
fn take(batch: &mut MessageBatch, capacity: &mut Capacity, message: BorrowedMessage<'_>) {
    capacity.remove(1, message.len() as u64);
    batch.push(message);
}
