//! The state that the handles of a live socket share with its task.
//!
//! Any thread can use it on every target. Handles leave messages and requests in it and wake the task. The task leaves the
//! status.

use std::collections::VecDeque;
use std::mem;
use std::task::{Poll, Waker};
use std::time::Duration;

use crate::platform::now;
use crate::reconnect::outbox::{Kept, Losses, Outbox};
use crate::reconnect::{Cause, Status};
use crate::socket::Error;
use crate::sync::SendLock;
use crate::sync::catch_panic::wake;
use crate::sync::keyed_waiters::KeyedWaiters;
use crate::types::owned_message::OwnedMessage;

/// The outcome of a [`LiveSocket::send`](super::LiveSocket::send) that has not failed.
///
/// ```
/// use samesocket::connect;
/// use samesocket::reconnect::Sent;
///
/// let live = connect("wss://example.com/chat").reconnect().disconnected().drive(|_| {});
/// assert_eq!(live.send("hello"), Ok(Sent::Kept));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Sent {
    /// There is a connection, and the message is queued for it.
    Queued,
    /// There is no connection. The message is in the outbox, and leaves with the next connection.
    Kept,
    /// There is no connection. The message was dropped and counted, because the outbox is [`Outbox::Drop`].
    Dropped,
}

/// The outbox of a live socket for which none is set.
const DEFAULT_OUTBOX: Outbox = Outbox::Keep { messages: MAX_QUEUED, bytes: MAX_QUEUED_BYTES };

/// The most messages and bytes that wait for the task or for capacity of a connection, unless the outbox has bounds. Arbitrary: the
/// bytes are the default high-water mark in a page, where the task runs only once the program's event handler has returned.
const MAX_QUEUED: usize = 10_000;
const MAX_QUEUED_BYTES: u64 = 8 << 20;

/// The shared state of a live socket.
pub(super) struct LiveShared(SendLock<LiveState>);

struct LiveState {
    status: Status,
    /// The time of the next attempt, on the clock of [`now`], while the socket waits.
    next_attempt: Duration,
    /// The messages for the next connection, or for capacity of the current one.
    outbox: Kept<OwnedMessage>,
    /// The bytes of which it is not known whether they arrived, of all connections.
    unknown_bytes: u64,
    requests: Requests,
    /// Whether sends fail because a close was requested.
    is_closed: bool,
    /// Whether the last handle was dropped.
    is_released: bool,
    /// The waker of the task.
    task: Option<Waker>,
    /// The futures that wait for the end.
    closed: KeyedWaiters<()>,
}

/// The requests of the handles, which the task carries out.
#[derive(Default)]
pub(super) struct Requests {
    pub(super) close: Option<(Option<u16>, String)>,
    pub(super) restart: bool,
    pub(super) reconnect_now: bool,
}

impl LiveShared {
    pub(super) fn new(status: Status, outbox: Option<Outbox>) -> Self {
        Self(SendLock::new(LiveState {
            status,
            next_attempt: Duration::ZERO,
            outbox: Kept::new(outbox.unwrap_or(DEFAULT_OUTBOX)),
            unknown_bytes: 0,
            requests: Requests::default(),
            is_closed: false,
            is_released: false,
            task: None,
            closed: KeyedWaiters::new(),
        }))
    }

    // For the handles.

    /// Queues a message for the connection, or applies the policy of the outbox.
    pub(super) fn send(&self, message: OwnedMessage) -> Result<Sent, Error<OwnedMessage>> {
        let mut state = self.0.lock();
        if state.is_closed || state.status.is_ended() {
            return Err(Error::NotOpen(message));
        }
        if !state.status.is_open() {
            let added = state.outbox.add(message, false);
            // Drop outside the lock: the message may be owned by the user.
            drop(state);
            return Ok(if added?.is_some() { Sent::Dropped } else { Sent::Kept });
        }
        if state.outbox.is_full((MAX_QUEUED, MAX_QUEUED_BYTES)) {
            return Err(Error::Full(message));
        }
        state.outbox.push_back(message);
        let task = state.task.take();
        drop(state);
        wake(task);
        Ok(Sent::Queued)
    }

    /// Changes the requests, and wakes the task.
    pub(super) fn request(&self, change: impl FnOnce(&mut Requests)) {
        let task = {
            let mut state = self.0.lock();
            change(&mut state.requests);
            state.is_closed |= state.requests.close.is_some();
            state.task.take()
        };
        wake(task);
    }

