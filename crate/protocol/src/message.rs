//! Messages: what is received, and what is sent.

use bytes::Bytes;

/// Whether a message is text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It is UTF-8.
    Text,
    /// It is bytes.
    Binary,
}

/// A received message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// A text.
    Text(String),
    /// Bytes.
    Binary(Bytes),
}

/// A received message as it is given to who may do without a copy.
#[derive(Debug)]
pub enum BorrowedMessage<'a> {
    /// A text, where it was read.
    Text(&'a str),
    /// Bytes, where they were read.
    Binary(&'a [u8]),
    /// A message in memory of its own.
    Owned(Message),
}

impl BorrowedMessage<'_> {
    /// The bytes of the payload.
    #[inline]
    pub fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(bytes) => bytes.len(),
            Self::Owned(Message::Text(text)) => text.len(),
            Self::Owned(Message::Binary(bytes)) => bytes.len(),
        }
    }

    /// Whether the payload is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Gives the message in memory of its own, copied once if it is not there yet.
    #[inline]
    pub fn into_message(self) -> Message {
        match self {
            Self::Text(text) => Message::Text(text.to_owned()),
            Self::Binary(bytes) => Message::Binary(Bytes::copy_from_slice(bytes)),
            Self::Owned(message) => message,
        }
    }
}

/// The payload of a message to send.
#[derive(Clone, Debug)]
pub enum Payload<'a> {
    /// Bytes that are copied.
    Borrowed(&'a [u8]),
    /// Bytes whose memory is kept until they are masked, if they are many.
    Shared(&'a Bytes),
}

impl Payload<'_> {
    /// Gives the bytes.
    pub fn as_slice(&self) -> &[u8] {
        match self {
            Self::Borrowed(bytes) => bytes,
            Self::Shared(bytes) => bytes,
        }
    }

    /// Gives the bytes, copied if their memory cannot be kept.
    pub fn into_bytes(self) -> Bytes {
        match self {
            Self::Borrowed(bytes) => Bytes::copy_from_slice(bytes),
            Self::Shared(bytes) => bytes.clone(),
        }
    }
}
