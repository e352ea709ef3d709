//! The bytes that a JavaScript runtime outside browsers leaves out of bufferedAmount.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use wasm_bindgen::JsValue;

/// The bytes of a socket that the platform does not count.
#[derive(Default)]
pub(super) struct Uncounted {
    /// The least bufferedAmount until the current task ends.
    least: Cell<u64>,
    /// The messages that wait for a blob to be read, each with its size in bytes.
    waiting: RefCell<VecDeque<(u64, JsValue)>>,
    /// The bytes of messages that were given up at the end of the connection.
    given_up: Cell<u64>,
}

impl Uncounted {
    /// Returns bufferedAmount, of which the platform counts `bytes`.
    pub(super) fn added_to(&self, bytes: u64) -> u64 {
        bytes.max(self.least.get()).saturating_add(self.waiting_bytes()).saturating_add(self.given_up.get())
    }

    fn waiting_bytes(&self) -> u64 {
        self.waiting.borrow().iter().map(|(size, _)| size).sum()
    }

    /// Makes bufferedAmount at least `amount` until [`end_task`](Self::end_task). Returns whether that has to be queued.
    pub(super) fn raise(&self, amount: u64) -> bool {
        self.least.replace(amount) == 0
    }

    /// Ends the task in which messages were sent. The platform alone counts them now.
    pub(super) fn end_task(&self) {
        self.least.set(0);
    }

    /// Returns whether a message waits, which may be an empty one.
    pub(super) fn has_waiting(&self) -> bool {
        !self.waiting.borrow().is_empty()
    }

    /// Adds a message of `size` bytes to those that wait. Returns whether it is the first one.
    pub(super) fn wait(&self, size: u64, message: JsValue) -> bool {
        let mut waiting = self.waiting.borrow_mut();
        waiting.push_back((size, message));
        waiting.len() == 1
    }

    /// Returns the first message that waits.
    pub(super) fn first_waiting(&self) -> Option<JsValue> {
        self.waiting.borrow().front().map(|(_, message)| message.clone())
    }

    /// Removes the first message that waits, because it was sent.
    pub(super) fn remove_first(&self) {
        self.waiting.borrow_mut().pop_front();
    }

    /// Drops the messages that wait. Their bytes stay counted, as the Standard has it at the end of a connection.
    pub(super) fn give_up(&self) {
        self.given_up.set(self.given_up.get().saturating_add(self.waiting_bytes()));
        self.waiting.take();
    }
}
