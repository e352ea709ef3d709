//! A callback before the next repaint.

use std::cell::Cell;
use std::rc::Rc;

use wasm_bindgen::prelude::*;

use crate::page;

/// Calls one callback on animation frames, each of which has to be requested; dropping it cancels a request.
pub(crate) struct Frames {
    closure: Closure<dyn FnMut()>,
    requested: Rc<Cell<Option<i32>>>,
}

impl Frames {
    /// Takes the callback and requests nothing yet.
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

    /// Requests one frame, unless one is requested already.
    pub(crate) fn request(&self) {
        if self.requested.get().is_none() {
            self.requested.set(page::window().request_animation_frame(self.closure.as_ref().unchecked_ref()).ok());
        }
    }
}

impl Drop for Frames {
    fn drop(&mut self) {
        if let Some(frame) = self.requested.take() {
            // Cancelling a frame that has passed is harmless.
            let _ = page::window().cancel_animation_frame(frame);
        }
    }
}
