//! An echo on `web-sys` alone, with callbacks.

use js_sys::{ArrayBuffer, Uint8Array};
use wasm_bindgen::JsCast as _;
use wasm_bindgen::prelude::*;
use web_sys::{BinaryType, MessageEvent, WebSocket};

fn main() {
    let socket = WebSocket::new("ws://localhost/echo").unwrap_throw();
    socket.set_binary_type(BinaryType::Arraybuffer);
    let echo = socket.clone();
    let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
        let data = event.data();
        match data.as_string() {
            Some(text) => echo.send_with_str(&text),
            None => echo.send_with_u8_array(&Uint8Array::new(data.unchecked_ref::<ArrayBuffer>()).to_vec()),
        }
        .unwrap_throw();
    });
    socket.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    // The socket lives as long as the page.
    on_message.forget();
}
