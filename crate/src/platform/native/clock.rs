//! Time, by the runtime of a socket.

use std::time::Duration;

use tokio::runtime::Handle;

use super::runtime;
use crate::platform::{Clock, Fate, Sleep};

/// The clock of a runtime.
pub(crate) struct Time {
    /// None, if the socket has none of its own: then the background thread's.
    pub(super) runtime: Option<Handle>,
}

impl Clock for Time {
    fn sleep(&self, duration: Duration) -> Sleep {
        match self.runtime.clone().or_else(|| runtime::background().ok()) {
            Some(runtime) => {
                let _entered = runtime.enter();
                Box::pin(tokio::time::sleep(duration))
            }
            // Without any thread, no socket will ever open, which is told otherwise.
            None => Box::pin(std::future::pending()),
        }
    }
}

/// The machine that the program runs on.
pub(crate) struct World;

impl Fate for World {
    /// Nothing tells of it.
    fn comeback(&self) -> Sleep {
        Box::pin(std::future::pending())
    }

    fn chance(&self) -> f64 {
        let mut bytes = [0; 4];
        // Without randomness, no socket will ever open.
        let _ = getrandom::fill(&mut bytes);
        f64::from(u32::from_ne_bytes(bytes)) / f64::from(u32::MAX)
    }
}
