//! One socket: the Standard's state, the platform that carries it, and those who hear of it.

pub(crate) mod closed;
pub(crate) mod listener;
mod state;

use std::fmt;
use std::ops::DerefMut;
use std::task::{Context, Poll};

use self::closed::Closed;
use crate::connection::listener::{Listener, ReceiveOutcome};
use crate::connection::state::ConnectionState;
use crate::platform::buffered_amount_hint::BufferedAmountHint;
use crate::platform::{
    self, Backend, BoxFuture, EventSink, FinalState, MakeSubprotocolList, Messages, OnEvent, Protocols, ReceiveMode,
    SendOutcome, Task, Tasks, Transport, Url, WATCH_BUFFERED_AMOUNT,
};
use crate::queue::Capacity;
use crate::sync::catch_panic::wake;
use crate::sync::{Lock, MaybeSend, Shared, Weak};
use crate::types::binary_type::BinaryType;
use crate::types::payload::Payload;
use samesocket_spec::close::CloseFrame;
use samesocket_spec::constructor::UrlRecord;
use samesocket_spec::state::{Closing, Feedback, Outcome, Sending, State};
use samesocket_spec::{CloseEvent, Exception, ReadyState};

/// What all handles of a socket share.
pub(crate) struct Connection<L> {
    url: Url,
    /// Locked before what the listener locks, where both are.
    present: Lock<ConnectionState<Self>>,
    /// What was queued when the last message was handed over, or more; changed while what is present is locked.
    queued: BufferedAmountHint,
    tasks: Tasks,
    /// Who hears of everything: the subscribers, or the futures API. A program that uses but one of them links but one.
    listener: L,
}

impl<L: Listener> Connection<L> {
    /// Establishes a WebSocket connection; the arguments have been checked.
    ///
    /// See <https://websockets.spec.whatwg.org/#concept-websocket-establish>.
    pub(crate) fn establish(
        url: Url,
        protocols: Vec<String>,
        list: Option<MakeSubprotocolList>,
        form: ReceiveMode,
        dial: &dyn Backend,
        tasks: Tasks,
        listener: L,
    ) -> Shared<Self> {
        let connection = Shared::new(Self {
            url,
            present: Lock::new(ConnectionState {
                state: State::new(protocols),
                socket: None,
                remains: FinalState::default(),
                binary_type: form.binary_type,
                end: None,
                awaited: None,
                failing: None,
                lingering: None,
            }),
            queued: BufferedAmountHint::default(),
            tasks,
            listener,
        });
        let me: Weak<dyn OnEvent> = Shared::<Self>::downgrade(&connection);
        let socket = {
            // Nothing is told before it is started.
            let mut present = connection.present.lock();
            let protocols = Protocols { names: present.state.offered(), make_list: list };
            present.socket = dial.dial(&connection.url, protocols, form, &connection.tasks, EventSink::new(me));
            present.socket.clone()
        };
        match socket {
            Some(socket) => socket.start(),
            None => connection.fail_in_a_task(),
        }
        connection
    }

    pub(crate) const fn listener(&self) -> &L {
        &self.listener
    }

    pub(crate) fn url(&self) -> &str {
        self.url.as_str()
    }

    /// The ready state; the platform is asked whether the peer has started to close, since no event tells.
    pub(crate) fn ready_state(&self) -> ReadyState {
        self.up_to_date().state.ready_state()
    }

    pub(crate) fn buffered_amount(&self) -> u64 {
        self.present.lock().buffered_amount()
    }

    /// Whether no more than this is queued; the platform is asked only if what was sent since could make it more.
    pub(crate) fn has_at_most(&self, mark: u64) -> bool {
        if self.queued.upper_bound() <= mark {
            return true;
        }
        let present = self.present.lock();
        let amount = present.buffered_amount();
        self.queued.set(amount);
        amount <= mark
    }

    pub(crate) fn extensions(&self) -> String {
        self.present.lock().state.extensions().to_owned()
    }

    pub(crate) fn protocol(&self) -> String {
        self.present.lock().state.protocol().to_owned()
    }

    pub(crate) fn binary_type(&self) -> BinaryType {
        self.present.lock().binary_type
    }

