//! The futures API, in an engine.

use std::cell::Cell;
use std::future::Future;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::support::{Alive, Fixture, unreadable_blob};
use futures::future::{join, join3};
use futures::{FutureExt, SinkExt};
use gloo_timers::future::TimeoutFuture;
use js_sys::Date;
use samesocket::reconnect::{Backoff, Reconnect, reconnect};
use samesocket::{
    BinaryType, Blob, Connect, ConnectError, Error, Heartbeat, Message, OwnedMessage, PingError, ReadyState, Socket,
    connect,
};
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::wasm_bindgen_test;

/// Returns a connection attempt to the fault server.
fn to(fixture: &Fixture, query: &str) -> Connect {
    connect(fixture.server.socket_url(&fixture.id, query))
}

/// Describes an item of a stream in one line.
fn line(item: &Result<Message, Error>) -> String {
    match item {
        Ok(Message::Text(text)) => text.to_string(),
        Ok(other) => format!("{} bytes", other.size()),
        Err(Error::Failed(failed)) => format!("failed {}", failed.event().code),
        Err(error) => format!("error {error}"),
    }
}

/// Collects the items of a stream.
async fn lines(socket: &mut Socket) -> Vec<String> {
    let mut lines = Vec::new();
    while let Some(item) = socket.next().await {
        lines.push(line(&item));
    }
    lines
}

/// Polls a future once.
fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    future.poll_unpin(&mut Context::from_waker(Waker::noop()))
}

#[wasm_bindgen_test]
async fn conversation_runs_from_open_to_close() {
    let fixture = Fixture::new("conversation").await;
    let mut socket = to(&fixture, "subprotocol=chat&do=text:a,bin:0102,echo").subprotocols(["chat"]).await.unwrap();
    assert_eq!((socket.ready_state(), &*socket.protocol()), (ReadyState::Open, "chat"));
    socket.send("hello".into()).await.unwrap();
    for expected in ["a", "2 bytes", "hello"] {
        assert_eq!(line(&socket.next().await.unwrap()), expected);
    }
    let event = socket.close(Some(3000), Some("done")).await.unwrap();
    assert_eq!((event.code, &*event.reason, event.was_clean), (3000, "done", true));
    assert!(socket.next().await.is_none());
    let error = socket.send("mine".into()).await.unwrap_err();
    assert!(matches!(error, Error::NotOpen(Message::Text(text)) if text == "mine"));
}

#[wasm_bindgen_test]
async fn messages_with_handshake_wait_for_late_poll() {
    let fixture = Fixture::new("late").await;
    let mut connecting = to(&fixture, "packet=1&do=text:a,text:b,close:1000");
    assert!(poll_once(&mut connecting).is_pending());
    fixture.ended().await;
    fixture.settle().await;
    let mut socket = connecting.await.unwrap();
    assert_eq!(lines(&mut socket).await, ["a", "b"]);
    assert_eq!(socket.closed().await.code, 1000);
}

#[wasm_bindgen_test]
async fn failure_yields_one_error_then_ends() {
    let fixture = Fixture::new("failure").await;
    let mut socket = to(&fixture, "do=text:a,gate:go,drop").await.unwrap();
    fixture.server.release(&fixture.id, "go").await;
    assert_eq!(lines(&mut socket).await, ["a", "failed 1006"]);
    assert!(socket.next().await.is_none());
}

#[wasm_bindgen_test]
async fn failed_connect_returns_error() {
    let fixture = Fixture::new("refused").await;
    assert!(
        matches!(to(&fixture, "status=403").await, Err(ConnectError::Failed(failed)) if failed.event().code == 1006)
    );
    assert!(matches!(connect("ws://a/#b").await, Err(ConnectError::Exception(_))));
}

