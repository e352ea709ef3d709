//! Split halves, waits and byte streams of the futures API, in an engine.
#![cfg(all(target_family = "wasm", target_os = "unknown"))]

#[path = "anywhere/handles.rs"]
mod anywhere;
mod support;

use wasm_bindgen_test::wasm_bindgen_test_configure;

wasm_bindgen_test_configure!(run_in_browser);
