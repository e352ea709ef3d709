//! Reconnecting sockets that drive themselves.
//!
//! [`socket`] is the handle, which leaves messages and requests in the state of [`shared`]. [`task`] owns the reconnecting
//! socket, carries them out, and puts updates into an [`output`]: a callback, or the queue of [`updates`]. [`later`] spawns
//! the task, which executors see as the [`driver`]. [`values`] adds a codec.

mod closed;
pub(super) mod driver;
mod later;
mod output;
mod shared;
mod socket;
mod task;
mod update;
mod updates;
mod values;

pub use self::driver::LiveDriver;
pub use self::shared::Sent;
pub use self::socket::{LiveSocket, WeakLiveSocket};
pub use self::update::Update;
pub use self::updates::Updates;
pub use self::values::{DecodeError, TypedLiveSocket, TypedReconnect, TypedUpdates};
