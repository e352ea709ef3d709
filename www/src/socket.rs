//! The socket that the page holds: the crate's, or one of the class for JavaScript, which says and does the same.

use std::rc::Rc;

use js_sys::{ArrayBuffer, Uint8Array};
use samesocket::{Argument, BinaryType, Event, Exception, Message, ReadyState, Subscription, WebSocket};
use wasm_bindgen::prelude::*;
use web_sys::EventTarget;

use crate::page::Listener;

#[wasm_bindgen]
extern "C" {
    /// The class, which the page has loaded as any page would.
    #[wasm_bindgen(js_namespace = samesocket, js_name = WebSocket, extends = EventTarget)]
    type Class;
    #[wasm_bindgen(constructor, catch, js_namespace = samesocket, js_class = WebSocket)]
    fn new(url: &str, protocols: Vec<String>) -> Result<Class, Thrown>;
    #[wasm_bindgen(method, getter)]
    fn url(this: &Class) -> String;
    #[wasm_bindgen(method, getter, js_name = readyState)]
    fn ready_state(this: &Class) -> u16;
    #[wasm_bindgen(method, getter, js_name = bufferedAmount)]
    fn buffered_amount(this: &Class) -> f64;
    #[wasm_bindgen(method, getter)]
    fn protocol(this: &Class) -> String;
    #[wasm_bindgen(method, getter)]
    fn extensions(this: &Class) -> String;
    #[wasm_bindgen(method, setter, js_name = binaryType)]
    fn set_binary_type(this: &Class, value: &str);
    #[wasm_bindgen(method, catch)]
    fn send(this: &Class, data: &JsValue) -> Result<(), Thrown>;
    #[wasm_bindgen(method, catch)]
    fn close(this: &Class, code: Option<u16>, reason: Option<String>) -> Result<(), Thrown>;

    /// What it throws, a `DOMException`.
    type Thrown;
    #[wasm_bindgen(method, getter)]
    fn name(this: &Thrown) -> String;
    #[wasm_bindgen(method, getter)]
    fn message(this: &Thrown) -> String;

    /// An event of it; each kind has its part of the attributes.
    #[wasm_bindgen(extends = web_sys::Event)]
    type Told;
    #[wasm_bindgen(method, getter)]
    fn data(this: &Told) -> JsValue;
    #[wasm_bindgen(method, getter)]
    fn origin(this: &Told) -> String;
    #[wasm_bindgen(method, getter)]
    fn code(this: &Told) -> u16;
    #[wasm_bindgen(method, getter)]
    fn reason(this: &Told) -> String;
    #[wasm_bindgen(method, getter, js_name = wasClean)]
    fn was_clean(this: &Told) -> bool;
}

/// Something that a socket tells.
pub(crate) enum Happening {
    Open,
    Message { data: Message, origin: String },
    Error,
    Close { code: u16, reason: String, was_clean: bool },
    Other(String),
}

/// What a member threw.
pub(crate) struct Refusal {
    /// The exception's name.
    pub(crate) name: String,
    /// What it says.
    pub(crate) message: String,
    /// The argument at fault.
    pub(crate) argument: Option<Argument>,
}

/// A socket, of either kind; a clone is another handle.
#[derive(Clone)]
pub(crate) enum Socket {
    Crate(WebSocket),
    Class(Rc<Held>),
}

/// A socket of the class. Unlike the crate's, it does not close by itself when nothing refers to it.
pub(crate) struct Held(Class);

/// What keeps a socket's events coming.
#[expect(dead_code, reason = "it is kept for what its drop does")]
pub(crate) enum Hearing {
    Crate(Subscription),
    Class([Listener; 4]),
}

impl Socket {
    /// Constructs one of the crate's, or of the class.
    pub(crate) fn new(url: &str, protocols: Vec<String>, is_of_class: bool) -> Result<Self, Refusal> {
        if !is_of_class {
            return Ok(Self::Crate(WebSocket::new(url, protocols)?));
        }
        let class = Class::new(url, protocols).map_err(|thrown| {
            // Its texts are the crate's, of which each says what it is about, and then quotes.
            let is_protocols = thrown.message().starts_with("the subprotocol");
            Refusal::of(&thrown, Some(if is_protocols { Argument::Protocols } else { Argument::Url }))
        })?;
        Ok(Self::Class(Rc::new(Held(class))))
    }

