//! Futures that are polled in the event that wakes them.
#![cfg(all(target_family = "wasm", target_os = "unknown"))]

#[path = "anywhere/poll_in_event.rs"]
mod anywhere;
mod support;

use wasm_bindgen_test::wasm_bindgen_test_configure;

wasm_bindgen_test_configure!(run_in_browser);
