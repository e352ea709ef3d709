//! A selection of the scripts, in a service worker.
#![cfg(all(target_family = "wasm", target_os = "unknown"))]

use samesocket_conformance::subjects::{Futures, Samesocket};
use samesocket_conformance::target::DropIn;
use samesocket_conformance::{report, scripts};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_service_worker);

#[wasm_bindgen_test]
async fn samesocket_passes_the_scripts() {
    report::run::<Samesocket>("service", scripts::selection()).await.demand();
}

#[wasm_bindgen_test]
async fn futures_api_passes_the_scripts() {
    report::run::<Futures>("service", scripts::selection()).await.demand();
}

#[wasm_bindgen_test]
async fn npm_class_passes_the_scripts() {
    DropIn::load().await;
    report::run::<DropIn>("service", scripts::selection()).await.demand();
}
