//! Sockets over a platform's class that throws, or that reports less than the Standard requires.
#![cfg(all(target_family = "wasm", target_os = "unknown"))]

#[path = "anywhere/platform_faults.rs"]
mod anywhere;
mod support;

use wasm_bindgen_test::wasm_bindgen_test_configure;

wasm_bindgen_test_configure!(run_in_browser);

/// Whether the crate is built for runtimes outside browsers.
const IS_OUTSIDE_BROWSERS: bool = false;
