//! Polling a future in the very event that wakes it.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures::task::AtomicWaker;

thread_local! {
    /// Whether one of our listeners is being called.
    static IS_TOLD: Cell<bool> = const { Cell::new(false) };
    /// What polls those that it has woken; a program without any does without it.
    static POLL: Cell<Option<fn()>> = const { Cell::new(None) };
    /// Those that a listener has woken.
    static DUE: RefCell<VecDeque<Rc<Prompt>>> = const { RefCell::new(VecDeque::new()) };
    /// All of this thread's, in the order of their numbers.
    static PROMPTS: RefCell<Vec<Rc<Prompt>>> = const { RefCell::new(Vec::new()) };
}

/// Calls a listener, and then polls the futures that it has woken, when nothing of ours is locked.
pub(super) fn tell(listener: impl FnOnce()) {
    IS_TOLD.set(true);
    listener();
    // What those wake that are polled now is woken as anywhere else, so that no event goes on for ever.
    IS_TOLD.set(false);
    if let Some(poll) = POLL.get() {
        poll();
    }
}

/// Has a future polled where one of our listeners has woken it, and by the executor otherwise.
pub(crate) fn poll_in_event<F>(future: F) -> impl Future<Output = F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    POLL.set(Some(poll_those_due));
    let output = Rc::new(Cell::new(None));
    let place = Rc::clone(&output);
    let prompt = Prompt::new(Box::pin(async move { place.set(Some(future.await)) }));
    Prompted { prompt, output }
}

/// What the executor holds.
struct Prompted<T> {
    prompt: Rc<Prompt>,
    output: Rc<Cell<Option<T>>>,
}

impl<T> Future for Prompted<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        self.prompt.bell.executor.register(context.waker());
        self.prompt.poll();
        self.output.take().map_or(Poll::Pending, Poll::Ready)
    }
}

impl<T> Drop for Prompted<T> {
    fn drop(&mut self) {
        self.prompt.end();
    }
}

/// A future that is polled from two sides.
struct Prompt {
    /// None while it is polled, and when it has ended.
    future: Cell<Option<Pin<Box<dyn Future<Output = ()>>>>>,
    has_ended: Cell<bool>,
    bell: Arc<Bell>,
    waker: Waker,
}

impl Prompt {
    fn new(future: Pin<Box<dyn Future<Output = ()>>>) -> Rc<Self> {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let bell = Arc::new(Bell { number: NUMBER.fetch_add(1, Ordering::Relaxed), executor: AtomicWaker::new() });
        let waker = Waker::from(Arc::clone(&bell));
        let (future, has_ended) = (Cell::new(Some(future)), Cell::new(false));
        let prompt = Rc::new(Self { future, has_ended, bell, waker });
        PROMPTS.with_borrow_mut(|prompts| prompts.push(Rc::clone(&prompt)));
        prompt
    }

    fn of_number(number: usize) -> Option<Rc<Self>> {
        PROMPTS.with_borrow(|prompts| {
            let place = prompts.binary_search_by_key(&number, |prompt| prompt.bell.number).ok()?;
            Some(Rc::clone(&prompts[place]))
        })
    }

    /// Polls it, unless that is being done further out, or it has ended; whether it did.
    fn poll(&self) -> bool {
        let Some(mut future) = self.future.take() else { return false };
        if future.as_mut().poll(&mut Context::from_waker(&self.waker)).is_ready() {
            self.has_ended.set(true);
            drop(future);
            self.bell.executor.wake();
        } else if !self.has_ended.get() {
            self.future.set(Some(future));
        }
        true
    }

    /// Drops the future, now or as soon as it is polled no more.
    fn end(&self) {
        self.has_ended.set(true);
        PROMPTS
            .with_borrow_mut(|prompts| {
                prompts
                    .binary_search_by_key(&self.bell.number, |prompt| prompt.bell.number)
                    .map(|place| prompts.remove(place))
            })
            .ok();
        drop(self.future.take());
    }
}

/// What wakes one, from any thread.
struct Bell {
    number: usize,
    executor: AtomicWaker,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Where a listener of ours is called, what is woken is this thread's, but for a bell from elsewhere.
        match IS_TOLD.get().then(|| Prompt::of_number(self.number)).flatten() {
            Some(prompt) => DUE.with_borrow_mut(|due| due.push_back(prompt)),
            None => self.executor.wake(),
        }
    }
}

fn poll_those_due() {
    while let Some(prompt) = DUE.with_borrow_mut(VecDeque::pop_front) {
        if !prompt.poll() {
            // What has changed since is seen when the executor has its turn.
            prompt.bell.executor.wake();
        }
    }
}
