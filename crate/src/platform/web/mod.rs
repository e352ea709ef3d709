//! The back end of a browser: it wraps the platform's socket.

mod buffered_amount_poll;
mod clock;
mod close_after_blobs;
mod environment;
mod listener;
mod options;
mod poll_in_event;
mod socket;
mod tasks;
mod url;
mod websocket_stream;

pub(crate) use self::buffered_amount_poll::{WATCH, Watch};
pub(crate) use self::clock::Time;
pub(crate) use self::environment::PlatformEnvironment;
pub(crate) use self::options::Options;
pub(crate) use self::poll_in_event::poll_in_event;
pub(crate) use self::socket::{BLOBS, Blobs, FinalState, HOLD, Hold, LIST, List};
pub(crate) use self::tasks::{Task, Tasks};
pub(crate) use self::url::Url;
pub(crate) use self::websocket_stream::backpressure_backend;
use crate::queue::{BoundedQueue, Capacity};
use crate::types::binary_type::BinaryType;
use crate::types::message::Message;

/// Leaves a message in the form that the platform has given it, by the binary type at that time.
pub(crate) const fn set_form(_: &mut Message, _: BinaryType) {}

/// Messages that come together: here each comes by itself, in an event of its own.
pub(crate) type Messages = Option<Message>;

/// Gives a message that comes by itself.
#[expect(clippy::unnecessary_wraps, reason = "natively there may be more than one")]
pub(crate) const fn alone(message: Message) -> Messages {
    Some(message)
}

/// Tells how much they are, where there may be many; here it tells nothing.
pub(crate) const fn measure(_: &Messages) -> Option<Capacity> {
    None
}

/// Moves them all behind what is in a backlog at once, where there may be many; here it does nothing.
pub(crate) const fn append(_: &mut BoundedQueue<Message>, _: &mut Messages) -> bool {
    false
}

/// Takes out the first of them.
pub(crate) const fn next(messages: &mut Messages) -> Option<Message> {
    messages.take()
}

/// Takes the messages out; one that is left when this is dropped is dropped, too.
pub(crate) fn drain(messages: &mut Messages) -> impl Iterator<Item = Message> {
    messages.take().into_iter()
}

/// How many messages, and how many bytes of them, may wait to be taken before the socket is closed for it.
///
/// Nothing can make the peer wait, so there is room for a burst; a page has some hundred megabytes at the least.
pub(crate) const RECEIVE_LIMIT: Capacity = Capacity { messages: 1 << 16, bytes: 64 << 20 };

/// How many bytes may be queued before a sender waits.
///
/// It is woken by looking, which may come late by some of the timer's turns, and an engine takes half a gigabyte a second.
pub(crate) const HIGH_WATER_MARK: u64 = 8 << 20;

/// Whether connections ask for room as they usually are.
pub(crate) const SUPPORTS_BACKPRESSURE: bool = false;
