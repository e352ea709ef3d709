//! Tests that take the engines minutes; run by `cargo xtask soak`.
#![cfg(all(target_family = "wasm", target_os = "unknown"))]

mod support;

use futures::{StreamExt, stream};
use gloo_timers::future::TimeoutFuture;
use js_sys::{Function, Promise};
use samesocket::{Blob, Message, connect};
use samesocket_conformance::short_lived::connect_and_end;
use samesocket_conformance::subjects::Samesocket;
use samesocket_conformance::{report, scripts};
use support::{Alive, Fixture, until};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

#[wasm_bindgen_test]
async fn samesocket_passes_the_scripts() {
    report::run_within::<Samesocket>(150_000, "soak", scripts::long()).await.demand();
}

/// The number of connections, the number between two counts, and the number at a time.
///
/// Chromium delays connections for seconds if many are in progress, but not if there are six.
const CONNECTIONS: usize = 10_000;
const BATCH: usize = 500;
const AT_A_TIME: usize = 6;

/// Collects garbage. `WebKit` has no switch that exposes its collector.
///
/// The test allocates too little in JavaScript for a collection to start by itself. Chromium 156 releases the two file
/// descriptors of a WebSocket only when it collects the object. Ten thousand sockets would exceed `ulimit -n`, and the
/// page could no longer connect.
async fn collect_garbage(engine: &str) {
    let collect = Function::new_no_args("return globalThis.gc ?? globalThis.TestUtils?.gc");
    let collect = collect.call0(&JsValue::NULL).expect("a script that runs");
    let Some(collect) = collect.dyn_ref::<Function>() else {
        return assert_eq!(engine, "webkit", "the engine was started without the switch for its garbage collector");
    };
    let collected = Promise::resolve(&collect.call0(&JsValue::UNDEFINED).expect("the collector works"));
    JsFuture::from(collected).await.expect("the collector works");
}

/// Returns the size of the program's memory in bytes.
fn memory() -> f64 {
    let memory: js_sys::WebAssembly::Memory = wasm_bindgen::memory().unchecked_into();
    memory.buffer().unchecked_into::<js_sys::ArrayBuffer>().byte_length().into()
}

#[wasm_bindgen_test]
async fn ten_thousand_connections_leave_nothing() {
    let fixture = Fixture::new("ten-thousand").await;
    fixture.settle().await;
    let mut before = None;
    for batch in 0..CONNECTIONS / BATCH {
        let prefix = format!("{}-batch-{batch}-", fixture.id);
        let connections =
            (0..BATCH).map(|index| connect_and_end(fixture.server.socket_url(&format!("{prefix}{index}"), ""), index));
        stream::iter(connections).for_each_concurrent(AT_A_TIME, |connection| connection).await;
        // Wait until the server has seen the end of each connection.
        fixture.server.all_gone(&prefix).await;
        fixture.settle().await;
        collect_garbage(&fixture.server.engine).await;
        let now = (Alive::now(), memory());
        // The memory that the first batch allocated is kept and reused.
        let before = before.get_or_insert(now);
        assert_eq!(now, *before, "after {} connections", (batch + 1) * BATCH);
    }
}

#[wasm_bindgen_test]
async fn gibibyte_to_slow_reader_queues_at_most_the_mark() {
    const MESSAGE: usize = 1 << 20;
    const MESSAGES: usize = 1 << 10;
    const MARK: usize = 8 << 20;
    let fixture = Fixture::new("gibibyte").await;
    let socket =
        connect(fixture.server.socket_url(&fixture.id, "do=read-slow:33554432,await:1024,close:1000")).await.unwrap();
    let message = Message::from(vec![7; MESSAGE]);
    collect_garbage(&fixture.server.engine).await;
    // Meanwhile `cargo xtask soak` measures the memory of the engine's processes.
    let report = format!("gibibyte-{}", fixture.server.engine);
    fixture.server.put_report(&report, "begun").await;
    socket.send(message.clone()).await.unwrap();
    let (before, mut most) = (memory(), 0);
    for _ in 1..MESSAGES {
        socket.send(message.clone()).await.unwrap();
        most = socket.buffered_amount().max(most);
    }
    assert!(most <= (MARK + MESSAGE) as u64, "{most} bytes were queued");
    assert!(memory() - before <= f64::from(1 << 20), "the program's memory is as large as before");
    assert!(socket.closed().await.was_clean);
    let record = fixture.ended().await;
    fixture.server.put_report(&report, "ended").await;
    assert_eq!(record.message_count, MESSAGES as u64);
}

#[wasm_bindgen_test]
async fn unread_blob_does_not_keep_dropped_socket() {
    let fixture = Fixture::new("unread-blob").await;
    fixture.settle().await;
    let before = Alive::now();
    let socket = fixture.connect("do=read-gate:never,answer");
    until(&mut socket.events(), "open").await;
    socket.send(&Blob::new(&vec![7; 64 << 20])).unwrap();
    let open = Alive::now();
    drop(socket);
    let waiting = Alive::now();
    assert_eq!(waiting.closures, open.closures + 1, "the timer of the pending close");
    // No event reports the end of the pending close, but its timer is freed.
    let mut polls = 0;
    while Alive::now().closures == waiting.closures {
        polls += 1;
        assert!(polls < 150, "the pending close never ends");
        TimeoutFuture::new(100).await;
    }
    fixture.server.release(&fixture.id, "never").await;
    fixture.ended().await;
    fixture.settle().await;
    assert_eq!(Alive::now(), before, "nothing is left");
}
