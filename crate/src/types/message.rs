//! The message type for receiving and sending.

use bytes::Bytes;

use super::blob::Blob;
use super::lazy_message::LazyMessage;
use super::owned_message::{OwnedMessage, impl_from};
use super::payload::Payload;
use super::text::Text;

/// A received message, or a message for the futures API to send. It is created with `From`.
///
/// ```
/// use samesocket::Message;
///
/// assert_eq!(Message::from("text"), Message::Text("text".into()));
/// assert!(matches!(Message::from(vec![1, 2, 3]), Message::Binary(_)));
/// ```
///
/// Messages are equal if they have the same variant and equal payloads; see [`Blob`] and [`LazyMessage`] for theirs.
/// `Debug` shows the contents.
///
/// # Memory
///
/// On native targets, received messages that arrived together may share one allocation: messages up to 256 bytes one of up to
/// 4 KiB, and binary messages from 16 KiB on one of up to 8 times their size, which was a read buffer of the socket. It is freed
/// with the last message. The socket itself keeps up to two read buffers of at most 164 KiB, until it was idle for 5 seconds.
/// Copy a message that you keep for long, so that it does not keep the others' memory.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Message {
    /// A text message.
    Text(Text),
    /// A binary message, while the binary type is [`ArrayBuffer`](crate::BinaryType::ArrayBuffer).
    Binary(Bytes),
    /// A binary message, while the binary type is [`Blob`](crate::BinaryType::Blob).
    Blob(Blob),
    /// A text or binary message that the platform holds until it is read, if [`Connect::lazy`](crate::Connect::lazy) is
    /// set.
    Lazy(LazyMessage),
}

impl Message {
    /// Returns the size of the payload in bytes. Text counts as UTF-8.
    ///
    /// ```
    /// use samesocket::{Message, Text};
    ///
    /// assert_eq!(Message::Text(Text::from("grün")).size(), 5);
    /// ```
    #[inline]
    pub fn size(&self) -> u64 {
        match self {
            Self::Text(text) => text.len() as u64,
            Self::Binary(bytes) => bytes.len() as u64,
            Self::Blob(blob) => blob.size(),
            Self::Lazy(lazy) => lazy.size(),
        }
    }

    /// Returns the text of a text message, or `None` for any other and for a lazy message.
    ///
    /// ```
    /// use samesocket::Message;
    ///
    /// assert_eq!(Message::from("hello").as_text(), Some("hello"));
    /// assert_eq!(Message::from(vec![1, 2]).as_text(), None);
    /// ```
    pub fn as_text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// Returns the payload as bytes, which is UTF-8 for a text message. Returns `None` for a blob and for a lazy message.
    ///
    /// ```
    /// use samesocket::Message;
    ///
    /// assert_eq!(Message::from("a").as_bytes(), Some(&b"a"[..]));
    /// assert_eq!(Message::from(vec![1, 2]).as_bytes(), Some(&[1, 2][..]));
    /// ```
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Text(text) => Some(text.as_str().as_bytes()),
            Self::Binary(bytes) => Some(bytes),
            Self::Blob(_) | Self::Lazy(_) => None,
        }
    }

    /// Converts a text message to its text. A lazy text is read.
    ///
    /// # Errors
    ///
    /// Returns the message if it is not a text message.
    ///
    /// ```
    /// use samesocket::Message;
    ///
    /// assert_eq!(Message::from("hello").into_text().unwrap(), "hello");
    /// assert!(Message::from(vec![1, 2]).into_text().is_err());
    /// ```
    pub fn into_text(self) -> Result<Text, Self> {
        match self.into_memory() {
            Self::Text(text) => Ok(text),
            other => Err(other),
        }
    }

    /// Converts the message to its payload, which is UTF-8 for a text message. A lazy message is read.
    ///
    /// # Errors
    ///
    /// Returns the message if it is a blob, which can only be read [asynchronously](Blob::bytes).
    ///
    /// ```
    /// use samesocket::{Blob, Message};
    ///
    /// assert_eq!(Message::from("a").into_bytes().unwrap(), &b"a"[..]);
    /// assert!(Message::from(Blob::new(b"a")).into_bytes().is_err());
    /// ```
    pub fn into_bytes(self) -> Result<Bytes, Self> {
        match self.into_memory() {
            Self::Text(text) => Ok(text.into_bytes()),
            Self::Binary(bytes) => Ok(bytes),
            other => Err(other),
        }
    }

    /// Reads a lazy message into the program's memory. Returns any other message as it is.
    pub(crate) fn into_memory(self) -> Self {
        match self {
            Self::Lazy(lazy) => lazy.read().into(),
            other => other,
        }
    }

    /// Returns the size for the limit of a queue. For a lazy message it is an estimate that needs no reading.
    #[inline]
    pub(crate) fn queued_size(&self) -> u64 {
        match self {
            Self::Lazy(lazy) => lazy.queued_size(),
            other => other.size(),
        }
    }

    /// Moves a text or binary message to the platform, which holds it until it is read.
    pub(crate) fn make_lazy(&mut self) {
        *self = match std::mem::replace(self, Self::Text(Text::default())) {
            Self::Text(text) => Self::Lazy(text.into()),
            Self::Binary(bytes) => Self::Lazy(bytes.into()),
            other => other,
        };
    }

    /// Returns the payload to send.
    pub(crate) fn payload(&self) -> Payload<'_> {
        match self {
            Self::Text(text) => Payload::Text(text, Some(text)),
            Self::Binary(bytes) => Payload::Binary(bytes, Some(bytes)),
            Self::Blob(blob) => Payload::Blob(blob),
            Self::Lazy(lazy) => Payload::Lazy(lazy),
        }
    }
}

impl_from! {
    Message;
    Text: &str, String, Text;
    Binary: Bytes, Vec<u8>;
    Blob: Blob;
    Lazy: LazyMessage;
}

impl From<OwnedMessage> for Message {
    fn from(message: OwnedMessage) -> Self {
        match message {
            OwnedMessage::Text(text) => Self::Text(text),
            OwnedMessage::Binary(bytes) => Self::Binary(bytes),
        }
    }
}
