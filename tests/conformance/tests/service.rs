//! A selection of the scripts, in a service worker.
#![cfg(all(target_family = "wasm", target_os = "unknown"))]

use samesocket_conformance::place::DropIn;
use samesocket_conformance::subjects::{Futures, Samesocket};
use samesocket_conformance::{report, scripts};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_service_worker);

#[wasm_bindgen_test]
async fn samesocket_does_what_the_standard_says() {
    report::run::<Samesocket>("service", scripts::selection()).await.demand();
}

#[wasm_bindgen_test]
async fn the_futures_api_does_what_the_standard_says() {
    report::run::<Futures>("service", scripts::selection()).await.demand();
}

#[wasm_bindgen_test]
async fn the_class_for_javascript_does_what_the_standard_says() {
    DropIn::load().await;
    report::run::<DropIn>("service", scripts::selection()).await.demand();
}
