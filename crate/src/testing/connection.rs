//! A connection in memory, between a socket and its peer.

use std::collections::VecDeque;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::{Clock, Received};
use crate::platform::pings::{PendingPings, PingReply, Pings};
use crate::platform::{self, EventSink, FinalState};
use crate::sync::Lock;
use crate::sync::catch_panic::wake;
use crate::types::binary_type::BinaryType;
use crate::types::blob::Blob;
use crate::types::failure::Failure;
use crate::types::message::Message;
use crate::types::ping::{PingError, ReceivedPings};
use samesocket_spec::close::CloseFrame;
use samesocket_spec::state::Feedback;
use samesocket_spec::{CloseEvent, RedirectFailure, Response};

/// A connection in memory.
pub(super) struct MemoryConnection {
    events: EventSink,
    has_backpressure: bool,
    clock: Clock,
    state: Lock<MemoryState>,
}

#[expect(clippy::struct_excessive_bools, reason = "a test switches each of them independently")]
struct MemoryState {
    // From the peer to the socket.
    binary_type: BinaryType,
    /// The events that wait to be delivered to the socket.
    pending: VecDeque<Feedback<Message>>,
    /// Whether a thread is delivering events, so that no other does.
    delivering: bool,
    /// Whether another delivery was requested meanwhile.
    redeliver: bool,
    // From the socket to the peer.
    /// The items that the peer can receive.
    arrived: VecDeque<Received>,
    /// The items that a paused peer does not read.
    in_transit: VecDeque<Received>,
    buffered_amount: u64,
    /// Whether the socket waits for bufferedAmount to fall.
    watched: bool,
    /// The waker of the peer's `receive`.
    peer_waker: Option<Waker>,
    /// The wakers of the peer that must be woken outside the lock.
    due_wakers: Vec<Waker>,
    // The state of the connection.
    established: bool,
    paused: bool,
    holds_close: bool,
    /// Whether the client has closed. From then on events no longer wait for capacity of the inbox.
    closing: bool,
    /// Whether the socket has received the peer's Close frame.
    peer_has_closed: bool,
    /// The Close frame of the client that the peer has read and not answered.
    unanswered_close: Option<(u16, String)>,
    /// Whether the connection has ended for both ends.
    over: bool,
    pings: PingState,
    /// The response to the opening handshake, once the test has answered it.
    response: Option<Response>,
    /// The reason why a redirect is not followed, and the number of those that were.
    redirect_failure: Option<(RedirectFailure, u32)>,
}

/// The ping frames of a connection.
#[derive(Default)]
struct PingState {
    /// The client's pings that were not answered.
    pending: PendingPings,
    /// The number of the client's pings that the peer has read.
    read: u64,
    /// The number of the client's pings.
    sent: u64,
    /// Whether the peer leaves pings unanswered.
    held: bool,
    /// The number of the peer's pings, and the time of the last one.
    received: u64,
    last_received: Option<Duration>,
}

impl MemoryConnection {
    pub(super) fn new(events: EventSink, binary_type: BinaryType, has_backpressure: bool, clock: Clock) -> Self {
        let state = MemoryState {
            binary_type,
            pending: VecDeque::new(),
            delivering: false,
            redeliver: false,
            arrived: VecDeque::new(),
            in_transit: VecDeque::new(),
            buffered_amount: 0,
            watched: false,
            peer_waker: None,
            due_wakers: Vec::new(),
            established: false,
            paused: false,
            holds_close: false,
            closing: false,
            peer_has_closed: false,
            unanswered_close: None,
            over: false,
            pings: PingState::default(),
            response: None,
            redirect_failure: None,
        };
        Self { events, has_backpressure, clock, state: Lock::new(state) }
    }

    /// Returns whether the connection has ended.
    pub(super) fn is_over(&self) -> bool {
        self.state.lock().over
    }

    /// Ends the connection for both ends. The peer can still receive what is in transit.
    pub(super) fn end(&self) {
        let (wakers, discarded) = {
            let mut state = self.state.lock();
            state.over = true;
            let discarded = (std::mem::take(&mut state.pending), state.pings.pending.take_all());
            let mut wakers = std::mem::take(&mut state.due_wakers);
            wakers.extend(state.peer_waker.take());
            (wakers, discarded)
        };
        // Drop outside the lock: a payload may be owned by the user, and pings wake tasks.
        drop(discarded);
        wake(wakers);
    }
}

/// The peer's operations.
impl MemoryConnection {
    pub(super) fn establish(&self, protocol: &str, extensions: &str, response: Response) {
        {
            let mut state = self.state.lock();
            state.established = true;
            state.response = Some(response);
        }
        let (protocol, extensions) = (protocol.to_owned(), extensions.to_owned());
        self.push_events([Feedback::Established { protocol, extensions }]);
    }

