//! Who hears of a connection: the subscribers of the interface, or the futures API.

use std::task::{Context, Poll, Waker};

use crate::platform::{FinalState, Messages};
use crate::queue::Capacity;
use crate::sync::{MaybeSend, MaybeSync};
use crate::types::binary_type::BinaryType;
use samesocket_spec::CloseEvent;

/// Who hears of a connection.
///
/// Nothing is locked when it is told of something, but for [`receive`](Self::receive).
pub(crate) trait Listener: MaybeSend + MaybeSync + 'static {
    /// Notes that the connection is open.
    fn opened(&self);

    /// Keeps messages that came together, all of them, while the state is locked, so that no `close` gets between; it
    /// neither wakes nor tells anybody.
    fn receive(&self, messages: &mut Messages) -> ReceiveOutcome;

    /// Tells for how many messages there is room, and if for none has the task woken once there is some.
    fn poll_capacity(&self, context: &Context<'_>) -> Poll<Capacity>;

    /// Notes that bufferedAmount may have fallen to this; whether anybody still waits for less.
    fn sent(&self, _buffered_amount: u64) -> bool {
        false
    }

    /// Notes that nothing can be sent any more, and whether it was `close` that began.
    fn closing(&self, by_us: bool);

    /// Notes the end: whether there was an error, the data of the `close` event, and what the platform left.
    fn closed(&self, error: bool, event: &CloseEvent, remains: FinalState);

    /// Tells what was kept, after a [`ReceiveOutcome`] that asks for it.
    fn deliver(&self) {}

    /// Notes the binary type that those messages have from now on that are kept; the state is locked.
    fn set_binary_type(&self, _binary_type: BinaryType) {}

    /// Lets go of what the handles' users own, since the last handle was dropped.
    fn abandon(&self) {}

    /// Whether the end is awaited, though there is no handle any more.
    fn awaits_end(&self) -> bool {
        false
    }

    /// Lets go of everybody: nothing comes any more.
    fn release(&self) {}
}

/// What is to be done about messages that were kept, or were not, once nothing is locked.
#[derive(Default)]
pub(crate) struct ReceiveOutcome {
    /// Who is to be woken.
    pub(crate) waker: Option<Waker>,
    /// The Close frame to end the connection with, since there was no room.
    pub(crate) frame: Option<&'static (u16, &'static str)>,
    /// Whether [`Listener::deliver`] is to be called.
    pub(crate) deliver: bool,
}
