//! The sending side of a reconnecting socket, which it shares with its handles.
//!
//! Messages are passed to the connection outside the lock, because a payload's destructor and a connector's stream are
//! the user's code. One call at a time passes messages. What is sent meanwhile waits behind it, and leaves in order.

use std::collections::VecDeque;
use std::task::Waker;

use super::Outbox;
use super::outbox::Kept;
use crate::platform::HAS_THREADS;
use crate::socket::{Error, SocketCore};
use crate::sync::catch_panic::wake;
use crate::sync::{Lock, Shared};
use crate::types::message::Message;
use crate::types::payload::MessageCompression;

/// The sending side of a reconnecting socket, and the requests of its handles.
pub(super) struct Outgoing {
    /// The current connection.
    pub(super) current: Option<Shared<SocketCore>>,
    /// The number of connections until now.
    connections: u64,
    /// Whether the close of the current connection was requested.
    is_closing: bool,
    pub(super) kept: Kept<Message>,
    passing: Passing,
    /// The number of sends that wait for capacity.
    pub(super) waiting_sends: usize,
    /// Whether no further connection will be made.
    ended: bool,
    pub(super) requests: Requests,
    /// The waker of the stream, which a request wakes.
    pub(super) waker: Option<Waker>,
}

/// The limits of the queue behind a call that passes messages, in messages and bytes. A larger outbox raises them. Each sender may
/// exceed them by one message. Arbitrary.
const TURN_BOUNDS: (usize, u64) = (1000, 1 << 20);

/// The call that passes messages to the connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Passing {
    /// There is none.
    Idle,
    /// There is one, and no message was sent meanwhile.
    Busy,
    /// There is one. A message was sent meanwhile, which waits behind the others, or the stream was polled.
    Awaited,
}

/// A [`CloseFrame`](samesocket_spec::close::CloseFrame) with a reason of its own.
pub(super) type OwnedCloseFrame = Option<(u16, String)>;

/// The requests of the handles, which the stream carries out when it is polled.
#[derive(Default)]
pub(super) struct Requests {
    /// The Close frame of the close that was requested, which was checked.
    pub(super) close: Option<OwnedCloseFrame>,
    /// Whether to connect now instead of waiting.
    pub(super) reconnect_now: bool,
    /// Whether to start again once the socket has ended.
    pub(super) restart: bool,
}

impl Outgoing {
    pub(super) const fn new(policy: Outbox) -> Self {
        Self {
            current: None,
            connections: 0,
            is_closing: false,
            kept: Kept::new(policy),
            passing: Passing::Idle,
            waiting_sends: 0,
            ended: false,
            requests: Requests { close: None, reconnect_now: false, restart: false },
            waker: None,
        }
    }

    /// Sets a new connection.
    pub(super) fn open(&mut self, connection: Shared<SocketCore>) {
        self.current = Some(connection);
        self.connections += 1;
        self.is_closing = false;
    }

    /// Removes the connection, which had `unknown_bytes` queued. What is returned must be dropped outside the lock.
    pub(super) fn disconnect(&mut self, unknown_bytes: u64) -> (Option<Shared<SocketCore>>, VecDeque<Message>) {
        self.kept.losses.unknown_bytes += unknown_bytes;
        // In a page, messages wait for a connection only if the outbox keeps them.
        let discarded = if HAS_THREADS { self.kept.discard_unkept() } else { VecDeque::new() };
        (self.current.take(), discarded)
    }

    /// Ends the socket and removes the connection. What is returned must be dropped outside the lock.
    pub(super) fn end(&mut self) -> (Option<Shared<SocketCore>>, VecDeque<Message>) {
        self.ended = true;
        self.disconnect(0)
    }

    /// Forgets the end, so that the socket can connect again.
    pub(super) const fn restart(&mut self) {
        self.ended = false;
    }

    /// Returns whether every send fails, because the socket ended or its close was requested.
    const fn is_closed(&self) -> bool {
        self.ended || self.requests.close.is_some()
    }

    /// Returns whether a send has to wait for capacity of the connection.
    fn is_full(&self) -> bool {
        self.current.as_ref().is_some_and(|connection| !connection.has_capacity())
    }

