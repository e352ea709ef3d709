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
//! | [`getting_started`](guide::getting_started) | How do I get from `cargo new` to a program that runs, on a native target or in a page? |
//! | [connecting](guide::connecting) | How do I connect, with a deadline and subprotocols? |
//! | [authentication](guide::authentication) | How does my program prove who it is, in a page too? |
//! | [sending](guide::sending) | How do I send text, bytes or JSON, and what does `Ok` mean? |
//! | [keepalive](guide::keepalive) | How do I keep a silent connection, and notice that it is dead? |
//! | [ending](guide::ending) | How does a connection end, how do I find out, and how does a program end gracefully? |
//! | [backpressure](guide::backpressure) | What happens when one side is too slow? |
//! | [sharing](guide::sharing) | How do several tasks or threads use one socket? |
//! | [reconnecting](guide::reconnecting) | How do I replace a lost connection? |
//! | [frameworks](guide::frameworks) | How do I use a socket in Leptos, Yew, Dioxus, Bevy or egui, also with rendering on a server? |
//! | [workers](guide::workers) | How do I use a socket in a worker, or in a program with threads? |
//! | [send](guide::send) | Which types are `Send`, and what is `MaybeSend`? |
//! | [errors](guide::errors) | What does this error mean, and what do I do about it? |
//! | [tracing](guide::tracing) | How do I see in a log what happens? |
//! | [testing](guide::testing) | How do I test my program without a network? |
//! | [`native_options`](guide::native_options) | How do I set headers, cookies, a proxy or certificates? (native) |
//! | [http2](guide::http2) | How do many sockets to one server share a connection? (native) |
//! | [runtimes](guide::runtimes) | On which thread does a socket run? (native) |
//! | [systems](guide::systems) | On which operating systems and Rust versions does it run, and what do they need? |
//! | [differences](guide::differences) | How do a browser and a native target differ? |
//! | [engines](guide::engines) | Which deviations of an engine remain? |
//! | [`coming_from`](guide::coming_from) | How do calls of tokio-tungstenite, reqwest-websocket, gloo-net, `ws_stream_wasm` and ewebsock translate to this crate? |
//!
//! # Features
//!
//! The last column has the number of crates that cargo compiles on Linux, without those of this package. A number with
//! a plus counts the crates that the feature alone adds to those of every build. Of the crates of every build, 33
//! belong to `url`, because the URL Standard has international names.
//!
#![doc = include_str!("../features.md")]
//!
//! Features only add. An option of a feature that is off does not exist. A connection that needs such a feature, such
//! as one with a `wss:` URL, fails with `Failure::MissingFeature` before anything is tried. In a page, the features for
//! native targets only change which options exist.
//!
//! Several features for TLS can be on, because other crates of the program enable them. Then ring comes before aws-lc,
//! and the platform's root certificates before Mozilla's. `Options::crypto_provider` and `Options::trust_store` choose
//! others. TLS with other choices than the default ones:
//!
//! ```toml
//! samesocket = { version = "0.1", default-features = false, features = ["compression", "tls-aws-lc-rs", "tls-webpki-roots"] }
//! ```
#![cfg_attr(docsrs, feature(doc_cfg))]

mod connection;
pub mod guide;
mod options;
mod platform;
mod queue;
pub mod reconnect;
mod socket;
mod sync;
pub mod testing;
mod trace;
pub mod typed;
mod types;
mod websocket;

pub use self::connection::closed::Closed;
pub use self::connection::ping::Ping;
pub use self::options::Options;
#[cfg(feature = "proxy")]
pub use self::options::proxy::Proxy;
pub use self::options::unsupported::{StartError, UnsupportedOption};
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
#[cfg(feature = "compression")]
pub use self::types::compression::Compression;
#[cfg(feature = "cookies")]
pub use self::types::cookie_store::CookieStore;
pub use self::types::event::{Event, Lagged, MessageEvent};
pub use self::types::failure::{Failure, ProxyFailure};
#[cfg(feature = "http2")]
#[cfg_attr(docsrs, doc(cfg(feature = "http2")))]
pub use self::types::http2::Http2;
pub use self::types::invalid_option::InvalidOption;
pub use self::types::lazy_message::LazyMessage;
pub use self::types::message::Message;
pub use self::types::origin::Origin;
pub use self::types::owned_message::OwnedMessage;
pub use self::types::payload::Data;
pub use self::types::ping::{PingError, ReceivedPings};
pub use self::types::subprotocol;
pub use self::types::subprotocol::{IntoProtocols, Subprotocol};
pub use self::types::text::Text;
#[cfg(feature = "__tls")]
#[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
pub use self::types::trust_store::TrustStore;
pub use self::websocket::WebSocket;
pub use self::websocket::events::Events;
pub use self::websocket::subscription::Subscription;
pub use samesocket_spec::{Argument, CloseEvent, Exception, ProtocolFailure, ReadyState, RedirectFailure, Response};

#[cfg(test)]
pub(crate) use self::platform::test;

/// The README's Rust examples, compiled as doctests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// On native targets every public type may be sent to, and shared with, other threads.
#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
const _: fn() = || {
    fn anywhere<T: Send + Sync>() {}
    anywhere::<WebSocket>();
    anywhere::<(Subscription, Events, Closed, Blob)>();
    anywhere::<(Connect, Socket, Sender, Receiver, Control, WeakControl, Closing, ByteStream)>();
    anywhere::<(Message, ConnectError, Error, ReuniteError)>();
    anywhere::<(reconnect::Reconnecting, reconnect::Sender, reconnect::StatusChanges, reconnect::Cause)>();
};
