//! What takes the engines minutes; run by `cargo xtask soak`.
#![cfg(all(target_family = "wasm", target_os = "unknown"))]

mod support;

use gloo_timers::future::TimeoutFuture;
use samesocket::Blob;
use samesocket_conformance::subjects::Samesocket;
use samesocket_conformance::{report, scripts};
use support::{Alive, Place, until};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

#[wasm_bindgen_test]
async fn samesocket_does_what_the_standard_says() {
    report::run_within::<Samesocket>(150_000, "soak", scripts::long()).await.demand();
}

#[wasm_bindgen_test]
async fn a_blob_that_nobody_reads_does_not_keep_a_dropped_socket() {
    let place = Place::new("unread-blob").await;
    place.settle().await;
    let before = Alive::now();
    let socket = place.connect("do=read-gate:never,answer");
    until(&mut socket.events(), "open").await;
    socket.send(&Blob::new(&vec![7; 64 << 20])).unwrap();
    let open = Alive::now();
    drop(socket);
    let waiting = Alive::now();
    assert_eq!(waiting.closures, open.closures + 1, "the timer of the Close that waits");
    // No event tells that it gives up waiting for the blob to be taken; its timer goes then.
    let mut looks = 0;
    while Alive::now().closures == waiting.closures {
        looks += 1;
        assert!(looks < 150, "it waits for ever");
        TimeoutFuture::new(100).await;
    }
    place.server.release(&place.id, "never").await;
    place.ended().await;
    place.settle().await;
    assert_eq!(Alive::now(), before, "nothing is left");
}
