//! The interface to a back end, as traits: transports, time, and the environment.
//!
//! There are two back ends, and `cfg` selects one of them:
//!
//! - `web` wraps the `WebSocket` of a browser or of Node;
//! - `native` drives `samesocket-protocol` over TCP and TLS.
//!
//! The in-memory network of [`testing`](crate::testing) is a third implementation of the same traits.
//!
//! Read this file in the order of its sections:
//!
//! 1. [`Backend`] starts connections.
//! 2. [`Transport`] is one connection: its commands and its state.
//! 3. [`OnEvent`] receives the events of a transport, through an [`EventSink`].
//! 4. [`Clock`] measures time, and [`Environment`] reports changes outside the program.
//!
//! Some items are not traits because each program has exactly one of them. Both back ends export them under the same
//! name:
//!
//! | item | purpose |
//! | --- | --- |
//! | `PlatformSettings`, `ProxyServer`, `Redirects` | the [`Settings`] behind the public `Options`, the data behind `Proxy`, and the redirects so far |
//! | `DefaultBackend` | the [`Backend`] with the default settings |
//! | `Url` | a [`UrlRecord`](samesocket_spec::constructor::UrlRecord) whose parser knows the API base URL, if there is one |
//! | `Diagnosis` | the failure and the response of a connection, as far as the platform reports them |
//! | `DirectTransport` | sends while the socket is OPEN without the lock of the connection, and lets a receiver read, where there are threads |
//! | `HAS_THREADS` | whether several threads can use a socket |
//! | `MAY_LOOK_AGAIN` | whether a `LastLook` exists |
//! | `ReceiverTurn` | a permission for a receiver to read in place of the transport |
//! | `LastLook` | a future that completes when a transport has looked at the network once more |
//! | `PlatformEnvironment` | the platform's own [`Environment`] |
//! | `now` | the time, for what is shown to the user |
//! | `Tasks`, `Task` | the task queue of a socket, and a queued task that is cancelled on drop |
//! | `poll_in_event` | polls a future within the event that wakes it, if the platform has events |
//! | `backpressure_backend` | a [`Backend`] with receive backpressure, where the default one has none |
//! | `SUPPORTS_BACKPRESSURE` | whether the default transports call [`EventSink::poll_capacity`] |
//! | `RECEIVE_LIMIT`, `HIGH_WATER_MARK` | the default sizes of the receive queue and of the send queue |
//! | `Messages` and its functions | messages that arrive together: `single_message`, `measure_messages`, `append_messages`, `next_message`, `drain_messages` |
//! | `apply_binary_type` | converts a received message to a binary type, unless the platform did so |
//! | `MAKE_BLOB`, `MAKE_LAZY`, `MAKE_SUBPROTOCOL_LIST`, `WATCH_BUFFERED_AMOUNT` | hooks for code size, explained in `web/mod.rs` |

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::queue::Capacity;
use crate::sync::{MaybeSend, MaybeSync, Shared, Weak};
use crate::trace::{Span, event};
use crate::types::binary_type::BinaryType;
use crate::types::payload::Data;
use samesocket_spec::close::CloseFrame;
use samesocket_spec::state::Feedback;

pub(crate) mod buffered_amount_hint;
mod final_state;
#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
mod native;
pub(crate) mod pings;
mod settings;
pub(crate) mod timeouts;
#[cfg(all(target_family = "wasm", target_os = "unknown"))]
mod web;

#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
use self::native as backend;
#[cfg(all(target_family = "wasm", target_os = "unknown"))]
use self::web as backend;

