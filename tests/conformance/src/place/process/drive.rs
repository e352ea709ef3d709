//! Futures that go on within the events that they wait for.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Wake, Waker};

use futures::FutureExt;

use super::Later;

/// A future that is polled by whoever wakes it, at once: so it sees a socket as a callback does, while nothing else
/// happens to it. This takes for granted that nothing is locked where a waker is woken.
struct Driven {
    /// What is left of it, unless it is being polled.
    rest: Mutex<Option<Later<()>>>,
    is_awake: AtomicBool,
}

/// Has a future go on, beginning now.
pub(crate) fn drive(future: Later<()>) {
    Arc::new(Driven { rest: Mutex::new(Some(future)), is_awake: AtomicBool::new(false) }).wake();
}

impl Driven {
    fn rest(&self) -> MutexGuard<'_, Option<Later<()>>> {
        self.rest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Driven {
    fn wake(self: Arc<Self>) {
        self.is_awake.store(true, Ordering::Release);
        let waker = Waker::from(Arc::clone(&self));
        // Who wakes it while it is being polled leaves the rest to whoever polls it, who looks once more at the end.
        while self.is_awake.load(Ordering::Acquire) {
            let Some(mut rest) = self.rest().take() else { return };
            while self.is_awake.swap(false, Ordering::AcqRel) {
                if rest.poll_unpin(&mut Context::from_waker(&waker)).is_ready() {
                    return;
                }
            }
            *self.rest() = Some(rest);
        }
    }
}
