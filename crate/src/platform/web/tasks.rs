//! Tasks on the event loop.

use std::cell::Cell;

use wasm_bindgen::prelude::*;

use super::listener::Callback;
use super::sys;
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

/// A timer, which is cancelled on drop.
pub(super) struct Timeout {
    /// The number of the timer, or an object in Node.
    id: JsValue,
    _callback: Callback,
}

/// Sets a timer that calls `steps` once.
pub(super) fn set_timeout(milliseconds: u32, steps: Box<dyn FnOnce()>) -> Timeout {
    let steps = Cell::new(Some(steps));
    let callback: Callback = Closure::wrap(Box::new(move |_| steps.take().into_iter().for_each(|steps| steps())));
    let id = sys::set_timeout(callback.as_ref().unchecked_ref(), milliseconds);
    Timeout { id, _callback: callback }
}

impl Drop for Timeout {
    fn drop(&mut self) {
        sys::clear_timeout(&self.id);
    }
}
