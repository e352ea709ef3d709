//! Receiving on the receiver's task, in place of the driver.
//!
//! If a receiver shares the driver's thread, the driver would read, wake the receiver, and the runtime would ask the system for
//! news before it polls that. So the stream wakes both. The receiver comes first, and reads and decodes what has arrived. The
//! driver finds nothing to do then. It reads if the receiver is not polled, so that pings are answered and the end is seen in
//! any case, and it does everything else: writing, closing, deadlines.

use std::sync::Arc;
use std::task::Context;

use futures::task::{ArcWake, waker_ref};
use tokio::task::coop::has_budget_remaining;

use super::io::StateLock;
use super::shared::{ConnState, ConnectionLock, Guard, Next, SocketShared};
use super::small_messages::MessageBatch;
use super::spare_memory;
use crate::platform::Messages;
use crate::queue::Capacity;

/// The reads after which a poll of the receiver yields, although no message is complete. Arbitrary.
const MAX_READS: usize = 32;

/// The waker of the stream, for a reader.
impl ArcWake for SocketShared {
    fn wake_by_ref(shared: &Arc<Self>) {
        // The receiver's task is to run first.
        shared.waiting_receiver().wake();
        shared.tasks().wake_driver();
    }
}

/// What a look at the stream has brought.
enum Look {
    /// Messages, or something that the driver handles. Or the driver is running.
    Done,
    /// Nothing. The stream calls the wakers when it has something.
    Nothing,
    /// A part of a message, and there may be more.
    More,
}

impl SocketShared {
    /// Reads what has arrived, if the driver sleeps and the receiver shares its thread, and calls `deliver` once with the messages.
    ///
    /// If nothing has arrived, the task is woken when something does.
    pub(super) fn receive(
        self: &Arc<Self>,
        context: &Context<'_>,
        capacity: Capacity,
        deliver: impl FnOnce(&mut Messages),
    ) {
        // A task that has used up its budget, such as one with many receivers, would be told to wait. The driver has its own.
        if !self.may_receiver_read() || !has_budget_remaining() {
            return;
        }
        let mut deliver = Some(deliver);
        let is_done = spare_memory::with_batch(|batch| {
            (0..MAX_READS).any(|_| match self.look(batch, capacity, &mut deliver) {
                Look::Done => true,
                Look::Nothing => self.waiting_receiver().wait(context.waker()),
                Look::More => false,
            })
        });
        if !is_done {
            context.waker().wake_by_ref();
        }
    }

    /// Decodes what was read before, or else reads once and decodes that, and calls `deliver` if there are messages.
    fn look(
        self: &Arc<Self>,
        batch: &mut MessageBatch,
        mut capacity: Capacity,
        deliver: &mut Option<impl FnOnce(&mut Messages)>,
    ) -> Look {
        let mut state = self.lock();
        if !state.begin_receiving() {
            return Look::Done;
        }
        let (had_pending_bytes, had_events) = (state.has_pending_bytes(), state.may_have_event());
        let mut is_decoded = !had_events || self.decode(&mut state, batch, &mut capacity);
        let mut has_read = false;
        if is_decoded && batch.is_empty() {
            self.waiting_receiver().begin_read();
            let waker = waker_ref(self);
            has_read = ConnState::read(&mut state, &mut Context::from_waker(&waker));
            if has_read {
                self.waiting_receiver().end_read();
                is_decoded = self.decode(&mut state, batch, &mut capacity);
            }
        }
        state.return_read_memory();
        let needs_driver = !is_decoded || (had_events || has_read) && state.needs_driver(had_pending_bytes);
        if needs_driver {
            state.request_look();
        }
        let messages = batch.messages();
        let look = match (messages.is_empty(), needs_driver, has_read) {
            (true, false, true) => Look::More,
            (true, false, false) => Look::Nothing,
            _ => Look::Done,
        };
        if !messages.is_empty() {
            drop(state);
            if let Some(deliver) = deliver.take() {
                deliver(messages);
            }
            messages.clear();
            state = self.lock();
        }
        let wake = state.end_receiving();
        drop(state);
        if wake {
            self.tasks().wake_driver();
        }
        look
    }

    /// Decodes messages into the batch; returns whether nothing is left to decode. If something is, the driver has to go on.
    fn decode(&self, state: &mut Guard<'_>, batch: &mut MessageBatch, capacity: &mut Capacity) -> bool {
        loop {
            match state.next_messages(batch, capacity, || self.now()) {
                Next::Nothing => return true,
                Next::More if capacity.is_none() => return false,
                Next::More => ConnectionLock::yield_to_waiters(state),
                Next::Feedback(feedback) => {
                    state.keep_feedback(feedback);
                    return false;
                }
            }
        }
    }
}