    /// Ends the task, because the last handle is dropped.
    pub(super) fn release(&self) {
        let task = {
            let mut state = self.0.lock();
            state.is_released = true;
            state.task.take()
        };
        wake(task);
    }

    pub(super) fn status(&self) -> Status {
        self.0.lock().status.clone()
    }

    /// Returns the time until the next attempt, while the socket waits.
    pub(super) fn time_left(&self) -> Option<Duration> {
        let state = self.0.lock();
        let wait = if let Status::Waiting { wait, .. } = state.status { Some(wait) } else { None };
        // In a page the clock may have been set back.
        wait.map(|wait| state.next_attempt.saturating_sub(now()).min(wait))
    }

    /// Returns the number of messages in the outbox.
    pub(super) fn kept(&self) -> usize {
        self.0.lock().outbox.len()
    }

    pub(super) fn take_kept(&self) -> VecDeque<OwnedMessage> {
        self.0.lock().outbox.take()
    }

    pub(super) fn losses(&self) -> Losses {
        let state = self.0.lock();
        let losses = state.outbox.losses;
        Losses { unknown_bytes: losses.unknown_bytes + state.unknown_bytes, ..losses }
    }

    /// Waits for the end under this key.
    pub(super) fn poll_closed(&self, key: &mut Option<u64>, waker: &Waker) -> Poll<Cause> {
        let mut state = self.0.lock();
        if let Status::Ended { cause } = &state.status {
            return Poll::Ready(cause.clone());
        }
        let replaced = state.closed.register(key, (), waker);
        drop(state);
        // Drop outside the lock: a waker may run any code.
        drop(replaced);
        Poll::Pending
    }

    /// Ends the wait under this key.
    pub(super) fn cancel_closed(&self, key: u64) {
        let removed = self.0.lock().closed.remove(key);
        // Drop outside the lock: a waker may run any code.
        drop(removed);
    }

    // For the task.

    /// Takes the requests, and registers the waker for the next ones. Returns `true` as well if there is no handle left.
    pub(super) fn take_requests(&self, waker: &Waker) -> (Requests, bool) {
        let (replaced, requests, is_released) = {
            let mut state = self.0.lock();
            let requests = mem::take(&mut state.requests);
            let waker = if state.is_released { None } else { Some(waker.clone()) };
            (mem::replace(&mut state.task, waker), requests, state.is_released)
        };
        // Drop outside the lock: a waker may run any code.
        drop(replaced);
        (requests, is_released)
    }

    /// Takes the next message for the connection.
    pub(super) fn next_message(&self) -> Option<OwnedMessage> {
        self.0.lock().outbox.pop_front()
    }

    /// Puts a message back that the connection did not take.
    pub(super) fn put_back(&self, message: OwnedMessage) {
        self.0.lock().outbox.push_front(message);
    }

    /// Sets the status, and the bytes of all connections of which it is not known whether they arrived.
    pub(super) fn set_status(&self, status: Status, unknown_bytes: u64) {
        let (dropped, woken) = {
            let mut state = self.0.lock();
            if let Status::Waiting { wait, .. } = status {
                state.next_attempt = now().saturating_add(wait);
            }
            if state.status.is_ended() && matches!(status, Status::Connecting { .. }) {
                // The socket was restarted, unless the close has yet to be carried out.
                state.is_closed = state.requests.close.is_some();
            }
            state.unknown_bytes = unknown_bytes;
            let messages = if state.status.is_open() { state.outbox.discard_unkept() } else { VecDeque::new() };
            let woken = if status.is_ended() { state.closed.take_ready(|()| true) } else { Vec::new() };
            ((messages, mem::replace(&mut state.status, status)), woken)
        };
        // Drop outside the lock: messages may be owned by the user.
        drop(dropped);
        wake(woken);
    }

    /// Notes that the task is dropped, so that the socket has ended.
    pub(super) fn end(&self) {
        let (has_ended, unknown_bytes, task) = {
            let mut state = self.0.lock();
            (state.status.is_ended(), state.unknown_bytes, state.task.take())
        };
        // Drop outside the lock: a waker may run any code.
        drop(task);
        if !has_ended {
            self.set_status(Status::Ended { cause: Cause::Stopped }, unknown_bytes);
        }
    }
}
