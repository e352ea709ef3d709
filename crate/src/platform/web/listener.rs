//! Event listeners that are removed on drop.

use wasm_bindgen::prelude::*;
use web_sys::EventTarget;

use super::poll_in_event::call_listener;

/// A function that the platform calls. All events and timers share this type, because each type adds to the code size.
pub(super) type Callback = Closure<dyn Fn(JsValue)>;

/// A listener of an event target; dropping it removes the listener and frees its closure.
pub(super) struct EventListener {
    target: EventTarget,
    name: &'static str,
    callback: Callback,
}

impl EventListener {
    /// Adds a listener for the events called `name`.
    pub(super) fn new(target: &EventTarget, name: &'static str, callback: impl Fn(JsValue) + 'static) -> Self {
        let callback: Callback = Closure::wrap(Box::new(move |event| call_listener(|| callback(event))));
        let function = callback.as_ref().unchecked_ref();
        // Adding fails only in a detached window, where no event is fired.
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
