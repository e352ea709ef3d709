//! All scripts in a JavaScript runtime outside a browser, and the tests of the crate that need no page.
//!
//! The subjects are the interface of the crate and the npm package's class, over the runtime's class, and that class itself.
#![cfg(all(target_family = "wasm", target_os = "unknown"))]

mod anywhere;
mod support;

use js_sys::{Object, Reflect};
use samesocket::Blob;
use samesocket_conformance::subjects::Samesocket;
use samesocket_conformance::target::{DropIn, Platform};
use samesocket_conformance::{native_expectations, report, scripts};
use support::{Fixture, collect, unreadable_blob, until};
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::wasm_bindgen_test;

/// Whether the crate is built for runtimes outside browsers.
const IS_OUTSIDE_BROWSERS: bool = true;

#[wasm_bindgen_test]
async fn npm_class_passes_the_scripts() {
    DropIn::load().await;
    report::run::<DropIn>(native_expectations::CONTEXT, scripts::all()).await.demand();
}

#[wasm_bindgen_test]
async fn samesocket_passes_the_scripts() {
    report::run::<Samesocket>(native_expectations::CONTEXT, scripts::all()).await.demand();
}

#[wasm_bindgen_test]
async fn platform_deviations_are_reported() {
    report::record::<Platform>(native_expectations::CONTEXT, scripts::all()).await;
}

#[wasm_bindgen_test]
async fn known_deviations_are_reported() {
    report::report_known_deviations().await;
}

/// Makes the runtime look like workerd, where blobs are read before they are sent. Returns the former `navigator`.
fn pretend_to_be_workerd() -> JsValue {
    let former = Object::get_own_property_descriptor(&js_sys::global(), &"navigator".into());
    let navigator = Object::new();
    Reflect::set(&navigator, &"userAgent".into(), &"Cloudflare-Workers".into()).expect("a new object");
    let descriptor = Object::new();
    Reflect::set(&descriptor, &"value".into(), &navigator).expect("a new object");
    Reflect::set(&descriptor, &"configurable".into(), &true.into()).expect("a new object");
    Object::define_property(&js_sys::global(), &"navigator".into(), &descriptor);
    former
}

fn restore_navigator(former: &JsValue) {
    Reflect::delete_property(&js_sys::global(), &"navigator".into()).expect("a global");
    if let Some(descriptor) = former.dyn_ref::<Object>() {
        Object::define_property(&js_sys::global(), &"navigator".into(), descriptor);
    }
}

#[wasm_bindgen_test]
async fn blob_that_cannot_be_read_fails_the_connection() {
    let fixture = Fixture::new("unreadable-blob").await;
    let socket = fixture.connect("do=await-close,answer");
    let mut events = socket.events();
    until(&mut events, "open").await;
    let (blob, _fail) = unreadable_blob();
    let former = pretend_to_be_workerd();
    socket.send(&blob).expect("the socket is open");
    socket.send("behind it").expect("the socket is open");
    restore_navigator(&former);
    assert_eq!(socket.buffered_amount(), 9);
    let events = collect(events).await;
    // The server's answer to our Close counts, if it comes before the task that fails the connection.
    assert!(matches!(&*events.join(", "), "error, close 1005" | "error, close 1006"), "{events:?}");
    assert_eq!(socket.buffered_amount(), 9, "it was not sent");
    assert!(fixture.ended().await.messages.is_empty());
}

#[wasm_bindgen_test]
async fn close_does_not_overtake_an_empty_blob() {
    let fixture = Fixture::new("empty-blob").await;
    let socket = fixture.connect("do=await-close,answer");
    let mut events = socket.events();
    until(&mut events, "open").await;
    let former = pretend_to_be_workerd();
    socket.send(&Blob::new(&[])).expect("the socket is open");
    restore_navigator(&former);
    socket.close(Some(3000), None).expect("valid arguments");
    assert_eq!(collect(events).await, ["close 3000"]);
    let lengths: Vec<u64> = fixture.ended().await.messages.iter().map(|message| message.length).collect();
    assert_eq!(lengths, [0]);
}

/// The name keeps it from workerd, which creates no functions from strings.
mod platform_faults_in_runtimes {
    use crate::anywhere::platform_faults::{Fake, events};
    use wasm_bindgen_test::wasm_bindgen_test;

    /// npm `ws` reads the bytes later if it compresses them.
    #[wasm_bindgen_test]
    async fn class_that_reads_bytes_later_sends_what_was_passed() {
        let _fake = Fake::new();
        let later = "setTimeout(() => { fake.calls += data; socket.end({ code: 1000, wasClean: true }); });";
        Fake::set("send", "kind, socket, data", later);
        let mut memory = vec![7_u8; 3];
        let seen = events(|socket| {
            socket.send(&*memory).expect("the socket is open");
            memory.fill(8);
        });
        assert_eq!(seen.await, ["close 1000"]);
        assert_eq!(Fake::calls(), "copy 7,7,7");
    }

    #[wasm_bindgen_test]
    async fn close_of_the_server_is_answered_once() {
        let cases = [
            ("{ code: 1001, reason: 'bye', wasClean: true }, 2", "close 1001", "text close(1001,bye)"),
            ("{ code: 1005, reason: '', wasClean: true }, 2", "close 1005", "text close(1005,) close()"),
            ("{ code: 1001, reason: 'bye', wasClean: true }, 3", "close 1001", "text"),
            ("{ code: 1006, reason: 'lost', wasClean: false }, 2", "error, close 1006", "text"),
        ];
        for (end, expected, calls) in cases {
            let _fake = Fake::new();
            Fake::set("send", "kind, socket", &format!("setTimeout(() => socket.end({end}));"));
            // workerd refuses 1005. This class also fires `close` once more.
            let answer = "if (frame[0] === 1005) throw new RangeError('a code'); socket.end({ wasClean: true }, 2);";
            Fake::set("close", "socket, frame", answer);
            let seen = events(|socket| socket.send("text").expect("the socket is open"));
            assert_eq!(seen.await.join(", "), expected);
            assert_eq!(Fake::calls(), calls);
        }
    }
}
