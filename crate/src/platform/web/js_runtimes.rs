//! Sending in JavaScript runtimes outside browsers.
//!
//! bufferedAmount has to include every byte that was sent in the current task. Bun and npm `ws` leave out what they have written
//! at once, and Deno leaves out blobs. workerd sends a blob as the text `[object Blob]`. There the bytes of a blob are read
//! first, and later messages wait behind it. npm `ws` reads bytes later if it compresses them, so it gets a copy.

use std::rc::Rc;

use js_sys::{Function, JsString, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, WebSocket};

use super::inner::SocketInner;
use super::sys::{attribute, text_attribute};
use crate::types::payload::Payload;
use samesocket_spec::state::Feedback;

/// Sends a message and counts its bytes. Returns whether the platform accepted it, or it waits.
pub(super) fn send(inner: &Rc<SocketInner>, payload: Payload<'_>) -> bool {
    let (size, uncounted) = (payload.size(), &inner.uncounted);
    if uncounted.has_waiting() || matches!(payload, Payload::Blob(_)) && !platform_sends_blobs() {
        // A Close waits until all of this is sent.
        inner.blob_sent.set(true);
        if uncounted.wait(size, to_js(payload)) {
            wasm_bindgen_futures::spawn_local(send_waiting(Rc::clone(inner)));
        }
        return true;
    }
    let amount = inner.buffered_amount() + size;
    let accepted = match payload {
        // A class that is written in JavaScript may read a view after the call. By then its memory has other content.
        Payload::Binary(bytes, _) => inner.send_value(&Uint8Array::from(bytes)),
        other => inner.send(other),
    };
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

/// Makes bufferedAmount at least `amount` until the current task ends.
fn count_until_task_ends(inner: &Rc<SocketInner>, amount: u64) {
    if inner.uncounted.raise(amount) {
        let socket = Rc::downgrade(inner);
        let queued = run_in_next_task(move || {
            if let Some(inner) = socket.upgrade() {
                inner.uncounted.end_task();
            }
        });
        // workerd has no timers outside a request.
        if !queued {
            inner.uncounted.end_task();
        }
    }
}

/// Runs `steps` in a task, which comes before the answers of a server where the runtime has `setImmediate`. Returns whether the
/// runtime has queued it.
fn run_in_next_task(steps: impl FnOnce() + 'static) -> bool {
    let global = js_sys::global();
    let [immediate, timeout] = ["setImmediate", "setTimeout"].map(|name| attribute(&global, name));
    let set: Function = if immediate.is_function() { immediate } else { timeout }.unchecked_into();
    set.call1(&JsValue::UNDEFINED, &Closure::once_into_js(steps)).is_ok()
}

/// Returns a value that keeps the message until it is sent.
fn to_js(payload: Payload<'_>) -> JsValue {
    match payload {
        Payload::Text(text, _) => JsString::from(text).into(),
        Payload::Binary(bytes, _) => Uint8Array::from(bytes).into(),
        Payload::Blob(blob) => blob.as_js().clone().into(),
        Payload::Lazy(lazy) => lazy.as_js().clone(),
    }
}

/// Sends the messages that wait, in the order of the calls, until the socket is not OPEN.
async fn send_waiting(inner: Rc<SocketInner>) {
    let uncounted = &inner.uncounted;
    while let Some(message) = uncounted.first_waiting() {
        let read = match message.dyn_ref::<Blob>() {
            Some(blob) => JsFuture::from(blob.array_buffer()).await,
            None => Ok(message),
        };
        if inner.platform.ready_state() != WebSocket::OPEN {
            return uncounted.give_up();
        }
        if !read.is_ok_and(|message| inner.send_value(&message)) {
            uncounted.give_up();
            // The messages were accepted, so the connection fails.
            inner.sink.handle_event(Feedback::Failed);
            return inner.close(None);
        }
        uncounted.remove_first();
    }
}
