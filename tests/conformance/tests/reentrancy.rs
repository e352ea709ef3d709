//! Callbacks that call random methods of their socket; a failed assertion names the seed.
#![cfg(all(target_family = "wasm", target_os = "unknown"))]

#[path = "anywhere/reentrancy.rs"]
mod anywhere;
mod support;

use wasm_bindgen_test::wasm_bindgen_test_configure;

wasm_bindgen_test_configure!(run_in_browser);
