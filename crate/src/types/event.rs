//! The events of the interface.

use crate::types::message::Message;
use crate::types::origin::Origin;
use samesocket_spec::CloseEvent;

/// What a socket tells its subscribers: the interface's four events, and one of ours.
///
/// A connection gives `Open` at most once and first, then messages, then, if it failed, `Error`, and in the end
/// exactly one `Close`. See <https://websockets.spec.whatwg.org/#feedback-from-the-protocol>.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// The connection is established; `protocol` and `extensions` are set.
    Open,
    /// A message arrived.
    Message(MessageEvent),
    /// The connection failed; `Close` follows at once. A page is not told why, by design.
    Error,
    /// The connection is closed.
    Close(CloseEvent),
    /// Messages were lost here, because they arrived faster than they were taken; not of the Standard.
    ///
    /// It stands exactly where the lost messages would: what came before and after it is complete and in order. See
    /// [`Events`](crate::Events) for the bound.
    Lagged(Lagged),
}

/// The data of a `message` event.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MessageEvent {
    /// The message.
    pub data: Message,
    /// The serialized origin of the socket's URL, `"wss://example.com"` for example.
    pub origin: Origin,
}

/// An event as it waits to be handed over.
///
/// Its origin is put in then: to write it for every message and move it from queue to queue takes as long as to receive a
/// short message.
#[derive(Clone, Debug)]
pub(crate) enum QueuedEvent {
    Open,
    Message(Message),
    Error,
    Close(CloseEvent),
    Lagged(Lagged),
}

impl QueuedEvent {
    /// Gives the event of a socket whose messages have this origin.
    #[inline]
    pub(crate) fn into_event(self, origin: &Origin) -> Event {
        match self {
            Self::Open => Event::Open,
            Self::Message(data) => Event::Message(MessageEvent { data, origin: origin.clone() }),
            Self::Error => Event::Error,
            Self::Close(event) => Event::Close(event),
            Self::Lagged(lagged) => Event::Lagged(lagged),
        }
    }
}

/// How much was lost at an [`Event::Lagged`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lagged {
    /// The number of messages lost.
    pub messages: u64,
    /// The sum of their sizes in bytes.
    pub bytes: u64,
}
