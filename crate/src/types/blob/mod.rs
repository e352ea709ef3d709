//! Blobs: bytes that may be held outside the program's memory.

#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
pub(crate) mod file_reads;
#[cfg_attr(not(all(target_family = "wasm", target_os = "unknown")), path = "native.rs")]
#[cfg_attr(all(target_family = "wasm", target_os = "unknown"), path = "web.rs")]
mod imp;

pub use self::imp::{Blob, BlobError};