    /// Refuses the connection. `redirect` is the reason why a redirect is not followed, and the number of those that were.
    pub(super) fn refuse(&self, response: Response, redirect: Option<(RedirectFailure, u32)>) {
        {
            let mut state = self.state.lock();
            (state.response, state.redirect_failure) = (Some(response), redirect);
        }
        self.fail();
    }

    pub(super) fn send(&self, message: Message) {
        self.push_events([Feedback::MessageReceived(message)]);
    }

    pub(super) fn close(&self, code: Option<u16>, reason: &str) {
        let event = CloseEvent::new(code.unwrap_or(1005), reason.to_owned(), true);
        self.push_events([Feedback::ClosingHandshakeStarted, Feedback::Closed(event)]);
    }

    pub(super) fn start_closing(&self) {
        self.push_events([Feedback::ClosingHandshakeStarted]);
    }

    pub(super) fn fail(&self) {
        self.push_events([Feedback::Closed(CloseEvent::abnormal())]);
    }

    pub(super) fn hold_close(&self) {
        self.state.lock().holds_close = true;
    }

    pub(super) fn answer_close(&self) {
        self.state.lock().holds_close = false;
        self.deliver_events();
    }

    /// Returns the number of the client's pings that the peer has read.
    pub(super) fn pings(&self) -> u64 {
        self.state.lock().pings.read
    }

    pub(super) fn ping(&self) {
        let now = self.clock.now();
        let pings = &mut self.state.lock().pings;
        (pings.received, pings.last_received) = (pings.received + 1, Some(now));
    }

    pub(super) fn hold_pongs(&self) {
        self.state.lock().pings.held = true;
    }

    pub(super) fn send_pongs(&self) {
        self.state.lock().pings.held = false;
        self.answer_pings();
    }

    pub(super) fn pause(&self) {
        self.state.lock().paused = true;
    }

    pub(super) fn resume(&self) {
        {
            let mut state = self.state.lock();
            state.paused = false;
            state.arrive();
        }
        self.wake_peer();
        self.answer_pings();
        if std::mem::take(&mut self.state.lock().watched) && self.events.handle_sent() {
            self.state.lock().watched = true;
        }
        self.deliver_events();
    }

    pub(super) fn poll_receive(&self, context: &Context<'_>) -> Poll<Option<Received>> {
        let replaced = {
            let mut state = self.state.lock();
            if let Some(received) = state.arrived.pop_front() {
                return Poll::Ready(Some(received));
            }
            // A paused peer has yet to read what is in transit.
            if state.over && state.in_transit.is_empty() {
                return Poll::Ready(None);
            }
            state.peer_waker.replace(context.waker().clone())
        };
        // Drop outside the lock: a waker may run any code.
        drop(replaced);
        Poll::Pending
    }
}

/// The operations of the client's transport.
impl MemoryConnection {
    pub(super) fn buffered_amount(&self) -> u64 {
        self.state.lock().buffered_amount
    }

    pub(super) fn final_state(&self) -> FinalState {
        let state = self.state.lock();
        let response = state.response.clone();
        let refusal = response.clone().filter(|_| !state.established).map(|response| match state.redirect_failure {
            Some((reason, followed)) => Failure::Redirect { reason, followed, response },
            None => Failure::Refused(response),
        });
        FinalState::of(state.buffered_amount).with_diagnosis(refusal, response)
    }

    pub(super) fn set_binary_type(&self, binary_type: BinaryType) {
        self.state.lock().binary_type = binary_type;
    }

    /// Sends a message of `size` bytes to the peer. The caller then calls [`deliver_events`](Self::deliver_events).
    pub(super) fn client_send(&self, message: Received, size: u64) {
        let mut state = self.state.lock();
        state.buffered_amount += size;
        state.in_transit.push_back(message);
        state.arrive();
    }

    /// Starts the client's closing handshake, or fails a connection that is not established.
    pub(super) fn client_close(&self, frame: CloseFrame<'_>) {
        let mut state = self.state.lock();
        if !state.established {
            state.pending.push_back(Feedback::Closed(CloseEvent::abnormal()));
            return;
        }
        state.closing = true;
        let (code, reason) = frame.unzip();
        state.in_transit.push_back(Received::Close { code, reason: reason.unwrap_or_default().to_owned() });
        state.arrive();
    }

    /// Ends the connection at the client's end. The peer receives what it has read, and then the end.
    pub(super) fn client_abort(&self) {
        let discarded = {
            let mut state = self.state.lock();
            state.closing = true;
            state.unanswered_close = None;
            let pending = std::mem::take(&mut state.pending);
            state.pending.push_back(Feedback::Closed(CloseEvent::abnormal()));
            (pending, std::mem::take(&mut state.in_transit))
        };
        // Drop outside the lock: a payload may be owned by the user.
        drop(discarded);
    }

