//! A build with threads, whose memory is shared: the selection of scripts, and data of every kind.
//!
//! A build without threads contains no tests. `cargo xtask test` makes the build with threads.
#![cfg(target_feature = "atomics")]

mod support;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::StreamExt;
use gloo_timers::future::TimeoutFuture;
use js_sys::{Function, Promise, Reflect};
use samesocket::reconnect::{Backoff, LiveSocket, Sent, Status, Update, WeakLiveSocket, reconnect};
use samesocket::{BinaryType, Blob, Error, Event, Message, OwnedMessage, Remote, connect};
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

/// A script that starts the other thread, a worker with the same module and memory, and calls an exported function there.
const START_WORKER: &str = "
    const [module, memory, glue, name] = arguments;
    const script = `
        import init, * as exported from '${glue}';
        onmessage = async ({ data }) => {
            try {
                await init({ module_or_path: data.module, memory: data.memory });
                postMessage({ outcome: await exported[data.name]() });
            } catch (error) {
                postMessage({ failure: String(error) });
            }
        };
    `;
    const url = URL.createObjectURL(new Blob([script], { type: 'text/javascript' }));
    const worker = new Worker(url, { type: 'module' });
    return new Promise((resolve, reject) => {
        worker.addEventListener('message', ({ data }) => {
            if ('outcome' in data) { worker.terminate(); resolve(data.outcome); }
            if ('failure' in data) reject(data.failure);
        });
        worker.addEventListener('error', (event) => reject(event.message));
        worker.postMessage({ module, memory, name });
    });
";

/// Calls an exported function on another thread, and returns its result.
async fn call_on_other_thread(function: &str) -> String {
    let origin = Reflect::get(&js_sys::global(), &"origin".into()).unwrap().as_string().unwrap();
    let glue = format!("{origin}/wasm-bindgen-test.js").into();
    let (module, memory) = (wasm_bindgen::module(), wasm_bindgen::memory());
    let begin = Function::new_no_args(START_WORKER);
    let outcome = begin.call4(&JsValue::NULL, &module, &memory, &glue, &function.into()).unwrap();
    JsFuture::from(outcome.unchecked_into::<Promise>()).await.unwrap().as_string().unwrap()
}

#[wasm_bindgen_test]
async fn remote_handle_works_on_another_thread() {
    let fixture = Fixture::new("other-thread").await;
    let url = fixture.server.socket_url(&fixture.id, "subprotocol=chat&do=text:a,echo");
    let remote = connect(url).subprotocols("chat").await.unwrap().into_remote();
    *REMOTE.lock().unwrap() = Some(remote);
    let outcome = call_on_other_thread("run_on_other_thread").await;
    assert_eq!(outcome, "chat OPEN, a, from elsewhere, 100000 bytes, close 3000 done true, CLOSED");
    assert_eq!(fixture.ended().await.close.unwrap().code, Some(3000));
}

/// The live socket for the other thread, in shared memory.
static LIVE: Mutex<Option<LiveSocket>> = Mutex::new(None);

/// The number of messages that the page has received over the live socket.
static RECEIVED: AtomicUsize = AtomicUsize::new(0);

/// The messages of a burst.
const BURST: usize = 200;

/// Waits until the page's thread has made a condition true.
async fn wait_until(condition: impl Fn() -> bool) {
    while !condition() {
        TimeoutFuture::new(1).await;
    }
}

/// Uses the live socket of the page on the other thread, and drops the last handle there. Returns what the handle reported.
#[wasm_bindgen]
pub async fn use_live_on_other_thread() -> String {
    let live = LIVE.lock().unwrap().take().expect("a handle");
    let mut seen = vec![live.status().to_string()];
    seen.push(format!("{:?}", live.send("from elsewhere")));
    seen.push(format!("{:?}", live.send(vec![7; 100_000])));
    // The server drops the connection.
    wait_until(|| matches!(live.status(), Status::Waiting { .. })).await;
    seen.push(format!("{:?} {} {}", live.send("kept"), live.kept(), live.time_left().is_some()));
    live.reconnect_now();
    wait_until(|| live.status().is_open()).await;
    for number in 0..BURST {
        assert_eq!(live.send(number.to_string()), Ok(Sent::Queued));
    }
    // The page sends a message for each of these, meanwhile.
    wait_until(|| RECEIVED.load(Ordering::Relaxed) == 4 + 2 * BURST).await;
    live.close(Some(3000), Some("done")).unwrap();
    assert_eq!(live.send("late"), Err(Error::NotOpen("late".into())));
    wait_until(|| live.status().is_ended()).await;
    seen.push(format!("{:?} {:?}", live.status().code(), live.status().reason()));
    live.restart();
    wait_until(|| RECEIVED.load(Ordering::Relaxed) == 5 + 2 * BURST).await;
    seen.push(format!("{} {:?}", live.status(), live.send("last words")));
    // From now on, only the drop wakes the socket.
    wait_until(|| RECEIVED.load(Ordering::Relaxed) == 6 + 2 * BURST).await;
    drop(live);
    seen.join(", ")
}

