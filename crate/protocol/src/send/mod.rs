//! The sending side.
//!
//! Read `queue` first: messages and control frames in order. `buffered_amount` counts the payload bytes that the stream has not
//! accepted, and `write_buffer` holds the bytes that are ready to be written. `compressor` compresses what
//! `compression_policy` decides to.

mod buffered_amount;
mod compression_policy;
mod compressor;
pub(crate) mod queue;
pub(crate) mod write_buffer;