    /// Answers the client's pings, unless the peer does not read, or does not answer.
    fn answer_pings(&self) {
        let now = self.clock.now();
        let answered = {
            let mut state = self.state.lock();
            if state.paused {
                return;
            }
            let PingState { pending, read, sent, held, .. } = &mut state.pings;
            *read = *sent;
            if *held {
                return;
            }
            pending.take_answered(*sent, now)
        };
        // Drop outside the lock: this wakes tasks.
        drop(answered);
    }

    /// Reports to the socket when bufferedAmount falls.
    pub(super) fn watch_buffered_amount(&self) {
        self.state.lock().watched = true;
    }

    /// Delivers the pending events to the socket in order, as long as its inbox has capacity.
    pub(super) fn deliver_events(&self) {
        self.wake_peer();
        loop {
            let (event, binary_type) = {
                let mut state = self.state.lock();
                if state.delivering {
                    state.redeliver = true;
                    return;
                }
                state.redeliver = false;
                state.answer_close();
                let is_message = matches!(state.pending.front(), Some(Feedback::MessageReceived(_)));
                let needs_capacity = self.has_backpressure && is_message && !state.closing;
                state.delivering = true;
                drop(state);
                // No waker is needed, because the socket requests a delivery whenever it was read.
                let has_capacity =
                    !needs_capacity || self.events.poll_capacity(&Context::from_waker(Waker::noop())).is_ready();
                let mut state = self.state.lock();
                state.delivering = false;
                if state.over || !has_capacity && !state.redeliver {
                    return;
                }
                if !has_capacity {
                    continue;
                }
                let Some(event) = state.pending.pop_front() else { return };
                state.delivering = true;
                state.peer_has_closed |= matches!(event, Feedback::ClosingHandshakeStarted);
                (event, state.binary_type)
            };
            // Outside the lock: a payload may be owned by the user, and a conversion drops it.
            let event = convert(event, binary_type);
            let is_last = matches!(event, Feedback::Closed(_));
            // Messages take the same path as the batches of a native driver.
            match event.into_message() {
                Ok(message) => self.events.handle_messages(&mut platform::single_message(message)),
                Err(other) => self.events.handle_event(other),
            }
            self.state.lock().delivering = false;
            if is_last {
                self.end();
            }
        }
    }

    fn push_events(&self, events: impl IntoIterator<Item = Feedback<Message>>) {
        self.state.lock().pending.extend(events);
        self.deliver_events();
    }

    fn wake_peer(&self) {
        let wakers = std::mem::take(&mut self.state.lock().due_wakers);
        wake(wakers);
    }
}

impl Pings for MemoryConnection {
    fn ping(&self, reply: PingReply) -> Result<(), PingError> {
        let now = self.clock.now();
        let finished = {
            let mut state = self.state.lock();
            if !state.established || state.closing || state.peer_has_closed || state.over {
                return Err(PingError::NotOpen);
            }
            let PingState { pending, sent, .. } = &mut state.pings;
            *sent += 1;
            pending.push(*sent - 1, now, reply)
        };
        // Drop outside the lock: a future that is being dropped may still be woken.
        drop(finished);
        self.answer_pings();
        Ok(())
    }

    fn received_pings(&self) -> ReceivedPings {
        let now = self.clock.now();
        let PingState { received, last_received, .. } = &self.state.lock().pings;
        let mut pings = ReceivedPings::default();
        (pings.count, pings.since_last) = (*received, last_received.map(|last| now.saturating_sub(last)));
        pings
    }
}

impl MemoryState {
    /// Moves the items in transit to the peer, unless it is paused.
    fn arrive(&mut self) {
        if self.paused {
            return;
        }
        self.arrived.append(&mut self.in_transit);
        self.buffered_amount = 0;
        if let Some(Received::Close { code, reason }) = self.arrived.back() {
            self.unanswered_close = Some((code.unwrap_or(1005), reason.clone()));
        }
        self.due_wakers.extend(self.peer_waker.take());
    }

    /// Answers the Close frame of the client, if there is one, after the pending events.
    fn answer_close(&mut self) {
        if self.holds_close {
            return;
        }
        if let Some((code, reason)) = self.unanswered_close.take() {
            self.pending.push_back(Feedback::Closed(CloseEvent::new(code, reason, true)));
        }
    }
}

/// Converts a binary message to the binary type of the socket.
fn convert(event: Feedback<Message>, binary_type: BinaryType) -> Feedback<Message> {
    match event {
        Feedback::MessageReceived(Message::Binary(bytes)) if binary_type == BinaryType::Blob => {
            Feedback::MessageReceived(Message::Blob(Blob::new(&bytes)))
        }
        other => other,
    }
}
