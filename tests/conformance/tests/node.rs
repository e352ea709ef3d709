//! All scripts in Node, and the timers of the futures API there.
//!
//! The subjects are our interface and the npm package's class, both over undici, and undici's class itself.
#![cfg(all(target_family = "wasm", target_os = "unknown"))]

mod support;

use std::time::Duration;

use samesocket::{ConnectError, Error, Message, connect};
use samesocket_conformance::subjects::Samesocket;
use samesocket_conformance::target::{DropIn, Platform};
use samesocket_conformance::{native_expectations, report, scripts};
use support::Fixture;
use wasm_bindgen_test::wasm_bindgen_test;

#[wasm_bindgen_test]
async fn npm_class_passes_the_scripts() {
    DropIn::load().await;
    report::run::<DropIn>(native_expectations::CONTEXT, scripts::all()).await.demand();
}

#[wasm_bindgen_test]
async fn samesocket_passes_the_scripts() {
    report::run::<Samesocket>(native_expectations::CONTEXT, scripts::all()).await.demand();
}

#[wasm_bindgen_test]
async fn platform_deviations_are_reported() {
    report::record::<Platform>(native_expectations::CONTEXT, scripts::all()).await;
}

#[wasm_bindgen_test]
async fn socket_sends_receives_and_closes_when_idle_in_node() {
    let fixture = Fixture::new("node").await;
    let url = fixture.server.socket_url(&fixture.id, "do=text:a,await:1,await-close,answer");
    let mut socket = connect(url).idle_timeout(Duration::from_millis(50)).await.unwrap();
    assert!(matches!(socket.next().await, Some(Ok(Message::Text(text))) if text == "a"));
    socket.send("b".into()).await.unwrap();
    assert!(matches!(socket.next().await, Some(Err(Error::Idle { .. }))));
    let record = fixture.ended().await;
    assert_eq!((record.message_count, record.close.unwrap().code), (1, Some(4008)));
    assert_eq!(socket.closed().await.code, 4008);
}

#[wasm_bindgen_test]
async fn connect_timeout_ends_connection_in_node() {
    let fixture = Fixture::new("node-given-up").await;
    let url = fixture.server.socket_url(&fixture.id, "hold=handshake");
    let connecting = connect(url).timeout(Duration::from_millis(50)).await;
    assert!(matches!(connecting, Err(ConnectError::TimedOut { .. })));
    fixture.server.release(&fixture.id, "handshake").await;
    fixture.ended().await;
}
