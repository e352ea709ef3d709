//! Tasks on the event loop.

use std::cell::Cell;

use super::timeout::Timeout;
use crate::platform::Boxed;

/// Where the tasks of a socket are queued.
#[derive(Clone, Default)]
pub(crate) struct Tasks;

/// A task that has been queued, and is taken back when this is dropped.
///
/// A timer of zero, because a promise's reaction would run before the current task ends; it exists in windows and in
/// all workers.
pub(crate) struct Task {
    _timeout: Timeout,
}

impl Tasks {
    /// Queues a task that runs `steps`.
    #[expect(clippy::unused_self, reason = "a browser has one event loop a thread")]
    pub(crate) fn queue(&self, steps: impl FnOnce() + 'static) -> Task {
        let steps = Cell::new(Some(steps));
        let run = move |_| {
            if let Some(steps) = steps.take() {
                steps();
            }
        };
        Task { _timeout: Timeout::new(0, Box::new(run)) }
    }

    /// Has a future go on, on this thread.
    #[expect(clippy::unused_self, reason = "a browser has one event loop a thread")]
    pub(crate) fn spawn(&self, future: Boxed<()>) {
        wasm_bindgen_futures::spawn_local(future);
    }
}