#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
pub(crate) use self::backend::api;
pub(crate) use self::backend::{
    DefaultBackend, Diagnosis, DirectTransport, HAS_THREADS, HIGH_WATER_MARK, LastLook, MAKE_BLOB, MAKE_LAZY,
    MAKE_SUBPROTOCOL_LIST, MAY_LOOK_AGAIN, MakeBlob, MakeLazy, MakeSubprotocolList, Messages, PlatformEnvironment,
    PlatformSettings, ProxyServer, RECEIVE_LIMIT, ReceiverTurn, Redirects, SUPPORTS_BACKPRESSURE, Task, Tasks, Url,
    WATCH_BUFFERED_AMOUNT, WatchBufferedAmount, append_messages, apply_binary_type, backpressure_backend,
    drain_messages, measure_messages, next_message, now, poll_in_event, single_message,
};
use self::buffered_amount_hint::BufferedAmountHint;
pub(crate) use self::final_state::FinalState;
use self::pings::Pings;
pub(crate) use self::settings::Settings;
#[cfg(feature = "__tls")]
pub(crate) use self::settings::TlsSetters;
use self::timeouts::Timeouts;

// 1. Starting connections.

/// A factory of transports.
pub(crate) trait Backend: MaybeSend + MaybeSync {
    /// Creates a transport, which reports its events to `sink` after [`Transport::start`].
    ///
    /// The arguments have been checked by the caller.
    ///
    /// # Errors
    ///
    /// Returns the final state if the platform refuses the connection for a reason that the Standard does not know. The
    /// caller then fails the connection.
    fn dial(
        &self,
        url: &Url,
        parameters: DialParameters<'_>,
        mode: ReceiveMode,
        tasks: &Tasks,
        sink: EventSink,
    ) -> Result<Shared<dyn Transport>, FinalState>;

    /// Returns the task queue for such a connection.
    fn tasks(&self) -> Tasks;

    /// Returns the clock for such a connection.
    fn clock(&self) -> Shared<dyn Clock>;

    /// Returns a back end that shows a test the request for `url` with these settings. `None` if no test sees it.
    ///
    /// It may run the program's cookie store, so no lock may be held.
    fn with_settings(&self, _settings: &PlatformSettings, _url: &Url) -> Option<Shared<dyn Backend>> {
        None
    }

    /// Returns whether such a connection applies backpressure to the server while its receive queue is full.
    fn has_backpressure(&self) -> bool {
        false
    }

    /// Returns whether such a connection ends by itself after its closing timeout. Otherwise the caller measures it.
    fn measures_closing(&self) -> bool {
        false
    }
}

/// The parameters of a connection beside its URL. They have been checked.
#[derive(Clone, Copy)]
pub(crate) struct DialParameters<'a> {
    /// The subprotocols to offer.
    pub(crate) protocols: &'a [String],
    /// The conversion of the subprotocols to the platform's list.
    // Code size: `None` if no subprotocol is offered.
    #[allow(dead_code, reason = "native targets need no conversion")]
    pub(crate) make_list: Option<MakeSubprotocolList>,
    #[allow(dead_code, reason = "a browser has timeouts of its own")]
    pub(crate) timeouts: Timeouts,
}

/// The form in which received messages are delivered.
#[derive(Clone, Copy)]
pub(crate) struct ReceiveMode {
    pub(crate) binary_type: BinaryType,
    /// The constructor of lazy messages, if messages are to stay in the platform until they are read.
    // Code size: `None` unless the program asks for lazy messages.
    #[allow(dead_code, reason = "on native targets a received message is in memory already")]
    pub(crate) make_lazy: Option<MakeLazy>,
    /// The constructor of blob messages.
    // Code size: `None` unless the program asks for blobs.
    #[allow(dead_code, reason = "on native targets blobs are made from received bytes")]
    pub(crate) make_blob: Option<MakeBlob>,
}

impl ReceiveMode {
    pub(crate) const BYTES: Self = Self { binary_type: BinaryType::ArrayBuffer, make_lazy: None, make_blob: None };
}

impl From<BinaryType> for ReceiveMode {
    fn from(binary_type: BinaryType) -> Self {
        match binary_type {
            BinaryType::ArrayBuffer => Self::BYTES,
            BinaryType::Blob => Self { binary_type, make_blob: Some(MAKE_BLOB), ..Self::BYTES },
        }
    }
}

// 2. One connection.

