//! Messages that arrive together: in a browser, one message in each event.

use crate::queue::{BoundedQueue, Capacity};
use crate::types::binary_type::BinaryType;
use crate::types::message::Message;

/// The message of an event, if it was not taken out yet.
pub(crate) type Messages = Option<Message>;

/// Leaves the message as it is, because the platform applied the binary type when it created the message.
pub(crate) const fn apply_binary_type(_: &mut Message, _: BinaryType) {}

/// Returns a message that arrives by itself.
#[expect(clippy::unnecessary_wraps, reason = "native targets deliver several messages at once")]
pub(crate) const fn single_message(message: Message) -> Messages {
    Some(message)
}

/// Returns `None`, because a single message needs no measuring in advance.
pub(crate) const fn measure_messages(_: &Messages) -> Option<Capacity> {
    None
}

/// Returns `false`, because a single message gains nothing from being appended in bulk.
pub(crate) const fn append_messages(_: &mut BoundedQueue<Message>, _: &mut Messages) -> bool {
    false
}

/// Removes and returns the first message.
pub(crate) const fn next_message(messages: &mut Messages) -> Option<Message> {
    messages.take()
}

/// Removes all messages; those that the iterator has not returned are dropped with it.
pub(crate) fn drain_messages(messages: &mut Messages) -> impl Iterator<Item = Message> {
    messages.take().into_iter()
}
