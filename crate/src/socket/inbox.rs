//! Messages that wait to be taken, with a bound.

use std::collections::VecDeque;
use std::task::{Poll, Waker};

use super::{ConnectionFailed, Error};
use crate::Message;

/// How many messages may wait to be taken, and how many bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct ReceiveLimit {
    pub(super) messages: usize,
    /// From how many on nothing more is taken, so that one message always has room.
    pub(super) bytes: u64,
}

/// The one queue between a connection and who receives.
pub(super) struct Inbox {
    messages: VecDeque<Message>,
    bytes: u64,
    limit: ReceiveLimit,
    opened: bool,
    /// Whether nothing comes after what is here.
    ended: bool,
    /// What is told after the messages.
    error: Option<Error>,
    /// What [`opened`](Self::poll_open) waits for has failed.
    failed: Option<ConnectionFailed>,
    /// Whether nobody will take anything.
    abandoned: bool,
    waker: Option<Waker>,
    /// The back end, when it waits for room.
    paused: Option<Waker>,
}

/// What became of a message that came.
pub(super) enum Reception {
    /// It is here; the waker is to be woken when nothing is locked any more.
    Taken(Option<Waker>),
    /// There was no room, which is an error from now on; as for the waker, likewise.
    Refused(Option<Waker>),
}

impl Inbox {
    pub(super) const fn new(limit: ReceiveLimit) -> Self {
        Self {
            messages: VecDeque::new(),
            bytes: 0,
            limit,
            opened: false,
            ended: false,
            error: None,
            failed: None,
            abandoned: false,
            waker: None,
            paused: None,
        }
    }

    /// Notes that the connection is open; this waker, and those below, is to be woken when nothing is locked.
    #[must_use]
    pub(super) fn open(&mut self) -> Option<Waker> {
        self.opened = true;
        self.waker.take()
    }

    pub(super) fn push(&mut self, message: Message) -> Reception {
        if self.ended || self.abandoned {
            return Reception::Taken(None);
        }
        if self.is_full() {
            let limit = Error::ReceiveLimit { messages: self.messages.len(), bytes: self.bytes };
            return Reception::Refused(self.end(Some(limit)));
        }
        self.bytes = self.bytes.saturating_add(message.weight());
        self.messages.push_back(message);
        Reception::Taken(self.waker.take())
    }

    /// Notes the end of the connection; only the first end counts.
    #[must_use]
    pub(super) fn finish(&mut self, failed: Option<ConnectionFailed>) -> Option<Waker> {
        self.failed.clone_from(&failed);
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
        self.waker.take()
    }

    /// Takes what comes next, which is `None` at the end, or has `waker` woken; a waker that is replaced is given back,
    /// to be dropped when nothing is locked.
    pub(super) fn poll(&mut self, waker: &Waker) -> (Poll<Option<Result<Message, Error>>>, Option<Waker>) {
        if let Some(message) = self.messages.pop_front() {
            self.bytes -= message.weight();
            return (Poll::Ready(Some(Ok(message))), None);
        }
        if self.ended {
            return (Poll::Ready(self.error.take().map(Err)), None);
        }
        (Poll::Pending, self.wait(waker))
    }

    /// Waits until the connection is open, or has failed; an open connection whose end came since was open.
    pub(super) fn poll_open(&mut self, waker: &Waker) -> (Poll<Result<(), Option<ConnectionFailed>>>, Option<Waker>) {
        if self.opened {
            return (Poll::Ready(Ok(())), None);
        }
        if self.ended {
            return (Poll::Ready(Err(self.failed.take())), None);
        }
        (Poll::Pending, self.wait(waker))
    }

    fn wait(&mut self, waker: &Waker) -> Option<Waker> {
        match &self.waker {
            Some(known) if known.will_wake(waker) => None,
            _ => self.waker.replace(waker.clone()),
        }
    }

    /// Drops what is here, now and from now on.
    #[must_use]
    pub(super) fn abandon(&mut self) -> (VecDeque<Message>, [Option<Waker>; 2]) {
        self.abandoned = true;
        self.bytes = 0;
        (std::mem::take(&mut self.messages), [self.waker.take(), self.paused.take()])
    }

    /// Has `waker` woken once there is room again, if there is none.
    pub(super) fn poll_room(&mut self, waker: &Waker) -> Poll<()> {
        if self.abandoned || !self.is_full() {
            return Poll::Ready(());
        }
        self.paused = Some(waker.clone());
        Poll::Pending
    }

    /// Gives the back end's waker, if it waits and half the room is free.
    #[must_use]
    pub(super) fn resume(&mut self) -> Option<Waker> {
        self.paused.as_ref()?;
        let free = self.messages.len() <= self.limit.messages / 2 && self.bytes <= self.limit.bytes / 2;
        if free { self.paused.take() } else { None }
    }

    fn is_full(&self) -> bool {
        self.messages.len() >= self.limit.messages || self.bytes >= self.limit.bytes
    }

    pub(super) fn len(&self) -> usize {
        self.messages.len()
    }

    /// Whether nothing comes any more, not even an error.
    pub(super) fn is_exhausted(&self) -> bool {
        self.ended && self.messages.is_empty() && self.error.is_none()
    }
}