    /// Returns whether a send has to wait for the call that passes messages, because too many wait behind it.
    ///
    /// In a page, such a call ends before another one can begin.
    fn is_turn_full(&self) -> bool {
        HAS_THREADS
            && self.passing != Passing::Idle
            && self.current.is_some()
            && self.kept.is_full_behind_turn(TURN_BOUNDS)
    }

    /// Ends the turn of a call that passes messages. Returns the waker to call outside the lock.
    ///
    /// Messages that are left may have found no capacity, so that the stream has to wait for it. If no message was sent and
    /// the stream was not polled meanwhile, it waits already.
    #[must_use]
    fn end_turn(&mut self) -> Option<Waker> {
        let is_awaited = std::mem::replace(&mut self.passing, Passing::Idle) == Passing::Awaited;
        if is_awaited && !self.kept.is_empty() { self.waker.take() } else { None }
    }
}

/// The turn of a call to pass messages to the connection. It ends on drop, even if the user's code panics.
struct Turn<'a> {
    outgoing: &'a Lock<Outgoing>,
    has_ended: bool,
    /// Whether the turn has ended because the connection has no capacity for the kept messages.
    is_blocked: bool,
}

impl<'a> Turn<'a> {
    /// Takes the turn, which no other call has. `locked` is the locked `outgoing`.
    const fn take(outgoing: &'a Lock<Outgoing>, locked: &mut Outgoing) -> Self {
        debug_assert!(matches!(locked.passing, Passing::Idle), "one turn at a time");
        locked.passing = Passing::Busy;
        Self { outgoing, has_ended: false, is_blocked: false }
    }

    /// Takes the turn if it is free, and if there is something to pass to a connection.
    fn take_if_needed(outgoing: &'a Lock<Outgoing>, locked: &mut Outgoing) -> Option<Self> {
        let has_work = !locked.kept.is_empty() || locked.requests.close.is_some() && !locked.is_closing;
        let can_pass = has_work && locked.passing == Passing::Idle && locked.current.is_some();
        can_pass.then(|| Self::take(outgoing, locked))
    }

    /// Passes the kept messages while the connection has capacity. If a close was requested, passes all, and then closes.
    ///
    /// Returns whether messages are left that wait for capacity of the connection.
    fn pass_kept(mut self) -> bool {
        while let Some((connection, number, step)) = self.next() {
            match step {
                Pass::Message(message) => {
                    if let Err(error) = send_now(&connection, message) {
                        self.put_back(number, error);
                    }
                }
                Pass::Close(frame) => {
                    connection.connection.close(frame.as_ref().map(|(code, reason)| (*code, &**reason)));
                }
            }
        }
        self.is_blocked
    }

    /// Returns what to pass next, and to which connection, with its number. Ends the turn if there is nothing.
    ///
    /// Both happen under one lock, so that no message is left behind that was sent meanwhile.
    fn next(&mut self) -> Option<(Shared<SocketCore>, u64, Pass)> {
        if self.has_ended {
            return None;
        }
        let mut locked = self.outgoing.lock();
        let outgoing = &mut *locked;
        let close = outgoing.requests.close.as_ref().filter(|_| !outgoing.is_closing);
        // Without an outbox, messages were only accepted because there is a connection.
        let ignores_mark = close.is_some() || !outgoing.kept.keeps();
        // Lock order: outgoing, then connection.
        let current = outgoing.current.as_ref();
        if let Some(connection) = current.filter(|connection| ignores_mark || connection.has_capacity()) {
            let pass = match (outgoing.kept.pop_front(), close) {
                (Some(message), _) => Some(Pass::Message(message)),
                (None, Some(frame)) => {
                    outgoing.is_closing = true;
                    Some(Pass::Close(frame.clone()))
                }
                (None, None) => None,
            };
            if let Some(pass) = pass {
                return Some((Shared::clone(connection), outgoing.connections, pass));
            }
        }
        self.is_blocked = outgoing.current.is_some() && !outgoing.kept.is_empty();
        let waker = outgoing.end_turn();
        self.has_ended = true;
        drop(locked);
        wake(waker);
        None
    }

