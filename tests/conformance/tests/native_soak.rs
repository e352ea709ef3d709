//! What takes a minute natively; run by `cargo xtask soak`.
#![cfg(not(target_family = "wasm"))]

use futures::executor::block_on;
use samesocket_conformance::subjects::Samesocket;
use samesocket_conformance::{report, scripts};

#[test]
fn samesocket_does_what_the_standard_says() {
    block_on(report::run_within::<Samesocket>(150_000, "soak", scripts::long())).demand();
}
