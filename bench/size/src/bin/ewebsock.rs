//! An echo on `ewebsock`.

use std::cell::RefCell;
use std::ops::ControlFlow;

use ewebsock::{Options, WsEvent, WsSender};
use wasm_bindgen::prelude::*;

// Its handler must be `Send`, so it cannot own the sender.
thread_local! {
    static SENDER: RefCell<Option<WsSender>> = const { RefCell::new(None) };
}

fn main() {
    let on_event = |event| {
        if let WsEvent::Message(message) = event {
            SENDER.with_borrow_mut(|sender| sender.as_mut().unwrap_throw().send(message));
        }
        ControlFlow::Continue(())
    };
    let sender = ewebsock::ws_connect("ws://localhost/echo".to_owned(), Options::default(), Box::new(on_event));
    SENDER.set(Some(sender.unwrap_throw()));
}
