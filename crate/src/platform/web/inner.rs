//! The part of a socket that its listeners share.

use std::cell::{Cell, OnceCell};
use std::rc::Rc;

use js_sys::Uint8Array;
use wasm_bindgen::prelude::*;
use web_sys::{MessageEvent, WebSocket};

use super::listener::EventListener;
use super::messages::single_message;
use super::sys::{CloseValues, PlatformSocket, text_attribute};
use super::tasks::Timeout;
#[cfg(feature = "js-runtimes")]
use super::uncounted::Uncounted;
use crate::platform::{EventSink, ReceiveMode};
use crate::types::lazy_message::{LazyMessage, copy_to_bytes};
use crate::types::message::Message;
use crate::types::payload::Payload;
use crate::types::text::Text;
use samesocket_spec::close::CloseFrame;
use samesocket_spec::state::Feedback;

/// A constructor of a blob message from the data of an event, if the data is a blob.
pub(crate) type MakeBlob = fn(&JsValue) -> Option<Message>;

// Code size: stored when a program asks for blobs.
pub(crate) const MAKE_BLOB: MakeBlob =
    |data| data.dyn_ref::<web_sys::Blob>().map(|blob| Message::Blob(blob.clone().into()));

/// A constructor of a lazy message, which leaves the data in the platform.
pub(crate) type MakeLazy = fn(JsValue) -> Message;

// Code size: stored when a program asks for lazy messages.
pub(crate) const MAKE_LAZY: MakeLazy = |data| Message::Lazy(LazyMessage::from_js(data));

/// A watcher of bufferedAmount.
pub(super) trait PollBufferedAmount {
    /// Starts to poll, unless polling is under way.
    fn watch(&self, inner: &Rc<SocketInner>);

    /// Polls once, if polling is under way.
    fn poll(&self, inner: &Rc<SocketInner>);
}

/// The state that a socket shares with its listeners.
pub(crate) struct SocketInner {
    pub(super) platform: WebSocket,
    pub(super) sink: EventSink,
    /// The watcher of bufferedAmount, once a sender has waited.
    // Code size: set by `WATCH_BUFFERED_AMOUNT`.
    pub(super) poller: OnceCell<Box<dyn PollBufferedAmount>>,
    /// The constructor of lazy messages, if messages stay in the platform.
    // Code size: see `MAKE_LAZY`.
    make_lazy: Option<MakeLazy>,
    /// The constructor of blob messages, once blobs were asked for.
    // Code size: see `MAKE_BLOB`.
    pub(super) make_blob: Cell<Option<MakeBlob>>,
    /// Whether a blob was sent, which a close must not overtake.
    pub(super) blob_sent: Cell<bool>,
    /// The timer of a close that waits for blobs.
    pub(super) pending_close: Cell<Option<Timeout>>,
    /// Whether a call of the platform's `close` is in progress.
    in_close: Cell<bool>,
    /// The bytes that the platform does not count in bufferedAmount.
    #[cfg(feature = "js-runtimes")]
    pub(super) uncounted: Uncounted,
}

impl SocketInner {
    pub(super) fn new(platform: WebSocket, mode: ReceiveMode, sink: EventSink) -> Rc<Self> {
        Rc::new(Self {
            platform,
            sink,
            poller: OnceCell::new(),
            make_lazy: mode.make_lazy,
            make_blob: Cell::default(),
            blob_sent: Cell::default(),
            pending_close: Cell::default(),
            in_close: Cell::default(),
            #[cfg(feature = "js-runtimes")]
            uncounted: Uncounted::default(),
        })
    }

    /// Adds the listeners for all four events.
    pub(super) fn listen(self: &Rc<Self>) -> [EventListener; 4] {
        [
            self.listener("open", Self::on_open),
            self.listener("error", Self::on_error),
            self.listener("message", Self::on_message),
            self.listener("close", Self::on_close),
        ]
    }

    fn listener(self: &Rc<Self>, name: &'static str, act: fn(&Rc<Self>, &JsValue)) -> EventListener {
        let inner = Rc::clone(self);
        EventListener::new(&self.platform, name, move |event| act(&inner, &event))
    }

    fn on_open(self: &Rc<Self>, _: &JsValue) {
        // A class that is written in JavaScript may lack an attribute, here and in `on_close`.
        let protocol = text_attribute(&self.platform, "protocol");
        let extensions = text_attribute(&self.platform, "extensions");
        self.sink.handle_event(Feedback::Established { protocol, extensions });
    }

    fn on_error(self: &Rc<Self>, _: &JsValue) {
        self.sink.handle_event(Feedback::Failed);
    }

