//! The transport over the platform's `WebSocket`.

use std::rc::Rc;

use js_sys::Array;
use wasm_bindgen::prelude::*;
use web_sys::WebSocket;

use super::buffered_amount_poll::WatchBufferedAmount;
use super::clock::EventLoopClock;
use super::close_after_blobs::close_after_blobs;
use super::inner::SocketInner;
use super::listener::EventListener;
use super::sys::PlatformSocket;
use super::tasks::Tasks;
use super::url::Url;
use crate::platform::buffered_amount_hint::BufferedAmountHint;
use crate::platform::{Backend, Clock, DialParameters, EventSink, FinalState, ReceiveMode, SendOutcome, Transport};
use crate::sync::Shared;
use crate::types::binary_type::BinaryType;
use crate::types::payload::Data;
use samesocket_spec::close::CloseFrame;
use samesocket_spec::constructor::UrlRecord;

/// A conversion of subprotocol names to an array of the platform's.
pub(crate) type MakeSubprotocolList = fn(&[String]) -> Array;

// Code size: stored when a program offers subprotocols.
pub(crate) const MAKE_SUBPROTOCOL_LIST: MakeSubprotocolList = |names| names.iter().map(JsValue::from).collect();

/// A `WebSocket` of the platform with our listeners.
///
/// Dropping it removes the listeners and does not close the connection.
pub(super) struct Socket {
    inner: Rc<SocketInner>,
    _listeners: [EventListener; 4],
}

impl Socket {
    /// Starts a connection that reports each event to `sink` in a task of the platform's.
    ///
    /// The arguments have been checked, so `None` means that the platform refuses to start, as it does for mixed content.
    /// The Standard has no such exception, and lets the connection fail.
    fn connect(url: &Url, parameters: DialParameters<'_>, mode: ReceiveMode, sink: EventSink) -> Option<Self> {
        let DialParameters { protocols, make_list, .. } = parameters;
        let list = make_list.map_or(JsValue::UNDEFINED, |make_list| make_list(protocols).into());
        let platform: WebSocket = PlatformSocket::new(url.as_str(), &list).ok()?.unchecked_into();
        let inner = SocketInner::new(platform, mode, sink);
        let listeners = inner.listen();
        let socket = Self { inner, _listeners: listeners };
        socket.set_binary_type(mode);
        Some(socket)
    }
}

/// The back end over the platform's `WebSocket`.
#[derive(Default)]
pub(crate) struct DefaultBackend {}

impl Backend for DefaultBackend {
    fn dial(
        &self,
        url: &Url,
        parameters: DialParameters<'_>,
        mode: ReceiveMode,
        _tasks: &Tasks,
        sink: EventSink,
    ) -> Result<Shared<dyn Transport>, FinalState> {
        let socket = Socket::connect(url, parameters, mode, sink).ok_or_else(FinalState::default)?;
        Ok(Shared::new(socket))
    }

    fn tasks(&self) -> Tasks {
        Tasks
    }

    fn clock(&self) -> Shared<dyn Clock> {
        Shared::new(EventLoopClock)
    }
}

impl Transport for Socket {
    /// Does nothing: the platform's constructor has started the connection.
    fn start(&self) {}

    /// An exception means that the platform cannot queue the data, where the Standard closes: the data is valid.
    fn send(&self, Data { payload, .. }: Data<'_>, queued: &BufferedAmountHint) -> SendOutcome {
        queued.add(payload.max_size());
        #[cfg(feature = "js-runtimes")]
        let accepted = super::js_runtimes::send(&self.inner, payload);
        #[cfg(not(feature = "js-runtimes"))]
        let accepted = self.inner.send(payload);
        SendOutcome::accepted_if(accepted)
    }

    fn close(&self, frame: CloseFrame<'_>) {
        if self.inner.blob_sent.get() {
            close_after_blobs(&self.inner, frame);
        } else {
            self.inner.close(frame);
        }
    }

    /// Closes at once. The platform performs the closing handshake by itself, and its events are not awaited.
    fn abort(&self) -> bool {
        self.inner.close(None);
        false
    }

    fn set_binary_type(&self, mode: ReceiveMode) {
        self.inner.platform.set_binary_type(match mode.binary_type {
            BinaryType::Blob => web_sys::BinaryType::Blob,
            BinaryType::ArrayBuffer => web_sys::BinaryType::Arraybuffer,
        });
        // The constructor stays, because a message that is on its way may still arrive as a blob.
        if mode.make_blob.is_some() {
            self.inner.make_blob.set(mode.make_blob);
        }
    }

    fn watch_buffered_amount(&self, watch: WatchBufferedAmount) {
        watch(&self.inner);
    }

    /// Returns whether the platform has seen a closing handshake start; no event reports that.
    fn is_closing(&self) -> bool {
        self.inner.platform.ready_state() >= WebSocket::CLOSING
    }

    fn has_pending_close(&self) -> bool {
        let pending = self.inner.pending_close.take();
        let is_pending = pending.is_some();
        self.inner.pending_close.set(pending);
        is_pending
    }

    fn final_state(&self) -> FinalState {
        FinalState::of(self.inner.buffered_amount())
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // The timer of a pending close owns the inner socket, and the inner socket owns the timer.
        self.inner.pending_close.take();
    }
}
