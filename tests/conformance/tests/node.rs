//! Every script, in Node: the npm package's class over undici's, and that one bare, so that one sees what the class repairs.
#![cfg(all(target_family = "wasm", target_os = "unknown"))]

use samesocket_conformance::place::{DropIn, Platform};
use samesocket_conformance::{natively, report, scripts};
use wasm_bindgen_test::wasm_bindgen_test;

#[wasm_bindgen_test]
async fn the_class_for_javascript_does_what_the_standard_says() {
    DropIn::load().await;
    report::run::<DropIn>(natively::CONTEXT, scripts::all()).await.demand();
}

#[wasm_bindgen_test]
async fn the_platform_is_recorded() {
    report::record::<Platform>(natively::CONTEXT, scripts::all()).await;
}
