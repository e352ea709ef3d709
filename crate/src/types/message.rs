//! What is sent and received.

use bytes::Bytes;

use super::blob::Blob;
use super::lazy_message::LazyMessage;
use super::owned_message::{OwnedMessage, impl_from};
use super::payload::Payload;
use super::text::Text;

/// A message: what is received, and what the futures API sends, made by `From`.
///
/// Natively, received messages up to 256 bytes that came together share memory, up to 4 KiB of it, and binary ones of 1 to
/// 16 KiB share 64 KiB, be they of one socket or of several. It is freed with the last of them; who keeps few of many for
/// long had better keep copies.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Message {
    /// A text message.
    Text(Text),
    /// A binary message, while the binary type is [`ArrayBuffer`](crate::BinaryType::ArrayBuffer).
    Binary(Bytes),
    /// A binary message, while the binary type is [`Blob`](crate::BinaryType::Blob).
    Blob(Blob),
    /// A text or binary message that has not been read, if [`Connect::unread`](crate::Connect::unread) asked for such.
    Lazy(LazyMessage),
}

impl Message {
    /// Gives the size of the payload in bytes: of the UTF-8 of a text, of a binary message's bytes.
    ///
    /// ```
    /// # use samesocket::{Message, Text};
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

    /// Gives what it takes while it waits, which is its size, or easier to be had.
    #[inline]
    pub(crate) fn queued_size(&self) -> u64 {
        match self {
            Self::Lazy(lazy) => lazy.queued_size(),
            other => other.size(),
        }
    }

    /// Leaves it to the platform to hold, unless it does.
    pub(crate) fn make_lazy(&mut self) {
        *self = match std::mem::replace(self, Self::Text(Text::default())) {
            Self::Text(text) => Self::Lazy(text.into()),
            Self::Binary(bytes) => Self::Lazy(bytes.into()),
            other => other,
        };
    }

    /// Gives what sending this sends.
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
    fn from(parcel: OwnedMessage) -> Self {
        match parcel {
            OwnedMessage::Text(text) => Self::Text(text),
            OwnedMessage::Binary(bytes) => Self::Binary(bytes),
        }
    }
}
