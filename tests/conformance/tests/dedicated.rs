//! Every script, in a dedicated worker.
#![cfg(all(target_family = "wasm", target_os = "unknown"))]

use samesocket_conformance::place::{DropIn, Platform};
use samesocket_conformance::subjects::Samesocket;
use samesocket_conformance::{report, scripts};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_dedicated_worker);

#[wasm_bindgen_test]
async fn samesocket_does_what_the_standard_says() {
    report::run::<Samesocket>("dedicated", scripts::all()).await.demand();
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
