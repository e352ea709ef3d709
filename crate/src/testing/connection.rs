//! A connection in memory, between a socket and its peer.

use std::collections::VecDeque;
use std::task::{Context, Poll, Waker};

use super::Received;
use crate::platform::{self, EventSink};
use crate::sync::Lock;
use crate::sync::catch_panic::wake;
use crate::types::binary_type::BinaryType;
use crate::types::blob::Blob;
use crate::types::message::Message;
use samesocket_spec::CloseEvent;
use samesocket_spec::close::CloseFrame;
use samesocket_spec::state::Feedback;

/// A connection in memory.
pub(super) struct MemoryConnection {
    events: EventSink,
    has_backpressure: bool,
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
    /// A waker of the peer that must be woken outside the lock.
    due_waker: Option<Waker>,
    // The state of the connection.
    established: bool,
    paused: bool,
    holds_close: bool,
    /// Whether the client has closed. From then on events no longer wait for capacity of the inbox.
    closing: bool,
    /// The Close frame of the client that the peer has read and not answered.
    unanswered_close: Option<(u16, String)>,
    /// Whether the connection has ended for both ends.
    over: bool,
}

impl MemoryConnection {
    pub(super) fn new(events: EventSink, binary_type: BinaryType, has_backpressure: bool) -> Self {
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
            due_waker: None,
            established: false,
            paused: false,
            holds_close: false,
            closing: false,
            unanswered_close: None,
            over: false,
        };
        Self { events, has_backpressure, state: Lock::new(state) }
    }

    /// Returns whether the connection has ended.
    pub(super) fn is_over(&self) -> bool {
        self.state.lock().over
    }

    /// Ends the connection for both ends.
    pub(super) fn end(&self) {
        let (wakers, discarded) = {
            let mut state = self.state.lock();
            state.over = true;
            ([state.peer_waker.take(), state.due_waker.take()], std::mem::take(&mut state.pending))
        };
        // Drop outside the lock: a payload may be owned by the user.
        drop(discarded);
        wake(wakers.into_iter().flatten());
    }
}

/// The peer's operations.
impl MemoryConnection {
    pub(super) fn establish(&self, protocol: &str, extensions: &str) {
        self.state.lock().established = true;
        let (protocol, extensions) = (protocol.to_owned(), extensions.to_owned());
        self.push_events([Feedback::Established { protocol, extensions }]);
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
            if state.over {
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

    /// Reports to the socket when bufferedAmount falls.
    pub(super) fn watch_buffered_amount(&self) {
        self.state.lock().watched = true;
    }

    /// Delivers the pending events to the socket in order, as long as its inbox has capacity.
    pub(super) fn deliver_events(&self) {
        self.wake_peer();
        loop {
            let event = {
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
                state.convert(event)
            };
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
        let waker = self.state.lock().due_waker.take();
        wake(waker);
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
        self.due_waker = self.peer_waker.take().or(self.due_waker.take());
    }

    /// Answers the Close frame of the client, if there is one, after the pending events.
    fn answer_close(&mut self) {
        if !self.holds_close
            && let Some((code, reason)) = self.unanswered_close.take()
        {
            self.pending.push_back(Feedback::Closed(CloseEvent::new(code, reason, true)));
        }
    }

    /// Converts a binary message to the binary type of the socket.
    fn convert(&self, event: Feedback<Message>) -> Feedback<Message> {
        match event {
            Feedback::MessageReceived(Message::Binary(bytes)) if self.binary_type == BinaryType::Blob => {
                Feedback::MessageReceived(Message::Blob(Blob::new(&bytes)))
            }
            other => other,
        }
    }
}
