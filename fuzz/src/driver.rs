//! Properties of native sockets over a stream that a script controls.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use samesocket::{
    BinaryType, Blob, CloseEvent, Connect, Control, Event, IoStream, Message, Options, ReadyState, Target, WebSocket,
    connect,
};
use samesocket_protocol::handshake::accept_key;
use tokio::runtime::{Builder, Handle};
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, yield_now};

use crate::script::{Script, Sent};
use crate::server::{self, Extensions, Receiver};
use crate::stream::Pipe;

/// The time after which a socket that has to end hangs. Arbitrary: an execution takes milliseconds.
const HANG: Duration = Duration::from_secs(15);

/// Messages of callbacks up to this size are sent back.
const ECHO: usize = 300;

/// Checks a socket with a model of a server. The first byte encodes the extensions, the API, and what callbacks do.
///
/// - There is one close event. It is the last event, and the stream is dropped after it.
/// - Each message that was sent arrives once and in order, in both directions, until the socket closes.
/// - bufferedAmount is the number of payload bytes that were not written.
///
/// # Panics
/// Panics if a property does not hold.
pub fn driver(data: &[u8]) {
    let mut script = Script::new(data);
    let flags = script.byte();
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let pipe = Pipe::default();
        let options = options(&pipe);
        let model = Arc::new(Mutex::new(Model::default()));
        let client = if flags & 4 == 0 {
            Client::interface(&options, &model, flags & 8 != 0)
        } else {
            Client::futures(connect("ws://h/").options(options), &model)
        };
        let mut scene = Scene::new(Extensions::of(flags & 3), pipe, client, model);
        while !script.is_over() {
            scene.act(&mut script).await;
        }
        scene.finish().await;
    });
}

fn options(pipe: &Pipe) -> Options {
    let stream = Mutex::new(Some(pipe.client()));
    Options::new().runtime(Handle::current()).connector(move |_: &Target| {
        let stream = stream.lock().unwrap_or_else(PoisonError::into_inner).take();
        async { Ok(Box::new(stream.ok_or_else(|| io::Error::other("a second attempt"))?) as Box<dyn IoStream>) }
    })
}

/// The events of the client so far.
#[derive(Default)]
struct Model {
    /// The messages that were sent while the socket was open, and the bytes of those that were sent later.
    sent: Vec<Sent>,
    lost_bytes: u64,
    received: Vec<Sent>,
    /// The number of received messages that were compared.
    checked: usize,
    opened: bool,
    errors: usize,
    closed: Option<CloseEvent>,
    /// Whether the client has called close.
    closing: bool,
    /// The number of callbacks that run. The library catches panics of callbacks, each of which leaves one.
    callbacks: usize,
}

impl Model {
    fn receive(&mut self, message: &Message) {
        assert!(self.opened && self.errors == 0 && self.closed.is_none(), "a message came too early or too late");
        let sent = match message {
            Message::Text(text) => Sent { is_text: true, payload: text.as_bytes().to_vec() },
            Message::Binary(bytes) => Sent { is_text: false, payload: bytes.to_vec() },
            other => panic!("{other:?} was received"),
        };
        self.received.push(sent);
    }

    fn close(&mut self, event: &CloseEvent) {
        assert!(self.closed.is_none(), "there is a second close event");
        self.closed = Some(event.clone());
    }
}

fn lock(model: &Mutex<Model>) -> MutexGuard<'_, Model> {
    model.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The client: a socket with one of the two APIs.
enum Client {
    Interface(WebSocket),
    /// The receiving task, and the sender that it has left when the connection was established.
    Futures {
        task: JoinHandle<()>,
        sender: Arc<Mutex<Option<samesocket::Sender>>>,
        permits: Arc<Semaphore>,
    },
    Dropped,
}

impl Client {
    fn interface(options: &Options, model: &Arc<Mutex<Model>>, echoes: bool) -> Self {
        let socket = WebSocket::with_options("ws://h/", (), options).expect("the URL is valid");
        socket.set_binary_type(BinaryType::ArrayBuffer);
        let model = Arc::clone(model);
        let subscription = socket.subscribe(move |socket, event| {
            let mut model = lock(&model);
            model.callbacks += 1;
            match event {
                Event::Open => {
                    assert!(!model.opened && model.closed.is_none() && model.errors == 0);
                    model.opened = true;
                }
                Event::Message(event) => {
                    model.receive(&event.data);
                    let message = model.received.last().cloned().expect("it was received");
                    if echoes && message.payload.len() <= ECHO && socket.ready_state() == ReadyState::Open {
                        socket.send(&message.payload).expect("the socket is open");
                        model.sent.push(Sent { is_text: false, ..message });
                    }
                }
                Event::Error => {
                    model.errors += 1;
                    assert!(model.errors == 1 && model.closed.is_none());
                }
                Event::Close(event) => model.close(event),
                other => panic!("{other:?}"),
            }
            model.callbacks -= 1;
        });
        subscription.detach();
        Self::Interface(socket)
    }

