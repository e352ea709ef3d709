//! What befalls a page or a worker.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use wasm_bindgen::prelude::*;
use web_sys::EventTarget;

use super::clock::{State, end, wait};
use super::listener::EventListener;
use crate::platform::{Environment, Sleep};

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

/// The page, or the worker, that the program runs in.
pub(crate) struct PlatformEnvironment;

impl Environment for PlatformEnvironment {
    fn retry_hint(&self) -> Sleep {
        Box::pin(Comeback::new())
    }

    fn chance(&self) -> f64 {
        js_sys::Math::random()
    }
}

/// The wait for the machine to be online again, or for the page to be shown; a worker knows of the first alone.
struct Comeback {
    state: Rc<State>,
    _listeners: Vec<EventListener>,
}

impl Comeback {
    fn new() -> Self {
        let state: Rc<State> = Rc::default();
        let mut listeners = Vec::new();
        if let Ok(global) = js_sys::global().dyn_into::<EventTarget>() {
            let state = Rc::clone(&state);
            listeners.push(EventListener::new(&global, "online", move |_| end(&state)));
        }
        if let Some(page) = PAGE.with(Clone::clone) {
            let (state, target) = (Rc::clone(&state), page.clone());
            let shown = move |_| {
                if !page.hidden() {
                    end(&state);
                }
            };
            listeners.push(EventListener::new(&target, "visibilitychange", shown));
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
