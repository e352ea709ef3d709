//! The algorithms and values of the [WHATWG WebSockets Standard](https://websockets.spec.whatwg.org/), on plain data.
//!
//! This crate decides what a script can observe of a `WebSocket`: which exception a call throws, what an event carries,
//! when the ready state changes. It does no I/O. It holds no clock, no socket and no URL parser. So one
//! implementation serves a browser back end, a native back end and a JavaScript class. The `samesocket` crate is built
//! on it; use that crate to open connections.
//!
//! # Example
//!
//! The caller validates the arguments, feeds in what its network layer reports, and acts on each
//! [`Action`](state::Action):
//!
//! ```
//! use samesocket_spec::state::{Action, CloseAction, Feedback, SendAction, SocketState};
//! use samesocket_spec::{CloseEvent, Exception, ReadyState, close, subprotocol};
//!
//! # fn main() -> Result<(), Exception> {
//! let protocols = vec!["chat.v2".to_owned()];
//! subprotocol::check(&protocols)?;
//! let mut state = SocketState::new(protocols);
//! assert_eq!(state.send(5), Err(Exception::StillConnecting));
//!
//! // The server's handshake response arrives: fire `open`.
//! let established = Feedback::Established { protocol: "chat.v2".to_owned(), extensions: String::new() };
//! assert_eq!(state.handle_feedback::<String>(established), Action::Open);
//! assert_eq!(state.send(5), Ok(SendAction::Transmit));
//!
//! // A message arrives: fire `message`.
//! assert_eq!(state.handle_feedback(Feedback::MessageReceived("hi")), Action::Message("hi"));
//!
//! // The user calls `close(1000, "bye")`: start the closing handshake.
//! let frame = close::check(Some(1000), Some("bye"))?;
//! assert_eq!(frame, Some((1000, "bye")));
//! assert_eq!(state.close(), CloseAction::StartHandshake);
//!
//! // The connection is closed: fire `close`, without `error`.
//! let event = CloseEvent::new(1000, "bye".to_owned(), true);
//! let closed = Feedback::<String>::Closed(event.clone());
//! assert_eq!(state.handle_feedback(closed), Action::Closed { error: false, event });
//! assert_eq!(state.ready_state(), ReadyState::Closed);
//! # Ok(())
//! # }
//! ```
//!
//! # Contents
//!
//! The implementation follows commit `1b3525c` (2025-07-14) of the Standard.
//!
//! | algorithm | function |
//! | --- | --- |
//! | [get a URL record](https://websockets.spec.whatwg.org/#get-a-url-record) | [`constructor::get_a_url_record`] |
//! | [the constructor's](https://websockets.spec.whatwg.org/#dom-websocket-websocket) check of the subprotocols | [`subprotocol::check`] |
//! | [`close(code, reason)`](https://websockets.spec.whatwg.org/#dom-websocket-close) | [`close::check`], then [`state::SocketState::close`] |
//! | [`send(data)`](https://websockets.spec.whatwg.org/#dom-websocket-send) | [`state::SocketState::send`] |
//! | [feedback from the protocol](https://websockets.spec.whatwg.org/#feedback-from-the-protocol) | [`state::SocketState::handle_feedback`] |
//!
//! Start with [`state`], then read [`constructor`], [`subprotocol`] and [`close`], which check the arguments.
//!
//! [`Response`] and [`ProtocolFailure`] hold what the Standard does not expose to scripts: the response to the opening
//! handshake, and the reason for which a connection failed. They are data only, for programs on native targets and for
//! tests. [`redirect`] has the rules for a program that follows redirects, which a `WebSocket` does not.

#![deny(missing_docs, clippy::missing_errors_doc, clippy::missing_panics_doc)]

pub mod close;
pub mod constructor;
pub mod header_field;
pub mod redirect;
pub mod state;
pub mod subprotocol;

mod close_event;
mod close_frame;
mod exception;
mod protocol_failure;
mod quoted;
mod ready_state;
mod redacted_url;
mod response;

pub use self::close_event::CloseEvent;
pub use self::exception::{Argument, Exception};
pub use self::protocol_failure::ProtocolFailure;
pub use self::quoted::Quoted;
pub use self::ready_state::ReadyState;
pub use self::redacted_url::RedactedUrl;
pub use self::redirect::RedirectFailure;
pub use self::response::Response;

/// The attribute of a unit test that runs on native targets and on wasm32.
#[cfg(all(test, not(target_family = "wasm")))]
pub(crate) use core::prelude::v1::test;
#[cfg(all(test, target_family = "wasm"))]
wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_dedicated_worker);
#[cfg(all(test, target_family = "wasm"))]
pub(crate) use wasm_bindgen_test::wasm_bindgen_test as test;
