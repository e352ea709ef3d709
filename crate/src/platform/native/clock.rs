//! Time, by the runtime of a socket.

use std::time::Duration;

use rand::TryRng as _;
use rand::rngs::SysRng;
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
        // Without randomness, no socket will ever open.
        f64::from(SysRng.try_next_u32().unwrap_or_default()) / f64::from(u32::MAX)
    }
}
