//! Tasks on the event loop.

use gloo_timers::callback::Timeout;

use crate::platform::BoxFuture;

/// The task queue of a socket.
#[derive(Clone, Default)]
pub(crate) struct Tasks;

/// A queued task, which is cancelled on drop.
///
/// It is a timer of zero milliseconds, which exists in windows and in all workers. A promise reaction would run before the
/// current task ends.
pub(crate) struct Task {
    _timeout: Timeout,
}

impl Tasks {
    /// Queues a task that runs `steps`.
    #[expect(clippy::unused_self, reason = "each thread of a browser has one event loop")]
    pub(crate) fn queue(&self, steps: impl FnOnce() + 'static) -> Task {
        Task { _timeout: set_timeout(0, Box::new(steps)) }
    }

    /// Spawns a future on this thread.
    #[expect(clippy::unused_self, reason = "each thread of a browser has one event loop")]
    pub(crate) fn spawn(&self, future: BoxFuture<()>) {
        wasm_bindgen_futures::spawn_local(future);
    }
}

/// Sets a timer. All timers share one closure type, because each type adds to the code size.
pub(super) fn set_timeout(milliseconds: u32, steps: Box<dyn FnOnce()>) -> Timeout {
    Timeout::new(milliseconds, steps)
}