    /// Hears of everything that the socket tells, until what this gives is dropped.
    pub(crate) fn hear(&self, heard: impl Fn(&Self, Happening) + Clone + 'static) -> Hearing {
        match self {
            Self::Crate(socket) => Hearing::Crate(socket.subscribe(move |socket, event| {
                heard(&Self::Crate(socket.clone()), told_by_crate(event));
            })),
            Self::Class(held) => Hearing::Class(["open", "message", "error", "close"].map(|kind| {
                let (weak, heard) = (Rc::downgrade(held), heard.clone());
                Listener::new(&held.0, kind, move |event| {
                    if let Some(held) = weak.upgrade() {
                        heard(&Self::Class(held), told_by_class(kind, event.unchecked_ref()));
                    }
                })
            })),
        }
    }

    pub(crate) fn url(&self) -> String {
        match self {
            Self::Crate(socket) => socket.url().to_owned(),
            Self::Class(held) => held.0.url(),
        }
    }

    pub(crate) fn protocol(&self) -> String {
        match self {
            Self::Crate(socket) => socket.protocol(),
            Self::Class(held) => held.0.protocol(),
        }
    }

    pub(crate) fn extensions(&self) -> String {
        match self {
            Self::Crate(socket) => socket.extensions(),
            Self::Class(held) => held.0.extensions(),
        }
    }

    pub(crate) fn ready_state(&self) -> ReadyState {
        match self {
            Self::Crate(socket) => socket.ready_state(),
            Self::Class(held) => match held.0.ready_state() {
                0 => ReadyState::Connecting,
                1 => ReadyState::Open,
                2 => ReadyState::Closing,
                _ => ReadyState::Closed,
            },
        }
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is whole, in a double")]
    pub(crate) fn buffered_amount(&self) -> u64 {
        match self {
            Self::Crate(socket) => socket.buffered_amount(),
            Self::Class(held) => held.0.buffered_amount() as u64,
        }
    }

    pub(crate) fn set_binary_type(&self, binary_type: BinaryType) {
        match self {
            Self::Crate(socket) => socket.set_binary_type(binary_type),
            Self::Class(held) => held.0.set_binary_type(&binary_type.to_string()),
        }
    }

    pub(crate) fn send_text(&self, text: &str) -> Result<(), Refusal> {
        match self {
            Self::Crate(socket) => Ok(socket.send(text)?),
            Self::Class(held) => held.send(&text.into()),
        }
    }

    pub(crate) fn send_blob(&self, blob: web_sys::Blob) -> Result<(), Refusal> {
        match self {
            Self::Crate(socket) => Ok(socket.send(&samesocket::Blob::from(blob))?),
            Self::Class(held) => held.send(&blob),
        }
    }

    pub(crate) fn close(&self, code: Option<u16>, reason: Option<&str>) -> Result<(), Refusal> {
        match self {
            Self::Crate(socket) => Ok(socket.close(code, reason)?),
            Self::Class(held) => held.0.close(code, reason.map(str::to_owned)).map_err(|thrown| {
                let is_reason = thrown.name() == "SyntaxError";
                Refusal::of(&thrown, Some(if is_reason { Argument::Reason } else { Argument::Code }))
            }),
        }
    }
}

impl Held {
    fn send(&self, data: &JsValue) -> Result<(), Refusal> {
        self.0.send(data).map_err(|thrown| Refusal::of(&thrown, None))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // Without arguments it throws nothing.
        let _ = self.0.close(None, None);
    }
}

impl Refusal {
    fn of(thrown: &Thrown, argument: Option<Argument>) -> Self {
        Self { name: thrown.name(), message: thrown.message(), argument }
    }
}

impl From<Exception> for Refusal {
    fn from(exception: Exception) -> Self {
        Self { name: exception.name().to_owned(), message: exception.to_string(), argument: exception.argument() }
    }
}

fn told_by_crate(event: &Event) -> Happening {
    match event {
        Event::Open => Happening::Open,
        Event::Message(message) => {
            Happening::Message { data: message.data.clone(), origin: message.origin.to_string() }
        }
        Event::Error => Happening::Error,
        Event::Close(close) => {
            Happening::Close { code: close.code, reason: close.reason.clone(), was_clean: close.was_clean }
        }
        other => Happening::Other(format!("{other:?}")),
    }
}

fn told_by_class(kind: &str, event: &Told) -> Happening {
    match kind {
        "open" => Happening::Open,
        "message" => Happening::Message { data: message(event.data()), origin: event.origin() },
        "close" => Happening::Close { code: event.code(), reason: event.reason(), was_clean: event.was_clean() },
        _ => Happening::Error,
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
