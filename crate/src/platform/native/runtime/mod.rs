//! The runtime of native sockets.
//!
//! Read in this order: [`background`], the thread of sockets without a runtime of the user's; [`tasks`], the queue of
//! one socket's tasks; [`clock`], timers that outlive their runtime.

pub(in crate::platform::native) mod background;
pub(crate) mod clock;
pub(crate) mod tasks;
