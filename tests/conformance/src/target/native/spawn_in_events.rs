//! Futures that are polled within the events that they wait for.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Wake, Waker};

use futures::FutureExt;

use super::BoxFuture;

/// A future that its waker polls at once.
///
/// So the future sees the socket in the same state as a callback does. This requires that no lock is held where a waker is
/// called.
struct InlineTask {
    /// The future; `None` while it is polled, and after it has ended.
    future: Mutex<Option<BoxFuture<()>>>,
    is_awake: AtomicBool,
}

/// Spawns a future and polls it for the first time.
pub(crate) fn spawn_in_events(future: BoxFuture<()>) {
    Arc::new(InlineTask { future: Mutex::new(Some(future)), is_awake: AtomicBool::new(false) }).wake();
}

impl InlineTask {
    fn future(&self) -> MutexGuard<'_, Option<BoxFuture<()>>> {
        self.future.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for InlineTask {
    fn wake(self: Arc<Self>) {
        self.is_awake.store(true, Ordering::Release);
        let waker = Waker::from(Arc::clone(&self));
        // A wake-up during a poll only sets the flag, and the thread that polls checks the flag again afterwards.
        while self.is_awake.load(Ordering::Acquire) {
            let Some(mut future) = self.future().take() else { return };
            while self.is_awake.swap(false, Ordering::AcqRel) {
                if future.poll_unpin(&mut Context::from_waker(&waker)).is_ready() {
                    return;
                }
            }
            *self.future() = Some(future);
        }
    }
}