    /// Puts the message back that a connection did not take. Ends the turn, unless there is another connection by now.
    fn put_back(&mut self, number: u64, error: Error) {
        let mut outgoing = self.outgoing.lock();
        // In a page nothing else runs meanwhile, so that the connection is the current one.
        let is_current = !HAS_THREADS || outgoing.connections == number && outgoing.current.is_some();
        let dropped = error.into_message().and_then(|message| outgoing.kept.put_back(message, is_current));
        if outgoing.connections == number {
            let waker = outgoing.end_turn();
            self.has_ended = true;
            drop(outgoing);
            wake(waker);
        } else {
            drop(outgoing);
        }
        // Drop outside the lock: the message may be owned by the user.
        drop(dropped);
    }
}

/// A step of a [`Turn`].
enum Pass {
    Message(Message),
    Close(OwnedCloseFrame),
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if !self.has_ended {
            let waker = self.outgoing.lock().end_turn();
            wake(waker);
        }
    }
}

/// Passes the kept messages to the connection while it has capacity. Carries out a close that was requested.
pub(super) fn pass_kept(outgoing: &Lock<Outgoing>) {
    let turn = Turn::take_if_needed(outgoing, &mut outgoing.lock());
    if let Some(turn) = turn {
        turn.pass_kept();
    }
}

/// Passes the kept messages for the stream. Returns whether some are left, for which the stream has to wait for capacity.
///
/// If another call has the turn, that is not known yet. The end of the turn wakes the stream if messages are left.
pub(super) fn has_blocked_messages(outgoing: &Lock<Outgoing>) -> bool {
    let turn = {
        let mut locked = outgoing.lock();
        if locked.passing != Passing::Idle {
            locked.passing = Passing::Awaited;
            return false;
        }
        Turn::take_if_needed(outgoing, &mut locked)
    };
    // The turn decides under one lock. If the connection has capacity again afterwards, the stream does not wait.
    turn.is_some_and(Turn::pass_kept)
}

/// Returns the connection if it has no capacity for another message.
pub(super) fn full_connection(outgoing: &Lock<Outgoing>) -> Option<crate::Sender> {
    pass_kept(outgoing);
    let outgoing = outgoing.lock();
    if outgoing.is_full() { outgoing.current.clone().map(crate::Sender::new) } else { None }
}

/// Returns whether too many messages wait behind another call that passes messages.
pub(super) fn is_turn_full(outgoing: &Lock<Outgoing>) -> bool {
    HAS_THREADS && outgoing.lock().is_turn_full()
}

/// Sends a message if that neither exceeds the high-water mark nor overtakes a waiting send.
pub(super) fn try_send(outgoing: &Lock<Outgoing>, message: Message) -> Result<(), Error> {
    pass_kept(outgoing);
    {
        let outgoing = outgoing.lock();
        if !outgoing.is_closed() {
            // Kept messages are bounded by the outbox instead.
            let is_full = outgoing.is_full() && (outgoing.kept.is_empty() || !outgoing.kept.keeps());
            let queues = outgoing.current.is_some() || outgoing.kept.keeps();
            if is_full || outgoing.is_turn_full() || queues && outgoing.waiting_sends > 0 {
                return Err(Error::Full(message));
            }
        }
    }
    send(outgoing, message)
}

/// Sends a message without a check of the high-water mark, or applies the outbox policy.
pub(super) fn send(outgoing: &Lock<Outgoing>, message: Message) -> Result<(), Error> {
    pass_kept(outgoing);
    let (connection, turn) = {
        let mut locked = outgoing.lock();
        if locked.is_closed() {
            return Err(Error::NotOpen(message));
        }
        match &locked.current {
            Some(_) if locked.passing != Passing::Idle => {
                locked.passing = Passing::Awaited;
                locked.kept.push_back(message);
                return Ok(());
            }
            // Kept messages leave first.
            Some(connection) if locked.kept.is_empty() => {
                let connection = Shared::clone(connection);
                (connection, Turn::take(outgoing, &mut locked))
            }
            _ => {
                let added = locked.kept.add(message, false);
                // Drop outside the lock: the message may be owned by the user.
                drop(locked);
                return added.map(drop);
            }
        }
    };
    let sent = match send_now(&connection, message) {
        Err(Error::NotOpen(message)) => {
            let added = outgoing.lock().kept.add(message, true);
            added.map(drop)
        }
        other => other,
    };
    // There may be another connection by now.
    turn.pass_kept();
    sent
}

