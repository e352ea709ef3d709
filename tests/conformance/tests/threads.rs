//! A build with threads, whose memory is shared: the selection, and data of every kind.
//!
//! In a build without threads there is nothing to test, and nothing is: `cargo xtask test` makes the other one.
#![cfg(target_feature = "atomics")]

mod support;

use futures::StreamExt;
use samesocket::{BinaryType, Blob, Event, Message};
use samesocket_conformance::subjects::Samesocket;
use samesocket_conformance::{report, scripts};
use support::{Place, until};
use wasm_bindgen::JsCast;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

#[wasm_bindgen_test]
fn the_memory_is_shared() {
    let memory: js_sys::WebAssembly::Memory = wasm_bindgen::memory().unchecked_into();
    assert!(memory.buffer().has_type::<js_sys::SharedArrayBuffer>());
}

#[wasm_bindgen_test]
async fn samesocket_does_what_the_standard_says() {
    report::run::<Samesocket>("threads", scripts::selection()).await.demand();
}

#[wasm_bindgen_test]
async fn data_of_every_kind_makes_the_round_trip() {
    let place = Place::new("threads").await;
    let socket = place.connect("");
    socket.set_binary_type(BinaryType::ArrayBuffer);
    let mut events = socket.events();
    until(&mut events, "open").await;
    let bytes: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    let text = "grün € 😀".repeat(1000);
    socket.send(&bytes).unwrap();
    socket.send(&text).unwrap();
    socket.send(&Blob::new(&bytes)).unwrap();
    let mut received = Vec::new();
    while received.len() < 3 {
        match events.next().await {
            Some(Event::Message(message)) => received.push(message.data),
            other => panic!("{other:?}"),
        }
    }
    assert!(matches!(&received[0], Message::Binary(echo) if *echo == bytes));
    assert!(matches!(&received[1], Message::Text(echo) if *echo == *text));
    assert!(matches!(&received[2], Message::Binary(echo) if *echo == bytes));
    socket.set_binary_type(BinaryType::Blob);
    socket.send(&bytes).unwrap();
    match events.next().await {
        Some(Event::Message(message)) => match message.data {
            Message::Blob(blob) => assert_eq!(blob.slice(1..300).bytes().await.unwrap(), bytes[1..300]),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}
