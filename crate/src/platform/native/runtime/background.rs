//! The background thread, where sockets live that are created outside of a tokio runtime.

use std::cell::RefCell;
use std::io;
use std::task::Waker;
use std::thread;

use tokio::runtime::{Builder, Handle};

use super::per_process::PerProcess;

/// The handle of the background thread, once this process has started it.
static BACKGROUND: PerProcess<Handle> = PerProcess::new();

/// Returns the runtime of the background thread. The first call of a process starts the thread, which never ends.
///
/// # Errors
///
/// Returns the system's error if it has no thread or file descriptor left. A later call tries again.
pub(in crate::platform::native) fn background() -> io::Result<Handle> {
    let mut background = BACKGROUND.lock();
    if let Some(handle) = &background.value {
        return Ok(handle.clone());
    }
    let mut builder = Builder::new_current_thread();
    let builder = builder.enable_io().enable_time().thread_name("samesocket-blocking").on_thread_park(on_park);
    let runtime = builder.build()?;
    let handle = runtime.handle().clone();
    thread::Builder::new()
        .name("samesocket".to_owned())
        .spawn(move || runtime.block_on(std::future::pending::<()>()))?;
    background.value = Some(handle.clone());
    Ok(handle)
}

/// Returns whether this is the runtime of the background thread.
pub(in crate::platform::native) fn is_background(runtime: &Handle) -> bool {
    BACKGROUND.lock().value.as_ref().is_some_and(|background| background.id() == runtime.id())
}

thread_local! {
    static DEFERRED: RefCell<DeferredRepolls> = const { RefCell::new(DeferredRepolls { tasks: Vec::new(), polls: 0 }) };
}

/// The tasks of this thread that are idle but expect work soon.
struct DeferredRepolls {
    tasks: Vec<Waker>,
    /// The polls of the thread's tasks since the first of `tasks` deferred.
    polls: usize,
}

/// The polls of the thread's tasks after which deferred tasks are polled again, even if the thread never parks.
/// Arbitrary.
const MAX_POLLS: usize = 8;

/// Polls a task of the background thread again before the thread parks, or after some polls of its other tasks.
///
/// The thread yields its processor once before it does. A sender that is about to give the task more work can do so
/// then, and saves the system call that wakes the thread. Measured: without it, job `send64` takes 1.53 times the CPU
/// (November 2026).
pub(in crate::platform::native) fn defer_repoll(task: &Waker) {
    DEFERRED.with_borrow_mut(|deferred| deferred.tasks.push(task.clone()));
}

/// Counts a poll of one of the background thread's tasks.
pub(in crate::platform::native) fn count_poll() {
    DEFERRED.with_borrow_mut(|deferred| {
        if !deferred.tasks.is_empty() {
            deferred.polls += 1;
            if deferred.polls >= MAX_POLLS {
                deferred.wake_all();
            }
        }
    });
}

/// Runs when the background thread is about to park.
fn on_park() {
    DEFERRED.with_borrow_mut(|deferred| {
        if !deferred.tasks.is_empty() {
            thread::yield_now();
            deferred.wake_all();
        }
    });
}

impl DeferredRepolls {
    /// Wakes all tasks. Their wakers are tokio's, so no user code runs within the borrow.
    fn wake_all(&mut self) {
        self.tasks.drain(..).for_each(Waker::wake);
        self.polls = 0;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Counter(AtomicUsize);

    impl Wake for Counter {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn deferred_task_is_woken_on_park_or_after_some_polls() {
        let counter = Arc::new(Counter::default());
        let task = Waker::from(Arc::clone(&counter));
        let wakes = || counter.0.swap(0, Ordering::Relaxed);
        for _ in 0..2 {
            defer_repoll(&task);
            (1..MAX_POLLS).for_each(|_| count_poll());
            assert_eq!(wakes(), 0);
            count_poll();
            assert_eq!(wakes(), 1);
            (0..MAX_POLLS).for_each(|_| count_poll());
            assert_eq!(wakes(), 0, "a woken task is not deferred any more");
        }
        defer_repoll(&task);
        (1..MAX_POLLS).for_each(|_| count_poll());
        on_park();
        assert_eq!(wakes(), 1);
        defer_repoll(&task);
        (1..MAX_POLLS).for_each(|_| count_poll());
        assert_eq!(wakes(), 0, "the count starts anew");
    }
}
