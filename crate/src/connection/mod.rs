//! One connection: the Standard's state machine between the platform's transport and one listener.
//!
//! [`Connection`] passes calls of the user to the transport, and feedback of the transport to the listener. Read this
//! file, then [`state`], [`listener`] and [`closed`]. Lock order: connection, then listener, then queue.

pub(crate) mod closed;
pub(crate) mod listener;
pub(crate) mod ping;
mod state;

use std::fmt;
use std::ops::DerefMut;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::channel::oneshot;

use self::closed::Closed;
use crate::connection::listener::{Listener, ReceiveOutcome};
use crate::connection::state::ConnectionState;
use crate::platform::buffered_amount_hint::BufferedAmountHint;
use crate::platform::pings::Pings;
use crate::platform::timeouts::Timeouts;
use crate::platform::{
    self, Backend, BoxFuture, DialParameters, DirectTransport, EventSink, FinalState, LastLook, MakeSubprotocolList,
    Messages, OnEvent, ReceiveMode, ReceiverTurn, SendOutcome, Task, Tasks, Transport, Url, WATCH_BUFFERED_AMOUNT,
};
use crate::queue::Capacity;
use crate::sync::catch_panic::wake;
use crate::sync::{Lock, MaybeSend, Shared, Weak};
use crate::trace::{Span, event};
use crate::types::binary_type::BinaryType;
use crate::types::failure::Failure;
use crate::types::payload::Data;
use crate::types::ping::{PingError, ReceivedPings};
use crate::types::subprotocol::shown;
use samesocket_spec::close::CloseFrame;
use samesocket_spec::constructor::UrlRecord;
use samesocket_spec::state::{Action, CloseAction, Feedback, SendAction, SocketState};
use samesocket_spec::{CloseEvent, Exception, ProtocolFailure, ReadyState, RedactedUrl, Response};

/// One connection, which all handles of a socket share.
pub(crate) struct Connection<L> {
    url: Url,
    /// Lock order: connection, then listener.
    state: Lock<ConnectionState<Self>>,
    /// An upper bound of the transport's bufferedAmount. A transport of this crate's native driver writes it under its own lock.
    /// Otherwise it is written while `state` is locked, or where there are no threads. It is read without a lock.
    buffered_amount_hint: BufferedAmountHint,
    /// Sends messages without locking `state` while the socket is OPEN, and lets a receiver read.
    direct: DirectTransport,
    tasks: Tasks,
    span: Span,
    /// The listener that handles all events.
    // Code size: a type parameter, so that a program that uses one public API does not link the other.
    listener: L,
}

impl<L: Listener> Connection<L> {
    /// Establishes a WebSocket connection. The arguments must have been checked.
    ///
    /// See <https://websockets.spec.whatwg.org/#concept-websocket-establish>.
    pub(crate) fn establish(
        url: Url,
        protocols: Vec<String>,
        list: Option<MakeSubprotocolList>,
        mode: ReceiveMode,
        backend: &dyn Backend,
        timeouts: Timeouts,
        listener: L,
    ) -> Shared<Self> {
        let span = Span::connection(url.as_str());
        event!(span, DEBUG, "connecting", subprotocols = protocols.len());
        let sink_span = span.clone();
        let connection = Shared::new(Self {
            url,
            state: Lock::new(ConnectionState {
                // Replaced below.
                socket_state: SocketState::new(Vec::new()),
                transport: None,
                final_state: FinalState::default(),
                binary_type: mode.binary_type,
                close_event: None,
                close_notifier: None,
                fail_task: None,
                close_timed_out: false,
                keep_alive: None,
            }),
            buffered_amount_hint: BufferedAmountHint::default(),
            direct: DirectTransport::default(),
            tasks: backend.tasks(),
            span,
            listener,
        });
        let on_event: Weak<dyn OnEvent> = Shared::<Self>::downgrade(&connection);
        let parameters = DialParameters { protocols: &protocols, make_list: list, timeouts };
        let sink = EventSink::new(on_event, sink_span);
        // Outside the lock: a back end may ask the user's cookie store. The transport reports nothing before it is started.
        let dialed = backend.dial(&connection.url, parameters, mode, &connection.tasks, sink);
        let transport = {
            let mut state = connection.state.lock();
            state.socket_state = SocketState::new(protocols);
            match dialed {
                Ok(transport) => {
                    connection.direct.attach(&*transport);
                    state.transport = Some(transport);
                }
                Err(final_state) => state.final_state = final_state,
            }
            state.transport.clone()
        };
        match transport {
            Some(transport) => transport.start(),
            None => connection.queue_failure(),
        }
        connection
    }