#[wasm_bindgen_test]
async fn cancelled_connect_leaves_nothing_at_any_point() {
    let fixture = Fixture::new("given-up").await;
    fixture.settle().await;
    let before = Alive::now();
    let mut connecting = to(&fixture, "hold=handshake");
    assert!(poll_once(&mut connecting).is_pending());
    fixture.server.record(&fixture.id, "request").await.unwrap();
    drop(connecting);
    assert_eq!(Alive::now().listeners, before.listeners);
    fixture.server.release(&fixture.id, "handshake").await;
    fixture.ended().await;
    let open = Fixture::new("given-up-open").await;
    let mut connecting = to(&open, "do=text:a,echo");
    assert!(poll_once(&mut connecting).is_pending());
    open.server.record(&open.id, "handshake").await.unwrap();
    drop(connecting);
    open.ended().await;
    fixture.settle().await;
    assert_eq!(Alive::now(), before);
}

#[wasm_bindgen_test]
async fn connect_timeout_ends_connection() {
    let fixture = Fixture::new("timeout").await;
    fixture.settle().await;
    let before = Alive::now();
    let timeout = Duration::from_millis(50);
    let connected = to(&fixture, "hold=handshake").timeout(timeout).await;
    assert!(matches!(connected, Err(ConnectError::TimedOut { after }) if after == timeout));
    fixture.server.release(&fixture.id, "handshake").await;
    fixture.ended().await;
    fixture.settle().await;
    assert_eq!(Alive::now(), before);
}

#[wasm_bindgen_test]
async fn closing_handshake_has_a_timeout() {
    let fixture = Fixture::new("close-deadline").await;
    let timeout = Duration::from_millis(50);
    let mut socket = to(&fixture, "do=await-close,gate:go,answer").close_timeout(timeout).await.unwrap();
    assert!(matches!(SinkExt::close(&mut socket).await, Err(Error::CloseTimedOut { .. })));
    assert_eq!(socket.closed().await.code, 1006);
    fixture.server.release(&fixture.id, "go").await;
}

#[wasm_bindgen_test]
async fn aborted_socket_ends_once_with_code_1006() {
    let fixture = Fixture::new("abort").await;
    let mut socket = to(&fixture, "do=text:a,await-close,answer").await.unwrap();
    assert_eq!(line(&socket.next().await.unwrap()), "a");
    socket.abort();
    socket.abort();
    assert!(matches!(socket.send("late".into()).await, Err(Error::NotOpen(_))));
    assert_eq!(lines(&mut socket).await, ["failed 1006"]);
    socket.abort();
    let event = socket.closed().await;
    assert_eq!((event.code, event.was_clean), (1006, false));
    // The browser closes in the background, although the end was reported.
    assert!(fixture.ended().await.close.is_some());
}

#[wasm_bindgen_test]
async fn ping_is_unsupported_in_a_page() {
    let fixture = Fixture::new("ping").await;
    let socket = to(&fixture, "do=echo").await.unwrap();
    assert_eq!(socket.ping().await, Err(PingError::Unsupported));
    assert_eq!(socket.control().received_pings(), None);
}

#[wasm_bindgen_test]
async fn next_is_a_branch_of_select() {
    let fixture = Fixture::new("select").await;
    let mut socket = to(&fixture, "do=text:a,close:1000").await.unwrap();
    let mut seen = Vec::new();
    loop {
        futures::select! {
            item = socket.next() => match item {
                Some(item) => seen.push(line(&item)),
                None => break,
            },
        }
    }
    assert_eq!(seen, ["a"]);
}

#[wasm_bindgen_test]
fn blob_equals_its_clones_and_no_other() {
    let [blob, other] = [Blob::new(b"abc"), Blob::new(b"abc")];
    assert_eq!(Message::Blob(blob.clone()), Message::Blob(blob.clone()));
    assert_ne!(blob, other);
}

#[wasm_bindgen_test]
async fn idle_socket_is_closed() {
    let fixture = Fixture::new("idle").await;
    let mut socket = to(&fixture, "do=text:a,answer").idle_timeout(Duration::from_millis(50)).await.unwrap();
    assert_eq!(lines(&mut socket).await, ["a", "error no message arrived for 50ms"]);
    assert_eq!(fixture.ended().await.close.unwrap().code, Some(4008));
}

