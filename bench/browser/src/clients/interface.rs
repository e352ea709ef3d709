//! samesocket's interface, with a callback.

use std::rc::Rc;

use samesocket::{BinaryType, Event, Exception, Message, WebSocket};
use wasm_bindgen::UnwrapThrowExt as _;

use crate::calling::{Calling, Tally};
use crate::job::Payload;
use crate::streaming::Result;

pub(crate) struct Client(WebSocket);

impl Calling for Client {
    fn connect(url: &str, tally: &Rc<Tally>) -> Result<Self> {
        let socket = WebSocket::new(url, ()).map_err(|error| error.to_string())?;
        socket.set_binary_type(BinaryType::ArrayBuffer);
        let tally = Rc::clone(tally);
        let on_event = move |socket: &WebSocket, event: &Event| match event {
            Event::Open => tally.opened(),
            Event::Message(event) => {
                let length = match &event.data {
                    Message::Text(text) => text.len(),
                    Message::Binary(bytes) => bytes.len(),
                    _ => usize::MAX,
                };
                if let Some(reply) = tally.message(length) {
                    send(socket, reply).unwrap_throw();
                }
            }
            Event::Close(_) => tally.closed(),
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
