//! Tasks of a socket: its driver runs them between its own steps, so that everything comes one after the other.

use std::future::{Future, poll_fn};
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Waker;

use futures::task::{ArcWake, AtomicWaker, waker_ref};
use tokio::runtime::Handle;

use super::background;
use crate::platform::BoxFuture;
use crate::platform::native::Options;
use crate::sync::Lock;

/// Where the tasks of a socket are queued.
#[derive(Clone, Default)]
pub(crate) struct Tasks(Arc<Queue>);

#[derive(Default)]
struct Queue {
    /// None, if no thread could be started, or none is needed.
    runtime: Option<Handle>,
    /// What the driver has to run; none, while there is no driver.
    waiting: Lock<Option<Vec<Steps>>>,
    driver: AtomicWaker,
}

impl ArcWake for Queue {
    fn wake_by_ref(queue: &Arc<Self>) {
        queue.driver.wake();
    }
}

/// A task that has been queued, and is taken back when this is dropped.
pub(crate) struct Task {
    taken_back: Arc<AtomicBool>,
}

impl Tasks {
    pub(crate) fn new(options: &Options) -> Self {
        let runtime = options.runtime_of_socket().ok();
        Self(Arc::new(Queue { runtime, waiting: Lock::default(), driver: AtomicWaker::new() }))
    }

    /// Queues a task that runs `steps`: for the driver, or for the runtime where there is none any more. Where that is
    /// gone, too, it runs them at once.
    pub(crate) fn queue(&self, steps: impl FnOnce() + Send + 'static) -> Task {
        let taken_back = Arc::new(AtomicBool::new(false));
        let steps = Steps { steps: Some(Box::new(steps)), taken_back: Arc::clone(&taken_back) };
        let rest = match &mut *self.0.waiting.lock() {
            Some(waiting) => {
                waiting.push(steps);
                None
            }
            None => Some(steps),
        };
        match (rest, self.0.runtime.clone().or_else(|| background::background().ok())) {
            (None, _) => self.0.driver.wake(),
            // The join handle is not needed: steps are run when they are dropped, at the latest.
            (Some(steps), Some(runtime)) => drop(runtime.spawn(async move { drop(steps) })),
            (Some(steps), None) => drop(steps),
        }
        Task { taken_back }
    }

    /// Has a future go on, on the socket's runtime or the background thread; where there is neither, it is dropped.
    pub(crate) fn spawn(&self, mut future: BoxFuture<()>) {
        let future = poll_fn(move |context| {
            background::take_turn();
            future.as_mut().poll(context)
        });
        if let Some(runtime) = self.0.runtime.clone().or_else(|| background::background().ok()) {
            // The join handle is not needed: it ends by itself.
            drop(runtime.spawn(future));
        }
    }

    pub(in crate::platform::native) fn runtime(&self) -> Option<&Handle> {
        self.0.runtime.as_ref()
    }

    /// Spawns the driver, which runs what is queued from now on. If the runtime has ended, the driver is dropped.
    pub(in crate::platform::native) fn spawn_driver(&self, driver: impl Future<Output = ()> + Send + 'static) {
        if let Some(runtime) = self.runtime() {
            self.begin();
            #[cfg(not(all(test, shuttle)))]
            drop(runtime.spawn(driver));
            #[cfg(all(test, shuttle))]
            drop((runtime, shuttle::future::spawn(driver)));
        }
    }

    /// Wakes the driver.
    pub(in crate::platform::native) fn wake_driver(&self) {
        self.0.driver.wake();
    }

    /// Registers the driver's waker, by which [`wake_driver`](Self::wake_driver) and the wakers below wake it.
    pub(in crate::platform::native) fn register_driver(&self, waker: &Waker) {
        self.0.driver.register(waker);
    }

    /// Returns a waker of the driver, whichever waker that registers later.
    pub(in crate::platform::native) fn driver_waker(&self) -> impl Deref<Target = Waker> {
        waker_ref(&self.0)
    }

    /// Notes that a driver runs what is queued from now on.
    pub(in crate::platform::native) fn begin(&self) {
        self.0.waiting.replace(Some(Vec::new()));
    }

    /// Runs what is queued.
    pub(in crate::platform::native) fn run(&self) {
        let steps = self.0.waiting.lock().as_mut().map(std::mem::take);
        drop(steps);
    }

    /// Runs what is queued, and notes that there is no driver any more.
    pub(in crate::platform::native) fn end(&self) {
        drop(self.0.waiting.take());
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.taken_back.store(true, Ordering::Release);
    }
}

/// Steps that are run when this is dropped, be it because it is their turn or by the runtime's end.
struct Steps {
    steps: Option<Box<dyn FnOnce() + Send>>,
    taken_back: Arc<AtomicBool>,
}

impl Drop for Steps {
    fn drop(&mut self) {
        if let Some(steps) = self.steps.take()
            && !self.taken_back.load(Ordering::Acquire)
        {
            steps();
        }
    }
}
