//! What JavaScript runtimes outside browsers do not count in bufferedAmount.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use wasm_bindgen::JsValue;

/// What the platform does not count of what a socket has sent.
#[derive(Default)]
pub(super) struct Uncounted {
    /// The least bufferedAmount until the current task ends.
    pub(super) least: Cell<u64>,
    /// The messages that wait for a blob to be read, each with its size in bytes: blobs as promises of their bytes.
    pub(super) waiting: RefCell<VecDeque<(u64, JsValue)>>,
}

impl Uncounted {
    /// Returns bufferedAmount, of which the platform counts `bytes`.
    pub(super) fn added_to(&self, bytes: u64) -> u64 {
        let waiting: u64 = self.waiting.borrow().iter().map(|(size, _)| size).sum();
        bytes.max(self.least.get()).saturating_add(waiting)
    }

    /// Returns whether a message waits, which may be an empty one.
    pub(super) fn has_waiting(&self) -> bool {
        !self.waiting.borrow().is_empty()
    }
}
