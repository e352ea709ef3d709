//! The size of a queued item, as the limit of a queue counts it.

use crate::types::event::QueuedEvent;
use crate::types::message::Message;

/// An item that may contain a message.
pub(crate) trait PayloadLen {
    /// Returns the number of payload bytes, or `None` if the item contains no message.
    fn payload_len(&self) -> Option<u64>;

    /// Returns whether later losses may still be added to this item. Such an item stays in the queue until it is first.
    #[allow(dead_code, reason = "in a browser items leave the queue one by one")]
    fn may_grow(&self) -> bool {
        false
    }
}

impl PayloadLen for Message {
    fn payload_len(&self) -> Option<u64> {
        Some(self.queued_size())
    }
}

impl PayloadLen for QueuedEvent {
    #[inline]
    fn payload_len(&self) -> Option<u64> {
        match self {
            Self::Message(message) => Some(message.queued_size()),
            _ => None,
        }
    }

    fn may_grow(&self) -> bool {
        matches!(self, Self::Lagged(_))
    }
}