    fn futures(connecting: Connect, model: &Arc<Mutex<Model>>) -> Self {
        let (sender, permits) = (Arc::new(Mutex::new(None)), Arc::new(Semaphore::new(0)));
        let connecting = connecting.high_water_mark(1 << 16).receive_limit(8, 1 << 16);
        let (model, left, gate) = (Arc::clone(model), Arc::clone(&sender), Arc::clone(&permits));
        let task = tokio::spawn(async move {
            let Ok(socket) = connecting.await else {
                lock(&model).close(&CloseEvent::abnormal());
                return;
            };
            lock(&model).opened = true;
            let (sender, mut receiver) = socket.split();
            let closed = sender.control().closed();
            *left.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender);
            loop {
                gate.acquire().await.expect("the gate is open").forget();
                match receiver.next().await {
                    Some(Ok(message)) => lock(&model).receive(&message),
                    Some(Err(_)) => lock(&model).errors += 1,
                    None => break,
                }
            }
            let event = closed.await;
            lock(&model).close(&event);
        });
        Self::Futures { task, sender, permits }
    }

    fn control(&self) -> Option<Control> {
        match self {
            Self::Futures { sender, .. } => {
                sender.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(samesocket::Sender::control)
            }
            _ => None,
        }
    }

    /// Returns the state and bufferedAmount, if they are known.
    fn attributes(&self) -> Option<(ReadyState, u64)> {
        match self {
            Self::Interface(socket) => Some((socket.ready_state(), socket.buffered_amount())),
            Self::Futures { .. } => self.control().map(|control| (control.ready_state(), control.buffered_amount())),
            Self::Dropped => None,
        }
    }

    /// Sends a message. Returns whether the library took it.
    fn send(&self, message: &Sent, how: u8) -> bool {
        match self {
            Self::Interface(socket) if message.is_text => socket.send(message.text()).is_ok(),
            Self::Interface(socket) if how & 1 == 0 => socket.send(&message.payload).is_ok(),
            Self::Interface(socket) => socket.send(&Blob::new(&message.payload)).is_ok(),
            Self::Futures { sender, .. } => {
                let sender = sender.lock().unwrap_or_else(PoisonError::into_inner);
                let Some(sender) = sender.as_ref() else { return false };
                let message =
                    if message.is_text { message.text().into() } else { Message::from(message.payload.clone()) };
                if how & 1 == 0 {
                    sender.try_send(message).is_ok()
                } else {
                    // A send that has to wait is cancelled, which sends nothing.
                    sender.send(message).now_or_never().is_some_and(|sent| sent.is_ok())
                }
            }
            Self::Dropped => false,
        }
    }

    /// Closes the socket. Returns whether it exists.
    fn close(&self, code: Option<u16>) -> bool {
        match (self, self.control()) {
            (Self::Interface(socket), _) => socket.close(code, None).is_ok(),
            (_, Some(control)) => {
                drop(control.close(code, None));
                true
            }
            _ => false,
        }
    }
}

/// A client, and the server and the network around it.
#[expect(clippy::struct_excessive_bools, reason = "each is seen independently")]
struct Scene {
    pipe: Pipe,
    client: Client,
    model: Arc<Mutex<Model>>,
    receiver: Receiver,
    sender: server::Sender,
    responded: bool,
    /// The messages that the server has sent before its Close frame.
    expected: Vec<Sent>,
    server_closed: bool,
    ended: bool,
    writes_failed: bool,
    /// The number of messages that the client had sent before it could know of the server's Close frame.
    certain: Option<usize>,
}

impl Scene {
    fn new(extensions: Extensions, pipe: Pipe, client: Client, model: Arc<Mutex<Model>>) -> Self {
        Self {
            pipe,
            client,
            model,
            receiver: Receiver::new(extensions),
            sender: server::Sender::new(extensions),
            responded: false,
            expected: Vec::new(),
            server_closed: false,
            ended: false,
            writes_failed: false,
            certain: None,
        }
    }

    async fn act(&mut self, script: &mut Script<'_>) {
        match script.below(16) {
            0..=2 => self.client_sends(script),
            3 => {
                let code = [None, Some(1000), Some(3000)][usize::from(script.below(3))];
                if self.client.close(code) {
                    lock(&self.model).closing = true;
                }
            }
            4 | 5 => {
                let message = script.message();
                let (compress, pieces) = (script.flag(), script.byte());
                let piece = if pieces & 1 == 0 { usize::MAX } else { message.payload.len() / usize::from(pieces) + 1 };
                if self.server_can_send() {
                    self.pipe.send(&self.sender.message(&message, compress, piece));
                    self.expected.push(message);
                }
            }
            6 => {
                let first = 0x89 + script.below(2);
                self.server_sends(&server::frame(first, &[2; 9]));
            }
            7 => {
                let code = [None, Some(1000), Some(4999)][usize::from(script.below(3))];
                self.server_closed |= self.server_sends(&server::close_frame(code));
                self.certain.get_or_insert(lock(&self.model).sent.len());
            }
            8 => self.respond(),
            9 | 10 => self.pipe.permit_reads(script.size()),
            11 | 12 => self.pipe.permit_writes(script.size(), script.below(4) == 1),
            13 => {
                if let Client::Futures { permits, .. } = &self.client {
                    permits.add_permits(usize::from(script.byte()));
                }
            }
            14 => {
                for _ in 0..script.below(16) {
                    yield_now().await;
                }
            }
            _ => match script.below(16) {
                0 => self.end(),
                1 => {
                    self.writes_failed = true;
                    self.pipe.fail_writes();
                }
                2 => self.drop_client().await,
                _ => yield_now().await,
            },
        }
        self.receive();
        self.check();
    }

