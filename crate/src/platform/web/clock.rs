//! Time, by the event loop's timers.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use gloo_timers::callback::Timeout;

use super::tasks::after;
use crate::platform::{Clock, Sleep};

/// The clock of the event loop, which windows and all workers have.
pub(crate) struct Time;

impl Clock for Time {
    fn sleep(&self, duration: Duration) -> Sleep {
        // A number of seconds that a product cannot exceed is for ever all the same.
        let seconds = duration.as_secs().min(u64::MAX >> 12);
        Box::pin(Timer::new(seconds * 1000 + u64::from(duration.subsec_millis())))
    }
}

/// A timer that is taken back when this is dropped.
struct Timer {
    state: Rc<State>,
    /// What is left after the timeout that runs: an engine's timer counts 31 bits of milliseconds.
    rest: u64,
    _timeout: Timeout,
}

#[derive(Default)]
pub(super) struct State {
    over: Cell<bool>,
    waker: Cell<Option<Waker>>,
}

impl Timer {
    fn new(milliseconds: u64) -> Self {
        let state = Rc::default();
        let part = i32::MAX.unsigned_abs().min(u32::try_from(milliseconds).unwrap_or(u32::MAX));
        let timeout = ring(&state, part);
        Self { state, rest: milliseconds - u64::from(part), _timeout: timeout }
    }
}

/// Has a state over after so many milliseconds.
fn ring(state: &Rc<State>, milliseconds: u32) -> Timeout {
    let state = Rc::clone(state);
    after(milliseconds, Box::new(move || end(&state)))
}

impl Future for Timer {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        if this.state.over.get() && this.rest > 0 {
            *this = Self::new(this.rest);
        }
        wait(&this.state, context)
    }
}

/// Has a state over, and who waits for it woken.
pub(super) fn end(state: &Rc<State>) {
    state.over.set(true);
    state.waker.take().into_iter().for_each(Waker::wake);
}

pub(super) fn wait(state: &Rc<State>, context: &Context<'_>) -> Poll<()> {
    if state.over.get() {
        return Poll::Ready(());
    }
    state.waker.set(Some(context.waker().clone()));
    Poll::Pending
}
