//! samesocket's `WebSocket` with a callback.

use std::rc::Rc;

use samesocket::{BinaryType, Event, Exception, Message, WebSocket};
use wasm_bindgen::UnwrapThrowExt as _;

use crate::callbacks::{CallbackClient, Counter};
use crate::job::Payload;
use crate::streams::Result;

pub(crate) struct Client(WebSocket);

impl CallbackClient for Client {
    fn connect(url: &str, counter: &Rc<Counter>) -> Result<Self> {
        let socket = WebSocket::new(url, ()).map_err(|error| error.to_string())?;
        socket.set_binary_type(BinaryType::ArrayBuffer);
        let counter = Rc::clone(counter);
        let on_event = move |socket: &WebSocket, event: &Event| match event {
            Event::Open => counter.opened(),
            Event::Message(event) => {
                let length = match &event.data {
                    Message::Text(text) => text.len(),
                    Message::Binary(bytes) => bytes.len(),
                    _ => usize::MAX,
                };
                if let Some(reply) = counter.message(length) {
                    send(socket, reply).unwrap_throw();
                }
            }
            Event::Close(_) => counter.closed(),
            _ => {}
        };
        socket.subscribe(on_event).detach();
        Ok(Self(socket))
    }

    fn send(&self, payload: &Payload) -> Result<()> {
        send(&self.0, payload).map_err(|error| error.to_string())
    }

    fn close(&self) -> Result<()> {
        self.0.close(None, None).map_err(|error| error.to_string())
    }
}

fn send(socket: &WebSocket, payload: &Payload) -> std::result::Result<(), Exception> {
    match payload {
        Payload::Text(text) => socket.send(text),
        Payload::Binary(bytes) => socket.send(bytes),
    }
}
