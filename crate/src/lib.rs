//! The WebSocket of the Web, the same everywhere: the [WHATWG](https://websockets.spec.whatwg.org/) interface for Rust.
//!
//! [`WebSocket`] is that interface, one method per member of the IDL. In a browser, in windows and in dedicated, shared and
//! service workers, it stands on the platform's own socket and keeps the Standard's rules itself, so that engines which
//! deviate behave alike. Natively it stands on TCP, TLS and a protocol core of its own, which needs no runtime of the user's.
//!
//! # Natively
//!
//! Attributes, events, their order and the exceptions are those of a browser, and the same conformance scripts demand
//! them. What differs:
//!
//! | | in a browser | natively |
//! | --- | --- | --- |
//! | base URL | the page's or the worker's | none: a relative URL is a `"SyntaxError"` |
//! | received Close codes 0 to 999, 1004, 1016 to 2999 and from 5000 on | passed on, by the Standard; 1005, 1006 and 1015 fail the connection everywhere | a protocol error, by [RFC 6455, section 7.4](https://www.rfc-editor.org/rfc/rfc6455#section-7.4): the connection fails |
//! | `Origin` | the page's | none, or [`Options::origin`] |
//! | cookies | the user's | none, or [`Options::cookies`] |
//! | user name and password of the URL | the engine's affair | told as Basic authentication |
//! | 401 and 407 | the engine may ask the user | the connection fails |
//! | proxies | the user's | none, or [`Options::proxy`], [`Options::proxy_from_environment`] |
//! | mixed content, Content Security Policy, HSTS, private network access | the page's and the engine's | none |
//! | blocked ports | Fetch's list | Fetch's list |
//! | opening handshakes with one address and port | one at a time, others wait, by [RFC 6455, section 4.1](https://www.rfc-editor.org/rfc/rfc6455#section-4.1) | the same, among all sockets of the process; none over an [`Options::connector`] |
//! | redirects | followed by nobody | followed by nobody |
//! | HTTP | 1.1, or 2 where the engine does | 1.1 |
//! | limits and deadlines | the engine's | [`Options`] lists them |
//! | a subscriber that does not keep up | loses messages beyond the bound of [`Events`], and is told | stops the reading from TCP until it has caught up, so that Close and the end are not seen meanwhile |
//! | events | in tasks of the thread that made the socket | on a thread of the socket's, one after the other |
//! | a callback that panics | traps, as any panic does there; its socket fires no more events | ends nothing but itself |
//! | `Blob` | the engine's | bytes in memory, or a file that is read when its turn comes |
//! | messages under way at the program's end | the engine's affair | lost; awaiting [`closed`](WebSocket::closed) is certain |
//!
//! # Why did it fail?
//!
//! A page is never told: `error`, then `close` with code 1006. Natively [`WebSocket::failure`] says more, as a
//! [`Failure`]: the name that was not resolved, the addresses that refused, the certificate, the rule of the handshake that
//! was broken with what was expected and found, the rule of a frame. In a browser, the console of its developer tools does.
//!
#![doc = include_str!("../differences.md")]
#![cfg_attr(
    target_family = "wasm",
    allow(rustdoc::broken_intra_doc_links, reason = "what exists natively only is linked, and checked there")
)]

mod connection;
pub mod guide;
mod platform;
mod queue;
pub mod reconnect;
mod socket;
mod sync;
pub mod testing;
mod types;
mod websocket;

pub use self::connection::closed::Closed;
#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
pub use self::platform::api::*;
pub use self::socket::poll_in_event::poll_in_event;
pub use self::socket::{
    ByteStream, Closing, Connect, ConnectError, ConnectionFailed, Control, Error, Heartbeat, Receiver, Remote,
    RemoteDriver, RemoteReceiver, RemoteSender, ReuniteError, Sender, Socket, connect,
};
pub use self::sync::MaybeSend;
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

/// The README's Rust, compiled by the tests of the documentation.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;

/// On native targets every public type may be sent to, and shared with, other threads.
#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
const _: fn() = || {
    fn anywhere<T: Send + Sync>() {}
    anywhere::<WebSocket>();
    anywhere::<(Subscription, Events, Closed, Blob)>();
    anywhere::<(Connect, Socket, Sender, Receiver, Control, Closing, ByteStream)>();
    anywhere::<(Message, ConnectError, Error, ReuniteError)>();
    anywhere::<(reconnect::Reconnecting, reconnect::Sender, reconnect::States, reconnect::Cause)>();
};
