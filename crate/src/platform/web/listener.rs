//! Event listeners with an owner.

use wasm_bindgen::prelude::*;
use web_sys::{Event, EventTarget};

use super::promptly::tell;

/// A listener at a target of the platform; dropping it takes it away and frees its closure.
pub(crate) struct Listener {
    target: EventTarget,
    name: &'static str,
    /// It takes any kind of event, so that there is one kind of closure.
    closure: Closure<dyn Fn(Event)>,
}

impl Listener {
    /// Adds a listener for the events called `name`.
    pub(crate) fn new(target: &EventTarget, name: &'static str, callback: impl Fn(Event) + 'static) -> Self {
        let closure = Closure::wrap(Box::new(move |event| tell(|| callback(event))) as Box<dyn Fn(Event)>);
        let function = closure.as_ref().unchecked_ref();
        // Adding fails for a detached window only, where no event is fired.
        let _ = target.add_event_listener_with_callback(name, function);
        Self { target: target.clone(), name, closure }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let function = self.closure.as_ref().unchecked_ref();
        let _ = self.target.remove_event_listener_with_callback(self.name, function);
    }
}
