//! Lazy messages: messages that the platform holds until they are read.

#[cfg_attr(not(all(target_family = "wasm", target_os = "unknown")), path = "native.rs")]
#[cfg_attr(all(target_family = "wasm", target_os = "unknown"), path = "web.rs")]
mod imp;

pub use self::imp::LazyMessage;
#[cfg(all(target_family = "wasm", target_os = "unknown"))]
pub(crate) use self::imp::copy_to_bytes;
