//! A selection of the scripts, in a shared worker.
#![cfg(all(target_family = "wasm", target_os = "unknown"))]

use samesocket_conformance::subjects::{Futures, Samesocket};
use samesocket_conformance::target::DropIn;
use samesocket_conformance::{report, scripts};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_shared_worker);

#[wasm_bindgen_test]
async fn samesocket_passes_the_scripts() {
    report::run::<Samesocket>("shared", scripts::selection()).await.demand();
}

#[wasm_bindgen_test]
async fn futures_api_passes_the_scripts() {
    report::run::<Futures>("shared", scripts::selection()).await.demand();
}

#[wasm_bindgen_test]
async fn npm_class_passes_the_scripts() {
    DropIn::load().await;
    report::run::<DropIn>("shared", scripts::selection()).await.demand();
}
