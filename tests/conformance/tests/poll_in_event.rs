//! Futures that are polled in the event that wakes them.
#![cfg(all(target_family = "wasm", target_os = "unknown"))]

#[path = "anywhere/poll_in_event.rs"]
mod anywhere;
mod support;

use std::cell::Cell;
use std::rc::Rc;

use futures::channel::oneshot;
use gloo_timers::future::TimeoutFuture;
use samesocket::{Event, poll_in_event};
use support::Fixture;
use wasm_bindgen_futures::spawn_local;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

/// In Node, an exception of a listener ends the process.
#[wasm_bindgen_test]
async fn panic_in_a_listener_stalls_no_other_future() {
    let fixture = Fixture::new("promptly-panic").await;
    let socket = fixture.connect("do=text:a,echo");
    let has_panicked = Rc::new(Cell::new(false));
    let panics = Rc::clone(&has_panicked);
    socket
        .subscribe(move |_, event| {
            if matches!(event, Event::Message(_)) {
                panics.set(true);
                panic!("expected: the panic of a test");
            }
        })
        .detach();
    let (sender, receiver) = oneshot::channel();
    spawn_local(async move {
        while !has_panicked.get() {
            TimeoutFuture::new(1).await;
        }
        sender.send("woken").unwrap();
    });
    assert_eq!(poll_in_event(receiver).await, Ok("woken"));
}
