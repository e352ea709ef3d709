//! Time, by the event loop's timers.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use gloo_timers::callback::Timeout;
use wasm_bindgen::prelude::*;
use web_sys::{Event, EventTarget};

use super::listener::Listener;
use crate::platform::{Clock, Sleep};

#[wasm_bindgen]
extern "C" {
    #[derive(Clone)]
    #[wasm_bindgen(extends = EventTarget)]
    type Page;

    #[wasm_bindgen(thread_local_v2, js_name = document)]
    static PAGE: Option<Page>;

    #[wasm_bindgen(method, getter)]
    fn hidden(this: &Page) -> bool;
}

/// The clock of the event loop, which windows and all workers have.
pub(crate) struct Time;

impl Clock for Time {
    fn sleep(&self, duration: Duration) -> Sleep {
        Box::pin(Timer::new(duration.as_millis()))
    }

    fn comeback(&self) -> Sleep {
        Box::pin(Comeback::new())
    }

    fn chance(&self) -> f64 {
        js_sys::Math::random()
    }
}

/// A timer that is taken back when this is dropped.
struct Timer {
    state: Rc<RefCell<State>>,
    /// What is left after the timeout that runs: an engine's timer counts 31 bits of milliseconds.
    rest: u128,
    _timeout: Timeout,
}

#[derive(Default)]
struct State {
    over: bool,
    waker: Option<Waker>,
}

impl Timer {
    fn new(milliseconds: u128) -> Self {
        let state = Rc::default();
        let part = i32::MAX.unsigned_abs().min(u32::try_from(milliseconds).unwrap_or(u32::MAX));
        let timeout = ring(&state, part);
        Self { state, rest: milliseconds - u128::from(part), _timeout: timeout }
    }
}

/// Has a state over after so many milliseconds.
fn ring(state: &Rc<RefCell<State>>, milliseconds: u32) -> Timeout {
    let state = Rc::clone(state);
    Timeout::new(milliseconds, move || end(&state))
}

impl Future for Timer {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        if this.state.borrow().over && this.rest > 0 {
            *this = Self::new(this.rest);
        }
        wait(&this.state, context)
    }
}

/// The wait for the machine to be online again, or for the page to be shown; a worker knows of the first alone.
struct Comeback {
    state: Rc<RefCell<State>>,
    _listeners: Vec<Listener<Event>>,
}

impl Comeback {
    fn new() -> Self {
        let state: Rc<RefCell<State>> = Rc::default();
        let mut listeners = Vec::new();
        if let Ok(global) = js_sys::global().dyn_into::<EventTarget>() {
            let state = Rc::clone(&state);
            listeners.push(Listener::new(&global, "online", move |_| end(&state)));
        }
        if let Some(page) = PAGE.with(Clone::clone) {
            let (state, target) = (Rc::clone(&state), page.clone());
            let shown = move |_| {
                if !page.hidden() {
                    end(&state);
                }
            };
            listeners.push(Listener::new(&target, "visibilitychange", shown));
        }
        Self { state, _listeners: listeners }
    }
}

impl Future for Comeback {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        wait(&self.state, context)
    }
}

/// Has a state over, and who waits for it woken.
fn end(state: &Rc<RefCell<State>>) {
    let waker = {
        let mut state = state.borrow_mut();
        state.over = true;
        state.waker.take()
    };
    waker.into_iter().for_each(Waker::wake);
}

fn wait(state: &Rc<RefCell<State>>, context: &Context<'_>) -> Poll<()> {
    if state.borrow().over {
        return Poll::Ready(());
    }
    let former = state.borrow_mut().waker.replace(context.waker().clone());
    drop(former);
    Poll::Pending
}