#[wasm_bindgen_test]
async fn receive_limit_yields_one_error_and_closes() {
    let fixture = Fixture::new("limit").await;
    let mut socket = to(&fixture, "do=flood:100:1000,answer").receive_limit(10, 1 << 20).await.unwrap();
    assert_eq!(socket.closed().await.code, 4009);
    let mut expected = vec!["1000 bytes".to_owned(); 10];
    expected.push("error a message exceeded the receive limit behind 10 messages of 10000 bytes".to_owned());
    assert_eq!(lines(&mut socket).await, expected);
}

#[wasm_bindgen_test]
async fn sender_waits_above_mark_and_polls_250_times_a_second() {
    let fixture = Fixture::new("send-wait").await;
    // In WebKit bufferedAmount falls as soon as the network library has queued the bytes.
    let mark = 1 << 20;
    let socket = to(&fixture, "do=read-gate:go,await-close,answer").high_water_mark(mark).await.unwrap();
    let piece = Message::from(vec![7; 1 << 20]);
    let mut sent = 0;
    let all = 64;
    {
        let mut sending = pin!(async {
            for _ in 0..all {
                socket.send(piece.clone()).await.unwrap();
                sent += 1;
                assert!(socket.buffered_amount() <= mark + (1 << 20), "the mark and one message");
            }
        });
        let polls = Rc::new(Cell::new(0));
        let counted = {
            let polls = Rc::clone(&polls);
            futures::future::poll_fn(move |context| {
                polls.set(polls.get() + 1);
                sending.as_mut().poll(context)
            })
        };
        let begin = Date::now();
        let released = async {
            TimeoutFuture::new(500).await;
            fixture.server.release(&fixture.id, "go").await;
        };
        join(counted, released).await;
        let seconds = (Date::now() - begin) / 1000.0;
        assert!(f64::from(polls.get()) < 20.0 + 250.0 * seconds, "{} polls in {seconds} s", polls.get());
    }
    assert_eq!(sent, all);
    socket.drained().await.unwrap();
    assert_eq!(socket.buffered_amount(), 0);
    socket.close(None, None).await.unwrap();
    assert_eq!(fixture.ended().await.messages.iter().filter(|message| message.length == 1 << 20).count(), all);
}

/// Counts timers, and those that are set within another.
const COUNT_TIMERS: &str = "
    const original = globalThis.setTimeout;
    globalThis.timers = 0;
    globalThis.timersWithinTimers = 0;
    let within = false;
    globalThis.setTimeout = (callback, ...rest) => {
        timers++;
        if (within) timersWithinTimers++;
        return original((...args) => { within = true; try { callback(...args); } finally { within = false; } }, ...rest);
    };
    return () => { globalThis.setTimeout = original; };
";

#[wasm_bindgen_test]
async fn waiting_sender_nests_no_timers() {
    // An engine may delay nested timers of a hidden page for a minute.
    let fixture = Fixture::new("look").await;
    if fixture.server.engine == "webkit" {
        // In this engine bufferedAmount falls at once, so no polling starts.
        return;
    }
    let socket = to(&fixture, "do=read-gate:go,await-close,answer").high_water_mark(0).await.unwrap();
    let put_back = js_sys::Function::new_no_args(COUNT_TIMERS).call0(&JsValue::NULL).unwrap();
    let released = async {
        TimeoutFuture::new(500).await;
        fixture.server.release(&fixture.id, "go").await;
    };
    let sending = async {
        socket.send(vec![7; 32 << 20].into()).await.unwrap();
        socket.send("more".into()).await.unwrap();
    };
    join(sending, released).await;
    let count = |name: &str| js_sys::Reflect::get(&js_sys::global(), &name.into()).unwrap().as_f64().unwrap();
    assert!(count("timers") > 5.0, "{} looks", count("timers"));
    assert_eq!(count("timersWithinTimers").to_bits(), 0.0_f64.to_bits());
    put_back.unchecked_into::<js_sys::Function>().call0(&JsValue::NULL).unwrap();
}

