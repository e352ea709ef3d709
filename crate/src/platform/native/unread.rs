//! Messages that nobody has looked at; natively they are in the program's memory in any case.

use std::fmt;

use bytes::Bytes;

use crate::message::Payload;
use crate::{Parcel, Text};

/// A text or binary message that has not been read. Natively it is in memory, and reading it costs nothing; in a browser
/// the platform holds it until then. A clone is another reference to the same message.
#[derive(Clone)]
pub struct Unread(Held);

#[derive(Clone)]
enum Held {
    Text(Text),
    Binary(Bytes),
}

impl Unread {
    /// Whether it is a text message.
    pub fn is_text(&self) -> bool {
        matches!(self.0, Held::Text(_))
    }

    /// Gives the size of the payload in bytes, as [`Message::size`](crate::Message::size) does.
    pub fn size(&self) -> u64 {
        self.payload().size()
    }

    /// Reads the message, without a copy.
    pub fn read(&self) -> Parcel {
        match &self.0 {
            Held::Text(text) => Parcel::Text(text.clone()),
            Held::Binary(bytes) => Parcel::Binary(bytes.clone()),
        }
    }

    /// What it takes while it waits.
    pub(crate) fn weight(&self) -> u64 {
        self.size()
    }

    pub(crate) fn payload(&self) -> Payload<'_> {
        match &self.0 {
            Held::Text(text) => Payload::Text(text, Some(text)),
            Held::Binary(bytes) => Payload::Binary(bytes, Some(bytes)),
        }
    }
}

/// Makes an unread message of a copy.
impl From<&str> for Unread {
    fn from(text: &str) -> Self {
        Self(Held::Text(text.into()))
    }
}

/// Makes an unread message.
impl From<Bytes> for Unread {
    fn from(bytes: Bytes) -> Self {
        Self(Held::Binary(bytes))
    }
}

impl From<Text> for Unread {
    fn from(text: Text) -> Self {
        Self(Held::Text(text))
    }
}

impl fmt::Debug for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unread").field("is_text", &self.is_text()).finish_non_exhaustive()
    }
}