    pub(crate) const fn listener(&self) -> &L {
        &self.listener
    }

    pub(crate) fn url(&self) -> &str {
        self.url.as_str()
    }

    /// Returns the span of the connection, for [`event!`].
    pub(crate) const fn span(&self) -> &Span {
        &self.span
    }

    /// Returns the ready state. Asks the transport whether the peer has started to close, because no event reports it.
    pub(crate) fn ready_state(&self) -> ReadyState {
        self.lock_current_state().socket_state.ready_state()
    }

    pub(crate) fn buffered_amount(&self) -> u64 {
        self.state.lock().buffered_amount()
    }

    /// Returns whether the bytes that wait in the transport are at most `limit`. Asks the transport only if the hint is larger.
    ///
    /// Messages that were sent after the socket had left OPEN count in a page only.
    pub(crate) fn buffers_at_most(&self, limit: u64) -> bool {
        if self.buffered_amount_hint.upper_bound() <= limit {
            return true;
        }
        if let Some(amount) = self.direct.measure(&self.buffered_amount_hint) {
            return amount <= limit;
        }
        let state = self.state.lock();
        let amount = state.buffered_amount();
        self.buffered_amount_hint.set(amount);
        amount <= limit
    }

    pub(crate) fn extensions(&self) -> String {
        self.state.lock().socket_state.extensions().to_owned()
    }

    pub(crate) fn protocol(&self) -> String {
        self.state.lock().socket_state.protocol().to_owned()
    }

    pub(crate) fn binary_type(&self) -> BinaryType {
        self.state.lock().binary_type
    }

    pub(crate) fn set_binary_type(&self, binary_type: BinaryType) {
        if let Some(transport) = self.transport() {
            transport.set_binary_type(binary_type.into());
        }
        // Under the lock, so that a message that arrives now either has the new type or is among the queued ones.
        let mut state = self.state.lock();
        state.binary_type = binary_type;
        self.listener.set_binary_type(binary_type);
    }

    /// Implements `send(data)` of the Standard.
    pub(crate) fn send(&self, data: Data<'_>) -> Result<(), Exception> {
        let size = data.payload.size();
        if let Some(outcome) = self.direct.send(&data, &self.buffered_amount_hint) {
            self.finish_direct_send(outcome, size);
            return Ok(());
        }
        let mut state = self.lock_current_state();
        if state.socket_state.send(size)? == SendAction::Transmit {
            self.transmit(state, data, size);
        }
        Ok(())
    }

    /// Sends the data if the socket is OPEN. Returns whether the transport accepted it.
    pub(crate) fn send_if_open(&self, data: Data<'_>) -> bool {
        if let Some(outcome) = self.direct.send(&data, &self.buffered_amount_hint) {
            return self.finish_direct_send(outcome, 0);
        }
        let state = self.lock_current_state();
        state.socket_state.ready_state() == ReadyState::Open && self.transmit(state, data, 0)
    }

    /// Passes the data to the transport. Returns whether the transport accepted it.
    ///
    /// With threads the lock is released only afterwards, so that no Close frame comes between. If the transport rejects
    /// the data, `rejected_bytes` is added to bufferedAmount and the connection is closed.
    fn transmit(
        &self,
        state: impl DerefMut<Target = ConnectionState<Self>>,
        data: Data<'_>,
        rejected_bytes: u64,
    ) -> bool {
        let Some(transport) = state.transport.clone() else { return false };
        // Without threads outside the lock: a platform's class that is written in JavaScript may fire an event at once.
        let state = platform::HAS_THREADS.then_some(state);
        let outcome = transport.send(data, &self.buffered_amount_hint);
        drop(state);
        match outcome {
            SendOutcome::Accepted => true,
            SendOutcome::NeedsFlush => {
                transport.flush();
                true
            }
            SendOutcome::Rejected => self.close_as_full(rejected_bytes),
        }
    }