#[wasm_bindgen_test]
async fn waiting_sender_is_woken_by_close() {
    let fixture = Fixture::new("send-closed").await;
    if fixture.server.engine == "webkit" {
        // In this engine bufferedAmount falls at once, so no sender waits.
        return;
    }
    let socket = to(&fixture, "do=read-gate:go,drop").high_water_mark(0).await.unwrap();
    socket.send(vec![7; 32 << 20].into()).await.unwrap();
    let released = async {
        TimeoutFuture::new(100).await;
        fixture.server.release(&fixture.id, "go").await;
    };
    let (sent, drained, ()) = join3(socket.send("mine".into()), socket.drained(), released).await;
    assert!(matches!(sent, Err(Error::NotOpen(_))), "{sent:?}");
    assert!(matches!(drained, Err(Error::Undelivered { .. })), "{drained:?}");
}

/// Brings a socket into a state, drops it, and checks that nothing of it stays alive.
async fn drop_leaves_nothing<F: Future<Output = Socket>>(name: &str, query: &str, bring: impl FnOnce(Socket) -> F) {
    let fixture = Fixture::new(name).await;
    fixture.settle().await;
    let before = Alive::now();
    let socket = bring(to(&fixture, query).idle_timeout(Duration::from_secs(60)).await.unwrap()).await;
    drop(socket);
    assert_eq!(Alive::now().listeners, before.listeners, "listeners are freed at once");
    fixture.server.release(&fixture.id, "now").await;
    fixture.ended().await;
    fixture.settle().await;
    assert_eq!(Alive::now(), before, "nothing is left");
}

#[wasm_bindgen_test]
async fn dropping_while_open_leaves_nothing() {
    drop_leaves_nothing("drop-open", "", |mut socket| async {
        assert!(socket.next().now_or_never().is_none());
        socket
    })
    .await;
}

#[wasm_bindgen_test]
async fn dropping_while_sending_waits_leaves_nothing() {
    drop_leaves_nothing("drop-sending", "do=read-gate:now,echo", |socket| async {
        while socket.buffered_amount() <= 8 << 20 && socket.try_send(vec![7; 32 << 20].into()).is_ok() {}
        let _ = socket.send("more".into()).now_or_never();
        socket
    })
    .await;
}

#[wasm_bindgen_test]
async fn dropping_while_closing_leaves_nothing() {
    drop_leaves_nothing("drop-closing", "do=await-close,gate:now,answer", |socket| async {
        assert!(socket.close(None, None).now_or_never().is_none());
        socket
    })
    .await;
}

#[wasm_bindgen_test]
async fn dropping_when_closed_leaves_nothing() {
    drop_leaves_nothing("drop-closed", "do=text:a,close:1000", |socket| async {
        socket.closed().await;
        socket
    })
    .await;
}

#[wasm_bindgen_test]
async fn blob_is_forwarded_without_being_read() {
    let fixture = Fixture::new("forward").await;
    let mut socket = to(&fixture, "do=bytes:100000,await:1,close:1000").binary_type(BinaryType::Blob).await.unwrap();
    let message = socket.next().await.unwrap().unwrap();
    assert!(matches!(&message, Message::Blob(blob) if blob.size() == 100_000));
    socket.send(message).await.unwrap();
    assert!(socket.next().await.is_none());
    assert_eq!(fixture.ended().await.messages[0].length, 100_000);
}

#[wasm_bindgen_test]
async fn lazy_messages_are_forwarded_and_measured_unread() {
    for streamed in [false, true] {
        let fixture = Fixture::new(if streamed { "unread-stream" } else { "unread" }).await;
        let connect = to(&fixture, "do=text:gr%C3%BCn%20%F0%9F%98%80,bytes:100000,text:,await:3,close:1000").lazy();
        let connect = if streamed { connect.with_backpressure() } else { connect };
        let mut socket = connect.await.unwrap();
        let mut sizes = Vec::new();
        for _ in 0..3 {
            let message = socket.next().await.unwrap().unwrap();
            let Message::Lazy(lazy) = &message else { panic!("{message:?}") };
            sizes.push((lazy.is_text(), message.size()));
            if sizes.len() == 1 {
                assert_eq!(lazy.read(), OwnedMessage::from("grün 😀"));
            }
            socket.send(message).await.unwrap();
        }
        assert_eq!(sizes, [(true, 10), (false, 100_000), (true, 0)]);
        assert!(socket.next().await.is_none());
        let record = fixture.ended().await;
        let seen: Vec<_> = record.messages.iter().map(|message| (&*message.kind, message.length)).collect();
        assert_eq!(seen, [("text", 10), ("binary", 100_000), ("text", 0)]);
        assert_eq!(record.messages[0].text.as_deref(), Some("grün 😀"));
    }
}

