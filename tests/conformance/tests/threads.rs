//! A build with threads, whose memory is shared: the selection of scripts, and data of every kind.
//!
//! A build without threads contains no tests. `cargo xtask test` makes the build with threads.
#![cfg(target_feature = "atomics")]

mod support;

use std::sync::Mutex;

use futures::StreamExt;
use js_sys::{Function, Promise};
use samesocket::{BinaryType, Blob, Event, Message, OwnedMessage, Remote, connect};
use samesocket_conformance::subjects::Samesocket;
use samesocket_conformance::{report, scripts};
use support::{Fixture, until};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

#[wasm_bindgen_test]
fn memory_is_shared() {
    let memory: js_sys::WebAssembly::Memory = wasm_bindgen::memory().unchecked_into();
    assert!(memory.buffer().has_type::<js_sys::SharedArrayBuffer>());
}

#[wasm_bindgen_test]
async fn samesocket_passes_the_scripts() {
    report::run::<Samesocket>("threads", scripts::selection()).await.demand();
}

/// The handle for the other thread, in shared memory.
static REMOTE: Mutex<Option<Remote>> = Mutex::new(None);

/// Runs a conversation on the other thread, and returns a description of it.
#[wasm_bindgen]
pub async fn run_on_other_thread() -> String {
    let mut remote = REMOTE.lock().unwrap().take().expect("a handle");
    let mut seen = Vec::new();
    remote.send("from elsewhere".into()).await.expect("it is open");
    remote.send(vec![7; 100_000].into()).await.expect("it is open");
    seen.push(format!("{} {}", remote.sender().protocol(), remote.sender().ready_state().await));
    for _ in 0..3 {
        seen.push(match remote.next().await {
            Some(Ok(OwnedMessage::Text(text))) => text.to_string(),
            other => format!("{} bytes", other.expect("a message").expect("no error").size()),
        });
    }
    remote.drained().await.expect("it is open");
    let event = remote.close(Some(3000), Some("done")).await.expect("arguments that are right");
    seen.push(format!("close {} {} {}", event.code, event.reason, event.was_clean));
    seen.push(remote.sender().ready_state().await.to_string());
    seen.join(", ")
}

/// A script that starts the other thread, a worker with the same module and memory.
const START_WORKER: &str = "
    const [module, memory, glue] = arguments;
    const script = `
        import init, { run_on_other_thread } from '${glue}';
        onmessage = async ({ data }) => {
            await init({ module_or_path: data.module, memory: data.memory });
            postMessage({ outcome: await run_on_other_thread() });
        };
    `;
    const url = URL.createObjectURL(new Blob([script], { type: 'text/javascript' }));
    const worker = new Worker(url, { type: 'module' });
    return new Promise((resolve, reject) => {
        worker.addEventListener('message', ({ data }) => { if (data.outcome) { worker.terminate(); resolve(data.outcome); } });
        worker.addEventListener('error', (event) => reject(event.message));
        worker.postMessage({ module, memory });
    });
";

#[wasm_bindgen_test]
async fn remote_handle_works_on_another_thread() {
    let fixture = Fixture::new("other-thread").await;
    let url = fixture.server.socket_url(&fixture.id, "subprotocol=chat&do=text:a,echo");
    let remote = connect(url).subprotocols("chat").await.unwrap().into_remote();
    *REMOTE.lock().unwrap() = Some(remote);
    let glue = format!(
        "{}/wasm-bindgen-test.js",
        js_sys::Reflect::get(&js_sys::global(), &"origin".into()).unwrap().as_string().unwrap()
    );
    let begin = Function::new_no_args(START_WORKER);
    let outcome = begin.call3(&JsValue::NULL, &wasm_bindgen::module(), &wasm_bindgen::memory(), &glue.into()).unwrap();
    let outcome = JsFuture::from(outcome.unchecked_into::<Promise>()).await.unwrap().as_string().unwrap();
    assert_eq!(outcome, "chat OPEN, a, from elsewhere, 100000 bytes, close 3000 done true, CLOSED");
    assert_eq!(fixture.ended().await.close.unwrap().code, Some(3000));
}

#[wasm_bindgen_test]
async fn data_of_every_kind_is_echoed() {
    let fixture = Fixture::new("threads").await;
    let socket = fixture.connect("");
    socket.set_binary_type(BinaryType::ArrayBuffer);
    let mut events = socket.events();
    until(&mut events, "open").await;
    let bytes: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    let text = "grün € 😀".repeat(1000);
    socket.send(&bytes).unwrap();
    socket.send(&text).unwrap();
    socket.send(&Blob::new(&bytes)).unwrap();
    let mut received = Vec::new();
    while received.len() < 3 {
        match events.next().await {
            Some(Event::Message(message)) => received.push(message.data),
            other => panic!("{other:?}"),
        }
    }
    assert!(matches!(&received[0], Message::Binary(echo) if *echo == bytes));
    assert!(matches!(&received[1], Message::Text(echo) if *echo == *text));
    assert!(matches!(&received[2], Message::Binary(echo) if *echo == bytes));
    socket.set_binary_type(BinaryType::Blob);
    socket.send(&bytes).unwrap();
    match events.next().await {
        Some(Event::Message(message)) => match message.data {
            Message::Blob(blob) => assert_eq!(blob.slice(1..300).bytes().await.unwrap(), bytes[1..300]),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}
