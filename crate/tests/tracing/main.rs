//! Spans and events of the feature `tracing`, as a subscriber of the whole process sees them.
#![cfg(not(target_family = "wasm"))]

mod callbacks;
mod collector;
mod events;
mod secrets;
#[allow(dead_code, reason = "the tests in `native` use the rest")]
#[path = "../native/support.rs"]
mod support;
