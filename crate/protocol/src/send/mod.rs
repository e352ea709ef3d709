//! The sending side: the queue of messages and control frames, and the buffer of bytes ready to be written.

pub(crate) mod queue;
pub(crate) mod write_buffer;
