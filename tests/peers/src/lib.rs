//! Shared code of this package's tests.
//!
//! - `fault_proxy`: a TCP proxy that breaks a connection as planned.
//! - `interop`: the conversations that the client has with every other server.
//! - `event_text`: events as text, so that tests can compare whole lists.
//! - `programs`: starts other programs, among them servers of HTTP/2 and Chromium.
//! - `random`: a random number generator with a seed.
//!
//! The tests: `client_comparison` compares the client with other clients; `interop_crates` and `interop_programs` run it
//! against other servers; `http2_programs` runs it against servers of HTTP/2; `http2_chromium` compares it with Chromium over
//! HTTP/2; `connection_faults` breaks connections at any byte; `concurrency` uses sockets from many threads.

mod event_text;
mod fault_proxy;
mod interop;
mod programs;
mod random;

pub use event_text::{describe, describe_all, describe_binary, summarize};
pub use fault_proxy::{Direction, Fault, FaultPlan, FaultProxy, Traffic};
pub use interop::{Peer, SUBPROTOCOLS};
pub use programs::{
    Chromium, Http2Program, Http2Server, OutputLines, START_TIMEOUT, http2_cases, npm_ws, script, spawn, spawn_server,
    variable,
};
pub use random::Random;