    pub(crate) fn set_binary_type(&self, binary_type: BinaryType) {
        if let Some(socket) = self.socket() {
            socket.set_binary_type(binary_type.into());
        }
        // Locked, so that a message that comes at this moment has the new form, or is among those that wait.
        let mut present = self.present.lock();
        present.binary_type = binary_type;
        self.listener.set_binary_type(binary_type);
    }

    pub(crate) fn send(&self, payload: Payload<'_>) -> Result<(), Exception> {
        let size = payload.size();
        let mut present = self.up_to_date();
        if present.state.send(size)? == Sending::Transmit {
            self.give(present, payload, size);
        }
        Ok(())
    }

    /// Sends, unless the socket is not OPEN or the platform does not take it; whether it was handed over.
    pub(crate) fn hand_over(&self, payload: Payload<'_>) -> bool {
        let present = self.up_to_date();
        present.state.ready_state() == ReadyState::Open && self.give(present, payload, 0)
    }

    /// Gives data to the platform, and unlocks what is present only then, so that no Close gets between; whether it was
    /// taken. If it was not, so much is counted.
    fn give(
        &self,
        mut present: impl DerefMut<Target = ConnectionState<Self>>,
        payload: Payload<'_>,
        count: u64,
    ) -> bool {
        let ConnectionState { socket: Some(socket), state, .. } = &mut *present else { return false };
        match socket.send(payload, &self.queued) {
            SendOutcome::Accepted => {}
            SendOutcome::NeedsFlush => {
                let socket = Shared::clone(socket);
                drop(present);
                socket.flush();
            }
            SendOutcome::Rejected => {
                state.flag_as_full(count);
                socket.close(None);
                return false;
            }
        }
        true
    }

    /// Sends a ping of the protocol, where that is possible; whether it is.
    pub(crate) fn ping(&self) -> bool {
        self.socket().is_some_and(|socket| socket.ping())
    }

    /// Whether a pong came since this was asked last.
    pub(crate) fn take_pong(&self) -> bool {
        self.socket().is_some_and(|socket| socket.take_pong())
    }

    /// Has the back end tell what it can, after what was taken of it.
    pub(crate) fn settle(&self) {
        if let Some(socket) = self.socket() {
            socket.pump();
        }
    }

    /// Has the listener told when bufferedAmount falls.
    pub(crate) fn watch(&self) {
        if let Some(socket) = &self.present.lock().socket {
            socket.watch_buffered_amount(WATCH_BUFFERED_AMOUNT);
        }
    }

    pub(crate) fn close(&self, frame: CloseFrame<'_>) {
        let socket = {
            let mut present = self.up_to_date();
            if present.state.close() == Closing::Nothing {
                return;
            }
            present.socket.clone()
        };
        if let Some(socket) = socket {
            // Nothing is locked, since a platform may tell of the end at once.
            socket.close(frame);
            self.listener.closing(true);
            socket.pump();
        }
    }

    pub(crate) fn closed(&self) -> Closed {
        let mut present = self.present.lock();
        if let Some(event) = &present.end {
            return Closed::reached(event.clone());
        }
        Shared::clone(present.awaited.get_or_insert_with(closed::awaited)).closed()
    }

    /// The last handle was dropped: closes without a code, and frees all that nobody waits for.
    pub(crate) fn abandon(self: &Shared<Self>) {
        self.listener.abandon();
        self.close(None);
        self.listener.deliver();
        let mut present = self.present.lock();
        if present.lingers() || self.listener.awaits_end() {
            // Once it has ended, nobody would take it back.
            if present.end.is_none() {
                present.lingering = Some(Shared::clone(self));
            }
        } else {
            drop(present);
            self.drop_caught();
            self.listener.release();
        }
    }

    /// What the platform knows of a socket, be it at its end or before.
    pub(crate) fn remains(&self) -> FinalState {
        let present = self.present.lock();
        present.socket.as_ref().map_or_else(|| present.remains.clone(), |socket| socket.final_state())
    }

    /// The platform's socket; a reference of its own, since an event may let go of it meanwhile.
    fn socket(&self) -> Option<Shared<dyn Transport>> {
        self.present.lock().socket.clone()
    }