    /// Does what follows a message that was sent directly, like [`transmit`](Self::transmit).
    fn finish_direct_send(&self, outcome: SendOutcome, rejected_bytes: u64) -> bool {
        match outcome {
            SendOutcome::Accepted => {}
            SendOutcome::NeedsFlush => self.direct.flush(),
            SendOutcome::Rejected => return self.close_as_full(rejected_bytes),
        }
        true
    }

    /// Closes the connection because the transport did not accept a message. Returns `false`.
    fn close_as_full(&self, rejected_bytes: u64) -> bool {
        let transport = {
            let mut state = self.state.lock();
            self.update(&mut state, |socket_state| socket_state.flag_as_full(rejected_bytes));
            state.transport.clone()
        };
        // Close outside the lock: a platform's class that is written in JavaScript may fire `close` at once.
        if let Some(transport) = transport {
            transport.close(None);
        }
        false
    }

    /// Changes the Standard's state, and what a direct sender knows of it.
    fn update<T>(&self, state: &mut ConnectionState<Self>, act: impl FnOnce(&mut SocketState) -> T) -> T {
        let result = act(&mut state.socket_state);
        self.direct.set_open(state.socket_state.ready_state() == ReadyState::Open);
        result
    }

    /// Sends a ping frame. Returns a future of the round-trip time, which is cancelled when the connection ends.
    pub(crate) fn ping(&self) -> Result<oneshot::Receiver<Duration>, PingError> {
        let transport = self.transport().ok_or(PingError::NotOpen)?;
        let (reply, answered) = oneshot::channel();
        transport.pings().ok_or(PingError::Unsupported)?.ping(reply)?;
        Ok(answered)
    }

    /// Returns the pings that have arrived, if the connection exists and the platform reports them.
    pub(crate) fn received_pings(&self) -> Option<ReceivedPings> {
        self.transport()?.pings().map(Pings::received_pings)
    }

    /// Looks at the network once more; see [`Transport::last_look`].
    pub(crate) fn last_look(&self) -> Option<LastLook> {
        if platform::MAY_LOOK_AGAIN { self.transport()?.last_look() } else { None }
    }

    /// Lets the transport deliver events that are ready, after the consumer freed capacity.
    pub(crate) fn pump(&self) {
        if let Some(transport) = self.transport() {
            transport.pump();
        }
    }

    /// Returns whether everything that left bufferedAmount is with the network; otherwise the listener is told when it is.
    pub(crate) fn is_flushed(&self) -> bool {
        self.transport().is_none_or(|transport| transport.is_flushed())
    }

    /// Asks the transport to report to the listener when bufferedAmount falls.
    pub(crate) fn watch_buffered_amount(&self) {
        if let Some(transport) = &self.state.lock().transport {
            transport.watch_buffered_amount(WATCH_BUFFERED_AMOUNT);
        }
    }

    /// Returns a permission for the receiver to read, if it shares the transport's thread.
    pub(crate) fn receiver_turn(&self) -> Option<ReceiverTurn> {
        self.direct.receiver_turn()
    }

    /// Lets the receiver read what has arrived. The messages go to the listener. Returns whether there were any.
    pub(crate) fn receive(&self, context: &Context<'_>, turn: ReceiverTurn, capacity: Capacity) -> bool {
        self.direct.receive(context, turn, capacity, |messages| self.handle_messages(messages))
    }

    /// Forgets the waker of the receiver, because that was dropped.
    pub(crate) fn forget_receiver(&self) {
        self.direct.forget_receiver();
    }

    /// Implements `close(code, reason)` of the Standard. The arguments must have been checked.
    pub(crate) fn close(&self, frame: CloseFrame<'_>) {
        let transport = {
            let mut state = self.lock_current_state();
            if self.update(&mut state, SocketState::close) == CloseAction::Nothing {
                return;
            }
            state.transport.clone()
        };
        event!(self.span, INFO, "closing", started_by = "client", code = frame.map(|(code, _)| code));
        if let Some(transport) = transport {
            // Outside the lock, because a transport may report the end at once.
            transport.close(frame);
            self.listener.closing(true);
            transport.pump();
        }
    }