#[wasm_bindgen_test]
async fn unread_lazy_message_is_not_copied() {
    let memory = || {
        let memory: js_sys::WebAssembly::Memory = wasm_bindgen::memory().unchecked_into();
        memory.buffer().unchecked_into::<js_sys::ArrayBuffer>().byte_length()
    };
    let fixture = Fixture::new("unread-large").await;
    let mut socket = to(&fixture, "do=bytes:33554432,await:1,close:1000").lazy().await.unwrap();
    let before = memory();
    let message = socket.next().await.unwrap().unwrap();
    assert_eq!(message.size(), 32 << 20);
    socket.send(message).await.unwrap();
    assert!(socket.next().await.is_none());
    assert!(memory() - before < 1 << 20, "no room was made for it");
    assert_eq!(fixture.ended().await.messages[0].length, 32 << 20);
}

#[wasm_bindgen_test]
async fn heartbeat_sends_messages_and_fails_without_answer() {
    let fixture = Fixture::new("heartbeat").await;
    // Under load, `ws` was seen to deliver an answer only after a second.
    let within = if fixture.server.engine == "node-ws" { 5 } else { 1 };
    let heartbeat = Heartbeat::new("ping".into(), |message| matches!(message, Message::Text(text) if text == "pong"))
        .every(Duration::from_millis(20))
        .within(Duration::from_secs(within));
    let mut socket = to(&fixture, "do=await:1,text:pong,await:1,text:news,answer").heartbeat(heartbeat).await.unwrap();
    let failed = format!("error the server did not answer the heartbeat within {within}s");
    assert_eq!(lines(&mut socket).await, ["news", &failed]);
    let record = fixture.ended().await;
    assert_eq!((record.messages.len(), record.close.unwrap().code), (3, Some(4008)));
}

#[wasm_bindgen_test]
async fn backpressure_pauses_server_where_engine_can() {
    let fixture = Fixture::new("peer-waits").await;
    // This ping follows the flood, and the engine answers it when it has read the flood. Once the text behind it has arrived, a
    // Close does not overtake the answer.
    let flood = "do=flood:63:1048576,ping:read,text:after,await-close,answer";
    let mut socket = to(&fixture, flood).with_backpressure().await.unwrap();
    assert_eq!(socket.control().has_backpressure(), fixture.server.engine == "chromium");
    // Meanwhile another connection carries as many bytes.
    let other = Fixture::new("peer-waits-not").await;
    let mut read = to(&other, "do=flood:64:1048576,close:1000").await.unwrap();
    assert_eq!(lines(&mut read).await.len(), 64);
    let record = fixture.server.record(&fixture.id, "handshake").await.unwrap();
    if socket.control().has_backpressure() {
        assert!(record.frames.is_empty(), "{:?}", record.frames);
    }
    // In every engine, no message is lost.
    for _ in 0..63 {
        assert_eq!(line(&socket.next().await.unwrap()), "1048576 bytes");
    }
    assert_eq!(line(&socket.next().await.unwrap()), "after");
    let event = socket.close(Some(3000), Some("read")).await.unwrap();
    assert_eq!((event.code, &*event.reason, event.was_clean), (3000, "read", true));
    assert!(socket.next().await.is_none());
    assert_eq!(fixture.ended().await.frames[0].opcode, 10);
}

