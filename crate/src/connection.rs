//! One socket: the Standard's state, the platform that carries it, and those who hear of it.

use std::task::{Context, Poll, Waker};

use crate::closed::{Closed, End};
use crate::listen::{Listen, Reception};
use crate::message::Payload;
use crate::platform::{self, Boxed, Carry, Dial, MaybeSend, Receive, Remains, Task, Tasks, Url};
use crate::shared::{Lock, Shared, Weak};
use crate::spec::close::CloseFrame;
use crate::spec::constructor::UrlRecord;
use crate::spec::state::{Closing, Feedback, Outcome, Sending, State};
use crate::subscribers::Subscribers;
use crate::{BinaryType, CloseEvent, Exception, Message, ReadyState};

/// What all handles of a socket share.
pub(crate) struct Connection {
    pub(crate) url: String,
    /// Locked before the socket and what the listener locks, where more than one of them is.
    state: Lock<State>,
    /// The platform's socket, from the constructor to the `close` event.
    socket: Lock<Option<Shared<dyn Carry>>>,
    /// What the platform left when it was let go of.
    remains: Lock<Remains>,
    binary_type: Lock<BinaryType>,
    tasks: Tasks,
    /// The task that fails a connection of which no more is to be heard: the platform refused to start it, or told of
    /// an error and, unlike the Standard, of nothing after it.
    failing: Lock<Option<Task>>,
    /// Who hears of everything: the subscribers, or the futures API. A program that uses but one of them links but one.
    listener: Shared<dyn Listen>,
    end: Shared<Lock<End>>,
    me: Weak<Connection>,
    /// This connection itself, while its last handle was dropped and its end is awaited, or its Close waits for blobs.
    lingering: Lock<Option<Shared<Connection>>>,
}

/// The end of a connection at which its back end tells what happens; it does not keep the connection.
struct Receiver(Weak<Connection>);

impl Connection {
    /// Establishes a WebSocket connection; the arguments have been checked.
    ///
    /// See <https://websockets.spec.whatwg.org/#concept-websocket-establish>.
    pub(crate) fn establish(
        url: &Url,
        protocols: Vec<String>,
        binary_type: BinaryType,
        dial: &dyn Dial,
        tasks: Tasks,
        listener: Shared<dyn Listen>,
    ) -> Shared<Self> {
        let connection = Shared::new_cyclic(|me: &Weak<Self>| Self {
            url: url.serialize(),
            state: Lock::new(State::new(protocols.clone())),
            socket: Lock::default(),
            remains: Lock::default(),
            binary_type: Lock::new(binary_type),
            tasks,
            failing: Lock::default(),
            listener,
            end: Shared::default(),
            me: me.clone(),
            lingering: Lock::default(),
        });
        let receiver = Box::new(Receiver(connection.me.clone()));
        connection.socket.replace(dial.dial(url, protocols, binary_type, &connection.tasks, receiver));
        match connection.socket() {
            Some(socket) => socket.start(),
            None => connection.fail_in_a_task(),
        }
        connection
    }

    /// The ready state; the platform is asked whether the peer has started to close, since no event tells.
    pub(crate) fn ready_state(&self) -> ReadyState {
        self.notice_closing();
        self.state.lock().ready_state()
    }

    pub(crate) fn buffered_amount(&self) -> u64 {
        self.remains().buffered_amount.saturating_add(self.state.lock().discarded())
    }

    pub(crate) fn extensions(&self) -> String {
        self.state.lock().extensions().to_owned()
    }

    pub(crate) fn protocol(&self) -> String {
        self.state.lock().protocol().to_owned()
    }

    pub(crate) fn binary_type(&self) -> BinaryType {
        *self.binary_type.lock()
    }

    pub(crate) fn set_binary_type(&self, binary_type: BinaryType) {
        if let Some(socket) = self.socket() {
            socket.set_binary_type(binary_type);
        }
        // Locked, so that a message that comes at this moment has the new form, or is among those that wait.
        let _state = self.state.lock();
        self.binary_type.replace(binary_type);
        self.listener.set_binary_type(binary_type);
    }

    pub(crate) fn send(&self, payload: Payload<'_>) -> Result<(), Exception> {
        self.notice_closing();
        let size = payload.size();
        let socket = self.socket();
        // Locked until the data is handed over, so that no Close gets between.
        let mut state = self.state.lock();
        if state.send(size)? == Sending::Transmit
            && let Some(socket) = socket
            && !socket.send(payload)
        {
            state.flag_as_full(size);
            socket.close(None);
        }
        Ok(())
    }

    /// Sends, unless the socket is not OPEN or the platform does not take it; whether it was handed over.
    pub(crate) fn hand_over(&self, payload: Payload<'_>) -> bool {
        let Some(socket) = self.socket() else { return false };
        self.notice_closing_of(&*socket);
        let taken = {
            // Locked until the data is handed over, as for `send`.
            let mut state = self.state.lock();
            if state.ready_state() != ReadyState::Open {
                return false;
            }
            let taken = socket.send(payload);
            if !taken {
                state.flag_as_full(0);
                socket.close(None);
            }
            taken
        };
        socket.settle();
        taken
    }

