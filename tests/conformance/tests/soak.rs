//! What takes the engines minutes; run by `cargo xtask soak`.
#![cfg(all(target_family = "wasm", target_os = "unknown"))]

mod support;

use futures::{StreamExt, stream};
use gloo_timers::future::TimeoutFuture;
use js_sys::{Function, Promise};
use samesocket::{Blob, Message, connect};
use samesocket_conformance::lives::live_and_end;
use samesocket_conformance::subjects::Samesocket;
use samesocket_conformance::{report, scripts};
use support::{Alive, Place, until};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

#[wasm_bindgen_test]
async fn samesocket_does_what_the_standard_says() {
    report::run_within::<Samesocket>(150_000, "soak", scripts::long()).await.demand();
}

/// How many connections are made, how many between two counts, and how many at a time.
///
/// Chromium lets a connection wait for seconds when many others are being made, and for no time among so few.
const CONNECTIONS: usize = 10_000;
const BATCH: usize = 500;
const AT_A_TIME: usize = 6;

/// Has the engine collect garbage, where it lets one say so.
///
/// Nothing else would have it do so here, where JavaScript makes little. And Chromium 156 gives back the two file
/// descriptors that each WebSocket has taken of the page's process, closed or not, when it collects the object: ten thousand
/// would be as many as `ulimit -n` allows, after which the page reaches nobody.
async fn collect_garbage() {
    let collect = Function::new_no_args("return (globalThis.gc ?? globalThis.TestUtils?.gc)?.()");
    let collected = Promise::resolve(&collect.call0(&JsValue::NULL).expect("a collector that works"));
    JsFuture::from(collected).await.expect("a collector that works");
}

/// The size of this program's memory, in bytes.
fn memory() -> f64 {
    let memory: js_sys::WebAssembly::Memory = wasm_bindgen::memory().unchecked_into();
    memory.buffer().unchecked_into::<js_sys::ArrayBuffer>().byte_length().into()
}

#[wasm_bindgen_test]
async fn ten_thousand_connections_leave_nothing() {
    let place = Place::new("ten-thousand").await;
    place.settle().await;
    let mut before = None;
    for batch in 0..CONNECTIONS / BATCH {
        let prefix = format!("{}-batch-{batch}-", place.id);
        let lives =
            (0..BATCH).map(|index| live_and_end(place.server.socket_url(&format!("{prefix}{index}"), ""), index));
        stream::iter(lives).for_each_concurrent(AT_A_TIME, |life| life).await;
        // The server has seen each of them go.
        place.server.all_gone(&prefix).await;
        place.settle().await;
        collect_garbage().await;
        let now = (Alive::now(), memory());
        // What the first batch has made room for is kept, and used again.
        let before = before.get_or_insert(now);
        assert_eq!(now, *before, "after {} connections", (batch + 1) * BATCH);
    }
}

#[wasm_bindgen_test]
async fn a_gibibyte_goes_through_a_slow_reader_and_never_more_than_the_mark_waits() {
    const MESSAGE: usize = 1 << 20;
    const MESSAGES: usize = 1 << 10;
    const MARK: usize = 8 << 20;
    let place = Place::new("gibibyte").await;
    let socket =
        connect(place.server.socket_url(&place.id, "do=read-slow:33554432,await:1024,close:1000")).await.unwrap();
    let message = Message::from(vec![7; MESSAGE]);
    collect_garbage().await;
    // `cargo xtask soak` looks meanwhile how much memory the engine's processes hold.
    let report = format!("gibibyte-{}", place.server.engine);
    place.server.put_report(&report, "begun").await;
    socket.send(message.clone()).await.unwrap();
    let (before, mut most) = (memory(), 0);
    for _ in 1..MESSAGES {
        socket.send(message.clone()).await.unwrap();
        most = socket.buffered_amount().max(most);
    }
    assert!(most <= (MARK + MESSAGE) as u64, "{most} bytes waited");
    assert!(memory() - before <= f64::from(1 << 20), "the program's memory is as large as before");
    assert!(socket.closed().await.was_clean);
    let record = place.ended().await;
    place.server.put_report(&report, "ended").await;
    assert_eq!(record.message_count, MESSAGES as u64);
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
