//! The value types of the public API: messages, events, payloads and subprotocols.
//!
//! Start with [`message`], then [`event`]. [`blob`] and [`lazy_message`] are payloads that the platform may hold
//! outside the program's memory; each has one implementation for browsers and one for native targets. [`failure`] has
//! the causes of failed connections. Only native targets and the in-memory network know them. [`temporary`] decides
//! after which causes to try again. Nothing here depends on a connection.

pub(crate) mod authority;
pub(crate) mod binary_type;
pub(crate) mod blob;
#[cfg_attr(not(feature = "compression"), allow(dead_code, unreachable_pub, reason = "only the defaults are used"))]
pub(crate) mod compression;
#[cfg(feature = "cookies")]
pub(crate) mod cookie_store;
#[cfg(not(feature = "cookies"))]
#[path = "without_cookies.rs"]
pub(crate) mod cookie_store;
pub(crate) mod date_time;
pub(crate) mod event;
pub(crate) mod failure;
#[cfg(feature = "http2")]
pub(crate) mod http2;
pub(crate) mod invalid_option;
pub(crate) mod lazy_message;
pub(crate) mod message;
pub(crate) mod origin;
pub(crate) mod owned_message;
pub(crate) mod payload;
pub(crate) mod ping;
pub(crate) mod request_fields;
pub(crate) mod response_cookies;
pub(crate) mod retry_after;
pub mod subprotocol;
pub(crate) mod temporary;
pub(crate) mod text;
#[cfg(feature = "__tls")]
#[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
pub(crate) mod trust_store;
pub(crate) mod units;
