//! Every script, in a window.
#![cfg(all(target_family = "wasm", target_os = "unknown"))]

use samesocket_conformance::place::{DropIn, Platform};
use samesocket_conformance::subjects::{Futures, Samesocket};
use samesocket_conformance::{report, scripts};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

#[wasm_bindgen_test]
async fn samesocket_does_what_the_standard_says() {
    report::run::<Samesocket>("window", scripts::all()).await.demand();
}

#[wasm_bindgen_test]
async fn the_futures_api_does_what_the_standard_says() {
    report::run::<Futures>("window", scripts::all()).await.demand();
}

#[wasm_bindgen_test]
async fn what_cannot_be_levelled_is_told() {
    report::tell_unlevelled().await;
}

#[wasm_bindgen_test]
async fn the_platform_is_recorded() {
    report::record::<Platform>("window", scripts::all()).await;
}

#[wasm_bindgen_test]
async fn the_class_for_javascript_does_what_the_standard_says() {
    DropIn::load().await;
    report::run::<DropIn>("window", scripts::all()).await.demand();
}
