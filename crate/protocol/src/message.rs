//! Messages: received ones, borrowed ones, and payloads to send.

use std::fmt;
use std::ops::Range;

use bytes::Bytes;

use crate::receive::read_buffer::ReadBuffer;

/// The type of a message to send.
///
/// ```
/// use samesocket_protocol::{Kind, Message};
///
/// fn kind(message: &Message) -> Kind {
///     match message {
///         Message::Text(_) => Kind::Text,
///         Message::Binary(_) => Kind::Binary,
///     }
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text in UTF-8.
    Text,
    /// Bytes.
    Binary,
}

/// A received message.
///
/// A binary message of at least 16 KiB may [share memory](LongBinary::into_bytes) with the read buffer and other messages.
///
/// ```
/// use samesocket_protocol::Message;
///
/// fn describe(message: &Message) -> String {
///     match message {
///         Message::Text(text) => format!("text: {text}"),
///         Message::Binary(bytes) => format!("{} bytes", bytes.len()),
///     }
/// }
/// assert_eq!(describe(&Message::Text("Hello".to_owned())), "text: Hello");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// A text message.
    Text(String),
    /// A binary message.
    Binary(Bytes),
}

/// A received message that borrows from the read buffer, if it lies there in one piece.
///
/// ```
/// use samesocket_protocol::{BorrowedMessage, Message};
///
/// let message = BorrowedMessage::Text("Hello");
/// assert_eq!(message.len(), 5);
/// assert_eq!(message.into_message(), Message::Text("Hello".to_owned()));
/// ```
#[derive(Debug)]
pub enum BorrowedMessage<'a> {
    /// A text message in the read buffer.
    Text(&'a str),
    /// A binary message in the read buffer.
    Binary(&'a [u8]),
    /// A binary message of at least 16 KiB in the read buffer. It need not be copied to become one of its own.
    LongBinary(LongBinary<'a>),
    /// A message in its own memory, because it was fragmented, compressed or large.
    Owned(Message),
}

/// The bytes of a binary message of at least 16 KiB in the read buffer.
///
/// ```
/// use bytes::Bytes;
/// use samesocket_protocol::BorrowedMessage;
///
/// /// Returns the bytes of an image, if it is one.
/// fn image(message: BorrowedMessage<'_>) -> Option<Bytes> {
///     match message {
///         BorrowedMessage::LongBinary(long) if long.as_slice().starts_with(b"\x89PNG") => Some(long.into_bytes()),
///         _ => None,
///     }
/// }
/// assert_eq!(image(BorrowedMessage::Binary(b"short")), None);
/// ```
pub struct LongBinary<'a> {
    read_buffer: &'a mut ReadBuffer,
    part: Range<usize>,
}

impl<'a> LongBinary<'a> {
    pub(crate) const fn new(read_buffer: &'a mut ReadBuffer, part: Range<usize>) -> Self {
        Self { read_buffer, part }
    }

    /// Returns the bytes.
    pub fn as_slice(&self) -> &[u8] {
        &self.read_buffer.rest()[self.part.clone()]
    }

    /// Returns the bytes as a part of the memory of the read buffer, which other messages may share, too. They keep at most 8
    /// times their length. They are copied if they would keep more, or if most of the memory is empty.
    ///
    /// The connection keeps the memory of its last two read buffers, to read into it again when none of these messages is left.
    /// Other memory is freed with the last of its messages. See
    /// [`Connection::release_memory`](crate::Connection::release_memory).
    pub fn into_bytes(self) -> Bytes {
        self.read_buffer.share(self.part.clone()).unwrap_or_else(|| Bytes::copy_from_slice(self.as_slice()))
    }
}

impl BorrowedMessage<'_> {
    /// Returns the length of the payload in bytes.
    #[inline]
    pub fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(bytes) => bytes.len(),
            Self::LongBinary(long) => long.part.len(),
            Self::Owned(Message::Text(text)) => text.len(),
            Self::Owned(Message::Binary(bytes)) => bytes.len(),
        }
    }

    /// Returns whether the payload is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the message as one that does not borrow. A borrowed message is copied, except a [`LongBinary`], which may
    /// [share memory](LongBinary::into_bytes).
    #[inline]
    pub fn into_message(self) -> Message {
        match self {
            Self::Text(text) => Message::Text(text.to_owned()),
            Self::Binary(bytes) => Message::Binary(Bytes::copy_from_slice(bytes)),
            Self::LongBinary(long) => Message::Binary(long.into_bytes()),
            Self::Owned(message) => message,
        }
    }
}

impl fmt::Debug for LongBinary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_slice().fmt(f)
    }
}

/// The payload of a message to send.
///
/// ```
/// use bytes::Bytes;
/// use samesocket_protocol::Payload;
///
/// let image = Bytes::from(vec![0; 1 << 20]);
/// assert_eq!(Payload::Shared(&image).as_slice().len(), 1 << 20);
/// assert_eq!(Payload::Borrowed(b"Hello").into_bytes(), "Hello");
/// ```
#[derive(Clone, Debug)]
pub enum Payload<'a> {
    /// Bytes that are copied when they are sent.
    Borrowed(&'a [u8]),
    /// Bytes that are not copied if there are many: their memory is shared until they are masked.
    Shared(&'a Bytes),
}

impl Payload<'_> {
    /// Returns the bytes.
    pub fn as_slice(&self) -> &[u8] {
        match self {
            Self::Borrowed(bytes) => bytes,
            Self::Shared(bytes) => bytes,
        }
    }

    /// Returns the bytes in shared memory. Borrowed bytes are copied.
    pub fn into_bytes(self) -> Bytes {
        match self {
            Self::Borrowed(bytes) => Bytes::copy_from_slice(bytes),
            Self::Shared(bytes) => bytes.clone(),
        }
    }
}