/// One connection of a platform.
///
/// A transport decides nothing: the state machine in `samesocket-spec` does. It reports each [`Feedback`] to its
/// [`EventSink`], one after the other, each in a task of its own. Dropping a transport releases all its resources.
pub(crate) trait Transport: MaybeSend + MaybeSync {
    /// Starts the connection if it has not started yet; events are reported from now on.
    fn start(&self);

    /// Sends data on an open connection, and raises `queued` to at least the resulting bufferedAmount.
    fn send(&self, data: Data<'_>, queued: &BufferedAmountHint) -> SendOutcome;

    /// Returns the state that [`DirectTransport`] works with, if there is one.
    #[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
    fn shared(&self) -> Option<Shared<backend::SocketShared>> {
        None
    }

    /// Flushes the send queue after [`SendOutcome::NeedsFlush`]; called without any lock held.
    fn flush(&self) {}

    /// Starts the closing handshake, or fails a connection that is not established.
    fn close(&self, frame: CloseFrame<'_>);

    /// Ends the connection at once, as far as the platform can. Returns whether the transport reports the end.
    ///
    /// If it does not, the caller releases the transport and reports the end itself.
    fn abort(&self) -> bool;

    /// Delivers the events that are due; called after a command, without any lock held.
    fn pump(&self) {}

    /// Sets the form of binary messages from the next message on.
    fn set_binary_type(&self, mode: ReceiveMode);

    /// Returns whether everything that left bufferedAmount is with the network. If not, [`OnEvent::handle_sent`] is called when it
    /// is, as for bufferedAmount.
    fn is_flushed(&self) -> bool {
        true
    }

    /// Calls [`OnEvent::handle_sent`] whenever bufferedAmount falls, until that returns `false`.
    fn watch_buffered_amount(&self, watch: WatchBufferedAmount);

    /// Returns the ping frames of this connection, if the platform has them.
    // Code size: one method, so that a page links nothing else of pings.
    fn pings(&self) -> Option<&dyn Pings> {
        None
    }

    /// Looks at the network once more, before a timer that has ended takes effect.
    ///
    /// Returns `None` if everything that has arrived was reported already. Otherwise the future completes once it is, or
    /// the transport has ended.
    fn last_look(&self) -> Option<LastLook> {
        None
    }

    /// Returns whether a closing handshake has started that no feedback reported.
    fn is_closing(&self) -> bool;

    /// Returns whether a requested closing handshake has not started yet.
    fn has_pending_close(&self) -> bool;

    /// Returns bufferedAmount: the payload bytes that were sent and are not yet handed to the network.
    fn buffered_amount(&self) -> u64 {
        self.final_state().buffered_amount
    }

    /// Returns the current values that stay readable after the transport is dropped.
    fn final_state(&self) -> FinalState;
}

/// The result of [`Transport::send`].
#[derive(Clone, Copy)]
pub(crate) enum SendOutcome {
    /// The platform sends the data without further calls.
    Accepted,
    /// The data is queued, and the caller calls [`Transport::flush`].
    NeedsFlush,
    /// The platform did not take the data.
    Rejected,
}

impl SendOutcome {
    /// Returns the outcome for a platform that needs no flush.
    pub(crate) const fn accepted_if(accepted: bool) -> Self {
        if accepted { Self::Accepted } else { Self::Rejected }
    }
}

// 3. Events of a connection.

/// A receiver of the events of one transport.
pub(crate) trait OnEvent: MaybeSend + MaybeSync + 'static {
    /// Handles the next feedback that is not a message.
    fn handle_event(self: Shared<Self>, feedback: Feedback<()>);

    /// Handles messages that arrived together, and leaves those in `messages` that it discards.
    fn handle_messages(&self, messages: &mut Messages);

    /// Returns the free capacity for messages. Returns `Pending` if there is none, and wakes the task when there is.
    fn poll_capacity(&self, context: &Context<'_>) -> Poll<Capacity>;

    /// Handles a fall of bufferedAmount; returns whether to keep watching it.
    fn handle_sent(&self) -> bool;
}

/// A weak handle to an [`OnEvent`], which a transport holds without keeping the connection alive.
///
/// Events of a connection that no longer exists are discarded.
pub(crate) struct EventSink {
    target: Weak<dyn OnEvent>,
    span: Span,
}

impl EventSink {
    /// Creates a handle to `target`, whose span is `span`.
    pub(crate) const fn new(target: Weak<dyn OnEvent>, span: Span) -> Self {
        Self { target, span }
    }

    /// Returns the span of the connection.
    #[allow(dead_code, reason = "a browser does not tell how it connects")]
    pub(crate) const fn span(&self) -> &Span {
        &self.span
    }

    /// Delivers the next feedback that is not a message.
    pub(crate) fn handle_event(&self, feedback: Feedback<()>) {
        if let Some(connection) = self.target.upgrade() {
            connection.handle_event(feedback);
        } else if let Feedback::Closed(event) = feedback {
            event!(self.span, INFO, "closed", code = event.code, clean = event.was_clean);
        }
    }

    /// Delivers messages that arrived together, and drops those that the connection discards.
    pub(crate) fn handle_messages(&self, messages: &mut Messages) {
        if let Some(connection) = self.target.upgrade() {
            connection.handle_messages(messages);
        }
        drop(drain_messages(messages));
    }

    /// Returns the free capacity for messages. Returns `Pending` if there is none, and wakes the task when there is.
    ///
    /// A transport with backpressure asks before it delivers any message.
    pub(crate) fn poll_capacity(&self, context: &Context<'_>) -> Poll<Capacity> {
        self.target.upgrade().map_or(Poll::Ready(Capacity::UNLIMITED), |connection| connection.poll_capacity(context))
    }

    /// Reports a fall of bufferedAmount; returns whether to keep watching it.
    pub(crate) fn handle_sent(&self) -> bool {
        self.target.upgrade().is_some_and(|connection| connection.handle_sent())
    }
}

// 4. Time and the environment.

/// A source of timers.
pub(crate) trait Clock: MaybeSend + MaybeSync {
    /// Returns a future that completes after `duration`; dropping it cancels the timer.
    fn sleep(&self, duration: Duration) -> Sleep;

    /// Returns the environment that replaces [`PlatformEnvironment`], if this is a test clock.
    fn environment(&self) -> Option<&dyn Environment> {
        None
    }
}

/// The signals from outside the program that reconnecting uses.
pub(crate) trait Environment {
    /// Returns a future that completes when a retry has a better chance than before.
    ///
    /// That is when the machine is back online, or when the user returns to the page.
    fn retry_hint(&self) -> BoxFuture<()>;

    /// Returns a random number from 0 to 1.
    fn random(&self) -> f64;

    /// Returns the time since 1970. Returns `None` in a page, because a page sees no response whose date it could
    /// compare.
    fn unix_time(&self) -> Option<Duration> {
        None
    }
}

/// A boxed timer.
pub(crate) type Sleep = Pin<Box<dyn Timer>>;

/// A timer.
pub(crate) trait Timer: Future<Output = ()> + MaybeSend + MaybeSync {
    /// Makes the timer end after `duration` from now on, or never. Returns whether it can do so.
    ///
    /// If it cannot, the caller replaces it. A timer that can is restarted for each message without an allocation.
    fn restart(self: Pin<&mut Self>, _duration: Option<Duration>) -> bool {
        false
    }
}

/// A boxed future of the user's.
pub(crate) type BoxFuture<T> = Pin<Box<dyn MaybeSendFuture<T>>>;

/// The bounds of a [`BoxFuture`] in one trait.
pub(crate) trait MaybeSendFuture<T>: Future<Output = T> + MaybeSend {}

impl<T, F: Future<Output = T> + MaybeSend> MaybeSendFuture<T> for F {}

/// The attribute of a unit test that runs on native targets and on wasm.
#[cfg(all(test, not(target_family = "wasm")))]
pub(crate) use core::prelude::v1::test;
#[cfg(all(test, target_family = "wasm"))]
wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_dedicated_worker);
#[cfg(all(test, target_family = "wasm"))]
pub(crate) use wasm_bindgen_test::wasm_bindgen_test as test;