    fn client_sends(&self, script: &mut Script<'_>) {
        let (message, how) = (script.message(), script.byte());
        let state = self.client.attributes().map(|(state, _)| state);
        let taken = self.client.send(&message, how);
        let mut model = lock(&self.model);
        match state {
            Some(ReadyState::Open) if taken => model.sent.push(message),
            // The interface counts what is sent after the closing handshake has started.
            Some(ReadyState::Closing | ReadyState::Closed) if taken => model.lost_bytes += message.payload.len() as u64,
            _ => assert!(!taken, "a message was taken while the socket was {state:?}"),
        }
    }

    const fn server_can_send(&self) -> bool {
        self.responded && !self.server_closed && !self.ended
    }

    /// Sends bytes of the server, unless it has closed. Returns whether it has sent them.
    fn server_sends(&self, bytes: &[u8]) -> bool {
        let can_send = self.server_can_send();
        if can_send {
            self.pipe.send(bytes);
        }
        can_send
    }

    fn respond(&mut self) {
        if self.receiver.request.is_some() && !self.responded && !self.ended {
            self.pipe.send(self.receiver.response(accept_key).as_bytes());
            self.responded = true;
        }
    }

    fn end(&mut self) {
        self.ended = true;
        self.pipe.end();
        self.certain.get_or_insert(lock(&self.model).sent.len());
    }

    /// Drops every handle of the client.
    async fn drop_client(&mut self) {
        if let Client::Futures { task, .. } = std::mem::replace(&mut self.client, Client::Dropped) {
            task.abort();
            drop(task.await);
        }
        lock(&self.model).closing = true;
    }

    /// Passes the bytes that the client has written to the server.
    fn receive(&mut self) {
        self.receiver.receive(&self.pipe.take_written());
    }

    fn check(&mut self) {
        let mut model = lock(&self.model);
        assert_eq!(model.callbacks, 0, "a callback has panicked");
        assert!(!self.pipe.is_misused(), "a write follows the shutdown");
        self.receiver.check_order(&model.sent);
        let new = model.checked..model.received.len();
        assert_eq!(model.received.get(new.clone()), self.expected.get(new), "what the client received was not sent");
        model.checked = model.received.len();
        let Some((state, amount)) = self.client.attributes() else { return };
        let allowed = self.receiver.buffered_amounts(&model.sent, model.lost_bytes);
        let is_alive = matches!(state, ReadyState::Open | ReadyState::Closing) && !self.writes_failed && !self.ended;
        let is_right = if is_alive { allowed.contains(&amount) } else { *allowed.start() <= amount };
        assert!(is_right, "bufferedAmount is {amount}, not in {allowed:?}");
    }

    /// Lets the socket end, and checks what has arrived.
    async fn finish(mut self) {
        self.pipe.permit_reads(usize::MAX);
        self.pipe.permit_writes(usize::MAX, false);
        if let Client::Futures { permits, .. } = &self.client {
            permits.add_permits(1 << 20);
        }
        let end = tokio::time::Instant::now() + HANG;
        while !self.pipe.is_dropped() || self.is_open() {
            assert!(tokio::time::Instant::now() < end, "the socket hangs");
            yield_now().await;
            self.receive();
            self.respond();
            if self.server_can_send() {
                self.server_closed = self.server_sends(&server::close_frame(Some(1000)));
                self.certain.get_or_insert(lock(&self.model).sent.len());
            }
            if (self.receiver.close.is_some() || self.writes_failed) && !self.ended {
                self.end();
            }
        }
        self.receive();
        self.check();
        let model = lock(&self.model);
        if model.opened && !self.writes_failed && model.errors == 0 && self.receiver.close.is_some() {
            let least = self.certain.unwrap_or(model.sent.len());
            assert!(self.receiver.messages.len() >= least, "messages did not arrive");
            if !model.closing {
                assert_eq!(model.received.len(), self.expected.len(), "messages were not received");
            }
        }
        if let Some(event) = &model.closed {
            assert!(!event.was_clean || self.server_closed && self.receiver.close.is_some());
        }
    }

    /// Returns whether a close event has to come.
    fn is_open(&self) -> bool {
        !matches!(self.client, Client::Dropped) && lock(&self.model).closed.is_none()
    }
}