    /// Ends the connection at once, without a closing handshake.
    ///
    /// The Standard has no such method. The `close` event has code 1006 even if the peer's Close has arrived.
    pub(crate) fn abort(self: &Shared<Self>) {
        let transport = {
            let mut state = self.state.lock();
            if !self.update(&mut state, SocketState::abort) {
                return;
            }
            state.transport.clone()
        };
        event!(self.span, INFO, "aborting");
        let Some(transport) = transport else { return };
        // Outside the lock, because a transport may report the end at once.
        let reports_end = transport.abort();
        self.listener.closing(true);
        if reports_end {
            transport.pump();
        } else {
            drop(transport);
            self.release_transport();
            self.queue_failure();
        }
    }

    /// Creates a future of the `close` event.
    pub(crate) fn closed(&self) -> Closed {
        let mut state = self.state.lock();
        if let Some(event) = &state.close_event {
            return Closed::ready(event.clone());
        }
        Shared::clone(state.close_notifier.get_or_insert_with(closed::new_notifier)).closed()
    }

    /// Handles that the last handle was dropped: closes without a code, and releases everything that is not awaited.
    pub(crate) fn handles_dropped(self: &Shared<Self>) {
        self.listener.handles_dropped();
        self.close(None);
        self.listener.deliver();
        let mut state = self.state.lock();
        if state.must_outlive_handles() || self.listener.awaits_close() {
            // After the `close` event the reference would never be released.
            if state.close_event.is_none() {
                state.keep_alive = Some(Shared::clone(self));
            }
        } else {
            drop(state);
            self.release_transport();
            self.listener.release();
        }
    }

    /// Ends the connection after the timeout of the closing handshake, for a transport that does not measure the
    /// timeout.
    pub(crate) fn give_up_closing(self: &Shared<Self>) {
        self.state.lock().close_timed_out = true;
        self.abort();
    }

    /// Returns whether the closing handshake was given up after its timeout.
    pub(crate) fn has_close_timed_out(&self) -> bool {
        let given_up = self.state.lock().close_timed_out;
        // Code size: to compare failures would link their texts.
        let is_timeout = |failure: &Failure| matches!(failure, Failure::Protocol(ProtocolFailure::ClosingTimeout));
        given_up || self.final_state().failure().is_some_and(is_timeout)
    }

    /// Returns the final values of the transport, or its present values if it still exists.
    pub(crate) fn final_state(&self) -> FinalState {
        let state = self.state.lock();
        state.transport.as_ref().map_or_else(|| state.final_state.clone(), |transport| transport.final_state())
    }

    /// Returns the response to the opening handshake, if it is known.
    pub(crate) fn response(&self) -> Option<Response> {
        self.final_state().response().cloned()
    }

    /// Returns a reference of its own to the transport, which an event may release meanwhile.
    fn transport(&self) -> Option<Shared<dyn Transport>> {
        self.state.lock().transport.clone()
    }

    /// Locks the state, after an update in case the peer has started the closing handshake.
    fn lock_current_state(&self) -> impl DerefMut<Target = ConnectionState<Self>> {
        let mut state = self.state.lock();
        if state.transport.as_ref().is_some_and(|transport| transport.is_closing()) {
            self.update(&mut state, SocketState::closing_handshake_started);
        }
        state
    }

    /// Does what a [`ReceiveOutcome`] asks for, outside the lock.
    fn finish_receive(&self, ReceiveOutcome { waker, frame, deliver }: ReceiveOutcome) {
        wake(waker);
        if let Some(frame) = frame {
            self.close(Some(*frame));
        }
        if deliver {
            self.listener.deliver();
        }
    }

    /// Queues a task that fails the connection, unless its `close` event is fired before.
    fn queue_failure(self: &Shared<Self>) {
        let connection = Shared::downgrade(self);
        let task = self.tasks.queue(move || {
            if let Some(connection) = connection.upgrade() {
                connection.fail();
            }
        });
        let replaced = self.state.lock().fail_task.replace(task);
        // Drop outside the lock: dropping a task cancels it.
        drop(replaced);
    }

    fn fail(self: Shared<Self>) {
        self.handle_event(Feedback::Closed(CloseEvent::abnormal()));
    }

