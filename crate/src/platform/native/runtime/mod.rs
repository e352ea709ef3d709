//! The runtime of native sockets.
//!
//! Read in this order: [`background`], the thread of sockets without a runtime of the user's; [`per_process`], the values
//! that a forked process does not inherit; [`tasks`], the queue of one socket's tasks; [`clock`], timers that outlive
//! their runtime.

pub(in crate::platform::native) mod background;
pub(crate) mod clock;
pub(in crate::platform::native) mod per_process;
pub(crate) mod tasks;