#[wasm_bindgen_test]
async fn backpressure_socket_behaves_like_default_one() {
    let fixture = Fixture::new("stream").await;
    let query = "subprotocol=chat&do=text:grün,bin:0102,echo";
    let mut socket = to(&fixture, query).subprotocols(["chat"]).with_backpressure().await.unwrap();
    assert_eq!((socket.ready_state(), &*socket.protocol()), (ReadyState::Open, "chat"));
    socket.send("hello".into()).await.unwrap();
    socket.send(Blob::new(&[7; 5]).into()).await.unwrap();
    socket.send(vec![7; 3 << 20].into()).await.unwrap();
    for expected in ["grün", "2 bytes", "hello", "5 bytes", "3145728 bytes"] {
        assert_eq!(line(&socket.next().await.unwrap()), expected);
    }
    socket.drained().await.unwrap();
    assert_eq!(socket.buffered_amount(), 0);
    let failure = Fixture::new("stream-failure").await;
    let mut failing = to(&failure, "do=text:a,gate:go,drop").with_backpressure().await.unwrap();
    failure.server.release(&failure.id, "go").await;
    assert_eq!(lines(&mut failing).await, ["a", "failed 1006"]);
    let mut closed =
        to(&Fixture::new("stream-closed").await, "do=text:a,close:1001:bye").with_backpressure().await.unwrap();
    assert_eq!(lines(&mut closed).await, ["a"]);
    assert_eq!((closed.closed().await.code, &*closed.closed().await.reason), (1001, "bye"));
    let refused = to(&Fixture::new("stream-refused").await, "status=403").with_backpressure().await;
    assert!(matches!(refused, Err(ConnectError::Failed(failed)) if failed.event().code == 1006));
}

#[wasm_bindgen_test]
async fn backpressure_socket_sends_messages_before_close() {
    let fixture = Fixture::new("stream-last").await;
    let connect = to(&fixture, "do=read-gate:go,await-close,answer").with_backpressure().high_water_mark(64 << 20);
    let socket = connect.await.unwrap();
    for _ in 0..8 {
        socket.send(vec![7; 4 << 20].into()).await.unwrap();
    }
    let closing = socket.close(Some(3001), None);
    assert_eq!(socket.ready_state(), ReadyState::Closing);
    fixture.server.release(&fixture.id, "go").await;
    assert_eq!(closing.await.unwrap().code, 3001);
    assert_eq!(fixture.ended().await.messages.len(), 8);
}

#[wasm_bindgen_test]
async fn backpressure_socket_sends_empty_message_before_close() {
    let fixture = Fixture::new("stream-empty").await;
    let socket = to(&fixture, "do=await-close,answer").with_backpressure().await.unwrap();
    socket.send("".into()).await.unwrap();
    assert_eq!(socket.close(Some(3001), None).await.unwrap().code, 3001);
    assert_eq!(fixture.ended().await.message_count, 1);
}

#[wasm_bindgen_test]
async fn backpressure_socket_fails_if_a_blob_cannot_be_read() {
    let fixture = Fixture::new("stream-unreadable").await;
    let mut socket = to(&fixture, "do=await-close,answer").with_backpressure().await.unwrap();
    if !socket.control().has_backpressure() {
        return;
    }
    let (blob, _fail) = unreadable_blob();
    socket.send(blob.into()).await.unwrap();
    socket.send("behind it".into()).await.unwrap();
    // The server's answer to our Close counts, if it comes before the task that fails the connection.
    let seen = lines(&mut socket).await.join(", ");
    assert!(matches!(&*seen, "failed 1005" | "failed 1006"), "{seen}");
    assert_eq!(socket.buffered_amount(), 9, "it was not sent");
    assert!(fixture.ended().await.messages.is_empty());
}

#[wasm_bindgen_test]
async fn streams_of_deno_are_not_used() {
    let global = js_sys::global();
    let mut added = vec!["Deno", "WebSocketStream"];
    added.retain(|name| !js_sys::Reflect::has(&global, &(*name).into()).unwrap());
    for name in &added {
        js_sys::Reflect::set(&global, &(*name).into(), &js_sys::Object::new()).unwrap();
    }
    let fixture = Fixture::new("stream-deno").await;
    let connected = to(&fixture, "do=echo").with_backpressure().await;
    for name in &added {
        js_sys::Reflect::delete_property(&global, &(*name).into()).unwrap();
    }
    assert!(!connected.unwrap().control().has_backpressure());
}

