//! The WebSockets Standard as one list of scripts that any subject can run.
//!
//! A [`Script`] is data: a list of steps, and the complete list of observations that the Standard requires. These are
//! events, attribute values, exceptions, and the record of the server. A [`Subject`] adapts one implementation of the
//! interface. [`run_script`] runs one script. [`report`] runs many, compares the observations, and sends the results to
//! the fault server, where `cargo xtask test` collects them.
//!
//! Read in this order:
//!
//! - [`script`], [`scripts`] and [`checklist`]: the steps, the list of scripts, and the rules that they check;
//! - [`subject`] and [`subjects`]: the interface of an implementation, and the implementations;
//! - `runner`, `event_queue`, [`describe`]: one run, its waits, and the notation of its lines;
//! - [`report`]: many runs, compared and reported;
//! - [`native_expectations`], [`known_deviations`], [`runtime_deviations`]: where another result is expected, and why;
//! - [`not_applicable`]: the scripts that a subject has no means to run;
//! - [`server`] and [`target`]: the fault server, and the code for one target;
//! - [`short_lived`]: short connections for leak tests.

pub mod checklist;
pub mod describe;
mod event_queue;
pub mod known_deviations;
pub mod native_expectations;
pub mod not_applicable;
pub mod report;
pub mod runner;
pub mod runtime_deviations;
pub mod script;
pub mod scripts;
pub mod server;
pub mod short_lived;
pub mod subject;
pub mod subjects;
pub mod target;

pub use self::runner::{Limits, run_script};
pub use self::script::Script;
pub use self::subject::Subject;
