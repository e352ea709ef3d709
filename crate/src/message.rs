//! What is sent and received.

use std::fmt;
use std::ops::{Deref, Range};

use bytes::Bytes;
use bytestring::ByteString;

use crate::{Blob, Unread};

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
    Unread(Unread),
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
            Self::Unread(unread) => unread.size(),
        }
    }

    /// Gives what it takes while it waits, which is its size, or easier to be had.
    #[inline]
    pub(crate) fn weight(&self) -> u64 {
        match self {
            Self::Unread(unread) => unread.weight(),
            other => other.size(),
        }
    }

    /// Leaves it to the platform to hold, unless it does.
    pub(crate) fn leave_unread(&mut self) {
        *self = match std::mem::replace(self, Self::Text(Text::default())) {
            Self::Text(text) => Self::Unread(text.into()),
            Self::Binary(bytes) => Self::Unread(bytes.into()),
            other => other,
        };
    }

    /// Gives what sending this sends.
    pub(crate) fn payload(&self) -> Payload<'_> {
        match self {
            Self::Text(text) => Payload::Text(text, Some(text)),
            Self::Binary(bytes) => Payload::Binary(bytes, Some(bytes)),
            Self::Blob(blob) => Payload::Blob(blob),
            Self::Unread(unread) => unread.payload(),
        }
    }
}

/// Has what holds a message made by `From`, in the variant of each source.
macro_rules! made_of {
    ($message:ident; $($kind:ident: $($source:ty),+;)+) => {
        $($(impl From<$source> for $message {
            fn from(data: $source) -> Self {
                Self::$kind(data.into())
            }
        })+)+
    };
}

pub(crate) use made_of;

made_of! {
    Message;
    Text: &str, String, Text;
    Binary: Bytes, Vec<u8>;
    Blob: Blob;
    Unread: Unread;
}

/// The text of a message: UTF-8 that is cheap to clone, and a `str` by [`Deref`].
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text(ByteString);

impl Text {
    /// Gives the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Gives a part of the text, in bytes, without copying it; it keeps all of the text in memory.
    ///
    /// ```
    /// # use samesocket::Text;
    /// assert_eq!(Text::from("grün").slice(0..2), "gr");
    /// ```
    ///
    /// # Panics
    ///
    /// Panics if the range ends beyond the text, or within a character.
    #[must_use]
    pub fn slice(&self, range: Range<usize>) -> Self {
        Self(self.0.slice_ref(&self.0[range]))
    }

    /// Gives the UTF-8 of the text without copying it.
    pub fn into_bytes(self) -> Bytes {
        self.0.into_bytes()
    }

    /// Gives the UTF-8 of the text, which is cheap to clone.
    ///
    /// ```
    /// # use samesocket::Text;
    /// assert_eq!(Text::from("grün").utf8(), "grün".as_bytes());
    /// ```
    pub fn utf8(&self) -> &Bytes {
        self.0.as_bytes()
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Text {
    fn as_ref(&self) -> &str {
        self
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(ByteString::from(text))
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(ByteString::from(text))
    }
}

impl From<Text> for String {
    fn from(text: Text) -> Self {
        text.as_str().to_owned()
    }
}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self)
    }
}

/// What [`WebSocket::send`](crate::WebSocket::send) takes: a borrowed text, bytes or a [`Blob`].
///
/// It is made by `From`: a `&str`, `&String` or `&Text` is sent as text, a `&[u8]`, `&[u8; N]`, `&Vec<u8>`,
/// `&Bytes` or `&Blob` as a binary message.
#[derive(Clone, Copy, Debug)]
pub struct Data<'a>(pub(crate) Payload<'a>);

/// The union of the IDL's `send`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Payload<'a> {
    /// The text, and what shares its memory, where whoever sends it later may keep that instead of a copy.
    Text(&'a str, Option<&'a Text>),
    /// The same for bytes.
    Binary(&'a [u8], Option<&'a Bytes>),
    Blob(&'a Blob),
    /// What the platform holds, where it does.
    #[allow(dead_code, reason = "natively the program itself holds all that it has received")]
    Unread(&'a Unread),
}

impl Payload<'_> {
    /// The number of bytes by which sending this increases bufferedAmount.
    pub(crate) fn size(self) -> u64 {
        match self {
            Self::Text(text, _) => text.len() as u64,
            Self::Binary(bytes, _) => bytes.len() as u64,
            Self::Blob(blob) => blob.size(),
            Self::Unread(unread) => unread.size(),
        }
    }

    /// What its size cannot exceed, without asking the platform.
    pub(crate) const fn most(self) -> u64 {
        match self {
            Self::Text(text, _) => text.len() as u64,
            Self::Binary(bytes, _) => bytes.len() as u64,
            Self::Blob(_) | Self::Unread(_) => u64::MAX,
        }
    }
}

macro_rules! sent_as {
    ($($source:ty: $data:ident => $payload:expr;)+) => {
        $(impl<'a> From<&'a $source> for Data<'a> {
            fn from($data: &'a $source) -> Self {
                Self($payload)
            }
        })+
    };
}

sent_as! {
    str: text => Payload::Text(text, None);
    String: text => Payload::Text(text, None);
    Text: text => Payload::Text(text, Some(text));
    [u8]: bytes => Payload::Binary(bytes, None);
    Vec<u8>: bytes => Payload::Binary(bytes, None);
    Bytes: bytes => Payload::Binary(bytes, Some(bytes));
    Blob: blob => Payload::Blob(blob);
}

impl<'a, const N: usize> From<&'a [u8; N]> for Data<'a> {
    fn from(data: &'a [u8; N]) -> Self {
        Self(Payload::Binary(data, None))
    }
}
