//! Sockets over a platform's class that throws, or that reports less than the Standard requires.

use crate::support::collect;
use futures::StreamExt;
use js_sys::{Function, JsString, Reflect};
use samesocket::{ReadyState, WebSocket, connect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::wasm_bindgen_test;

/// A class that replaces the platform's and opens at once. `send` and `close` do what a test has set.
const FAKE: &str = "
    globalThis.fake = { calls: '', send: () => {}, close: () => {} };
    return class Fake extends EventTarget {
        readyState = 0;
        bufferedAmount = 0;
        protocol = null;
        constructor() {
            super();
            setTimeout(() => { this.readyState = 1; this.dispatchEvent(new Event('open')); });
        }
        send(data) {
            // Only a view of the program's memory has a larger buffer.
            const kind = typeof data === 'string' ? data : data.buffer.byteLength > data.byteLength ? 'view' : 'copy';
            fake.calls += kind + ' ';
            fake.send(kind, this, data);
        }
        close(...frame) {
            fake.calls += `close(${frame}) `;
            this.readyState = 2;
            fake.close(this, frame);
        }
        end(values = {}, readyState = 3) {
            this.readyState = readyState;
            this.dispatchEvent(Object.assign(new Event('close'), values));
        }
    };
";

/// The platform's class, replaced until this is dropped.
pub(crate) struct Fake(JsValue);

impl Fake {
    pub(crate) fn new() -> Self {
        let platform = Reflect::get(&js_sys::global(), &"WebSocket".into()).expect("the platform's class");
        let class = Function::new_no_args(FAKE).call0(&JsValue::UNDEFINED).expect("the class is valid");
        Reflect::set(&js_sys::global(), &"WebSocket".into(), &class).expect("the global is writable");
        Self(platform)
    }

    /// Sets what a method does.
    pub(crate) fn set(name: &str, parameters: &str, steps: &str) {
        let fake = Reflect::get(&js_sys::global(), &"fake".into()).expect("a global");
        Reflect::set(&fake, &name.into(), &Function::new_with_args(parameters, steps)).expect("an object");
    }

    pub(crate) fn calls() -> String {
        let fake = Reflect::get(&js_sys::global(), &"fake".into()).expect("a global");
        let calls = Reflect::get(&fake, &"calls".into()).expect("a member");
        String::from(calls.unchecked_ref::<JsString>()).trim().to_owned()
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        Reflect::set(&js_sys::global(), &"WebSocket".into(), &self.0).expect("the global is writable");
    }
}

/// Opens a socket, performs the steps, and returns all of its events.
pub(crate) async fn events(steps: impl FnOnce(&WebSocket)) -> Vec<String> {
    let socket = WebSocket::new("ws://127.0.0.1:9/", ()).expect("a valid URL");
    let mut all = socket.events();
    all.next().await.expect("the socket opens");
    steps(&socket);
    collect(all).await
}

#[wasm_bindgen_test]
async fn view_that_is_refused_is_sent_as_a_copy() {
    let _fake = Fake::new();
    Fake::set("send", "kind", "if (kind === 'view') throw new TypeError('resizable');");
    Fake::set("close", "socket", "setTimeout(() => socket.end({ code: 1000, reason: 'bye', wasClean: true }));");
    let seen = events(|socket| {
        socket.send(&b"abc"[..]).expect("the socket is open");
        assert_eq!(socket.ready_state(), ReadyState::Open);
        socket.close(Some(1000), Some("bye")).expect("valid arguments");
    });
    assert_eq!(seen.await, ["close 1000"]);
    let copies = cfg!(target_feature = "atomics") || crate::IS_OUTSIDE_BROWSERS;
    assert_eq!(Fake::calls(), if copies { "copy close(1000,bye)" } else { "view copy close(1000,bye)" });
}

#[wasm_bindgen_test]
async fn full_platform_that_ends_at_once_fires_error_and_close() {
    let _fake = Fake::new();
    Fake::set("send", "kind", "throw new RangeError('too much');");
    Fake::set("close", "socket", "socket.end({ code: 1000, reason: '', wasClean: true });");
    let seen = events(|socket| {
        socket.send("text").expect("the socket is open");
        assert_eq!((socket.ready_state(), socket.buffered_amount()), (ReadyState::Closing, 4));
    });
    assert_eq!(seen.await, ["error", "close 1006"]);
    assert_eq!(Fake::calls(), "text close()");
}

#[wasm_bindgen_test]
async fn platform_that_ends_within_send_fires_close() {
    let _fake = Fake::new();
    let end = "socket.end({ code: 1000, reason: 'bye', wasClean: true });";
    Fake::set("send", "kind, socket", end);
    let seen = events(|socket| {
        socket.send("text").expect("the socket is open");
        assert_eq!((socket.ready_state(), socket.buffered_amount()), (ReadyState::Closed, 0));
    });
    assert_eq!(seen.await, ["close 1000"]);
    let socket = connect("ws://127.0.0.1:9/").await.expect("the socket opens");
    socket.send("text".into()).await.expect("the socket is open");
    assert_eq!(socket.closed().await.code, 1000);
    Fake::set("send", "kind, socket", &format!("{end} throw new RangeError('too much');"));
    let seen = events(|socket| {
        socket.send("text").expect("the socket is open");
        assert_eq!((socket.ready_state(), socket.buffered_amount()), (ReadyState::Closed, 4));
    });
    assert_eq!(seen.await, ["close 1000"]);
    assert_eq!(Fake::calls(), "text text text");
}

#[wasm_bindgen_test]
async fn close_that_throws_fires_error_and_close() {
    let _fake = Fake::new();
    Fake::set("close", "socket", "throw new TypeError('broken');");
    assert_eq!(events(|socket| socket.close(None, None).expect("valid arguments")).await, ["error", "close 1006"]);
    Fake::set("send", "kind", "throw new RangeError('too much');");
    assert_eq!(events(|socket| socket.send("text").expect("the socket is open")).await, ["error", "close 1006"]);
}

#[wasm_bindgen_test]
async fn close_event_with_missing_fields_gets_the_standards() {
    let _fake = Fake::new();
    for (values, expected) in
        [("{}", "close 1006"), ("{ wasClean: true }", "close 1005"), ("{ code: 0 }", "close 1006")]
    {
        Fake::set("close", "socket", &format!("setTimeout(() => socket.end({values}));"));
        let seen = events(|socket| {
            assert_eq!((socket.protocol(), socket.extensions()), (String::new(), String::new()));
            socket.close(None, None).expect("valid arguments");
        });
        assert_eq!(seen.await, [expected], "{values}");
    }
}
