//! The sending side.
//!
//! Read `queue` first: messages and control frames in order. `buffered_amount` counts the payload bytes that the stream has not
//! accepted, and `write_buffer` holds the bytes that are ready to be written.

mod buffered_amount;
pub(crate) mod queue;
pub(crate) mod write_buffer;
