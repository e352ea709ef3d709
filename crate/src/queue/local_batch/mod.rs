//! The consumer's local batch: items that it took out of the queue at once.
//!
//! On native targets the producer and the consumer run on different threads, and a batch saves lock acquisitions. In a
//! browser both run on one thread, and the batch is always empty.

#[cfg_attr(not(all(target_family = "wasm", target_os = "unknown")), path = "native.rs")]
#[cfg_attr(all(target_family = "wasm", target_os = "unknown"), path = "web.rs")]
mod imp;

pub(crate) use self::imp::LocalBatch;
