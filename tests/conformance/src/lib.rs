//! The WebSockets Standard as one list of scripts that any subject can run.
//!
//! A [`Script`] says what to do and the whole list of what the Standard says one observes: events, attribute values,
//! exceptions, and what the server saw. It is data, written once; a [`Subject`] is a few lines that lend the
//! interface of whatever is examined. [`perform`] runs a script, [`report`] runs all of them, compares,
//! and sends what it found to the fault server, where `cargo xtask test` collects it.

pub mod checklist;
pub mod in_node;
pub mod lives;
pub mod natively;
pub mod notation;
pub mod place;
pub mod report;
pub mod script;
pub mod scripts;
pub mod server;
pub mod stage;
pub mod subject;
pub mod subjects;
pub mod unlevelled;
mod waits;

pub use self::script::Script;
pub use self::stage::perform;
pub use self::subject::Subject;
