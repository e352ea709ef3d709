//! All scripts in a JavaScript runtime outside a browser, and the tests of the crate that need no page.
//!
//! The subjects are the interface of the crate and the npm package's class, over the runtime's class, and that class itself.
#![cfg(all(target_family = "wasm", target_os = "unknown"))]

mod anywhere;
mod support;

use samesocket_conformance::subjects::Samesocket;
use samesocket_conformance::target::{DropIn, Platform};
use samesocket_conformance::{native_expectations, report, scripts};
use wasm_bindgen_test::wasm_bindgen_test;

#[wasm_bindgen_test]
async fn npm_class_passes_the_scripts() {
    DropIn::load().await;
    report::run::<DropIn>(native_expectations::CONTEXT, scripts::all()).await.demand();
}

#[wasm_bindgen_test]
async fn samesocket_passes_the_scripts() {
    report::run::<Samesocket>(native_expectations::CONTEXT, scripts::all()).await.demand();
}

#[wasm_bindgen_test]
async fn platform_deviations_are_reported() {
    report::record::<Platform>(native_expectations::CONTEXT, scripts::all()).await;
}

#[wasm_bindgen_test]
async fn known_deviations_are_reported() {
    report::report_known_deviations().await;
}