    fn on_message(self: &Rc<Self>, event: &JsValue) {
        let event: &MessageEvent = event.unchecked_ref();
        let message = self.message(event.data());
        self.sink.handle_messages(&mut single_message(message));
        if let Some(poller) = self.poller.get() {
            poller.poll(self);
        }
    }

    fn on_close(self: &Rc<Self>, event: &JsValue) {
        // The amount at the end is kept, so it must not have what counts only until a task ends.
        #[cfg(feature = "js-runtimes")]
        self.uncounted.end_task();
        // A socket that is written in JavaScript, as in Node, may fire `close` within the call of `close()`. An engine
        // never does. Such a close is reported as a failure, because failures are delivered in a task.
        self.sink.handle_event(if self.in_close.get() {
            Feedback::Failed
        } else {
            let values: &CloseValues = event.unchecked_ref();
            let was_clean = values.was_clean().unwrap_or_default();
            let code = values.code().unwrap_or(if was_clean { 1005 } else { 1006 });
            Feedback::closed(code, text_attribute(event, "reason"), was_clean)
        });
        #[cfg(feature = "js-runtimes")]
        super::close_answer::answer_close(&self.platform, &self.in_close, event.unchecked_ref());
    }

    /// Creates a message from the data of an event; text and bytes are copied once.
    fn message(&self, data: JsValue) -> Message {
        if let Some(message) = self.make_blob.get().and_then(|make_blob| make_blob(&data)) {
            message
        } else if let Some(make_lazy) = self.make_lazy {
            make_lazy(data)
        } else if data.is_string() {
            // Asked first, because `as_string` passes its answer through memory, which takes longer for bytes.
            Message::Text(Text::from(data.as_string().unwrap_or_default()))
        } else {
            Message::Binary(copy_to_bytes(&Uint8Array::new(&data)))
        }
    }

    /// Returns bufferedAmount: the platform's, and what the platform does not count.
    pub(super) fn buffered_amount(&self) -> u64 {
        let bytes = self.platform_amount();
        #[cfg(feature = "js-runtimes")]
        let bytes = self.uncounted.added_to(bytes);
        bytes
    }

    /// Returns the platform's bufferedAmount.
    pub(super) fn platform_amount(&self) -> u64 {
        // The platform counts in a double, which holds every integer up to 2^53.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let bytes = self.platform.unchecked_ref::<PlatformSocket>().buffered_amount_f64() as u64;
        bytes
    }

    /// Returns whether a Close overtakes nothing, if bufferedAmount is `amount`.
    #[cfg_attr(not(feature = "js-runtimes"), expect(clippy::unused_self, reason = "a page only counts"))]
    pub(super) fn may_close(&self, amount: u64) -> bool {
        #[cfg(feature = "js-runtimes")]
        if self.uncounted.has_waiting() {
            return false;
        }
        amount == 0
    }

    /// Sends a message; returns whether the platform accepted it.
    pub(super) fn send(&self, payload: Payload<'_>) -> bool {
        match payload {
            Payload::Text(text, _) => self.platform.send_with_str(text).is_ok(),
            Payload::Binary(bytes, _) => self.send_bytes(bytes),
            Payload::Blob(blob) => {
                self.blob_sent.set(true);
                self.send_value(blob.as_js())
            }
            Payload::Lazy(lazy) => self.send_value(lazy.as_js()),
        }
    }

    /// Sends bytes from the program's memory.
    ///
    /// The platform does not accept a view of shared memory, so a build with threads copies the bytes first. Nor does it
    /// accept a view of resizable memory, which a page can request by `toResizableBuffer` of the WebAssembly memory. Such
    /// a call throws before anything is queued, so it is repeated with a copy.
    fn send_bytes(&self, bytes: &[u8]) -> bool {
        !cfg!(target_feature = "atomics") && self.platform.send_with_u8_array(bytes).is_ok()
            || self.send_value(&Uint8Array::from(bytes))
    }

    /// Sends a value that the platform owns; returns whether the platform accepted it.
    pub(super) fn send_value(&self, data: &JsValue) -> bool {
        self.platform.unchecked_ref::<PlatformSocket>().send_value(data).is_ok()
    }

    /// Calls the platform's `close`.
    pub(super) fn close(&self, frame: CloseFrame<'_>) {
        self.in_close.set(true);
        // The arguments have been checked. An absent code is left out, because Chromium converts `undefined` to zero.
        let closed = match frame {
            None => self.platform.close(),
            Some((code, reason)) => self.platform.close_with_code_and_reason(code, reason),
        };
        self.in_close.set(false);
        if closed.is_err() {
            // The platform may never report the end of this connection.
            self.sink.handle_event(Feedback::Failed);
        }
    }
}
