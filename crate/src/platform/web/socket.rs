//! The platform's socket, turned into feedback.

use std::any::Any;
use std::cell::{Cell, OnceCell};
use std::error::Error;
use std::rc::Rc;

use js_sys::{Array, Uint8Array};
use wasm_bindgen::prelude::*;
use web_sys::{MessageEvent, WebSocket};

use super::buffered_amount_poll::{PollBufferedAmount, Watch};
use super::close_after_blobs::CloseAfter;
use super::listener::EventListener;
use super::{Options, Time, Url, alone, close_after_blobs};
use crate::platform::buffered_amount_hint::BufferedAmountHint;
use crate::platform::{Backend, Clock, EventSink, Protocols, ReceiveMode, SendOutcome, Tasks, Transport};
use crate::sync::Shared;
use crate::types::binary_type::BinaryType;
use crate::types::lazy_message::LazyMessage;
use crate::types::lazy_message::copy_to_bytes;
use crate::types::message::Message;
use crate::types::payload::Payload;
use crate::types::text::Text;
use samesocket_spec::close::CloseFrame;
use samesocket_spec::constructor::UrlRecord;
use samesocket_spec::state::Feedback;

#[wasm_bindgen]
extern "C" {
    /// The platform's socket, for the attribute that `web-sys` narrows to 32 bits, and for a constructor that may be given
    /// no subprotocols.
    #[wasm_bindgen(extends = WebSocket, js_name = WebSocket)]
    type Platform;

    #[wasm_bindgen(constructor, catch, js_class = "WebSocket")]
    fn new(url: &str, protocols: &JsValue) -> Result<Platform, JsValue>;

    #[wasm_bindgen(method, getter, js_name = bufferedAmount)]
    fn buffered_amount_f64(this: &Platform) -> f64;

    /// Sends what the platform holds.
    #[wasm_bindgen(method, catch, js_name = send)]
    fn send_held(this: &Platform, data: &JsValue) -> Result<(), JsValue>;
}

/// What is left of a socket.
#[derive(Clone, Debug, Default)]
pub(crate) struct FinalState {
    /// The bytes that the platform had queued.
    pub(crate) buffered_amount: u64,
}

impl FinalState {
    /// What is left of a socket that nothing else is known of.
    pub(crate) const fn of(buffered_amount: u64) -> Self {
        Self { buffered_amount }
    }

    /// A page is not told why a connection failed.
    #[expect(clippy::unused_self, reason = "natively there is something to tell")]
    pub(crate) fn source(&self) -> Option<&(dyn Error + 'static)> {
        None
    }
}

/// Makes a blob's message of what an event carries, if it is one.
pub(crate) type Blobs = fn(&JsValue) -> Option<Message>;

pub(crate) const BLOBS: Blobs = |data| data.dyn_ref::<web_sys::Blob>().map(|blob| Message::Blob(blob.clone().into()));

/// Has the platform hold a message.
pub(crate) type Hold = fn(JsValue) -> Message;

pub(crate) const HOLD: Hold = |data| Message::Lazy(LazyMessage::from_js(data));

/// Makes a list of subprotocols.
pub(crate) type List = fn(&[String]) -> Array;

pub(crate) const LIST: List = |names| names.iter().map(JsValue::from).collect();

/// A platform's socket with our listeners; dropping it takes these away and closes nothing.
pub(crate) struct Socket {
    inner: Rc<SocketInner>,
    _listeners: [EventListener; 4],
}

/// What a socket shares with its listeners.
pub(crate) struct SocketInner {
    pub(super) platform: WebSocket,
    pub(super) receiver: EventSink,
    /// What looks whether bufferedAmount has fallen, once somebody waited for it.
    pub(super) poller: OnceCell<Box<dyn PollBufferedAmount>>,
    /// What has messages stay with the platform, if they do.
    hold: Option<Hold>,
    /// What makes blobs of messages, once they were wanted.
    blobs: Cell<Option<Blobs>>,
    /// How to close once a blob was sent.
    pub(super) close_after: Cell<Option<CloseAfter>>,
    /// What closes when blobs are gone, while it waits for them.
    pub(super) waiting_close: Cell<Option<Box<dyn Any>>>,
    /// Whether the platform is being called to close.
    is_called: Cell<bool>,
}

