//! All scripts, in a window.
#![cfg(all(target_family = "wasm", target_os = "unknown"))]

use samesocket_conformance::subjects::{Futures, Samesocket};
use samesocket_conformance::target::{DropIn, Platform};
use samesocket_conformance::{report, scripts};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

#[wasm_bindgen_test]
async fn samesocket_passes_the_scripts() {
    report::run::<Samesocket>("window", scripts::all()).await.demand();
}

#[wasm_bindgen_test]
async fn futures_api_passes_the_scripts() {
    report::run::<Futures>("window", scripts::all()).await.demand();
}

#[wasm_bindgen_test]
async fn known_deviations_are_reported() {
    report::report_known_deviations().await;
}

#[wasm_bindgen_test]
async fn platform_deviations_are_reported() {
    report::record::<Platform>("window", scripts::all()).await;
}

#[wasm_bindgen_test]
async fn npm_class_passes_the_scripts() {
    DropIn::load().await;
    report::run::<DropIn>("window", scripts::all()).await.demand();
}
