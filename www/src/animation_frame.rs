//! A callback on the next animation frame.

use std::cell::Cell;
use std::rc::Rc;

use wasm_bindgen::prelude::*;

use crate::dom;

/// A callback that runs on the next animation frame after each request. Dropping it cancels a request.
pub(crate) struct AnimationFrame {
    closure: Closure<dyn FnMut()>,
    requested: Rc<Cell<Option<i32>>>,
}

impl AnimationFrame {
    /// Creates it without a request.
    pub(crate) fn new(mut callback: impl FnMut() + 'static) -> Self {
        let requested = Rc::new(Cell::new(None));
        let closure = Closure::new({
            let requested = Rc::clone(&requested);
            move || {
                requested.set(None);
                callback();
            }
        });
        Self { closure, requested }
    }

    /// Requests one frame, unless one is already requested.
    pub(crate) fn request(&self) {
        if self.requested.get().is_none() {
            self.requested.set(dom::window().request_animation_frame(self.closure.as_ref().unchecked_ref()).ok());
        }
    }
}

impl Drop for AnimationFrame {
    fn drop(&mut self) {
        if let Some(frame) = self.requested.take() {
            // Cancelling a past frame has no effect.
            let _ = dom::window().cancel_animation_frame(frame);
        }
    }
}
