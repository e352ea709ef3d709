//! Every script, in a dedicated worker, and what the futures API asks of one for timers.
#![cfg(all(target_family = "wasm", target_os = "unknown"))]

mod support;

use std::time::Duration;

use futures::future::join;
use samesocket::{Error, connect};
use samesocket_conformance::place::{DropIn, Platform};
use samesocket_conformance::subjects::{Futures, Samesocket};
use samesocket_conformance::{report, scripts};
use support::Place;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_dedicated_worker);

#[wasm_bindgen_test]
async fn samesocket_does_what_the_standard_says() {
    report::run::<Samesocket>("dedicated", scripts::all()).await.demand();
}

#[wasm_bindgen_test]
async fn the_futures_api_does_what_the_standard_says() {
    report::run::<Futures>("dedicated", scripts::all()).await.demand();
}

#[wasm_bindgen_test]
async fn who_waits_for_room_is_woken_and_an_idle_socket_is_closed() {
    let place = Place::new("worker").await;
    let url = place.server.socket_url(&place.id, "do=read-gate:go,await:2,await-close,answer");
    let mut socket = connect(url).high_water_mark(0).idle_timeout(Duration::from_millis(50)).await.unwrap();
    let sending = async {
        socket.send(vec![7; 32 << 20].into()).await.unwrap();
        socket.send("more".into()).await.unwrap();
    };
    join(sending, place.server.release(&place.id, "go")).await;
    assert!(matches!(socket.next().await, Some(Err(Error::Idle { .. }))));
    let record = place.ended().await;
    assert_eq!((record.message_count, record.close.unwrap().code), (2, Some(4008)));
}

#[wasm_bindgen_test]
async fn the_platform_is_recorded() {
    report::record::<Platform>("dedicated", scripts::all()).await;
}

#[wasm_bindgen_test]
async fn the_class_for_javascript_does_what_the_standard_says() {
    DropIn::load().await;
    report::run::<DropIn>("dedicated", scripts::all()).await.demand();
}
