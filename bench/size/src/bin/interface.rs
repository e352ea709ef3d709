//! An echo on samesocket's `WebSocket`.

use samesocket::{BinaryType, Event, Message, WebSocket};
use wasm_bindgen::prelude::*;

fn main() {
    let socket = WebSocket::new("ws://localhost/echo", ()).unwrap_throw();
    socket.set_binary_type(BinaryType::ArrayBuffer);
    socket
        .subscribe(|socket, event| {
            if let Event::Message(event) = event {
                match &event.data {
                    Message::Text(text) => socket.send(text),
                    Message::Binary(bytes) => socket.send(bytes),
                    _ => Ok(()),
                }
                .unwrap_throw();
            }
        })
        .detach();
    // The socket lives as long as the page.
    std::mem::forget(socket);
}