/// Counts rejections that are unhandled. Unlike Chromium's own, the promises of this class are not marked as handled.
const COUNT_UNHANDLED: &str = "
    const Platform = WebSocketStream;
    globalThis.WebSocketStream = class extends Platform {
        theirs = [super.opened.then((info) => info), super.closed.then((info) => info)];
        get opened() { return this.theirs[0]; }
        get closed() { return this.theirs[1]; }
    };
    globalThis.unhandledRejections = 0;
    const count = (event) => { unhandledRejections++; event.preventDefault(); };
    addEventListener('unhandledrejection', count);
    return () => {
        WebSocketStream = Platform;
        removeEventListener('unhandledrejection', count);
    };
";

#[wasm_bindgen_test]
async fn refused_backpressure_socket_leaves_no_unhandled_rejection() {
    let global = js_sys::global();
    if !js_sys::Reflect::has(&global, &"WebSocketStream".into()).unwrap() {
        return;
    }
    let fixture = Fixture::new("stream-unhandled").await;
    let restore: js_sys::Function =
        js_sys::Function::new_no_args(COUNT_UNHANDLED).call0(&global).unwrap().unchecked_into();
    let refused = to(&fixture, "status=403").with_backpressure().await;
    fixture.settle().await;
    restore.call0(&global).unwrap();
    assert!(refused.is_err());
    let unhandled = js_sys::Reflect::get(&global, &"unhandledRejections".into()).unwrap();
    assert_eq!(unhandled.as_f64(), Some(0.0));
}

/// Runs a function when a `WebSocketStream` has opened, before our code is notified.
const WHEN_OPENED: &str = "
    const Platform = WebSocketStream;
    globalThis.WebSocketStream = class extends Platform {
        get opened() { return super.opened.then((opened) => { whenOpened(); return opened; }); }
    };
    return () => { WebSocketStream = Platform; };
";

#[wasm_bindgen_test]
async fn backpressure_connect_can_be_cancelled_just_after_open() {
    let global = js_sys::global();
    if !js_sys::Reflect::has(&global, &"WebSocketStream".into()).unwrap() {
        return;
    }
    let fixture = Fixture::new("stream-just-opened").await;
    fixture.settle().await;
    let before = Alive::now();
    let restore: js_sys::Function = js_sys::Function::new_no_args(WHEN_OPENED).call0(&global).unwrap().unchecked_into();
    let connecting = Rc::new(std::cell::RefCell::new(Some(to(&fixture, "").with_backpressure())));
    let dropped = Rc::clone(&connecting);
    let hook = Closure::<dyn Fn()>::new(move || drop(dropped.take()));
    js_sys::Reflect::set(&global, &"whenOpened".into(), hook.as_ref()).unwrap();
    assert!(poll_once(connecting.borrow_mut().as_mut().unwrap()).is_pending());
    restore.call0(&global).unwrap();
    fixture.ended().await;
    assert!(connecting.borrow().is_none());
    drop((hook, restore));
    fixture.settle().await;
    assert_eq!(Alive::now(), before, "nothing is left");
}

#[wasm_bindgen_test]
async fn backpressure_socket_reports_unsent_bytes_at_close() {
    let fixture = Fixture::new("stream-lost").await;
    let socket = to(&fixture, "do=read-gate:go,close:1001").with_backpressure().high_water_mark(0).await.unwrap();
    if !socket.control().has_backpressure() {
        // Without `WebSocketStream` this is the default socket, which other tests cover.
        return;
    }
    let size = 32 << 20;
    socket.send(vec![7; size].into()).await.unwrap();
    let released = async {
        TimeoutFuture::new(100).await;
        fixture.server.release(&fixture.id, "go").await;
    };
    let (sent, drained, ()) = join3(socket.send("mine".into()), socket.drained(), released).await;
    assert!(matches!(sent, Err(Error::NotOpen(_))), "{sent:?}");
    assert!(matches!(drained, Err(Error::Undelivered { bytes }) if bytes == size as u64), "{drained:?}");
    assert_eq!((socket.closed().await.was_clean, socket.buffered_amount()), (false, size as u64));
}

