//! All scripts in a dedicated worker, and the timers of the futures API there.
#![cfg(all(target_family = "wasm", target_os = "unknown"))]

mod support;

use std::time::Duration;

use futures::future::join;
use samesocket::{Error, connect};
use samesocket_conformance::subjects::{Futures, Samesocket};
use samesocket_conformance::target::{DropIn, Platform};
use samesocket_conformance::{report, scripts};
use support::Fixture;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_dedicated_worker);

#[wasm_bindgen_test]
async fn samesocket_passes_the_scripts() {
    report::run::<Samesocket>("dedicated", scripts::all()).await.demand();
}

#[wasm_bindgen_test]
async fn futures_api_passes_the_scripts() {
    report::run::<Futures>("dedicated", scripts::all()).await.demand();
}

#[wasm_bindgen_test]
async fn sender_is_woken_and_idle_socket_closed_in_worker() {
    let fixture = Fixture::new("worker").await;
    let url = fixture.server.socket_url(&fixture.id, "do=read-gate:go,await:2,await-close,answer");
    let mut socket = connect(url).high_water_mark(0).idle_timeout(Duration::from_millis(50)).await.unwrap();
    let sending = async {
        socket.send(vec![7; 32 << 20].into()).await.unwrap();
        socket.send("more".into()).await.unwrap();
    };
    join(sending, fixture.server.release(&fixture.id, "go")).await;
    assert!(matches!(socket.next().await, Some(Err(Error::Idle { .. }))));
    let record = fixture.ended().await;
    assert_eq!((record.message_count, record.close.unwrap().code), (2, Some(4008)));
}

#[wasm_bindgen_test]
async fn platform_deviations_are_reported() {
    report::record::<Platform>("dedicated", scripts::all()).await;
}

#[wasm_bindgen_test]
async fn npm_class_passes_the_scripts() {
    DropIn::load().await;
    report::run::<DropIn>("dedicated", scripts::all()).await.demand();
}
