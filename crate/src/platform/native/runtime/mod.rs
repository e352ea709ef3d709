//! Where sockets run: the background thread, the queue of a socket's tasks, and the clock.

pub(in crate::platform::native) mod background;
pub(crate) mod clock;
pub(crate) mod tasks;
