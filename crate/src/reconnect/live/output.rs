//! The place where the task of a live socket puts its updates: a callback, or a queue.

use std::task::{Context, Poll};

use super::update::Update;
use crate::sync::MaybeSend;
use crate::sync::catch_panic::catch_panic;

/// A receiver of updates.
pub(super) trait Output: MaybeSend {
    /// Waits until there is capacity for an update.
    fn poll_ready(&mut self, _context: &Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }

    /// Receives an update. No lock is held.
    fn put(&mut self, update: Update);
}

/// The user's callback.
pub(super) struct Callback<F>(pub(super) F);

impl<F: FnMut(Update) + MaybeSend> Output for Callback<F> {
    fn put(&mut self, update: Update) {
        catch_panic(|| (self.0)(update));
    }
}
