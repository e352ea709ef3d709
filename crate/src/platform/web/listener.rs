//! Event listeners with an owner.

use wasm_bindgen::prelude::*;
use web_sys::EventTarget;

use super::poll_in_event::tell;

/// A listener at a target of the platform; dropping it takes it away and frees its closure.
pub(crate) struct EventListener {
    target: EventTarget,
    name: &'static str,
    /// Of one kind for all events, since each kind costs.
    callback: Closure<dyn Fn(JsValue)>,
}

impl EventListener {
    /// Adds a listener for the events called `name`.
    pub(crate) fn new(target: &EventTarget, name: &'static str, callback: impl Fn(JsValue) + 'static) -> Self {
        Self::add(target, name, Closure::wrap(Box::new(move |event| tell(|| callback(event)))))
    }

    fn add(target: &EventTarget, name: &'static str, callback: Closure<dyn Fn(JsValue)>) -> Self {
        let function = callback.as_ref().unchecked_ref();
        // Adding fails for a detached window only, where no event is fired.
        let _ = target.add_event_listener_with_callback(name, function);
        Self { target: target.clone(), name, callback }
    }
}

impl Drop for EventListener {
    fn drop(&mut self) {
        let function = self.callback.as_ref().unchecked_ref();
        let _ = self.target.remove_event_listener_with_callback(self.name, function);
    }
}
