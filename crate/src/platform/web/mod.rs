//! The back end of a browser: it wraps the platform's socket.

mod batch;
mod blob;
mod clock;
mod closing;
mod listener;
mod lookout;
mod options;
mod promptly;
mod share;
mod socket;
mod stream;
mod task;
mod unread;
mod url;
mod world;

pub(crate) use self::batch::Batch;
pub(crate) use self::blob::{BLOBS, Blobs, set_form};
pub(crate) use self::clock::Time;
pub(crate) use self::lookout::{WATCH, Watch};
pub(crate) use self::options::Options;
pub(crate) use self::promptly::promptly;
pub(crate) use self::share::{Lock, MaybeSync, Shared, Weak, io_error};
pub(crate) use self::socket::{LIST, List, Remains};
pub(crate) use self::stream::pausing;
pub(crate) use self::task::{Task, Tasks};
pub(crate) use self::unread::{HOLD, Hold};
pub(crate) use self::url::Url;
pub(crate) use self::world::World;

/// What this back end adds to the crate's surface.
pub(crate) mod surface {
    pub use super::blob::{Blob, BlobError};
    pub use super::share::MaybeSend;
    // For this project's own `js/`, which asks `spec` about URLs too.
    pub use super::unread::Unread;
    #[doc(hidden)]
    pub use super::url::Url as PlatformUrl;
}
pub(crate) use self::surface::MaybeSend;
use crate::Message;
use crate::backlog::{Backlog, Room};

/// Messages that come together: here each comes by itself, in an event of its own.
pub(crate) type Messages = Option<Message>;

/// Gives a message that comes by itself.
#[expect(clippy::unnecessary_wraps, reason = "natively there may be more than one")]
pub(crate) const fn alone(message: Message) -> Messages {
    Some(message)
}

/// Tells how much they are, where there may be many; here it tells nothing.
pub(crate) const fn measure(_: &Messages) -> Option<Room> {
    None
}

/// Moves them all behind what is in a backlog at once, where there may be many; here it does nothing.
pub(crate) const fn append(_: &mut Backlog<Message>, _: &mut Messages) -> bool {
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
pub(crate) const RECEIVE_LIMIT: Room = Room { messages: 1 << 16, bytes: 64 << 20 };

/// How many bytes may be queued before a sender waits.
///
/// It is woken by looking, which may come late by some of the timer's turns, and an engine takes half a gigabyte a second.
pub(crate) const HIGH_WATER_MARK: u64 = 8 << 20;

/// Whether connections ask for room as they usually are.
pub(crate) const PAUSES: bool = false;
