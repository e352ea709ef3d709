//! Timers with an owner.

use wasm_bindgen::prelude::*;

use super::listener::Callback;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = setTimeout)]
    fn set_timeout(callback: &JsValue, milliseconds: i32) -> JsValue;
    #[wasm_bindgen(js_name = setInterval)]
    fn set_interval(callback: &JsValue, milliseconds: i32) -> JsValue;
    /// Takes back a timer of either kind.
    #[wasm_bindgen(js_name = clearTimeout)]
    fn clear_timeout(timer: &JsValue);
}

/// A timer of the event loop, in windows and in all workers; dropping it takes it back and frees its closure.
pub(super) struct Timeout {
    timer: JsValue,
    _callback: Callback,
}

impl Timeout {
    /// Calls `callback` once after so many milliseconds.
    pub(super) fn new(milliseconds: i32, callback: Box<dyn Fn(JsValue)>) -> Self {
        Self::of(set_timeout, milliseconds, callback)
    }

    /// Calls `callback` again and again, each time after so many milliseconds.
    pub(super) fn repeated(milliseconds: i32, callback: Box<dyn Fn(JsValue)>) -> Self {
        Self::of(set_interval, milliseconds, callback)
    }

    fn of(set: fn(&JsValue, i32) -> JsValue, milliseconds: i32, callback: Box<dyn Fn(JsValue)>) -> Self {
        let callback = Callback::wrap(callback);
        Self { timer: set(callback.as_ref(), milliseconds), _callback: callback }
    }
}

impl Drop for Timeout {
    fn drop(&mut self) {
        clear_timeout(&self.timer);
    }
}