    /// Releases the transport and the failure task. Returns the final values of the transport.
    fn release_transport(&self) -> FinalState {
        let (transport, fail_task, final_state) = {
            let mut state = self.state.lock();
            let transport = state.transport.take();
            if let Some(transport) = &transport {
                state.final_state = transport.final_state();
            }
            (transport, state.fail_task.take(), state.final_state.clone())
        };
        // Drop outside the lock: dropping the transport closes it.
        drop((transport, fail_task));
        final_state
    }

    /// Reports the end of the connection to subscribers.
    fn trace_end(&self, error: bool, close: &CloseEvent, closed_by_us: bool, final_state: &FinalState) {
        let CloseEvent { code, was_clean, .. } = *close;
        match final_state.error() {
            Some(failure) => event!(self.span, WARN, "failed", failure = %failure),
            None if error || !was_clean => event!(self.span, WARN, "failed"),
            None => {}
        }
        let started_by = match (closed_by_us, was_clean) {
            (true, _) => "client",
            (false, true) => "server",
            (false, false) => "none",
        };
        event!(self.span, INFO, "closed", code = code, clean = was_clean, started_by = started_by);
    }

    /// Queues a task behind the socket's other tasks.
    pub(crate) fn queue(&self, steps: impl FnOnce() + MaybeSend + 'static) -> Task {
        self.tasks.queue(steps)
    }

    /// Spawns a future beside the socket's tasks.
    pub(crate) fn spawn(&self, future: BoxFuture<()>) {
        self.tasks.spawn(future);
    }
}

impl<L: Listener> OnEvent for Connection<L> {
    fn handle_event(self: Shared<Self>, feedback: Feedback<()>) {
        if matches!(feedback, Feedback::Failed) {
            self.queue_failure();
        }
        let closing = matches!(feedback, Feedback::ClosingHandshakeStarted);
        let (action, closed_by_us) = {
            let mut state = self.state.lock();
            let action = self.update(&mut state, |socket_state| socket_state.handle_feedback(feedback));
            (action, state.socket_state.is_closed_by_us())
        };
        match action {
            Action::Nothing | Action::Message(()) => {
                if closing {
                    event!(self.span, INFO, "closing", started_by = if closed_by_us { "client" } else { "server" });
                    self.listener.closing(false);
                }
            }
            Action::Open => {
                event!(self.span, INFO, "open", subprotocol = shown(&self.protocol()), extensions = self.extensions());
                self.listener.opened();
            }
            Action::Fail => {
                event!(self.span, WARN, "the server chose a subprotocol that was not offered");
                if let Some(transport) = self.transport() {
                    transport.close(None);
                }
                self.fail();
            }
            Action::Closed { error, event } => {
                let final_state = self.release_transport();
                self.trace_end(error, &event, closed_by_us, &final_state);
                self.listener.closed(error, &event, final_state);
                let (close_notifier, keep_alive) = {
                    let mut state = self.state.lock();
                    state.close_event = Some(event.clone());
                    (state.close_notifier.take(), state.keep_alive.take())
                };
                if let Some(close_notifier) = close_notifier {
                    close_notifier.notify(event);
                }
                // Drop outside the lock: this may be the last reference to the connection.
                drop(keep_alive);
            }
        }
    }

    fn handle_messages(&self, messages: &mut Messages) {
        let outcome = {
            let state = self.state.lock();
            // The state does not change under the lock, so one check is enough for all messages.
            if !state.socket_state.accepts_messages() {
                return;
            }
            for message in messages.iter_mut() {
                platform::apply_binary_type(message, state.binary_type);
            }
            self.listener.receive(messages)
        };
        self.finish_receive(outcome);
    }

    fn poll_capacity(&self, context: &Context<'_>) -> Poll<Capacity> {
        self.listener.poll_capacity(context)
    }

    fn handle_sent(&self) -> bool {
        self.listener.sent(self.buffered_amount())
    }
}

impl<L: Listener> fmt::Debug for Connection<L> {
    /// Formats the connection as the public handle `WebSocket`, without secrets of the URL and without the subprotocol.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocket")
            .field("url", &RedactedUrl(self.url()))
            .field("ready_state", &self.ready_state())
            .field("buffered_amount", &self.buffered_amount())
            .finish_non_exhaustive()
    }
}
