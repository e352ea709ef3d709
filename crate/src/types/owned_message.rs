//! A message in the program's memory.

use bytes::Bytes;

use super::text::Text;

/// Implements `From` for each source type, which creates the given variant.
macro_rules! impl_from {
    ($message:ident; $($kind:ident: $($source:ty),+;)+) => {
        $($(impl From<$source> for $message {
            fn from(data: $source) -> Self {
                Self::$kind(data.into())
            }
        })+)+
    };
}

pub(crate) use impl_from;

/// A text or binary message in the program's memory, which can be sent to any thread.
///
/// A [`Remote`](crate::Remote) sends and receives it, and [`LazyMessage::read`](crate::LazyMessage::read) returns it.
/// It is created with `From`, and converts into a [`Message`](crate::Message).
///
/// ```
/// use samesocket::{Message, OwnedMessage};
///
/// let message = OwnedMessage::from("hello");
/// assert_eq!((message.size(), message.as_text()), (5, Some("hello")));
/// assert!(matches!(Message::from(message), Message::Text(_)));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OwnedMessage {
    /// A text message.
    Text(Text),
    /// A binary message.
    Binary(Bytes),
}

impl OwnedMessage {
    /// Returns the text of a text message, or `None` for a binary message.
    pub fn as_text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// Returns the payload as bytes, which is UTF-8 for a text message.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_str().as_bytes(),
            Self::Binary(bytes) => bytes,
        }
    }

    /// Converts a text message to its text.
    ///
    /// # Errors
    ///
    /// Returns the message if it is a binary message.
    pub fn into_text(self) -> Result<Text, Self> {
        if let Self::Text(text) = self { Ok(text) } else { Err(self) }
    }

    /// Converts the message to its payload, which is UTF-8 for a text message.
    pub fn into_bytes(self) -> Bytes {
        match self {
            Self::Text(text) => text.into_bytes(),
            Self::Binary(bytes) => bytes,
        }
    }

    /// Returns the size of the payload in bytes, as [`Message::size`](crate::Message::size) does.
    pub fn size(&self) -> u64 {
        match self {
            Self::Text(text) => text.len() as u64,
            Self::Binary(bytes) => bytes.len() as u64,
        }
    }
}

impl_from! {
    OwnedMessage;
    Text: &str, String, Text;
    Binary: Bytes, Vec<u8>;
}
