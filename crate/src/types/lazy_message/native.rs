//! Lazy messages on native targets, where every message is in the program's memory.

use std::fmt;

use bytes::Bytes;

use crate::types::owned_message::OwnedMessage;
use crate::types::text::Text;

/// A text or binary message that the platform may hold until it is read.
///
/// On native targets it is in memory, and reading it is free. In a browser reading copies it into the program's memory.
/// A clone is another reference to the same message.
///
/// ```
/// use samesocket::{LazyMessage, OwnedMessage};
///
/// let message = LazyMessage::from("hello");
/// assert!(message.is_text());
/// assert_eq!(message.read(), OwnedMessage::from("hello"));
/// ```
#[derive(Clone)]
pub struct LazyMessage(OwnedMessage);

impl LazyMessage {
    /// Returns whether it is a text message.
    pub const fn is_text(&self) -> bool {
        matches!(self.0, OwnedMessage::Text(_))
    }

    /// Returns the size of the payload in bytes, as [`Message::size`](crate::Message::size) does.
    pub fn size(&self) -> u64 {
        self.0.size()
    }

    /// Returns the message without copying its payload.
    pub fn read(&self) -> OwnedMessage {
        self.0.clone()
    }

    /// Returns a reference to the message.
    pub(crate) const fn owned(&self) -> &OwnedMessage {
        &self.0
    }

    /// Returns the size for the limit of a queue, in bytes.
    pub(crate) fn queued_size(&self) -> u64 {
        self.size()
    }
}

/// Creates a lazy message from a copy.
impl From<&str> for LazyMessage {
    fn from(text: &str) -> Self {
        Self(OwnedMessage::from(text))
    }
}

/// Creates a lazy message.
impl From<Bytes> for LazyMessage {
    fn from(bytes: Bytes) -> Self {
        Self(OwnedMessage::Binary(bytes))
    }
}

impl From<Text> for LazyMessage {
    fn from(text: Text) -> Self {
        Self(OwnedMessage::Text(text))
    }
}

/// Compares the payloads.
impl PartialEq for LazyMessage {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for LazyMessage {}

impl fmt::Debug for LazyMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LazyMessage").field("is_text", &self.is_text()).finish_non_exhaustive()
    }
}