/// Describes an update, and answers each message of the burst.
fn handle_update(update: Update, live: Option<LiveSocket>) -> String {
    assert!(Reflect::has(&js_sys::global(), &"document".into()).unwrap(), "the page's thread calls it");
    let message = match update {
        Update::Status(Status::Waiting { failures, .. }) => return format!("waiting after {failures}"),
        Update::Status(status) => return status.to_string(),
        Update::Message(message) => message,
        other => panic!("{other:?}"),
    };
    RECEIVED.fetch_add(1, Ordering::Relaxed);
    let Some(text) = message.as_text() else { return format!("{} bytes", message.size()) };
    if text.parse::<usize>().is_ok() {
        live.expect("the other thread has a handle").send(format!("page {text}")).unwrap();
    }
    text.to_owned()
}

#[wasm_bindgen_test]
async fn live_handle_works_on_another_thread() {
    let fixture = Fixture::new("live-other-thread").await;
    let server = fixture.server.clone();
    let (id, attempts) = (fixture.id.clone(), Cell::new(0));
    let attempt = move |_| {
        attempts.set(attempts.get() + 1);
        let steps = ["text:hello,echo:2,drop", "echo", "text:again,echo"][attempts.get() - 1];
        let connect = connect(server.socket_url(&format!("{id}-{}", attempts.get()), &format!("do={steps}")));
        async { Some(connect) }
    };
    // No timer wakes the socket, so that only the other thread does.
    let hour = Duration::from_secs(3600);
    let backoff = Backoff { first: hour, longest: hour, ..Backoff::default() };
    let builder = reconnect(attempt).backoff(backoff).forget_failures_after(hour);
    // The callback is not `Send`, while the handle is.
    let (log, weak) = (Rc::new(RefCell::new(Vec::new())), Rc::new(RefCell::new(None::<WeakLiveSocket>)));
    let (seen, own) = (Rc::clone(&log), Rc::clone(&weak));
    let live = builder.drive(move |update| {
        let live = own.borrow().as_ref().and_then(WeakLiveSocket::upgrade);
        seen.borrow_mut().push(handle_update(update, live));
    });
    *weak.borrow_mut() = Some(live.downgrade());
    wait_until(|| log.borrow().len() == 3).await;
    *LIVE.lock().unwrap() = Some(live);
    let outcome = call_on_other_thread("use_live_on_other_thread").await;
    let expected = ["open, Ok(Queued), Ok(Queued), Ok(Kept) 1 true", "Some(3000) Some(\"done\"), open Ok(Queued)"];
    assert_eq!(outcome, expected.join(", "));
    // The other thread has dropped the last handle, so that the socket ends.
    let record = fixture.server.record(&format!("{}-3", fixture.id), "end").await.unwrap();
    let messages: Vec<_> = record.messages.iter().map(|message| message.text.as_deref()).collect();
    assert_eq!((messages, record.close.unwrap().code), (vec![Some("last words")], None));
    let closed = fixture.server.record(&format!("{}-2", fixture.id), "end").await.unwrap().close.unwrap();
    assert_eq!((closed.code, &*closed.reason), (Some(3000), "done"));
    wait_until(|| Rc::strong_count(&log) == 1).await;
    let (answers, updates): (Vec<String>, _) = log.take().into_iter().partition(|update| update.starts_with("page "));
    let numbers = || (0..BURST).map(|number| number.to_string());
    assert!(answers.into_iter().eq(numbers().map(|number| format!("page {number}"))), "in order");
    let before = ["connecting", "open", "hello", "from elsewhere", "100000 bytes", "waiting after 1"];
    let between = ["connecting (attempt 2)", "open", "kept"];
    let after = ["ended: the connection was closed with code 3000", "connecting", "open", "again", "last words"];
    let texts = |part: &[&str]| part.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
    assert_eq!(updates, [texts(&before), texts(&between), numbers().collect(), texts(&after)].concat());
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
