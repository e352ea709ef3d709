//! Receiving on the receiver's task, in place of the driver.
//!
//! If a receiver shares the driver's thread, each message would cost a turn of the reactor: the driver reads and wakes the receiver,
//! and the runtime polls the system before it runs the receiver. So the stream wakes both. The receiver comes first, and reads and decodes what has arrived. The
//! driver finds nothing to do then. It reads if the receiver is not polled, so that pings are answered and the end is seen in
//! any case, and it does everything else: writing, closing, deadlines. `ARCHITECTURE.md` says why nothing is lost.

use std::sync::Arc;
use std::task::Context;

use futures::task::{ArcWake, waker_ref};
use tokio::task::coop::has_budget_remaining;

use super::io::{IoState as _, StateLock};
use super::shared::{ConnState, ConnectionLock, Guard, Next, SocketShared};
use super::small_messages::MessageBatch;
use super::spare_memory;
use super::waiting_receiver::ReceiverTurn;
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

/// The result of one attempt to receive.
enum Attempt {
    /// Messages, or something that the driver handles. Or the driver is running.
    Done,
    /// Nothing. The stream calls the wakers when it has something.
    Nothing,
    /// A part of a message, and there may be more.
    More,
}

impl SocketShared {
    /// Returns a permission for the receiver to read, if the driver sleeps on its thread.
    pub(super) fn receiver_turn(&self) -> Option<ReceiverTurn> {
        // A task that has used up its budget, such as one with many receivers, would be told to wait. The driver has its own.
        let may_read = self.shares_thread() && has_budget_remaining();
        if may_read { self.waiting_receiver().turn() } else { None }
    }

    /// Reads what has arrived, if the driver still sleeps, and calls `deliver` once with the messages. Returns whether there were any.
    ///
    /// If nothing has arrived, the task is woken when something does. `capacity` is what the receiver has, since its `turn` began.
    pub(super) fn receive(
        self: &Arc<Self>,
        context: &Context<'_>,
        turn: ReceiverTurn,
        capacity: Capacity,
        deliver: impl FnOnce(&mut Messages),
    ) -> bool {
        let mut deliver = Some(deliver);
        let is_done = spare_memory::with_batch(|batch| {
            (0..MAX_READS).any(|_| match self.receive_once(batch, turn, capacity, &mut deliver) {
                Attempt::Done => true,
                Attempt::Nothing => self.waiting_receiver().register(context.waker()),
                Attempt::More => false,
            } || !has_budget_remaining())
        });
        let has_delivered = deliver.is_none();
        if !is_done || !has_delivered && !has_budget_remaining() {
            context.waker().wake_by_ref();
        }
        has_delivered
    }

    /// Decodes what was read before, or else reads once and decodes that, and calls `deliver` if there are messages.
    fn receive_once(
        self: &Arc<Self>,
        batch: &mut MessageBatch,
        turn: ReceiverTurn,
        mut capacity: Capacity,
        deliver: &mut Option<impl FnOnce(&mut Messages)>,
    ) -> Attempt {
        let mut state = self.lock();
        if !self.waiting_receiver().is_valid(turn) || !state.begin_receiving() {
            return Attempt::Done;
        }
        let (had_pending_bytes, had_events) = (state.has_pending_bytes(), state.may_have_event());
        let mut is_decoded = !had_events || self.decode(&mut state, batch, &mut capacity);
        let mut has_read = false;
        if is_decoded && batch.is_empty() {
            let waker = waker_ref(self);
            let read = ConnState::read(&mut state, &mut Context::from_waker(&waker), self.waiting_receiver());
            has_read = read == Some(true);
            is_decoded = read.is_some() && (!has_read || self.decode(&mut state, batch, &mut capacity));
        }
        state.return_read_memory();
        let needs_driver = !is_decoded || (had_events || has_read) && state.needs_driver(had_pending_bytes);
        if needs_driver {
            state.request_round();
        }
        let messages = batch.messages();
        if !messages.is_empty() {
            drop(state);
            let end = EndReceiving(self);
            if let Some(deliver) = deliver.take() {
                deliver(messages);
            }
            messages.clear();
            drop(end);
            return Attempt::Done;
        }
        self.end_receiving(state);
        match (needs_driver, has_read) {
            (true, _) => Attempt::Done,
            (false, true) => Attempt::More,
            (false, false) => Attempt::Nothing,
        }
    }

    /// Decodes messages into the batch; returns whether nothing is left to decode. If something is, the driver has to go on.
    ///
    /// A control frame or a violation behind a message is left to the driver: the user's answer to the message is sent first.
    fn decode(&self, state: &mut Guard<'_>, batch: &mut MessageBatch, capacity: &mut Capacity) -> bool {
        loop {
            match state.next_messages(batch, capacity, || self.now()) {
                Next::Nothing => return true,
                // Also if a message has used up the capacity.
                Next::More if !state.may_have_event() => return true,
                Next::More if capacity.is_none() => return false,
                Next::More => ConnectionLock::yield_to_waiters(state),
                Next::Feedback(feedback) => {
                    state.keep_feedback(feedback);
                    return false;
                }
            }
            if !batch.is_empty() {
                break;
            }
        }
        while state.further_messages(batch, capacity) {
            ConnectionLock::yield_to_waiters(state);
        }
        (!capacity.is_none() || !state.may_have_event()) && !state.has_work_for_driver()
    }

    /// Returns the place to the driver, and wakes that if it has anything to do.
    fn end_receiving(&self, mut state: Guard<'_>) {
        let wake = state.end_receiving();
        drop(state);
        if wake {
            self.tasks().wake_driver();
        }
    }
}

/// Returns the place to the driver when it is dropped, also if a subscriber of the user's panics meanwhile.
struct EndReceiving<'a>(&'a SocketShared);

impl Drop for EndReceiving<'_> {
    fn drop(&mut self) {
        self.0.end_receiving(self.0.lock());
    }
}
