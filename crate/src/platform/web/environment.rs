//! The online and visibility signals of a page or worker.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use wasm_bindgen::prelude::*;
use web_sys::EventTarget;

use super::clock::Completion;
use super::listener::EventListener;
use super::sys::DOCUMENT;
use crate::platform::{BoxFuture, Environment};

/// The page or worker in which the program runs.
pub(crate) struct PlatformEnvironment;

impl Environment for PlatformEnvironment {
    fn retry_hint(&self) -> BoxFuture<()> {
        Box::pin(RetryHint::new())
    }

    fn random(&self) -> f64 {
        js_sys::Math::random()
    }
}

/// A future that completes when the machine is online again, or when the page becomes visible.
///
/// A worker receives only the first signal.
struct RetryHint {
    completion: Rc<Completion>,
    _listeners: Vec<EventListener>,
}

impl RetryHint {
    fn new() -> Self {
        let completion: Rc<Completion> = Rc::default();
        let mut listeners = Vec::new();
        if let Ok(global) = js_sys::global().dyn_into::<EventTarget>() {
            let completion = Rc::clone(&completion);
            listeners.push(EventListener::new(&global, "online", move |_| completion.complete()));
        }
        if let Some(document) = DOCUMENT.with(Clone::clone) {
            let (completion, target) = (Rc::clone(&completion), document.clone());
            let on_change = move |_| {
                if !document.hidden() {
                    completion.complete();
                }
            };
            listeners.push(EventListener::new(&target, "visibilitychange", on_change));
        }
        Self { completion, _listeners: listeners }
    }
}

impl Future for RetryHint {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.completion.poll(context)
    }
}
