//! Bindings to the web interfaces that `web-sys` lacks, or binds with other types.

use js_sys::{Function, Object, Promise};
use wasm_bindgen::prelude::*;
use web_sys::EventTarget;

#[wasm_bindgen]
extern "C" {
    // `WebSocket`.

    /// A `WebSocket` whose constructor also accepts `undefined` as subprotocols.
    #[wasm_bindgen(extends = web_sys::WebSocket, js_name = WebSocket)]
    pub(super) type PlatformSocket;
    #[wasm_bindgen(constructor, catch, js_class = "WebSocket")]
    pub(super) fn new(url: &str, protocols: &JsValue) -> Result<PlatformSocket, JsValue>;
    /// Returns `bufferedAmount` as the platform counts it; `web-sys` narrows it to 32 bits.
    #[wasm_bindgen(method, getter, js_name = bufferedAmount)]
    pub(super) fn buffered_amount_f64(this: &PlatformSocket) -> f64;
    /// Sends a value of any type, such as a blob.
    #[wasm_bindgen(method, catch, js_name = send)]
    pub(super) fn send_value(this: &PlatformSocket, data: &JsValue) -> Result<(), JsValue>;

    /// A `CloseEvent`, whose members a class that is written in JavaScript may lack.
    pub(super) type CloseValues;
    #[wasm_bindgen(method, getter)]
    pub(super) fn code(this: &CloseValues) -> Option<u16>;
    #[wasm_bindgen(method, getter, js_name = wasClean)]
    pub(super) fn was_clean(this: &CloseValues) -> Option<bool>;

    // `WebSocketStream`.

    #[derive(Clone)]
    pub(super) type WebSocketStream;
    #[wasm_bindgen(constructor, catch)]
    pub(super) fn new(url: &str, options: &Object) -> Result<WebSocketStream, JsValue>;
    #[wasm_bindgen(method, getter)]
    pub(super) fn opened(this: &WebSocketStream) -> Promise;
    #[wasm_bindgen(method, getter)]
    pub(super) fn closed(this: &WebSocketStream) -> Promise;
    #[wasm_bindgen(method, catch)]
    pub(super) fn close(this: &WebSocketStream, info: &Object) -> Result<(), JsValue>;

    /// The value of `opened`, a `WebSocketOpenInfo`.
    pub(super) type OpenInfo;
    #[wasm_bindgen(method, getter)]
    pub(super) fn readable(this: &OpenInfo) -> Readable;
    #[wasm_bindgen(method, getter)]
    pub(super) fn writable(this: &OpenInfo) -> Writable;
    #[wasm_bindgen(method, getter)]
    pub(super) fn protocol(this: &OpenInfo) -> String;
    #[wasm_bindgen(method, getter)]
    pub(super) fn extensions(this: &OpenInfo) -> String;

    /// The value of `closed`, a `WebSocketCloseInfo`, or the `WebSocketError` that rejects it.
    pub(super) type CloseInfo;
    #[wasm_bindgen(method, getter, js_name = closeCode)]
    pub(super) fn close_code(this: &CloseInfo) -> Option<u16>;
    #[wasm_bindgen(method, getter)]
    pub(super) fn reason(this: &CloseInfo) -> Option<String>;

    // `ReadableStream` and `WritableStream`.

    pub(super) type Readable;
    #[wasm_bindgen(method, js_name = getReader)]
    pub(super) fn get_reader(this: &Readable) -> Reader;
    pub(super) type Reader;
    #[wasm_bindgen(method)]
    pub(super) fn read(this: &Reader) -> Promise;
    pub(super) type ReadResult;
    #[wasm_bindgen(method, getter)]
    pub(super) fn done(this: &ReadResult) -> bool;
    #[wasm_bindgen(method, getter)]
    pub(super) fn value(this: &ReadResult) -> JsValue;

    pub(super) type Writable;
    #[wasm_bindgen(method, js_name = getWriter)]
    pub(super) fn get_writer(this: &Writable) -> Writer;
    pub(super) type Writer;
    #[wasm_bindgen(method)]
    pub(super) fn write(this: &Writer, chunk: &JsValue) -> Promise;

    // `MessageChannel`.

    pub(super) type MessageChannel;
    #[wasm_bindgen(constructor)]
    pub(super) fn new() -> MessageChannel;

    #[derive(Clone)]
    #[wasm_bindgen(extends = EventTarget)]
    pub(super) type MessagePort;
    #[wasm_bindgen(method)]
    pub(super) fn start(this: &MessagePort);
    #[wasm_bindgen(method)]
    pub(super) fn close(this: &MessagePort);
    #[wasm_bindgen(method, js_name = postMessage)]
    pub(super) fn post_message(this: &MessagePort, message: &JsValue);

    // Timers.

    #[wasm_bindgen(js_name = setTimeout)]
    pub(super) fn set_timeout(callback: &Function, milliseconds: u32) -> JsValue;
    #[wasm_bindgen(js_name = clearTimeout)]
    pub(super) fn clear_timeout(id: &JsValue);

    // Any object.

    /// An object whose attributes are read by name.
    type Attributes;
    #[wasm_bindgen(method, catch, structural, indexing_getter)]
    fn get(this: &Attributes, name: &str) -> Result<JsValue, JsValue>;

    // `URL`.

    /// A `URL` whose constructor takes a base of any type.
    #[wasm_bindgen(js_name = URL)]
    pub(super) type ParsedUrl;
    #[wasm_bindgen(constructor, catch, js_class = "URL")]
    pub(super) fn new(url: &str, base: &JsValue) -> Result<ParsedUrl, JsValue>;
}

/// Returns an attribute of an object, or `undefined` if there is no object, or if it lacks the attribute.
// Code size: one import for all attributes that are read rarely. An import for each costs 20 bytes and more.
pub(super) fn attribute(object: &JsValue, name: &str) -> JsValue {
    object.unchecked_ref::<Attributes>().get(name).unwrap_or_default()
}

/// Returns an attribute that is a string, or the empty string if the object lacks it.
pub(super) fn text_attribute(object: &JsValue, name: &str) -> String {
    attribute(object, name).as_string().unwrap_or_default()
}
