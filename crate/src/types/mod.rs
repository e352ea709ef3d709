//! The values that cross the public API: messages, events, and what is sent and offered.
//!
//! Start with [`message`]. [`blob`] and [`lazy_message`] are payloads that may be held outside of the program's memory;
//! each has one implementation for browsers and one for native targets. Nothing here knows of a connection.

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
