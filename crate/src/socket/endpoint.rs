//! What a connection feeds and wakes.

use std::task::{Context, Poll, Waker};

use super::error::{ConnectionFailed, Error};
use super::inbox::Inbox;
use super::is_failure;
use super::send_waiters::SendWaiters;
use crate::connection::listener::{self, Listener};
use crate::platform::{FinalState, Messages};
use crate::queue::{Capacity, LocalBatch};
use crate::sync::Lock;
use crate::sync::catch_panic::wake;
use crate::types::message::Message;
use samesocket_spec::CloseEvent;

/// The Close frame that follows when there is no room for a message: 1009, as far as a client may say so.
const RECEIVE_LIMIT: (u16, &str) = (4009, "too many messages wait to be read");

/// How messages are given otherwise than they came.
pub(super) type Change = fn(&mut Message);

/// What tells for how many messages there is room: a program whose platform never asks links nothing of it.
pub(super) type AskForRoom = fn(&Endpoint, &Context<'_>) -> Poll<Capacity>;

/// The two ends at which a connection and the handles of its socket meet.
pub(crate) struct Endpoint {
    inbox: Lock<Inbox>,
    /// What becomes of messages before they wait, if anything does.
    change: Option<Change>,
    drain: Lock<SendWaiters>,
    ask_for_room: Option<AskForRoom>,
}

impl Endpoint {
    pub(super) fn new(limit: Capacity, change: Option<Change>, ask_for_room: Option<AskForRoom>) -> Self {
        Self { change, inbox: Lock::new(Inbox::new(limit)), drain: Lock::default(), ask_for_room }
    }

    /// Tells for how many messages there is room, and if for none has the task woken once there is some.
    pub(super) fn ask_for_room(&self, context: &Context<'_>) -> Poll<Capacity> {
        self.inbox.lock().poll_capacity(context.waker())
    }

    /// Waits until the connection is open, or has failed; whether it is open.
    pub(super) fn poll_open(&self, context: &Context<'_>) -> Poll<bool> {
        let (poll, former) = self.inbox.lock().poll_open(context.waker());
        drop(former);
        poll
    }

    /// Takes the failure of a connection that has not been open: nothing else ends such a one.
    pub(super) fn take_failure(&self) -> ConnectionFailed {
        match self.inbox.lock().take_error() {
            Some(Error::Failed(failed)) => failed,
            _ => ConnectionFailed::new(CloseEvent::abnormal(), FinalState::default()),
        }
    }

    /// Takes what comes next, out of `batch` or into it, and tells whether the back end may go on.
    pub(super) fn poll_message(
        &self,
        batch: &mut LocalBatch<Message>,
        context: &Context<'_>,
    ) -> (Poll<Option<Result<Message, Error>>>, bool) {
        let (poll, former, paused) = {
            let mut inbox = self.inbox.lock();
            let (poll, former) = inbox.poll(batch, context.waker());
            (poll, former, inbox.resume())
        };
        drop(former);
        let resumed = paused.is_some();
        wake(paused);
        (poll, resumed)
    }

    /// Ends the stream after what has come.
    pub(super) fn end(&self, error: Error) {
        let waker = self.inbox.lock().end(Some(error));
        wake(waker);
    }

    /// Drops what has come, and what will.
    pub(super) fn abandon(&self) {
        let (messages, wakers) = self.inbox.lock().abandon();
        drop(messages);
        wake(wakers.into_iter().flatten());
    }

    /// What takes messages out, for the one who does.
    pub(super) fn batch(&self) -> LocalBatch<Message> {
        self.inbox.lock().batch()
    }

    pub(super) fn waiting_messages(&self) -> usize {
        self.inbox.lock().len()
    }

    pub(super) fn is_exhausted(&self) -> bool {
        self.inbox.lock().is_exhausted()
    }

    pub(super) fn wait_for_less(&self, key: &mut Option<u64>, mark: u64, waker: &Waker) {
        let former = self.drain.lock().wait(key, mark, waker);
        drop(former);
    }

    pub(super) fn forget(&self, key: u64) {
        let waker = self.drain.lock().forget(key);
        drop(waker);
    }

    /// Wakes those who wait for as much or more.
    fn wake_senders(&self, amount: u64) -> bool {
        let (wakers, waiting) = self.drain.lock().take(amount);
        wake(wakers);
        waiting
    }
}

impl Listener for Endpoint {
    fn opened(&self) {
        let waker = self.inbox.lock().open();
        wake(waker);
    }

    fn receive(&self, messages: &mut Messages) -> listener::ReceiveOutcome {
        if let Some(change) = self.change {
            messages.iter_mut().for_each(change);
        }
        let (waker, refused) = self.inbox.lock().push(messages);
        listener::ReceiveOutcome { waker, frame: refused.then_some(&RECEIVE_LIMIT), deliver: false }
    }

    fn poll_capacity(&self, context: &Context<'_>) -> Poll<Capacity> {
        self.ask_for_room.map_or(Poll::Ready(Capacity::UNLIMITED), |ask| ask(self, context))
    }

    fn sent(&self, buffered_amount: u64) -> bool {
        self.wake_senders(buffered_amount)
    }

    fn closing(&self, _: bool) {
        self.wake_senders(0);
    }

    fn closed(&self, error: bool, event: &CloseEvent, final_state: FinalState) {
        let failed = is_failure(error, event).then(|| ConnectionFailed::new(event.clone(), final_state));
        let waker = self.inbox.lock().finish(failed);
        wake(waker);
        self.wake_senders(0);
    }
}
