//! Messages that nobody has looked at; natively they are in the program's memory in any case.

use std::fmt;

use bytes::Bytes;

use crate::types::owned_message::OwnedMessage;
use crate::types::text::Text;

/// A text or binary message that has not been read. Natively it is in memory, and reading it costs nothing; in a browser
/// the platform holds it until then. A clone is another reference to the same message.
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

    /// Reads the message, without a copy.
    pub fn read(&self) -> OwnedMessage {
        self.0.clone()
    }

    /// Returns the message, which is in memory.
    pub(crate) const fn owned(&self) -> &OwnedMessage {
        &self.0
    }

    /// Returns the number of bytes that the message occupies while it waits.
    pub(crate) fn queued_size(&self) -> u64 {
        self.size()
    }
}

/// Makes an unread message of a copy.
impl From<&str> for LazyMessage {
    fn from(text: &str) -> Self {
        Self(OwnedMessage::from(text))
    }
}

/// Makes an unread message.
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

impl fmt::Debug for LazyMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LazyMessage").field("is_text", &self.is_text()).finish_non_exhaustive()
    }
}
