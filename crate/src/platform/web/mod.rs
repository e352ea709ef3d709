//! The back end for wasm: the platform's own `WebSocket`, in a browser or in Node.
//!
//! Read in this order:
//!
//! - `sys`: the bindings to the web interfaces;
//! - `socket`: the [`Transport`](super::Transport) over `WebSocket`;
//! - `inner`: the part of a socket that its listeners share, and how events become feedback;
//! - `js_runtimes`, `uncounted`: `bufferedAmount` and blobs in runtimes outside browsers, with the feature `js-runtimes`;
//! - `close_answer`: the answer to a Close frame that such a runtime leaves to the program;
//! - `close_after_blobs`: a close that waits until sent blobs have left;
//! - `buffered_amount_poll`: the timer that watches bufferedAmount, because no event reports it;
//! - `websocket_stream`: a second transport over `WebSocketStream`, which has receive backpressure;
//! - `messages`, `diagnosis`, `direct_transport`, `settings`, `url`: the small types of the interface;
//! - `listener`, `poll_in_event`: event listeners, and futures that are polled within an event;
//! - `tasks`, `clock`, `environment`: tasks, timers, and the online and visibility signals.
//!
//! # Code size
//!
//! A page downloads everything that its program links, so a feature that the program does not use should not be linked.
//! One pattern achieves that, and each use is marked `// Code size:`. The entry point of a feature stores a function
//! pointer or a boxed trait object, and the shared code calls the feature only through it. A program that never calls
//! the entry point never names the function, so the linker drops the function and all that it calls.
//!
//! | hook | stored by | links |
//! | --- | --- | --- |
//! | [`MAKE_SUBPROTOCOL_LIST`] | `Connect::subprotocols`, `WebSocket::new` | the conversion of the offered names to an array |
//! | [`MAKE_BLOB`] | `binary_type(BinaryType::Blob)` | received blobs |
//! | [`MAKE_LAZY`] | `Connect::lazy` | messages that stay in the platform until they are read |
//! | [`WATCH_BUFFERED_AMOUNT`] | the first sender that waits | the poller of bufferedAmount |
//! | `poll_in_event::POLL_WOKEN` | the first call of [`poll_in_event`] | polling within an event |
//!
//! On native targets the constants have a type without content, and the code they would guard is always linked.

mod buffered_amount_poll;
mod clock;
mod close_after_blobs;
#[cfg(feature = "js-runtimes")]
mod close_answer;
mod diagnosis;
mod direct_transport;
mod environment;
mod inner;
#[cfg(feature = "js-runtimes")]
mod js_runtimes;
mod listener;
mod messages;
mod poll_in_event;
mod settings;
mod socket;
mod sys;
mod tasks;
#[cfg(feature = "js-runtimes")]
mod uncounted;
mod url;
mod websocket_stream;

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

pub(crate) use self::buffered_amount_poll::{WATCH_BUFFERED_AMOUNT, WatchBufferedAmount};
pub(crate) use self::clock::now;
pub(crate) use self::diagnosis::Diagnosis;
pub(crate) use self::direct_transport::{DirectTransport, ReceiverTurn};
pub(crate) use self::environment::PlatformEnvironment;
pub(crate) use self::inner::{MAKE_BLOB, MAKE_LAZY, MakeBlob, MakeLazy};
pub(crate) use self::messages::{
    Messages, append_messages, apply_binary_type, drain_messages, measure_messages, next_message, single_message,
};
pub(crate) use self::poll_in_event::poll_in_event;
pub(crate) use self::settings::{PlatformSettings, ProxyServer, Redirects};
pub(crate) use self::socket::{DefaultBackend, MAKE_SUBPROTOCOL_LIST, MakeSubprotocolList};
pub(crate) use self::tasks::{Task, Tasks};
pub(crate) use self::url::Url;
pub(crate) use self::websocket_stream::backpressure_backend;
use crate::queue::Capacity;

/// A last look at the network, which does not exist here: the events of a socket come without one.
// Code size: a type without values, so that a page links no code that waits for one.
pub(crate) enum LastLook {}

impl Future for LastLook {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        match *self {}
    }
}

/// The number of messages, and of their bytes, that may wait in a receive queue before the socket is closed.
///
/// A `WebSocket` has no receive backpressure, so the limit leaves room for a burst. Both numbers are arbitrary; a page
/// has some hundred megabytes of memory at least.
pub(crate) const RECEIVE_LIMIT: Capacity = Capacity { messages: 1 << 16, bytes: 64 << 20 };

/// The number of bytes that may be queued before a sender waits.
///
/// A waiting sender is woken by a timer, which may be late by several ticks. An engine sends up to half a gigabyte a
/// second, so 8 MiB keep the connection busy in the meantime.
pub(crate) const HIGH_WATER_MARK: u64 = 8 << 20;

/// Whether several threads can use a socket at a time.
pub(crate) const HAS_THREADS: bool = false;

/// Whether a [`LastLook`] exists.
pub(crate) const MAY_LOOK_AGAIN: bool = false;

/// Whether the default transports have receive backpressure.
pub(crate) const SUPPORTS_BACKPRESSURE: bool = false;