impl Socket {
    /// Starts a connection, whose feedback is given to `receiver`, each in a task of the platform's.
    ///
    /// The arguments have been checked, so `None` says that the platform refuses to start, as it does for mixed
    /// content; the Standard knows no such exception and has the connection fail.
    pub(crate) fn connect(url: &Url, protocols: Protocols<'_>, form: ReceiveMode, receiver: EventSink) -> Option<Self> {
        let list = protocols.list.map_or(JsValue::UNDEFINED, |list| list(protocols.names).into());
        let platform: WebSocket = Platform::new(url.as_str(), &list).ok()?.unchecked_into();
        let inner = Rc::new(SocketInner {
            platform,
            receiver,
            poller: OnceCell::new(),
            hold: form.hold,
            blobs: Cell::default(),
            close_after: Cell::default(),
            waiting_close: Cell::default(),
            is_called: Cell::default(),
        });
        let listeners = [
            inner.listen("open", SocketInner::on_open),
            inner.listen("error", SocketInner::on_error),
            inner.listen("message", SocketInner::on_message),
            inner.listen("close", SocketInner::on_close),
        ];
        let socket = Self { inner, _listeners: listeners };
        socket.set_binary_type(form);
        Some(socket)
    }

    /// The platform takes no view of shared memory, so a build with threads copies out of it first.
    fn send_bytes(&self, bytes: &[u8]) -> Result<(), JsValue> {
        if cfg!(target_feature = "atomics") {
            self.inner.platform.send_with_js_u8_array(&Uint8Array::from(bytes))
        } else {
            self.inner.platform.send_with_u8_array(bytes)
        }
    }
}

impl SocketInner {
    fn listen(self: &Rc<Self>, name: &'static str, act: fn(&Rc<Self>, &JsValue)) -> EventListener {
        let inner = Rc::clone(self);
        EventListener::new(&self.platform, name, move |event| act(&inner, &event))
    }

    /// Sends what the platform holds; whether it took it.
    pub(super) fn send_held(&self, data: &JsValue) -> bool {
        self.platform.unchecked_ref::<Platform>().send_held(data).is_ok()
    }

    /// Makes a message of what an event carries, with one copy out of the platform for text and bytes that are read.
    fn message(&self, data: JsValue) -> Message {
        if let Some(message) = self.blobs.get().and_then(|blobs| blobs(&data)) {
            message
        } else if let Some(hold) = self.hold {
            hold(data)
        } else if let Some(text) = data.as_string() {
            Message::Text(Text::from(text))
        } else {
            Message::Binary(copy_to_bytes(&Uint8Array::new(&data)))
        }
    }

    fn on_open(self: &Rc<Self>, _: &JsValue) {
        let (protocol, extensions) = (self.platform.protocol(), self.platform.extensions());
        self.receiver.handle_event(Feedback::Established { protocol, extensions });
    }

    fn on_error(self: &Rc<Self>, _: &JsValue) {
        self.receiver.handle_event(Feedback::Failed);
    }

    fn on_message(self: &Rc<Self>, event: &JsValue) {
        let event: &MessageEvent = event.unchecked_ref();
        let message = self.message(event.data());
        self.receiver.handle_messages(&mut alone(message));
        if let Some(poller) = self.poller.get() {
            poller.look(self);
        }
    }

    fn on_close(self: &Rc<Self>, event: &JsValue) {
        let event: &web_sys::CloseEvent = event.unchecked_ref();
        // Unlike an engine's, a socket that is written in JavaScript, as Node's is, may end within the call that gives up
        // its connection. A failure is told in a task.
        self.receiver.handle_event(if self.is_called.get() {
            Feedback::Failed
        } else {
            Feedback::closed(event.code(), event.reason(), event.was_clean())
        });
    }
}

