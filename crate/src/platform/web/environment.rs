//! The online and visibility signals of a page or worker.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use wasm_bindgen::prelude::*;

use super::clock::Completion;
use super::listener::EventListener;
use super::sys::attribute;
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
    _listeners: [EventListener; 2],
}

impl RetryHint {
    fn new() -> Self {
        let completion: Rc<Completion> = Rc::default();
        let global = js_sys::global();
        let document = attribute(&global, "document");
        let on_online = {
            let completion = Rc::clone(&completion);
            move |_| completion.complete()
        };
        let on_change = {
            let (completion, document) = (Rc::clone(&completion), document.clone());
            move |_| {
                if attribute(&document, "hidden").is_falsy() {
                    completion.complete();
                }
            }
        };
        // Adding a listener fails in a worker, which has no document, and outside a browser. No event is fired then.
        let listeners = [
            EventListener::new(document.unchecked_ref(), "visibilitychange", on_change),
            EventListener::new(global.unchecked_ref(), "online", on_online),
        ];
        Self { completion, _listeners: listeners }
    }
}

impl Future for RetryHint {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.completion.poll(context)
    }
}
