//! ```no_run
//! use samesocket::connect;
//!
//! async fn chat() -> Result<(), Box<dyn std::error::Error>> {
//!     let mut socket = connect("wss://example.com/chat").await?;
//!     socket.send("hello".into()).await?;
//!     while let Some(message) = socket.next().await {
//!         println!("{:?}", message?);
//!     }
//!     println!("closed with code {}", socket.closed().await.code);
//!     Ok(())
//! }
//! ```
//!
//! A WebSocket client for browsers and native programs, from one code base.
//!
//! In a browser the crate wraps the browser's own socket and corrects where the engine deviates from the
//! [WebSockets Standard](https://websockets.spec.whatwg.org/). On native targets it brings its own implementation of
//! [RFC 6455](https://www.rfc-editor.org/rfc/rfc6455) and [RFC 7692](https://www.rfc-editor.org/rfc/rfc7692) over TCP and TLS.
//! Both report the same events in the same order, and the same conformance scripts test both.
//!
//! The crate has no server side.
//!
//! # Two APIs
//!
//! | | futures API | interface |
//! | --- | --- | --- |
//! | start with | [`connect`] | [`WebSocket::new`] |
//! | receive | a `Stream` of messages | callbacks ([`subscribe`](WebSocket::subscribe)) or a `Stream` of events ([`events`](WebSocket::events)) |
//! | send | waits while too much is queued | never waits, as in JavaScript |
//! | errors | `Result`s | `error` and `close` events |
//! | choose it for | new programs | code that follows the Standard member by member |
//!
//! Both APIs share the connection code. No async runtime is required: see [runtimes](guide::runtimes).
//!
//! # Guide
//!
//! | page | answers |
//! | --- | --- |
//! | [connecting](guide::connecting) | How do I connect, with a deadline and subprotocols? |
//! | [ending](guide::ending) | How does a connection end, and how do I find out? |
//! | [backpressure](guide::backpressure) | What happens when one side is too slow? |
//! | [sharing](guide::sharing) | How do several tasks or threads use one socket? |
//! | [reconnecting](guide::reconnecting) | How do I replace a lost connection? |
//! | [errors](guide::errors) | What does this error mean, and what do I do about it? |
//! | [testing](guide::testing) | How do I test my program without a network? |
//! | [`native_options`](guide::native_options) | How do I set headers, cookies, a proxy or certificates? (native) |
//! | [runtimes](guide::runtimes) | On which thread does a socket run? (native) |
//! | [differences](guide::differences) | How do a browser and a native target differ? |
//! | [engines](guide::engines) | Which deviations of an engine remain? |
//! | [`coming_from`](guide::coming_from) | How do calls of gloo-net, `ws_stream_wasm` and tokio-tungstenite translate to this crate? |
//!
//! # Features
//!
//! | feature | default | effect |
//! | --- | --- | --- |
//! | `tokio` | off | In a browser, [`ByteStream`] implements tokio's `AsyncRead` and `AsyncWrite`. On native targets it always does. |
//! | `serde` | off | `typed::Json`, the codec of JSON messages for [`Socket::typed`]. |
#![cfg_attr(docsrs, feature(doc_cfg))]

mod connection;
pub mod guide;
mod platform;
mod queue;
pub mod reconnect;
mod socket;
mod sync;
pub mod testing;
pub mod typed;
mod types;
mod websocket;

pub use self::connection::closed::Closed;
#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
pub use self::platform::api::*;
pub use self::socket::poll_in_event::poll_in_event;
pub use self::socket::{
    ByteStream, Closing, Connect, ConnectError, ConnectionFailed, Control, Error, Heartbeat, Receiver, Remote,
    RemoteDriver, RemoteReceiver, RemoteSender, ReuniteError, Sender, Socket, WeakControl, connect,
};
pub use self::sync::{MaybeSend, MaybeSync};
pub use self::types::binary_type::{BinaryType, UnknownBinaryType};
pub use self::types::blob::{Blob, BlobError};
pub use self::types::event::{Event, Lagged, MessageEvent};
pub use self::types::lazy_message::LazyMessage;
pub use self::types::message::Message;
pub use self::types::origin::Origin;
pub use self::types::owned_message::OwnedMessage;
pub use self::types::payload::Data;
pub use self::types::subprotocol;
pub use self::types::subprotocol::{IntoProtocols, Subprotocol};
pub use self::types::text::Text;
pub use self::websocket::WebSocket;
pub use self::websocket::events::Events;
pub use self::websocket::subscription::Subscription;
pub use samesocket_spec::{Argument, CloseEvent, Exception, ReadyState};

#[cfg(test)]
pub(crate) use self::platform::test;

/// The README's Rust examples, compiled as doctests.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;

/// On native targets every public type may be sent to, and shared with, other threads.
#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
const _: fn() = || {
    fn anywhere<T: Send + Sync>() {}
    anywhere::<WebSocket>();
    anywhere::<(Subscription, Events, Closed, Blob)>();
    anywhere::<(Connect, Socket, Sender, Receiver, Control, WeakControl, Closing, ByteStream)>();
    anywhere::<(Message, ConnectError, Error, ReuniteError)>();
    anywhere::<(reconnect::Reconnecting, reconnect::Sender, reconnect::States, reconnect::Cause)>();
};
