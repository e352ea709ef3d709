//! Backpressure on the server: while the receiver is full, nothing is decoded, so that nothing is read and TCP stops.

use std::task::{Context, Poll};

use crate::platform::EventSink;
use crate::queue::Capacity;
use crate::trace::{Edge, event};

/// The treatment of received messages.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Delivery {
    /// They are delivered while the receiver has capacity.
    Bounded,
    /// The user has closed the connection: the receiver's capacity does not matter, so that the end is seen.
    Unbounded,
    /// Writing has failed, and the receiver did not take what had arrived in time: messages are discarded.
    Discarded,
}

impl Delivery {
    /// Messages that are discarded already stay discarded.
    pub(super) const fn max_of(self, other: Self) -> Self {
        match (self, other) {
            (Self::Discarded, _) | (_, Self::Discarded) => Self::Discarded,
            (Self::Unbounded, _) | (_, Self::Unbounded) => Self::Unbounded,
            (Self::Bounded, Self::Bounded) => Self::Bounded,
        }
    }
}

/// The messages, and the bytes, after which a poll yields to the receiver, which may share its thread.
///
/// The bytes are what stays in a processor's nearest caches until the receiver reads them: about half of the read buffer.
const SHARED_BUDGET: Capacity = Capacity { messages: 1024, bytes: 64 << 10 };

/// The same on the background thread, where no receiver runs. Measured: job `recv64` takes 1.08 times the CPU with the smaller
/// one (November 2026).
const BACKGROUND_BUDGET: Capacity = Capacity { messages: 4096, bytes: 1 << 20 };

/// The same for a socket over HTTP/2, whose bytes the task of the connection has read already: the window of a stream.
///
/// Measured: job `recv16k` over HTTP/2 takes 2.4 times the CPU with the one of HTTP/1.1, and `recvtext16k` 1.4 times (November
/// 2026).
const HTTP2_BUDGET: Capacity = Capacity { messages: 1024, bytes: 512 << 10 };

/// Returns the messages, and the bytes, after which a poll of a driver yields.
pub(super) const fn budget(in_background: bool, over_http2: bool) -> Capacity {
    match (in_background, over_http2) {
        (true, _) => BACKGROUND_BUDGET,
        (false, true) => HTTP2_BUDGET,
        (false, false) => SHARED_BUDGET,
    }
}

/// Returns how much may be delivered in one round; `None` if the receiver wakes the task when it has capacity again.
pub(super) fn capacity(
    delivery: Delivery,
    receiver: &EventSink,
    context: &Context<'_>,
    budget: Capacity,
) -> Option<Capacity> {
    if budget.is_none() {
        return None;
    }
    // The round in which the bytes are used up goes on until all that was read is decoded. So the buffer is empty when the next poll
    // reads, and if the receiver has dropped the messages, their memory is used again.
    let budget = Capacity { bytes: u64::MAX, ..budget };
    match delivery {
        Delivery::Bounded => match receiver.poll_capacity(context) {
            Poll::Ready(capacity) => Some(capacity.min(budget)),
            Poll::Pending => None,
        },
        Delivery::Unbounded | Delivery::Discarded => Some(budget),
    }
}

/// Reports to subscribers that reading pauses because the receiver is full, and that it goes on. No lock may be held.
pub(super) fn report(paused: &mut Edge, receiver: &EventSink, capacity: Option<Capacity>) {
    if !paused.changes_to(capacity.is_none()) {
        return;
    }
    if capacity.is_none() {
        event!(receiver.span(), TRACE, "reading paused");
    } else {
        event!(receiver.span(), TRACE, "reading resumed");
    }
}
