//! The value types of the public API: messages, events, payloads and subprotocols.
//!
//! Start with [`message`], then [`event`]. [`blob`] and [`lazy_message`] are payloads that the platform may hold
//! outside the program's memory; each has one implementation for browsers and one for native targets. Nothing here
//! depends on a connection.

pub(crate) mod binary_type;
pub(crate) mod blob;
pub(crate) mod event;
pub(crate) mod lazy_message;
pub(crate) mod message;
pub(crate) mod origin;
pub(crate) mod owned_message;
pub(crate) mod payload;
pub mod subprotocol;
pub(crate) mod text;
