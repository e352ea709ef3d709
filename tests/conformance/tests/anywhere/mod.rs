//! Tests that run in each engine and in each JavaScript runtime.

mod handles;
pub(crate) mod platform_faults;
mod poll_in_event;
mod reentrancy;
mod sockets;
mod subscribing;
