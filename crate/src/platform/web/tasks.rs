//! Tasks on the event loop.

use gloo_timers::callback::Timeout;

use crate::platform::BoxFuture;

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
        Task { _timeout: after(0, Box::new(steps)) }
    }

    /// Has a future go on, on this thread.
    #[expect(clippy::unused_self, reason = "a browser has one event loop a thread")]
    pub(crate) fn spawn(&self, future: BoxFuture<()>) {
        wasm_bindgen_futures::spawn_local(future);
    }
}

/// Sets a timer; of one kind for whatever there is to do, since each kind costs.
pub(super) fn after(milliseconds: u32, steps: Box<dyn FnOnce()>) -> Timeout {
    Timeout::new(milliseconds, steps)
}