impl Backend for Options {
    fn dial(
        &self,
        url: &Url,
        protocols: Protocols<'_>,
        form: ReceiveMode,
        _tasks: &Tasks,
        receiver: EventSink,
    ) -> Option<Shared<dyn Transport>> {
        Socket::connect(url, protocols, form, receiver).map(|socket| Shared::new(socket) as _)
    }

    fn tasks(&self) -> Tasks {
        Tasks
    }

    fn clock(&self) -> Shared<dyn Clock> {
        Shared::new(Time)
    }
}

impl Transport for Socket {
    /// The platform has started it, and tells of it in tasks to come.
    fn start(&self) {}

    /// Whether the platform has seen a closing handshake start, of which no event tells.
    fn is_closing(&self) -> bool {
        self.inner.platform.ready_state() >= WebSocket::CLOSING
    }

    /// What the platform knows now, for the time after it was let go of.
    fn final_state(&self) -> FinalState {
        FinalState { buffered_amount: buffered_amount(&self.inner.platform) }
    }

    /// Sets how binary messages arrive from the next one on.
    fn set_binary_type(&self, form: ReceiveMode) {
        self.inner.platform.set_binary_type(match form.binary_type {
            BinaryType::Blob => web_sys::BinaryType::Blob,
            BinaryType::ArrayBuffer => web_sys::BinaryType::Arraybuffer,
        });
        // One that was on its way may still come as a blob.
        if form.blobs.is_some() {
            self.inner.blobs.set(form.blobs);
        }
    }

    /// Hands data to the platform, which is OPEN; whether it took it.
    fn send(&self, payload: Payload<'_>, queued: &BufferedAmountHint) -> SendOutcome {
        queued.add(payload.max_size());
        let sent = match payload {
            Payload::Text(text, _) => self.inner.platform.send_with_str(text),
            Payload::Binary(bytes, _) => self.send_bytes(bytes),
            Payload::Blob(blob) => {
                self.inner.close_after.set(Some(close_after_blobs::after_blobs));
                return SendOutcome::accepted_if(self.inner.send_held(blob.as_js()));
            }
            Payload::Lazy(lazy) => return SendOutcome::accepted_if(self.inner.send_held(lazy.as_js())),
        };
        SendOutcome::accepted_if(sent.is_ok())
    }

    /// Starts the closing handshake, or fails a connection that is not established.
    ///
    /// Once a blob was sent, that is the affair of who knows about blobs.
    fn close(&self, frame: CloseFrame<'_>) {
        match self.inner.close_after.get() {
            None => close(&self.inner, frame),
            Some(close_after) => close_after(&self.inner, frame),
        }
    }

    /// Whether the closing handshake that was asked for has still to be started.
    fn has_waiting_close(&self) -> bool {
        let waiting = self.inner.waiting_close.take();
        let waits = waiting.is_some();
        self.inner.waiting_close.set(waiting);
        waits
    }

    fn watch(&self, watch: Watch) {
        watch(&self.inner);
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // What waits refers to its own place, so that it can end itself.
        self.inner.waiting_close.take();
    }
}

pub(super) fn buffered_amount(platform: &WebSocket) -> u64 {
    // The platform counts in a double, which holds every integer up to 2^53.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let bytes = platform.unchecked_ref::<Platform>().buffered_amount_f64() as u64;
    bytes
}

pub(super) fn close(inner: &SocketInner, frame: CloseFrame<'_>) {
    inner.is_called.set(true);
    // The arguments have been checked, and an absent code is left out: an engine takes `undefined` for zero.
    let _ = match frame {
        None => inner.platform.close(),
        Some((code, reason)) => inner.platform.close_with_code_and_reason(code, reason),
    };
    inner.is_called.set(false);
}
