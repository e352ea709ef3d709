//! The page's socket: one of the crate, or one of the JavaScript class, with one interface for both.

use std::rc::Rc;

use js_sys::{ArrayBuffer, Uint8Array};
use samesocket::{Argument, BinaryType, Event, Exception, Message, ReadyState, Subscription, WebSocket};
use wasm_bindgen::prelude::*;
use web_sys::EventTarget;

use crate::dom::Listener;

#[wasm_bindgen]
extern "C" {
    /// The JavaScript class. index.html imports it from the npm package.
    #[wasm_bindgen(js_namespace = samesocket, js_name = WebSocket, extends = EventTarget)]
    type JsClass;
    #[wasm_bindgen(constructor, catch, js_namespace = samesocket, js_class = WebSocket)]
    fn new(url: &str, protocols: Vec<String>) -> Result<JsClass, DomException>;
    #[wasm_bindgen(method, getter)]
    fn url(this: &JsClass) -> String;
    #[wasm_bindgen(method, getter, js_name = readyState)]
    fn ready_state(this: &JsClass) -> u16;
    #[wasm_bindgen(method, getter, js_name = bufferedAmount)]
    fn buffered_amount(this: &JsClass) -> f64;
    #[wasm_bindgen(method, getter)]
    fn protocol(this: &JsClass) -> String;
    #[wasm_bindgen(method, getter)]
    fn extensions(this: &JsClass) -> String;
    #[wasm_bindgen(method, setter, js_name = binaryType)]
    fn set_binary_type(this: &JsClass, value: &str);
    #[wasm_bindgen(method, catch)]
    fn send(this: &JsClass, data: &JsValue) -> Result<(), DomException>;
    #[wasm_bindgen(method, catch)]
    fn close(this: &JsClass, code: Option<u16>, reason: Option<String>) -> Result<(), DomException>;

    /// An exception of the class, a `DOMException`.
    type DomException;
    #[wasm_bindgen(method, getter)]
    fn name(this: &DomException) -> String;
    #[wasm_bindgen(method, getter)]
    fn message(this: &DomException) -> String;

    /// An event of the class. Each kind of event has some of the attributes.
    #[wasm_bindgen(extends = web_sys::Event)]
    type ClassEvent;
    #[wasm_bindgen(method, getter)]
    fn data(this: &ClassEvent) -> JsValue;
    #[wasm_bindgen(method, getter)]
    fn origin(this: &ClassEvent) -> String;
    #[wasm_bindgen(method, getter)]
    fn code(this: &ClassEvent) -> u16;
    #[wasm_bindgen(method, getter)]
    fn reason(this: &ClassEvent) -> String;
    #[wasm_bindgen(method, getter, js_name = wasClean)]
    fn was_clean(this: &ClassEvent) -> bool;
}

/// An event of a socket.
pub(crate) enum SocketEvent {
    Open,
    Message { data: Message, origin: String },
    Error,
    Close { code: u16, reason: String, was_clean: bool },
    Other(String),
}

/// An exception that a member of the interface threw.
pub(crate) struct ThrownException {
    /// The name of the exception.
    pub(crate) name: String,
    /// The message.
    pub(crate) message: String,
    /// The invalid argument, if there is one.
    pub(crate) argument: Option<Argument>,
}

/// A socket of either kind. A clone is another handle of the same socket.
#[derive(Clone)]
pub(crate) enum Socket {
    Crate(WebSocket),
    Class(Rc<ClassSocket>),
}

/// A socket of the class that is closed when it is dropped, as a socket of the crate is.
pub(crate) struct ClassSocket(JsClass);

/// A subscription to a socket's events. Dropping it unsubscribes.
#[expect(dead_code, reason = "its drop unsubscribes")]
pub(crate) enum EventSubscription {
    Crate(Subscription),
    Class([Listener; 4]),
}

impl Socket {
    /// Constructs a socket of the crate or of the class.
    ///
    /// # Errors
    /// The constructor threw an exception.
    pub(crate) fn new(url: &str, protocols: Vec<String>, uses_js_class: bool) -> Result<Self, ThrownException> {
        if !uses_js_class {
            return Ok(Self::Crate(WebSocket::new(url, protocols)?));
        }
        let class = JsClass::new(url, protocols).map_err(|exception| {
            // A `DOMException` does not name the argument. The message names it before it quotes a value.
            let message = exception.message();
            let is_protocols = message.split('"').next().is_some_and(|start| start.contains("subprotocol"));
            ThrownException::from_dom(&exception, Some(if is_protocols { Argument::Protocols } else { Argument::Url }))
        })?;
        Ok(Self::Class(Rc::new(ClassSocket(class))))
    }

