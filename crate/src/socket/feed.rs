//! What a connection feeds and wakes.

use std::task::{Context, Poll, Waker};

use super::drain::Drain;
use super::error::{ConnectionFailed, Error};
use super::inbox::{Inbox, Reception};
use super::is_failure;
use crate::backlog::{Batch, Room};
use crate::listen::{self, Listen};
use crate::platform::{self, Lock, Messages, Remains};
use crate::spec::close::CloseFrame;
use crate::{CloseEvent, Message};

/// The Close frame that follows when there is no room for a message: 1009, as far as a client may say so.
const RECEIVE_LIMIT: CloseFrame<'static> = Some((4009, "too many messages wait to be read"));

/// How messages are given otherwise than they came.
pub(super) type Change = fn(Message) -> Message;

/// The two ends at which a connection and the handles of its socket meet.
pub(crate) struct Feed {
    inbox: Lock<Inbox>,
    /// What becomes of messages before they wait, if anything does.
    change: Option<Change>,
    drain: Lock<Drain>,
}

impl Feed {
    pub(super) fn new(limit: Room, change: Option<Change>) -> Self {
        Self { change, inbox: Lock::new(Inbox::new(limit)), drain: Lock::default() }
    }

    pub(super) fn poll_open(&self, context: &Context<'_>) -> Poll<Result<(), Option<ConnectionFailed>>> {
        let (poll, former) = self.inbox.lock().poll_open(context.waker());
        drop(former);
        poll
    }

    /// Takes what comes next, out of `batch` or into it, and tells whether the back end may go on.
    pub(super) fn poll_message(
        &self,
        batch: &mut Batch<Message>,
        context: &Context<'_>,
    ) -> (Poll<Option<Result<Message, Error>>>, bool) {
        let (poll, former, paused) = {
            let mut inbox = self.inbox.lock();
            let (poll, former) = inbox.poll(batch, context.waker());
            (poll, former, inbox.resume())
        };
        drop(former);
        let resumed = paused.is_some();
        paused.into_iter().for_each(Waker::wake);
        (poll, resumed)
    }

    /// Ends the stream after what has come.
    pub(super) fn end(&self, error: Error) {
        let waker = self.inbox.lock().end(Some(error));
        waker.into_iter().for_each(Waker::wake);
    }

    /// Drops what has come, and what will.
    pub(super) fn abandon(&self) {
        let (messages, wakers) = self.inbox.lock().abandon();
        drop(messages);
        wakers.into_iter().flatten().for_each(Waker::wake);
    }

    /// What takes messages out, for the one who does.
    pub(super) fn batch(&self) -> Batch<Message> {
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
        let (wakers, waiting) = {
            let mut drain = self.drain.lock();
            (drain.take(amount), !drain.is_empty())
        };
        wakers.into_iter().for_each(Waker::wake);
        waiting
    }
}

impl From<Reception> for listen::Reception {
    fn from(reception: Reception) -> Self {
        let (waker, frame) = match reception {
            Reception::Taken(waker) => (waker, None),
            Reception::Refused(waker) => (waker, Some(RECEIVE_LIMIT)),
        };
        Self { waker, frame, deliver: false }
    }
}

impl Listen for Feed {
    fn opened(&self) {
        let waker = self.inbox.lock().open();
        waker.into_iter().for_each(Waker::wake);
    }

    fn receive(&self, messages: &mut Messages) -> listen::Reception {
        let mut inbox = self.inbox.lock();
        let Some(change) = self.change else {
            return inbox.append(messages).unwrap_or_else(|| inbox.push(platform::drain(messages))).into();
        };
        inbox.push(platform::drain(messages).map(change)).into()
    }

    fn poll_room(&self, context: &Context<'_>) -> Poll<Room> {
        self.inbox.lock().poll_room(context.waker())
    }

    fn sent(&self, buffered_amount: u64) -> bool {
        self.wake_senders(buffered_amount)
    }

    fn closing(&self, _: bool) {
        self.wake_senders(0);
    }

    fn closed(&self, error: bool, event: &CloseEvent, remains: Remains) {
        let failed = is_failure(error, event).then(|| ConnectionFailed::new(event.clone(), remains));
        let waker = self.inbox.lock().finish(failed);
        waker.into_iter().for_each(Waker::wake);
        self.wake_senders(0);
    }
}