#[wasm_bindgen_test]
async fn dropping_backpressure_socket_leaves_nothing() {
    let fixture = Fixture::new("stream-drop").await;
    fixture.settle().await;
    let before = Alive::now();
    let mut connecting = to(&fixture, "hold=handshake").with_backpressure();
    assert!(poll_once(&mut connecting).is_pending());
    fixture.server.record(&fixture.id, "request").await.unwrap();
    drop(connecting);
    fixture.server.release(&fixture.id, "handshake").await;
    fixture.ended().await;
    let lazy = Fixture::new("stream-drop-unread").await;
    drop(to(&lazy, "do=flood:64:1048576,answer").with_backpressure().await.unwrap());
    lazy.ended().await;
    fixture.settle().await;
    assert_eq!(Alive::now(), before, "nothing is left");
}

/// Describes an item of a remote handle's stream in one line.
fn remote_line(item: &Result<OwnedMessage, Error<OwnedMessage>>) -> String {
    match item {
        Ok(OwnedMessage::Text(text)) => text.to_string(),
        Ok(other) => format!("{} bytes", other.size()),
        Err(Error::Failed(failed)) => format!("failed {}", failed.event().code),
        Err(error) => format!("error {error}"),
    }
}

#[wasm_bindgen_test]
async fn remote_handle_sends_receives_and_closes() {
    let fixture = Fixture::new("remote").await;
    let query = "subprotocol=chat&do=bin:0102,bin:030405,echo";
    let socket = to(&fixture, query).subprotocols(["chat"]).binary_type(BinaryType::Blob).await.unwrap();
    // The message before is a blob, which is read first and keeps its position.
    let mut remote = socket.into_remote();
    assert_eq!((remote.sender().protocol(), remote.sender().ready_state().await), ("chat", ReadyState::Open));
    remote.send("hello".into()).await.unwrap();
    for expected in ["2 bytes", "3 bytes", "hello"] {
        assert_eq!(remote_line(&remote.next().await.unwrap()), expected);
    }
    remote.drained().await.unwrap();
    assert_eq!(remote.sender().buffered_amount().await, 0);
    let event = remote.close(Some(3000), Some("done")).await.unwrap();
    assert_eq!((event.code, &*event.reason, event.was_clean), (3000, "done", true));
    assert!(remote.next().await.is_none());
    assert!(
        matches!(remote.send("late".into()).await, Err(Error::NotOpen(OwnedMessage::Text(text))) if text == "late")
    );
    assert_eq!(remote.closed().await, event);
}

#[wasm_bindgen_test]
async fn dropping_last_remote_handle_leaves_nothing() {
    let fixture = Fixture::new("remote-drop").await;
    fixture.settle().await;
    let before = Alive::now();
    let (sender, receiver) = to(&fixture, "").await.unwrap().into_remote().split();
    drop(receiver);
    sender.send("still".into()).await.unwrap();
    drop(sender);
    let messages = fixture.ended().await.messages;
    assert_eq!(messages.iter().map(|message| message.text.as_deref()).collect::<Vec<_>>(), [Some("still")]);
    fixture.settle().await;
    assert_eq!(Alive::now(), before, "nothing is left");
}

/// Returns a reconnecting socket that uses another query for each connection.
pub(crate) fn reconnect_to(fixture: &Fixture, queries: &'static [&'static str], first_wait: Duration) -> Reconnect {
    let attempts = Cell::new(0);
    let url = fixture.server.socket_url(&fixture.id, "");
    let backoff = Backoff { first: first_wait, longest: first_wait, ..Backoff::default() };
    reconnect(move |_| {
        let query = queries[attempts.replace(attempts.get() + 1)];
        let connect = connect(format!("{url}&{query}"));
        async { Some(connect) }
    })
    .backoff(backoff)
}

#[wasm_bindgen_test]
async fn lost_socket_reconnects() {
    let fixture = Fixture::new("back").await;
    let queries = &["status=403", "do=text:a,close:1012", "do=text:b,close:1000"];
    let mut socket = reconnect_to(&fixture, queries, Duration::from_millis(10)).start();
    let mut seen = Vec::new();
    while let Some(message) = socket.next().await {
        match message {
            Ok(Message::Text(text)) => seen.push(text.to_string()),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(seen, ["a", "b"]);
}
