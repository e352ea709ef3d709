//! Every script, in Node: our interface and the npm package's class over undici's, and that one bare, so that one sees what
//! the others repair; and that the futures API has what it needs there.
#![cfg(all(target_family = "wasm", target_os = "unknown"))]

mod support;

use std::time::Duration;

use samesocket::{ConnectError, Error, Message, connect};
use samesocket_conformance::place::{DropIn, Platform};
use samesocket_conformance::subjects::Samesocket;
use samesocket_conformance::{natively, report, scripts};
use support::Place;
use wasm_bindgen_test::wasm_bindgen_test;

#[wasm_bindgen_test]
async fn the_class_for_javascript_does_what_the_standard_says() {
    DropIn::load().await;
    report::run::<DropIn>(natively::CONTEXT, scripts::all()).await.demand();
}

#[wasm_bindgen_test]
async fn samesocket_does_what_the_standard_says() {
    report::run::<Samesocket>(natively::CONTEXT, scripts::all()).await.demand();
}

#[wasm_bindgen_test]
async fn the_platform_is_recorded() {
    report::record::<Platform>(natively::CONTEXT, scripts::all()).await;
}

#[wasm_bindgen_test]
async fn a_socket_of_the_futures_api_sends_receives_and_is_closed_when_it_is_idle() {
    let place = Place::new("node").await;
    let url = place.server.socket_url(&place.id, "do=text:a,await:1,await-close,answer");
    let mut socket = connect(url).idle_timeout(Duration::from_millis(50)).await.unwrap();
    assert!(matches!(socket.next().await, Some(Ok(Message::Text(text))) if text == "a"));
    socket.send("b".into()).await.unwrap();
    assert!(matches!(socket.next().await, Some(Err(Error::Idle { .. }))));
    let record = place.ended().await;
    assert_eq!((record.message_count, record.close.unwrap().code), (1, Some(4008)));
    assert_eq!(socket.closed().await.code, 4008);
}

#[wasm_bindgen_test]
async fn a_connection_that_is_given_up_while_it_is_made_is_gone() {
    let place = Place::new("node-given-up").await;
    let url = place.server.socket_url(&place.id, "hold=handshake");
    let connecting = connect(url).timeout(Duration::from_millis(50)).await;
    assert!(matches!(connecting, Err(ConnectError::TimedOut { .. })));
    place.server.release(&place.id, "handshake").await;
    place.ended().await;
}
