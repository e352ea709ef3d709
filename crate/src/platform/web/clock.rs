//! Timers of the event loop.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::tasks::{Timeout, set_timeout};
use crate::platform::{self, Clock, Sleep};

/// Returns the time on the clock of the platform. Only differences between two times have a meaning.
pub(crate) fn now() -> Duration {
    Duration::try_from_secs_f64(js_sys::Date::now() / 1000.0).unwrap_or_default()
}

/// The clock of the event loop, which windows and all workers have.
pub(super) struct EventLoopClock;

impl Clock for EventLoopClock {
    fn sleep(&self, duration: Duration) -> Sleep {
        // The bound keeps the product below 2^64; it is longer than any program runs.
        let seconds = duration.as_secs().min(u64::MAX >> 12);
        Box::pin(Timer::new(seconds * 1000 + u64::from(duration.subsec_millis())))
    }
}

/// A timer that is cancelled on drop.
struct Timer {
    completion: Rc<Completion>,
    /// The milliseconds that remain after the current timeout, because a timeout of an engine has at most 31 bits.
    remaining: u64,
    _timeout: Timeout,
}

impl Timer {
    fn new(milliseconds: u64) -> Self {
        let completion = Rc::default();
        let part = i32::MAX.unsigned_abs().min(u32::try_from(milliseconds).unwrap_or(u32::MAX));
        let timeout = complete_after(&completion, part);
        Self { completion, remaining: milliseconds - u64::from(part), _timeout: timeout }
    }
}

fn complete_after(completion: &Rc<Completion>, milliseconds: u32) -> Timeout {
    let completion = Rc::clone(completion);
    set_timeout(milliseconds, Box::new(move || completion.complete()))
}

impl Future for Timer {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        if this.completion.is_complete.get() && this.remaining > 0 {
            *this = Self::new(this.remaining);
        }
        this.completion.poll(context)
    }
}

impl platform::Timer for Timer {}

/// A flag that a callback sets, and the waker of the future that waits for it.
#[derive(Default)]
pub(super) struct Completion {
    is_complete: Cell<bool>,
    waker: Cell<Option<Waker>>,
}

impl Completion {
    /// Sets the flag and wakes the waiting future.
    pub(super) fn complete(&self) {
        self.is_complete.set(true);
        self.waker.take().into_iter().for_each(Waker::wake);
    }

    /// Returns `Ready` if the flag is set; otherwise registers the waker.
    pub(super) fn poll(&self, context: &Context<'_>) -> Poll<()> {
        if self.is_complete.get() {
            return Poll::Ready(());
        }
        self.waker.set(Some(context.waker().clone()));
        Poll::Pending
    }
}
