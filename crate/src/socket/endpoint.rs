//! The listener through which a connection reports to the handles of its socket.

use std::task::{Context, Poll};

use super::error::{ConnectionFailed, Error};
use super::inbox::{End, Inbox};
use super::waiting_senders::WaitingSenders;
use crate::connection::listener::{self, Listener};
use crate::platform::{FinalState, Messages};
use crate::queue::{Capacity, LocalBatch};
use crate::sync::Lock;
use crate::sync::catch_panic::wake;
use crate::types::message::Message;
use samesocket_spec::CloseEvent;

/// The Close frame that is sent when the receive limit is exceeded.
///
/// RFC 6455 has 1009 for that, but the interface does not let a client send it, so this code is private.
const RECEIVE_LIMIT: (u16, &str) = (4009, "too many messages wait to be read");

/// A conversion that is applied to each received message before it is queued.
pub(super) type Transform = fn(&mut Message);

/// Code size: the query for free capacity, as a function pointer. A program whose platform never asks does not link it.
pub(super) type PollCapacity = fn(&Endpoint, &Context<'_>) -> Poll<Capacity>;

/// The queue of received messages, and the senders that wait for capacity.
pub(crate) struct Endpoint {
    inbox: Lock<Inbox>,
    /// The conversion of received messages. Code size: `None` unless the program asks for one.
    transform: Option<Transform>,
    waiting_senders: WaitingSenders,
    poll_capacity: Option<PollCapacity>,
}

impl Endpoint {
    pub(super) fn new(limit: Capacity, transform: Option<Transform>, poll_capacity: Option<PollCapacity>) -> Self {
        Self {
            transform,
            inbox: Lock::new(Inbox::new(limit)),
            waiting_senders: WaitingSenders::default(),
            poll_capacity,
        }
    }

    /// Returns the free capacity of the inbox. If it is full, returns `Pending` and wakes the task once it has capacity.
    pub(super) fn poll_inbox_capacity(&self, context: &Context<'_>) -> Poll<Capacity> {
        self.inbox.lock().poll_capacity(context.waker())
    }

    /// Waits until the connection is open or has failed. Returns whether it is open.
    pub(super) fn poll_open(&self, context: &Context<'_>) -> Poll<bool> {
        let (poll, replaced) = self.inbox.lock().poll_open(context.waker());
        // Drop outside the lock: a waker may run any code.
        drop(replaced);
        poll
    }

    /// Returns the failure of a connection that never opened. Such a connection ends in no other way.
    pub(super) fn take_failure(&self) -> ConnectionFailed {
        match self.inbox.lock().take_error() {
            Some(Error::Failed(failed)) => failed,
            _ => ConnectionFailed::new(CloseEvent::abnormal(), FinalState::default()),
        }
    }

    /// Returns the next message, and whether the caller must let the back end deliver more.
    ///
    /// Messages are moved from the inbox to `batch` in bulk and returned from there.
    pub(super) fn poll_message(
        &self,
        batch: &mut LocalBatch<Message>,
        context: &Context<'_>,
    ) -> (Poll<Option<Result<Message, Error>>>, bool) {
        let (poll, replaced, paused) = {
            let mut inbox = self.inbox.lock();
            let (poll, replaced) = inbox.poll(batch, context.waker());
            (poll, replaced, inbox.resume())
        };
        // Drop outside the lock: a waker may run any code.
        drop(replaced);
        let resumed = paused.is_some();
        wake(paused);
        (poll, resumed)
    }

    /// Returns the free capacity, if the inbox is empty and its end is not known. Only a platform with threads asks.
    pub(super) fn capacity_if_empty(&self, batch: &mut LocalBatch<Message>) -> Option<Capacity> {
        let (capacity, waker) = self.inbox.lock().capacity_if_empty(batch)?;
        // Drop outside the lock: a waker may run any code.
        drop(waker);
        Some(capacity)
    }

    /// Ends the stream with `error`, after the messages that are queued.
    pub(super) fn end(&self, error: Error) {
        let waker = self.inbox.lock().finish(End::error(error));
        wake(waker);
    }

    /// Returns the `close` event, once the stream has ended without an error.
    pub(super) fn close_event(&self) -> Option<CloseEvent> {
        self.inbox.lock().close_event()
    }

    /// Discards the queued messages, and all that arrive later.
    pub(super) fn abandon(&self) {
        let (messages, [receiver, paused]) = self.inbox.lock().abandon();
        // Drop outside the lock: a payload may be owned by the user.
        drop(messages);
        wake(receiver);
        wake(paused);
    }

    /// Creates the batch through which the receiver reads the inbox.
    pub(super) fn batch(&self) -> LocalBatch<Message> {
        self.inbox.lock().batch()
    }

    pub(super) fn queued_messages(&self) -> usize {
        self.inbox.lock().len()
    }

    /// Returns the senders that wait for capacity.
    pub(super) const fn waiting_senders(&self) -> &WaitingSenders {
        &self.waiting_senders
    }
}

impl Listener for Endpoint {
    fn opened(&self) {
        let waker = self.inbox.lock().open();
        wake(waker);
    }

    fn receive(&self, messages: &mut Messages) -> listener::ReceiveOutcome {
        if let Some(transform) = self.transform {
            messages.iter_mut().for_each(transform);
        }
        let (waker, refused) = self.inbox.lock().push(messages);
        listener::ReceiveOutcome { waker, frame: refused.then_some(&RECEIVE_LIMIT), deliver: false }
    }

    fn poll_capacity(&self, context: &Context<'_>) -> Poll<Capacity> {
        self.poll_capacity.map_or(Poll::Ready(Capacity::UNLIMITED), |poll_capacity| poll_capacity(self, context))
    }

    fn sent(&self, buffered_amount: u64) -> bool {
        self.waiting_senders.wake(buffered_amount)
    }

    fn closing(&self, _: bool) {
        self.waiting_senders.wake(0);
    }

    fn closed(&self, error: bool, event: &CloseEvent, final_state: FinalState) {
        let event = event.clone();
        let end = if is_failure(error, &event) {
            End::error(Error::Failed(ConnectionFailed::new(event, final_state)))
        } else {
            End::Clean(event)
        };
        let waker = self.inbox.lock().finish(end);
        wake(waker);
        self.waiting_senders.wake(0);
    }
}

/// Returns whether a connection failed, by an `error` event or by an unclean close.
const fn is_failure(error: bool, event: &CloseEvent) -> bool {
    error || !event.was_clean
}
