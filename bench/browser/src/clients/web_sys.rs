//! `web-sys` alone, with callbacks.

use std::rc::Rc;

use js_sys::{ArrayBuffer, JsString, Uint8Array};
use wasm_bindgen::prelude::*;
use web_sys::{BinaryType, Event, MessageEvent, WebSocket};

use crate::callbacks::{CallbackClient, Counter};
use crate::job::Payload;
use crate::streams::Result;

pub(crate) struct Client {
    socket: WebSocket,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _signals: [Closure<dyn FnMut(Event)>; 2],
}

impl CallbackClient for Client {
    fn connect(url: &str, counter: &Rc<Counter>) -> Result<Self> {
        let socket = WebSocket::new(url).map_err(said)?;
        socket.set_binary_type(BinaryType::Arraybuffer);
        let on_message = {
            let (counter, socket) = (Rc::clone(counter), socket.clone());
            Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
                if let Some(reply) = counter.message(length(&event)) {
                    send(&socket, reply).unwrap_throw();
                }
            })
        };
        let signal = |what: fn(&Counter)| {
            let counter = Rc::clone(counter);
            Closure::<dyn FnMut(Event)>::new(move |_| what(&counter))
        };
        let signals = [signal(Counter::opened), signal(Counter::closed)];
        socket.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        socket.set_onopen(Some(signals[0].as_ref().unchecked_ref()));
        socket.set_onclose(Some(signals[1].as_ref().unchecked_ref()));
        Ok(Self { socket, _on_message: on_message, _signals: signals })
    }

    fn send(&self, payload: &Payload) -> Result<()> {
        send(&self.socket, payload).map_err(said)
    }

    fn close(&self) -> Result<()> {
        self.socket.close().map_err(said)
    }
}

/// Copies the data out of the platform and returns its length.
pub(super) fn length(event: &MessageEvent) -> usize {
    match event.data().dyn_into::<JsString>() {
        Ok(text) => String::from(text).len(),
        Err(data) => Uint8Array::new(data.unchecked_ref::<ArrayBuffer>()).to_vec().len(),
    }
}

pub(super) fn send(socket: &WebSocket, payload: &Payload) -> std::result::Result<(), JsValue> {
    match payload {
        Payload::Text(text) => socket.send_with_str(text),
        Payload::Binary(bytes) => socket.send_with_u8_array(bytes),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "as `map_err` has it")]
pub(super) fn said(error: JsValue) -> String {
    format!("{error:?}")
}
