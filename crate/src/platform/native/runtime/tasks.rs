//! The queue of one socket's tasks.
//!
//! The driver runs queued tasks between its own steps, so that all events of a socket are in order.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::io;
use std::mem;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Waker;
use std::thread;

use futures::task::{ArcWake, AtomicWaker, waker_ref};
use tokio::runtime::{Handle, RuntimeFlavor};

use super::background;
use crate::platform::BoxFuture;
use crate::sync::Lock;
use crate::sync::cancellable_queue::{Cancellable, CancellableQueue};

/// A handle to the task queue of one socket. Clones share the queue.
#[derive(Clone, Default)]
pub(crate) struct Tasks(Arc<TaskQueue>);

#[derive(Default)]
struct TaskQueue {
    /// The runtime of the socket. `None` if none is needed.
    runtime: Option<Result<Handle, Arc<io::Error>>>,
    /// Whether that is the background thread.
    in_background: bool,
    /// The tasks for the driver, or `None` while there is no driver.
    queued: Lock<Option<CancellableQueue<QueuedTask>>>,
    driver_waker: AtomicWaker,
}

impl ArcWake for TaskQueue {
    fn wake_by_ref(queue: &Arc<Self>) {
        queue.driver_waker.wake();
    }
}

/// A handle to a queued task. Dropping it cancels the task.
pub(crate) struct Task {
    cancelled: Arc<AtomicBool>,
}

impl Tasks {
    /// Creates the queue of a socket that lives on `runtime`, or on the background thread, which is started if needed.
    pub(in crate::platform::native) fn new(runtime: Option<Handle>) -> Self {
        let in_background = runtime.is_none();
        let runtime = Some(runtime.map_or_else(background::background, Ok).map_err(Arc::new));
        Self(Arc::new(TaskQueue { runtime, in_background, ..TaskQueue::default() }))
    }

    /// Returns whether the socket lives on the background thread.
    pub(in crate::platform::native) fn is_in_background(&self) -> bool {
        self.0.in_background
    }

    /// Returns whether the socket lives on a current-thread runtime of the program, where the sender most likely runs on
    /// the same thread.
    pub(in crate::platform::native) fn shares_thread(&self) -> bool {
        let is_current_thread = |runtime: &Handle| runtime.runtime_flavor() == RuntimeFlavor::CurrentThread;
        !self.0.in_background && self.runtime().is_some_and(|runtime| runtime.is_ok_and(is_current_thread))
    }

    /// Queues a task.
    ///
    /// The driver runs it. Without a driver, it is a task of the runtime. Without a runtime, it has a thread of its own. If
    /// there is no thread either, it runs before this returns.
    pub(crate) fn queue(&self, steps: impl FnOnce() + Send + 'static) -> Task {
        let cancelled = Arc::new(AtomicBool::new(false));
        let task = QueuedTask { steps: Some(Box::new(steps)), cancelled: Arc::clone(&cancelled) };
        let (without_driver, unused) = match &mut *self.0.queued.lock() {
            // A driver that is not polled runs no task, while subscribers may come and go.
            Some(queued) => (None, queued.push(task)),
            None => (Some(task), VecDeque::new()),
        };
        // Drop outside the lock: a task may own a value of the user.
        drop(unused);
        match (without_driver, self.runtime_or_background()) {
            (None, _) => self.0.driver_waker.wake(),
            // The join handle is not needed: the task runs when it is dropped, at the latest.
            (Some(task), Some(runtime)) => drop(runtime.spawn(async move { drop(task) })),
            // A task that is not started runs when it is dropped.
            (Some(task), None) => drop(thread::Builder::new().spawn(move || drop(task))),
        }
        Task { cancelled }
    }

    /// Spawns a future on the socket's runtime or on the background thread. Without either, it is dropped.
    pub(crate) fn spawn(&self, mut future: BoxFuture<()>) {
        let future = poll_fn(move |context| {
            background::count_poll();
            future.as_mut().poll(context)
        });
        if let Some(runtime) = self.runtime_or_background() {
            // The join handle is not needed: the task ends by itself.
            drop(runtime.spawn(future));
        }
    }

