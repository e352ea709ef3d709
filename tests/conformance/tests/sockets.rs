//! The futures API, in an engine.
#![cfg(all(target_family = "wasm", target_os = "unknown"))]

#[path = "anywhere/sockets.rs"]
mod anywhere;
mod support;

use std::time::Duration;

use anywhere::reconnect_to;
use futures::future::join;
use futures::{FutureExt, StreamExt};
use gloo_timers::future::TimeoutFuture;
use samesocket::reconnect::Status;
use support::Fixture;
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};
use web_sys::{Event, EventTarget};

wasm_bindgen_test_configure!(run_in_browser);

#[wasm_bindgen_test]
async fn online_event_ends_reconnect_wait() {
    let fixture = Fixture::new("online").await;
    let mut socket = reconnect_to(&fixture, &["status=403", "do=close:1000"], Duration::from_secs(3600)).start();
    let mut states = socket.status_changes();
    let online = async {
        while let Some(state) = states.next().await {
            if matches!(state, Status::Waiting { .. }) {
                // Wait until the state watcher has started to wait.
                TimeoutFuture::new(0).await;
                let target: EventTarget = js_sys::global().unchecked_into();
                target.dispatch_event(&Event::new("online").unwrap()).unwrap();
            }
        }
    };
    assert!(join(socket.next(), online).await.0.is_none());
}

/// Makes the page report that it is hidden or visible, as if the user had switched tabs.
fn set_hidden(page_is_hidden: bool) {
    let hide = format!(
        "Object.defineProperty(document, 'hidden', {{ configurable: true, get: () => {page_is_hidden} }}); \
         document.dispatchEvent(new Event('visibilitychange'));"
    );
    js_sys::Function::new_no_args(&hide).call0(&JsValue::NULL).unwrap();
}

#[wasm_bindgen_test]
async fn visible_page_ends_reconnect_wait_and_hidden_does_not() {
    let fixture = Fixture::new("shown").await;
    let mut socket = reconnect_to(&fixture, &["status=403", "do=close:1000"], Duration::from_secs(3600)).start();
    let mut states = socket.status_changes();
    let mut event_queue = 0;
    let shown = async {
        while let Some(state) = states.next().await {
            if matches!(state, Status::Waiting { .. }) {
                event_queue += 1;
                TimeoutFuture::new(0).await;
                set_hidden(true);
                fixture.settle().await;
                assert!(states.next().now_or_never().is_none(), "a hidden page is no reason");
                set_hidden(false);
            }
        }
    };
    assert!(join(socket.next(), shown).await.0.is_none());
    js_sys::Function::new_no_args("delete document.hidden").call0(&JsValue::NULL).unwrap();
    assert_eq!(event_queue, 1);
}
