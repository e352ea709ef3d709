//! Sending in JavaScript runtimes outside browsers.
//!
//! bufferedAmount has to include every byte that was sent in the current task. Bun leaves out what it has written at once,
//! and Deno blobs. workerd sends a blob as the text `[object Blob]`; there the bytes of a blob are read first, and all that
//! is sent meanwhile waits.

use std::rc::Rc;

use js_sys::{Function, JsString, Promise, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::WebSocket;

use super::inner::SocketInner;
use super::sys::{attribute, text_attribute};
use crate::types::payload::Payload;

/// Sends a message and counts its bytes; returns whether the platform accepted it, or it waits.
pub(super) fn send(inner: &Rc<SocketInner>, payload: Payload<'_>) -> bool {
    let size = payload.size();
    if inner.uncounted.has_waiting() || matches!(payload, Payload::Blob(_)) && !platform_sends_blobs() {
        // A Close waits until all of this is sent.
        inner.blob_sent.set(true);
        let message = owned(payload);
        if !inner.uncounted.has_waiting() {
            wasm_bindgen_futures::spawn_local(send_waiting(Rc::clone(inner)));
        }
        inner.uncounted.waiting.borrow_mut().push_back((size, message));
        return true;
    }
    let amount = inner.buffered_amount() + size;
    let accepted = inner.send(payload);
    if accepted && inner.platform_amount() < amount {
        count_until_task_ends(inner, amount);
    }
    accepted
}

/// Returns whether the platform sends the bytes of a blob.
fn platform_sends_blobs() -> bool {
    let navigator = attribute(&js_sys::global(), "navigator");
    text_attribute(&navigator, "userAgent") != "Cloudflare-Workers"
}

/// Counts at least `amount` until the current task ends.
fn count_until_task_ends(inner: &Rc<SocketInner>, amount: u64) {
    if inner.uncounted.least.replace(amount) == 0 {
        let socket = Rc::downgrade(inner);
        run_in_next_task(move || {
            if let Some(inner) = socket.upgrade() {
                inner.uncounted.least.set(0);
            }
        });
    }
}

/// Runs `steps` in a task, which comes before the answers of a server where the runtime has `setImmediate`.
fn run_in_next_task(steps: impl FnOnce() + 'static) {
    let global = js_sys::global();
    let [immediate, timeout] = ["setImmediate", "setTimeout"].map(|name| attribute(&global, name));
    let set: Function = if immediate.is_function() { immediate } else { timeout }.unchecked_into();
    // It does not throw for a function.
    let _ = set.call1(&JsValue::UNDEFINED, &Closure::once_into_js(steps));
}

/// Returns a value that keeps the message until it is sent: a copy, or a promise of a blob's bytes.
fn owned(payload: Payload<'_>) -> JsValue {
    match payload {
        Payload::Text(text, _) => JsString::from(text).into(),
        Payload::Binary(bytes, _) => Uint8Array::from(bytes).into(),
        Payload::Blob(blob) => blob.as_js().array_buffer().into(),
        Payload::Lazy(lazy) => lazy.as_js().clone(),
    }
}

/// Sends what waits, in the order of the calls. What the end of the connection leaves stays counted, as in the Standard.
async fn send_waiting(inner: Rc<SocketInner>) {
    let waiting = &inner.uncounted.waiting;
    let first = || waiting.borrow().front().map(|(_, message)| message.clone());
    while let Some(message) = first() {
        let read = JsFuture::from(Promise::resolve(&message)).await;
        if inner.platform.ready_state() != WebSocket::OPEN {
            return;
        }
        if !read.is_ok_and(|message| inner.send_value(&message)) {
            return inner.close(None);
        }
        waiting.borrow_mut().pop_front();
    }
}