    /// Returns the socket's runtime, or the error of the system that had none.
    pub(in crate::platform::native) fn runtime(&self) -> Option<Result<&Handle, &Arc<io::Error>>> {
        self.0.runtime.as_ref().map(Result::as_ref)
    }

    /// Keeps the tasks that are queued from now on for the driver.
    pub(in crate::platform::native) fn attach_driver(&self) {
        self.0.queued.replace(Some(CancellableQueue::default()));
    }

    /// Spawns the driver, which runs the tasks that are queued from now on. If the runtime has ended, the driver is dropped.
    pub(in crate::platform::native) fn spawn_driver(&self, driver: impl Future<Output = ()> + Send + 'static) {
        if let Some(Ok(runtime)) = self.runtime() {
            self.attach_driver();
            #[cfg(not(all(test, shuttle)))]
            drop(runtime.spawn(driver));
            #[cfg(all(test, shuttle))]
            drop((runtime, shuttle::future::spawn(driver)));
        }
    }

    /// Wakes the driver.
    pub(in crate::platform::native) fn wake_driver(&self) {
        self.0.driver_waker.wake();
    }

    /// Registers the waker of the driver's task.
    pub(in crate::platform::native) fn register_driver(&self, waker: &Waker) {
        self.0.driver_waker.register(waker);
    }

    /// Returns a waker that wakes the driver by the waker that it has registered last.
    pub(in crate::platform::native) fn driver_waker(&self) -> impl Deref<Target = Waker> {
        waker_ref(&self.0)
    }

    /// Returns whether tasks are queued for the driver.
    pub(in crate::platform::native) fn has_queued(&self) -> bool {
        self.0.queued.lock().as_ref().is_some_and(|queued| !queued.is_empty())
    }

    /// Runs the queued tasks.
    pub(in crate::platform::native) fn run_queued(&self) {
        let queued = self.0.queued.lock().as_mut().map(mem::take);
        // Drop outside the lock: dropping a task runs it.
        drop(queued);
    }

    /// Runs the queued tasks. Those that are queued from now on do not wait for a driver.
    pub(in crate::platform::native) fn detach_driver(&self) {
        // Drop outside the lock: dropping a task runs it.
        drop(self.0.queued.take());
    }

    fn runtime_or_background(&self) -> Option<Handle> {
        match self.runtime() {
            Some(Ok(runtime)) => Some(runtime.clone()),
            Some(Err(_)) | None => background::background().ok(),
        }
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.cancelled.store(true, Ordering::Release);
    }
}

/// A task that runs when it is dropped, unless it was cancelled. It runs even if its runtime ends first.
struct QueuedTask {
    steps: Option<Box<dyn FnOnce() + Send>>,
    cancelled: Arc<AtomicBool>,
}

impl Cancellable for QueuedTask {
    fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire)
    }
}

impl Drop for QueuedTask {
    fn drop(&mut self) {
        let steps = self.steps.take();
        if let Some(steps) = steps.filter(|_| !self.is_cancelled()) {
            steps();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    #[test]
    fn cancelled_tasks_leave_the_queue() {
        let tasks = Tasks::default();
        tasks.attach_driver();
        let kept = tasks.queue(|| {});
        for _ in 0..1000 {
            drop(tasks.queue(|| panic!("it was cancelled")));
        }
        assert!(tasks.0.queued.lock().as_ref().is_some_and(|queued| queued.len() < 10));
        tasks.run_queued();
        drop(kept);
    }

    /// A value of the user whose destructor uses the queue.
    struct QueuesOnDrop(Tasks);

    impl Drop for QueuesOnDrop {
        fn drop(&mut self) {
            drop(self.0.queue(|| {}));
        }
    }

    #[test]
    fn cancelled_task_is_dropped_while_the_queue_is_unlocked() {
        let (done, is_done) = mpsc::channel();
        thread::spawn(move || {
            let tasks = Tasks::default();
            tasks.attach_driver();
            for _ in 0..10 {
                let value = QueuesOnDrop(tasks.clone());
                drop(tasks.queue(move || drop(value)));
            }
            tasks.detach_driver();
            done.send(()).unwrap();
        });
        is_done.recv_timeout(Duration::from_secs(10)).expect("the destructor waited for the lock of the queue");
    }
}
