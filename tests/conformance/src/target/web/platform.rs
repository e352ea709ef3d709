//! The platform's own class as a subject, and the code that all JavaScript classes share.

use std::marker::PhantomData;

use js_sys::{Array, Function, Object, Reflect, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{CloseEvent, DomException, Event, MessageEvent, WebSocket};

use crate::script::{Attribute, Payload, Protocols};
use crate::subject::{Received, Subject, SubjectEvent, Thrown, pattern};

#[wasm_bindgen]
extern "C" {
    /// Converts any value to a text.
    #[wasm_bindgen(js_name = String)]
    fn to_string(value: &JsValue) -> String;
}

/// The platform's `WebSocket` as a subject, with arguments as a page passes them.
pub type Platform = ClassSubject<PlatformClass>;

/// A socket of a JavaScript class.
pub struct ClassSubject<C> {
    socket: WebSocket,
    listeners: [Listener; 4],
    class: PhantomData<C>,
}

/// A JavaScript class that has the interface.
pub trait Class: 'static {
    /// The name in reports.
    const NAME: &'static str;

    /// Returns the constructor.
    fn find() -> Function;
}

/// The platform's `WebSocket` class.
pub struct PlatformClass;

impl Class for PlatformClass {
    const NAME: &'static str = "platform";

    fn find() -> Function {
        get(&js_sys::global(), "WebSocket").unchecked_into()
    }
}

/// The name of an event and its listener.
type Listener = (&'static str, Closure<dyn Fn(Event)>);

impl<C: Class> Subject for ClassSubject<C> {
    const NAME: &'static str = C::NAME;
    const DROP_CLOSES: bool = false;
    const WEB_IDL: bool = true;

    fn construct(url: &str, protocols: &Protocols, listener: impl Fn(SubjectEvent) + 'static) -> Result<Self, Thrown> {
        let arguments = Array::of1(&url.into());
        match protocols {
            Protocols::Absent => {}
            Protocols::One(name) => {
                arguments.push(&(*name).into());
            }
            Protocols::List(names) => {
                arguments.push(&names.iter().map(|name| JsValue::from_str(name)).collect::<Array>());
            }
            Protocols::Object => {
                arguments.push(&Object::new());
            }
        }
        let socket: WebSocket = Reflect::construct(&C::find(), &arguments)?.unchecked_into();
        let listener = std::rc::Rc::new(listener);
        let listeners = ["open", "message", "error", "close"].map(|name| {
            let listener = std::rc::Rc::clone(&listener);
            let closure = Closure::<dyn Fn(Event)>::new(move |event: Event| listener(subject_event(&event)));
            socket.add_event_listener_with_callback(name, closure.as_ref().unchecked_ref()).expect("an event target");
            (name, closure)
        });
        Ok(Self { socket, listeners, class: PhantomData })
    }

    fn read(&self, attribute: Attribute) -> String {
        match attribute {
            Attribute::ReadyState => {
                ["CONNECTING", "OPEN", "CLOSING", "CLOSED"][usize::from(self.socket.ready_state())].to_owned()
            }
            Attribute::Url => text(&self.socket, "url"),
            Attribute::BufferedAmount => text(&self.socket, "bufferedAmount"),
            Attribute::Extensions => text(&self.socket, "extensions"),
            Attribute::Protocol => text(&self.socket, "protocol"),
            Attribute::BinaryType => text(&self.socket, "binaryType"),
        }
    }

    fn send(&self, payload: Payload) -> Result<(), Thrown> {
        let data = match payload {
            Payload::Text(text) => JsValue::from_str(&text.to_text()),
            Payload::Bytes(count) => Uint8Array::from(&*pattern(count)).buffer().into(),
            Payload::Blob(count) => {
                let parts = Array::of1(&Uint8Array::from(&*pattern(count)));
                web_sys::Blob::new_with_u8_array_sequence(&parts)?.into()
            }
        };
        self.call("send", &Array::of1(&data))
    }

    fn close(&self, code: Option<f64>, reason: Option<&str>) -> Result<(), Thrown> {
        let arguments = Array::new();
        if code.is_some() || reason.is_some() {
            arguments.push(&code.map_or(JsValue::UNDEFINED, JsValue::from_f64));
        }
        if let Some(reason) = reason {
            arguments.push(&reason.into());
        }
        self.call("close", &arguments)
    }

    fn set_binary_type(&self, value: &str) {
        Reflect::set(&self.socket, &"binaryType".into(), &value.into()).expect("a setter");
    }
}

impl<C> ClassSubject<C> {
    fn call(&self, method: &str, arguments: &Array) -> Result<(), Thrown> {
        get(&self.socket, method).unchecked_into::<Function>().apply(&self.socket, arguments)?;
        Ok(())
    }
}

impl<C> Drop for ClassSubject<C> {
    fn drop(&mut self) {
        for (name, closure) in &self.listeners {
            let _ = self.socket.remove_event_listener_with_callback(name, closure.as_ref().unchecked_ref());
        }
        let _ = self.socket.close();
    }
}

fn get(object: &JsValue, name: &str) -> JsValue {
    Reflect::get(object, &name.into()).expect("an object")
}

/// Returns the text of a property, which in some runtimes is `null` or missing.
fn text(object: &JsValue, name: &str) -> String {
    let value = get(object, name);
    value.as_string().unwrap_or_else(|| to_string(&value))
}

fn subject_event(event: &Event) -> SubjectEvent {
    match &*event.type_() {
        "open" => SubjectEvent::Open,
        "error" => SubjectEvent::Error,
        "message" => {
            let event: &MessageEvent = event.unchecked_ref();
            SubjectEvent::Message { data: received(event.data()), origin: text(event, "origin") }
        }
        _ => {
            let event: &CloseEvent = event.unchecked_ref();
            SubjectEvent::Close { code: event.code(), reason: text(event, "reason"), was_clean: event.was_clean() }
        }
    }
}

fn received(data: JsValue) -> Received {
    match data.as_string() {
        Some(text) => Received::Text(text),
        None => match data.dyn_into::<web_sys::Blob>() {
            Ok(blob) => Received::Blob(Box::pin(async move {
                let buffer = JsFuture::from(blob.array_buffer()).await.expect("a message can be read");
                Uint8Array::new(&buffer).to_vec()
            })),
            // An `ArrayBuffer`, or in Bun a view.
            Err(data) => Received::Binary(Uint8Array::new(&data).to_vec()),
        },
    }
}

impl From<JsValue> for Thrown {
    fn from(thrown: JsValue) -> Self {
        match thrown.dyn_into::<DomException>() {
            Ok(exception) => Self { name: exception.name(), code: exception.code() },
            Err(other) => Self { name: get(&other, "name").as_string().unwrap_or_default(), code: 0 },
        }
    }
}