    /// What is at present, once it is noticed whether the closing handshake has started.
    fn up_to_date(&self) -> impl DerefMut<Target = ConnectionState<Self>> {
        let mut present = self.present.lock();
        if present.socket.as_ref().is_some_and(|socket| socket.is_closing()) {
            present.state.notice_closing_handshake();
        }
        present
    }

    fn act_on(&self, ReceiveOutcome { waker, frame, deliver }: ReceiveOutcome) {
        wake(waker);
        if let Some(frame) = frame {
            self.close(Some(*frame));
        }
        if deliver {
            self.listener.deliver();
        }
    }

    /// Fails the connection, unless its `close` comes before.
    fn fail_in_a_task(self: &Shared<Self>) {
        let me = Shared::downgrade(self);
        let task = self.tasks.queue(move || {
            if let Some(connection) = me.upgrade() {
                connection.fail();
            }
        });
        let former = self.present.lock().failing.replace(task);
        drop(former);
    }

    fn fail(self: Shared<Self>) {
        self.handle_event(Feedback::Closed(CloseEvent::abnormal()));
    }

    /// Lets go of the platform's socket, with every listener at it; gives what that leaves.
    fn drop_caught(&self) -> FinalState {
        let (socket, failing, remains) = {
            let mut present = self.present.lock();
            let socket = present.socket.take();
            if let Some(socket) = &socket {
                present.remains = socket.final_state();
            }
            (socket, present.failing.take(), present.remains.clone())
        };
        // Dropped while nothing is locked, since it closes what is open.
        drop((socket, failing));
        remains
    }

    /// Queues a task among the socket's own.
    pub(crate) fn queue(&self, steps: impl FnOnce() + MaybeSend + 'static) -> Task {
        self.tasks.queue(steps)
    }

    /// Has a future go on beside the socket's own tasks.
    pub(crate) fn spawn(&self, future: BoxFuture<()>) {
        self.tasks.spawn(future);
    }
}

impl<L: Listener> OnEvent for Connection<L> {
    fn handle_event(self: Shared<Self>, feedback: Feedback<()>) {
        if matches!(feedback, Feedback::Failed) {
            self.fail_in_a_task();
        }
        let closing = matches!(feedback, Feedback::ClosingHandshakeStarted);
        let outcome = self.present.lock().state.take(feedback);
        match outcome {
            Outcome::Nothing | Outcome::Message(()) => {
                if closing {
                    self.listener.closing(false);
                }
            }
            Outcome::Open => self.listener.opened(),
            Outcome::Fail => {
                if let Some(socket) = self.socket() {
                    socket.close(None);
                }
                self.fail();
            }
            Outcome::Closed { error, event } => {
                let remains = self.drop_caught();
                self.listener.closed(error, &event, remains);
                let (awaited, lingering) = {
                    let mut present = self.present.lock();
                    present.end = Some(event.clone());
                    (present.awaited.take(), present.lingering.take())
                };
                if let Some(awaited) = awaited {
                    awaited.reach(event);
                }
                drop(lingering);
            }
        }
    }

    fn handle_messages(&self, messages: &mut Messages) {
        let reception = {
            let present = self.present.lock();
            // What is true of the first is true of all: the state does not change meanwhile.
            if !present.state.takes_messages() {
                return;
            }
            for message in messages.iter_mut() {
                platform::apply_binary_type(message, present.binary_type);
            }
            self.listener.receive(messages)
        };
        self.act_on(reception);
    }

    fn poll_capacity(&self, context: &Context<'_>) -> Poll<Capacity> {
        self.listener.poll_capacity(context)
    }

    fn handle_sent(&self) -> bool {
        self.listener.sent(self.buffered_amount())
    }
}

impl<L: Listener> fmt::Debug for Connection<L> {
    /// Shows it as the handle that the interface has.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocket")
            .field("url", &self.url())
            .field("ready_state", &self.ready_state())
            .field("protocol", &self.protocol())
            .field("buffered_amount", &self.buffered_amount())
            .finish_non_exhaustive()
    }
}
