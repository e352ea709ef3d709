//! Event listeners with an owner.

use wasm_bindgen::convert::FromWasmAbi;
use wasm_bindgen::prelude::*;
use web_sys::EventTarget;

/// A listener at a target of the platform; dropping it takes it away and frees its closure.
pub(crate) struct Listener<E: 'static> {
    target: EventTarget,
    name: &'static str,
    closure: Closure<dyn Fn(E)>,
}

impl<E: FromWasmAbi + 'static> Listener<E> {
    /// Adds a listener for the events called `name`.
    pub(crate) fn new(target: &EventTarget, name: &'static str, callback: impl Fn(E) + 'static) -> Self {
        let closure = Closure::new(callback);
        let function = closure.as_ref().unchecked_ref();
        // Adding fails for a detached window only, where no event is fired.
        let _ = target.add_event_listener_with_callback(name, function);
        Self { target: target.clone(), name, closure }
    }
}

impl<E: 'static> Drop for Listener<E> {
    fn drop(&mut self) {
        let function = self.closure.as_ref().unchecked_ref();
        let _ = self.target.remove_event_listener_with_callback(self.name, function);
    }
}