/// Sends a message over a connection, without a check of the high-water mark.
fn send_now(connection: &SocketCore, message: Message) -> Result<(), Error> {
    connection.send_now(message, MessageCompression::OF_CONNECTION)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ends a turn after these messages. Returns whether the stream is woken, so that it waits for capacity.
    fn wakes_stream(passing: Passing, kept: usize) -> bool {
        let mut outgoing = Outgoing::new(Outbox::Keep { messages: 9, bytes: 99 });
        outgoing.waker = Some(Waker::noop().clone());
        outgoing.passing = passing;
        (0..kept).for_each(|_| outgoing.kept.push_back("kept".into()));
        let woken = outgoing.end_turn();
        assert!(outgoing.passing == Passing::Idle);
        assert_eq!(woken.is_none(), outgoing.waker.is_some());
        woken.is_some()
    }

    #[test]
    fn message_that_was_sent_during_a_turn_is_not_left_behind() {
        assert!(wakes_stream(Passing::Awaited, 1));
        assert!(!wakes_stream(Passing::Awaited, 0), "all messages were passed");
        assert!(!wakes_stream(Passing::Busy, 1), "the stream waits for capacity already");
    }

    #[cfg(not(any(shuttle, all(target_family = "wasm", target_os = "unknown"))))]
    #[test]
    fn messages_behind_a_turn_are_bounded() {
        let count_accepted = |policy| {
            let (socket, _peer) = crate::testing::pair();
            let mut locked = Outgoing::new(policy);
            locked.open(Shared::clone(socket.core()));
            locked.passing = Passing::Busy;
            let outgoing = Lock::new(locked);
            let accepted = (0..2000).take_while(|_| try_send(&outgoing, "text".into()).is_ok()).count();
            assert!(is_turn_full(&outgoing) && matches!(try_send(&outgoing, "more".into()), Err(Error::Full(_))));
            // The turn is over, and the connection has capacity.
            assert!(outgoing.lock().end_turn().is_none());
            pass_kept(&outgoing);
            assert!(!is_turn_full(&outgoing) && try_send(&outgoing, "more".into()).is_ok());
            accepted
        };
        assert_eq!(count_accepted(Outbox::Keep { messages: 9, bytes: 9999 }), TURN_BOUNDS.0);
        assert_eq!(count_accepted(Outbox::Keep { messages: 1234, bytes: 9999 }), 1234);
        assert_eq!(count_accepted(Outbox::Return), TURN_BOUNDS.0);
    }

    #[cfg(not(any(shuttle, all(target_family = "wasm", target_os = "unknown"))))]
    #[test]
    fn message_of_an_ended_connection_does_not_leave_with_the_next_one() {
        for (policy, kept, losses) in [
            (Outbox::Keep { messages: 9, bytes: 99 }, 1, (0, 0)),
            (Outbox::Return, 0, (4, 0)),
            (Outbox::Drop, 0, (0, 1)),
        ] {
            for has_next in [false, true] {
                let (socket, _peer) = crate::testing::pair();
                let mut locked = Outgoing::new(policy);
                locked.open(Shared::clone(socket.core()));
                locked.kept.push_back("text".into());
                let outgoing = Lock::new(locked);
                let mut turn = Turn::take_if_needed(&outgoing, &mut outgoing.lock()).unwrap();
                let Some((_, number, Pass::Message(message))) = turn.next() else { panic!("a message") };
                drop(outgoing.lock().disconnect(0));
                if has_next {
                    outgoing.lock().open(Shared::clone(socket.core()));
                }
                turn.put_back(number, Error::NotOpen(message));
                drop(turn);
                let locked = outgoing.lock();
                let seen = (locked.kept.losses.unknown_bytes, locked.kept.losses.dropped_messages);
                assert_eq!((locked.kept.len(), seen), (kept, losses), "{policy:?}");
            }
        }
    }

    #[test]
    fn stream_polled_during_a_turn_is_woken_at_its_end() {
        let mut outgoing = Outgoing::new(Outbox::Keep { messages: 9, bytes: 99 });
        outgoing.waker = Some(Waker::noop().clone());
        outgoing.passing = Passing::Busy;
        outgoing.kept.push_back("kept".into());
        let outgoing = Lock::new(outgoing);
        assert!(!has_blocked_messages(&outgoing), "the turn of the other call may still pass it");
        assert!(outgoing.lock().end_turn().is_some());
    }
}
