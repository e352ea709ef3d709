//! Blobs: bytes that may be held outside the program's memory.

#[cfg_attr(not(all(target_family = "wasm", target_os = "unknown")), path = "native.rs")]
#[cfg_attr(all(target_family = "wasm", target_os = "unknown"), path = "web.rs")]
mod imp;

pub use self::imp::{Blob, BlobError};
