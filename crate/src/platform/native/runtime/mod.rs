//! The runtime of native sockets.
//!
//! Read in this order:
//!
//! - [`choice`]: where a socket lives.
//! - [`background`]: the thread of sockets that live on no runtime of the user.
//! - [`per_process`]: the values that a forked process does not inherit.
//! - [`tasks`]: the queue of one socket's tasks.
//! - [`clock`]: timers that outlive their runtime.
//! - [`random`]: nonces and masking keys.

pub(in crate::platform::native) mod background;
pub(in crate::platform::native) mod choice;
pub(crate) mod clock;
pub(in crate::platform::native) mod per_process;
pub(in crate::platform::native) mod random;
pub(crate) mod tasks;
