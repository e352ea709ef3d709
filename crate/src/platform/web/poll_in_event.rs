//! Polling a future within the event that wakes it.
//!
//! An executor polls a woken future in a later microtask or task. A future from [`poll_in_event`] is polled before the
//! event listener that woke it returns. Outside a listener, the executor polls it as usual.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

use futures::task::AtomicWaker;

thread_local! {
    /// Whether a listener of ours is running.
    static IN_LISTENER: Cell<bool> = const { Cell::new(false) };
    /// The function that polls the woken futures.
    // Code size: set by the first call of `poll_in_event`.
    static POLL_WOKEN: Cell<Option<fn()>> = const { Cell::new(None) };
    /// The futures that the running listener has woken, in order.
    static WOKEN: RefCell<VecDeque<Rc<EventTask>>> = const { RefCell::new(VecDeque::new()) };
    /// All tasks of this thread, in the order of their ids.
    static TASKS: RefCell<Vec<Rc<EventTask>>> = const { RefCell::new(Vec::new()) };
}

/// Calls a listener, then polls the futures that it has woken; called without any lock held.
pub(super) fn call_listener(listener: impl FnOnce()) {
    IN_LISTENER.set(true);
    listener();
    // Futures that are woken by the polls below wait for the executor, so that each event ends.
    IN_LISTENER.set(false);
    if let Some(poll_woken) = POLL_WOKEN.get() {
        poll_woken();
    }
}

/// Returns a future that is polled within the event that wakes it, and by the executor otherwise.
pub(crate) fn poll_in_event<F>(future: F) -> impl Future<Output = F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    POLL_WOKEN.set(Some(poll_woken));
    let output = Rc::new(Cell::new(None));
    let slot = Rc::clone(&output);
    let task = EventTask::new(Box::pin(async move { slot.set(Some(future.await)) }));
    PollInEvent { task, output }
}

/// The future that the executor owns.
struct PollInEvent<T> {
    task: Rc<EventTask>,
    output: Rc<Cell<Option<T>>>,
}

impl<T> Future for PollInEvent<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        self.task.event_waker.executor.register(context.waker());
        self.task.poll();
        self.output.take().map_or(Poll::Pending, Poll::Ready)
    }
}

impl<T> Drop for PollInEvent<T> {
    fn drop(&mut self) {
        self.task.cancel();
    }
}

/// A future that both the executor and event listeners poll.
struct EventTask {
    /// The future; `None` while it is polled, and after it has ended.
    future: Cell<Option<Pin<Box<dyn Future<Output = ()>>>>>,
    has_ended: Cell<bool>,
    event_waker: Arc<EventWaker>,
    waker: Waker,
}

impl EventTask {
    fn new(future: Pin<Box<dyn Future<Output = ()>>>) -> Rc<Self> {
        static NEXT_ID: AtomicUsize = AtomicUsize::new(0);
        let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        let event_waker = Arc::new(EventWaker { id, executor: AtomicWaker::new() });
        let waker = Waker::from(Arc::clone(&event_waker));
        let (future, has_ended) = (Cell::new(Some(future)), Cell::new(false));
        let task = Rc::new(Self { future, has_ended, event_waker, waker });
        TASKS.with_borrow_mut(|tasks| tasks.push(Rc::clone(&task)));
        task
    }

    /// Returns the task of this thread with an id.
    fn find(id: usize) -> Option<Rc<Self>> {
        TASKS.with_borrow(|tasks| {
            let index = tasks.binary_search_by_key(&id, |task| task.event_waker.id).ok()?;
            Some(Rc::clone(&tasks[index]))
        })
    }

    /// Polls the future, unless a caller further up the stack does so or it has ended; returns whether it was polled.
    fn poll(&self) -> bool {
        let Some(mut future) = self.future.take() else { return false };
        if future.as_mut().poll(&mut Context::from_waker(&self.waker)).is_ready() {
            self.has_ended.set(true);
            drop(future);
            self.event_waker.executor.wake();
        } else if !self.has_ended.get() {
            self.future.set(Some(future));
        }
        true
    }

    /// Drops the future, now or at the end of the poll in progress.
    fn cancel(&self) {
        self.has_ended.set(true);
        TASKS
            .with_borrow_mut(|tasks| {
                tasks
                    .binary_search_by_key(&self.event_waker.id, |task| task.event_waker.id)
                    .map(|index| tasks.remove(index))
            })
            .ok();
        // Drop outside the borrow of the list: the future is the user's.
        drop(self.future.take());
    }
}

/// The waker of an [`EventTask`], which may be used on any thread.
struct EventWaker {
    id: usize,
    executor: AtomicWaker,
}

impl Wake for EventWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // A task of another thread is not found here, and its executor is woken.
        let task = IN_LISTENER.get().then(|| EventTask::find(self.id)).flatten();
        // A panic in a listener may have left it marked as running. From then on, the executor polls, too.
        if task.is_none() || thread::panicking() {
            self.executor.wake();
        }
        if let Some(task) = task {
            WOKEN.with_borrow_mut(|woken| woken.push_back(task));
        }
    }
}

fn poll_woken() {
    while let Some(task) = WOKEN.with_borrow_mut(VecDeque::pop_front) {
        if !task.poll() {
            // The task is being polled further up the stack, so the executor polls it once more.
            task.event_waker.executor.wake();
        }
    }
}
