//! The targets on which scripts run: wasm in a page, a worker or Node, and a native process.
//!
//! This is the only module with code for one target. Each target provides:
//!
//! - `look_up`, which finds the fault server, and `Control`, the access to its gates, records and reports;
//! - `origin`, the origin of the page, if there is one, and `unique_id`, which distinguishes runs;
//! - `sleep`, a timer for timeouts;
//! - `run_uninterrupted`, which runs a script so that no event arrives between two steps, and `ScriptTask`, its handle;
//! - `MaybeSendSync` and `BoxFuture`, the bounds on values and futures that callbacks own;
//! - `spawn_in_events`, which spawns a future that is polled within the events that it waits for;
//! - `open`, the constructor of the interface, and `connect_to`, that of the futures API;
//! - `ReferenceSocket`, a subject for round trips beside the subject under test.

#[cfg(all(target_family = "wasm", target_os = "unknown"))]
mod web;
#[cfg(all(target_family = "wasm", target_os = "unknown"))]
pub use self::web::{BoxFuture, DropIn, MaybeSendSync, Platform};
#[cfg(all(target_family = "wasm", target_os = "unknown"))]
pub(crate) use self::web::{
    Control, ReferenceSocket, ScriptTask, connect_to, look_up, open, origin, run_uninterrupted, sleep, spawn_in_events,
    unique_id,
};

#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
mod native;
#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
pub use self::native::{BoxFuture, MaybeSendSync};
#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
pub(crate) use self::native::{
    Control, ReferenceSocket, ScriptTask, connect_to, look_up, open, origin, run_uninterrupted, sleep, spawn_in_events,
    unique_id,
};
