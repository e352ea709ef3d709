//! Callbacks, event streams, and the future that waits for the close.
#![cfg(all(target_family = "wasm", target_os = "unknown"))]

#[path = "anywhere/subscribing.rs"]
mod anywhere;
mod support;

use wasm_bindgen_test::wasm_bindgen_test_configure;

wasm_bindgen_test_configure!(run_in_browser);
