//! The sending side: the queue of messages and control frames, and the buffer of bytes ready to be written.

pub mod queue;
pub mod write_buffer;
