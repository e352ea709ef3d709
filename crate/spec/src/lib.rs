//! The algorithms of the WebSockets Standard on plain data: no platform, no clock, no URL tables.
//!
//! The text followed is commit `1b3525c` (2025-07-14) of the Standard. Where each of its algorithms lives:
//!
//! | algorithm | function |
//! | --- | --- |
//! | [get a URL record](https://websockets.spec.whatwg.org/#get-a-url-record) | [`constructor::get_a_url_record`] |
//! | [the constructor's](https://websockets.spec.whatwg.org/#dom-websocket-websocket) check of the subprotocols | [`subprotocol::check`] |
//! | [`close(code, reason)`](https://websockets.spec.whatwg.org/#dom-websocket-close) | [`close::check`], then [`state::State::close`] |
//! | [`send(data)`](https://websockets.spec.whatwg.org/#dom-websocket-send) | [`state::State::send`] |
//! | [feedback from the protocol](https://websockets.spec.whatwg.org/#feedback-from-the-protocol) | [`state::State::take`] |
//!
//! Start with [`state`].

pub mod close;
pub mod constructor;
pub mod state;
pub mod subprotocol;

mod close_event;
mod exception;
mod ready_state;

pub use self::close_event::CloseEvent;
pub use self::exception::{Argument, Exception};
pub use self::ready_state::ReadyState;

/// The attribute of a unit test that runs on native targets and on wasm32.
#[cfg(all(test, not(target_family = "wasm")))]
pub(crate) use core::prelude::v1::test;
#[cfg(all(test, target_family = "wasm"))]
wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_dedicated_worker);
#[cfg(all(test, target_family = "wasm"))]
pub(crate) use wasm_bindgen_test::wasm_bindgen_test as test;