    /// Leaves messages to the platform until they are read.
    pub(crate) fn keep_unread(&self) {
        if let Some(socket) = self.socket() {
            socket.keep_unread();
        }
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
            socket.settle();
        }
    }

    /// Has the listener told when bufferedAmount falls.
    pub(crate) fn watch(&self) {
        if let Some(socket) = self.socket() {
            socket.watch();
        }
    }

    pub(crate) fn close(&self, frame: CloseFrame<'_>) {
        self.notice_closing();
        let socket = self.socket();
        {
            let mut state = self.state.lock();
            if state.close() == Closing::Nothing {
                return;
            }
            if let Some(socket) = &socket {
                socket.close(frame);
            }
        }
        self.listener.closing(true);
        if let Some(socket) = socket {
            socket.settle();
        }
    }

    /// Who hears of events, if anybody does.
    pub(crate) fn subscribers(&self) -> Option<&Subscribers> {
        self.listener.subscribers()
    }

    pub(crate) fn closed(&self) -> Closed {
        Closed::new(Shared::clone(&self.end))
    }

    /// The last handle was dropped: closes without a code, and frees all that nobody waits for.
    pub(crate) fn abandon(self: &Shared<Self>) {
        self.listener.abandon();
        self.close(None);
        self.listener.deliver();
        let closes_later = self.socket().is_some_and(|socket| socket.has_waiting_close());
        if closes_later || self.end_is_awaited() || self.listener.awaits_end() {
            self.lingering.replace(Some(Shared::clone(self)));
        } else {
            self.let_go();
            self.failing.take();
            self.listener.release();
        }
    }

    fn end_is_awaited(&self) -> bool {
        !self.end.lock().is_reached() && Shared::strong_count(&self.end) > 1
    }

    /// What the platform knows of a socket, be it at its end or before.
    pub(crate) fn remains(&self) -> Remains {
        match self.socket() {
            Some(socket) => socket.remains(),
            None => self.remains.lock().clone(),
        }
    }

    /// The platform's socket; a reference of its own, since an event may let go of it meanwhile.
    fn socket(&self) -> Option<Shared<dyn Carry>> {
        self.socket.lock().clone()
    }

    fn notice_closing(&self) {
        if let Some(socket) = self.socket() {
            self.notice_closing_of(&*socket);
        }
    }

    fn notice_closing_of(&self, socket: &dyn Carry) {
        if socket.is_closing() {
            // Nothing is fired for it.
            let _ = self.state.lock().take::<Message>(Feedback::ClosingHandshakeStarted);
        }
    }

    fn take(&self, feedback: Feedback<Message>) {
        if matches!(feedback, Feedback::Failed) {
            self.fail_in_a_task();
        }
        let closing = matches!(feedback, Feedback::ClosingHandshakeStarted);
        let mut state = self.state.lock();
        match state.take(feedback) {
            Outcome::Nothing => {
                drop(state);
                if closing {
                    self.listener.closing(false);
                }
            }
            Outcome::Open => {
                drop(state);
                self.listener.opened();
            }
            Outcome::Message(mut message) => {
                platform::set_form(&mut message, self.binary_type());
                let Reception { waker, frame, deliver } = self.listener.receive(message);
                drop(state);
                waker.into_iter().for_each(Waker::wake);
                if let Some(frame) = frame {
                    self.close(frame);
                }
                if deliver {
                    self.listener.deliver();
                }
            }
            Outcome::Fail => {
                drop(state);
                if let Some(socket) = self.socket() {
                    socket.close(None);
                }
                self.fail();
            }
            Outcome::Closed { error, event } => {
                drop(state);
                self.let_go();
                self.failing.take();
                self.listener.closed(error, &event, self.remains());
                let wakers = self.end.lock().reach(event);
                wakers.into_iter().map(|(_, waker)| waker).for_each(Waker::wake);
                self.lingering.take();
            }
        }
    }

    /// Fails the connection, unless its `close` comes before.
    fn fail_in_a_task(&self) {
        let task = self.queue(|connection| connection.fail());
        self.failing.replace(Some(task));
    }

    fn fail(&self) {
        self.take(Feedback::Closed(CloseEvent::abnormal()));
    }

    /// Lets go of the platform's socket, with every listener at it.
    fn let_go(&self) {
        if let Some(socket) = self.socket.take() {
            self.remains.replace(socket.remains());
        }
    }

    /// Has a future go on beside the socket's own tasks.
    pub(crate) fn spawn(&self, future: Boxed<()>) {
        self.tasks.spawn(future);
    }

    fn queue(&self, steps: impl FnOnce(Shared<Self>) + MaybeSend + 'static) -> Task {
        let me = self.me.clone();
        self.tasks.queue(move || {
            if let Some(connection) = me.upgrade() {
                steps(connection);
            }
        })
    }
}

impl Receive for Receiver {
    fn take(&self, feedback: Feedback<Message>) {
        if let Some(connection) = self.0.upgrade() {
            connection.take(feedback);
        }
    }

    fn poll_room(&self, context: &Context<'_>) -> Poll<()> {
        let Some(connection) = self.0.upgrade() else { return Poll::Ready(()) };
        connection.listener.poll_room(context)
    }

    fn sent(&self) -> bool {
        let Some(connection) = self.0.upgrade() else { return false };
        connection.listener.sent(connection.buffered_amount())
    }
}