    /// Calls `callback` for each event until the returned subscription is dropped.
    pub(crate) fn subscribe(&self, callback: impl Fn(&Self, SocketEvent) + Clone + 'static) -> EventSubscription {
        match self {
            Self::Crate(socket) => EventSubscription::Crate(socket.subscribe(move |socket, event| {
                callback(&Self::Crate(socket.clone()), crate_event(event));
            })),
            Self::Class(class_socket) => EventSubscription::Class(["open", "message", "error", "close"].map(|kind| {
                let (weak, callback) = (Rc::downgrade(class_socket), callback.clone());
                Listener::new(&class_socket.0, kind, move |event| {
                    if let Some(class_socket) = weak.upgrade() {
                        callback(&Self::Class(class_socket), class_event(kind, event.unchecked_ref()));
                    }
                })
            })),
        }
    }

    pub(crate) fn url(&self) -> String {
        match self {
            Self::Crate(socket) => socket.url().to_owned(),
            Self::Class(class_socket) => class_socket.0.url(),
        }
    }

    pub(crate) fn protocol(&self) -> String {
        match self {
            Self::Crate(socket) => socket.protocol(),
            Self::Class(class_socket) => class_socket.0.protocol(),
        }
    }

    pub(crate) fn extensions(&self) -> String {
        match self {
            Self::Crate(socket) => socket.extensions(),
            Self::Class(class_socket) => class_socket.0.extensions(),
        }
    }

    pub(crate) fn ready_state(&self) -> ReadyState {
        match self {
            Self::Crate(socket) => socket.ready_state(),
            Self::Class(class_socket) => match class_socket.0.ready_state() {
                0 => ReadyState::Connecting,
                1 => ReadyState::Open,
                2 => ReadyState::Closing,
                _ => ReadyState::Closed,
            },
        }
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the amount is a whole number")]
    pub(crate) fn buffered_amount(&self) -> u64 {
        match self {
            Self::Crate(socket) => socket.buffered_amount(),
            Self::Class(class_socket) => class_socket.0.buffered_amount() as u64,
        }
    }

    pub(crate) fn set_binary_type(&self, binary_type: BinaryType) {
        match self {
            Self::Crate(socket) => socket.set_binary_type(binary_type),
            Self::Class(class_socket) => class_socket.0.set_binary_type(&binary_type.to_string()),
        }
    }

    pub(crate) fn send_text(&self, text: &str) -> Result<(), ThrownException> {
        match self {
            Self::Crate(socket) => Ok(socket.send(text)?),
            Self::Class(class_socket) => class_socket.send(&text.into()),
        }
    }

    pub(crate) fn send_blob(&self, blob: web_sys::Blob) -> Result<(), ThrownException> {
        match self {
            Self::Crate(socket) => Ok(socket.send(&samesocket::Blob::from(blob))?),
            Self::Class(class_socket) => class_socket.send(&blob),
        }
    }

    pub(crate) fn close(&self, code: Option<u16>, reason: Option<&str>) -> Result<(), ThrownException> {
        match self {
            Self::Crate(socket) => Ok(socket.close(code, reason)?),
            Self::Class(class_socket) => class_socket.0.close(code, reason.map(str::to_owned)).map_err(|exception| {
                let is_reason = exception.name() == "SyntaxError";
                ThrownException::from_dom(&exception, Some(if is_reason { Argument::Reason } else { Argument::Code }))
            }),
        }
    }
}

impl ClassSocket {
    fn send(&self, data: &JsValue) -> Result<(), ThrownException> {
        self.0.send(data).map_err(|exception| ThrownException::from_dom(&exception, None))
    }
}

impl Drop for ClassSocket {
    fn drop(&mut self) {
        // `close` without arguments throws nothing.
        let _ = self.0.close(None, None);
    }
}

impl ThrownException {
    fn from_dom(exception: &DomException, argument: Option<Argument>) -> Self {
        Self { name: exception.name(), message: exception.message(), argument }
    }
}

impl From<Exception> for ThrownException {
    fn from(exception: Exception) -> Self {
        Self { name: exception.name().to_owned(), message: exception.to_string(), argument: exception.argument() }
    }
}

fn crate_event(event: &Event) -> SocketEvent {
    match event {
        Event::Open => SocketEvent::Open,
        Event::Message(message) => {
            SocketEvent::Message { data: message.data.clone(), origin: message.origin.to_string() }
        }
        Event::Error => SocketEvent::Error,
        Event::Close(close) => {
            SocketEvent::Close { code: close.code, reason: close.reason.clone(), was_clean: close.was_clean }
        }
        other => SocketEvent::Other(format!("{other:?}")),
    }
}

fn class_event(kind: &str, event: &ClassEvent) -> SocketEvent {
    match kind {
        "open" => SocketEvent::Open,
        "message" => SocketEvent::Message { data: message(event.data()), origin: event.origin() },
        "close" => SocketEvent::Close { code: event.code(), reason: event.reason(), was_clean: event.was_clean() },
        _ => SocketEvent::Error,
    }
}

fn message(data: JsValue) -> Message {
    if let Some(text) = data.as_string() {
        return Message::from(text);
    }
    match data.dyn_into::<ArrayBuffer>() {
        Ok(buffer) => Message::from(Uint8Array::new(&buffer).to_vec()),
        Err(blob) => Message::from(samesocket::Blob::from(blob.unchecked_into::<web_sys::Blob>())),
    }
}
