//! Where the scripts are performed: in a page or one of its workers, or in a process of its own.
//!
//! This is the only module that knows of targets. A place provides
//!
//! - `look_up`, which finds the fault server, and `Control`, the way to its gates, records and reports;
//! - `origin`, which relative URLs are resolved against where there is a page, and `mark`, which tells runs apart;
//! - `elapse`, a clock for patience;
//! - `Turn`, within which a script does what must not be interrupted by an event, and `play`, which gives it its turns;
//! - `Anywhere` and `Later`, what has to hold of values and futures that callbacks own;
//! - `drive`, which has a future go on within the events that it waits for;
//! - `open`, our constructor, `dial`, the futures API's, and `Bystander`, the subject that makes a round trip beside the one that is examined.

#[cfg(all(target_family = "wasm", target_os = "unknown"))]
mod page;
#[cfg(all(target_family = "wasm", target_os = "unknown"))]
pub use self::page::{Anywhere, DropIn, Later, Platform};
#[cfg(all(target_family = "wasm", target_os = "unknown"))]
pub(crate) use self::page::{Bystander, Control, Turn, dial, drive, elapse, look_up, mark, open, origin, play};

#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
mod process;
#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
pub use self::process::{Anywhere, Later};
#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
pub(crate) use self::process::{Bystander, Control, Turn, dial, drive, elapse, look_up, mark, open, origin, play};
