//! The listener of a connection: the dispatcher of the interface, or the endpoint of the futures API.

use std::task::{Context, Poll, Waker};

use crate::platform::{FinalState, Messages};
use crate::queue::Capacity;
use crate::sync::{MaybeSend, MaybeSync};
use crate::types::binary_type::BinaryType;
use samesocket_spec::CloseEvent;

/// The listener of a connection.
///
/// Only [`receive`](Self::receive) and [`set_binary_type`](Self::set_binary_type) are called while the connection is
/// locked. Lock order: connection, then listener.
pub(crate) trait Listener: MaybeSend + MaybeSync + 'static {
    /// Handles that the connection is open.
    fn opened(&self);

    /// Queues messages that arrived together.
    ///
    /// The connection is locked, so that no `close` comes between. The listener must not wake a task or call the user.
    fn receive(&self, messages: &mut Messages) -> ReceiveOutcome;

    /// Returns the free capacity for messages. If there is none, returns `Pending` and wakes the task when there is
    /// some.
    fn poll_capacity(&self, context: &Context<'_>) -> Poll<Capacity>;

    /// Handles that bufferedAmount may have fallen to this number of bytes. Returns whether a sender still waits.
    fn sent(&self, _buffered_amount: u64) -> bool {
        false
    }

    /// Handles that sending is over. `by_us` is true if `close` was called, and false if the peer
    /// started to close.
    fn closing(&self, by_us: bool);

    /// Handles the end of the connection: fires `error` if so indicated, then `close`.
    fn closed(&self, error: bool, event: &CloseEvent, final_state: FinalState);

    /// Delivers the queued events, after a [`ReceiveOutcome`] that asks for it.
    fn deliver(&self) {}

    /// Applies a binary type to queued messages that were not delivered yet. The connection is locked.
    fn set_binary_type(&self, _binary_type: BinaryType) {}

    /// Drops everything that belongs to the user, because the last handle was dropped.
    fn handles_dropped(&self) {}

    /// Returns whether the end of the connection is awaited, although no handle is left.
    fn awaits_close(&self) -> bool {
        false
    }

    /// Releases all subscribers, because no event follows.
    fn release(&self) {}
}

/// The result of [`Listener::receive`]: the actions that follow outside the lock.
#[derive(Default)]
pub(crate) struct ReceiveOutcome {
    /// The waker to wake.
    pub(crate) waker: Option<Waker>,
    /// The Close frame to end the connection with, if there was no capacity left.
    pub(crate) frame: Option<&'static (u16, &'static str)>,
    /// Whether to call [`Listener::deliver`].
    pub(crate) deliver: bool,
}
