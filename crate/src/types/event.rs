//! The events of the interface.

use crate::types::message::Message;
use crate::types::origin::Origin;
use samesocket_spec::CloseEvent;

/// An event of a socket: one of the interface's four events, or `Lagged`.
///
/// A connection fires `Open` at most once, then messages, then `Error` if it failed, and finally exactly one `Close`.
/// See <https://websockets.spec.whatwg.org/#feedback-from-the-protocol>.
///
/// ```
/// use samesocket::Event;
///
/// fn describe(event: &Event) -> String {
///     match event {
///         Event::Open => "open".to_owned(),
///         Event::Message(message) => format!("{} bytes from {}", message.data.size(), message.origin),
///         Event::Error => "the connection failed".to_owned(),
///         Event::Close(close) => format!("closed with code {}", close.code),
///         Event::Lagged(lagged) => format!("{} messages lost", lagged.messages),
///         _ => "an event of a later version".to_owned(),
///     }
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The connection is established; `protocol` and `extensions` are set.
    Open,
    /// A message arrived.
    Message(MessageEvent),
    /// The connection failed; `Close` follows at once. By design a page does not learn the cause.
    Error,
    /// The connection is closed.
    Close(CloseEvent),
    /// Messages were lost, because they arrived faster than they were polled. This event is not part of the Standard.
    ///
    /// It takes the place of the lost messages. All other events are complete and in order. See
    /// [`Events`](crate::Events) for the limit.
    Lagged(Lagged),
}

/// The data of a `message` event.
///
/// ```
/// use samesocket::{Message, MessageEvent};
///
/// fn text(event: &MessageEvent) -> Option<&str> {
///     if let Message::Text(text) = &event.data { Some(text) } else { None }
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MessageEvent {
    /// The message.
    pub data: Message,
    /// The serialized origin of the socket's URL, `"wss://example.com"` for example.
    pub origin: Origin,
}

/// An event in a queue. Unlike [`Event`], it has no origin.
///
/// The origin is added when the event is delivered. Copying it from queue to queue with every message takes as long as
/// receiving a short message.
#[derive(Clone, Debug)]
pub(crate) enum QueuedEvent {
    Open,
    Message(Message),
    Error,
    Close(CloseEvent),
    Lagged(Lagged),
}

impl QueuedEvent {
    /// Converts to the public event, with the origin of the socket's messages.
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

/// The number and size of the messages lost at an [`Event::Lagged`].
///
/// ```no_run
/// use samesocket::{Event, Lagged};
///
/// fn describe(event: &Event) {
///     if let Event::Lagged(Lagged { messages, bytes, .. }) = event {
///         println!("{messages} messages of {bytes} bytes were lost");
///     }
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lagged {
    /// The number of lost messages.
    pub messages: u64,
    /// The sum of their payload sizes in bytes.
    pub bytes: u64,
}
