//! The data that one message sends.

use bytes::Bytes;

use super::blob::Blob;
use super::lazy_message::LazyMessage;
use super::text::Text;

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
    Lazy(&'a LazyMessage),
}

impl Payload<'_> {
    /// The number of bytes by which sending this increases bufferedAmount.
    pub(crate) fn size(self) -> u64 {
        match self {
            Self::Text(text, _) => text.len() as u64,
            Self::Binary(bytes, _) => bytes.len() as u64,
            Self::Blob(blob) => blob.size(),
            Self::Lazy(lazy) => lazy.size(),
        }
    }

    /// What its size cannot exceed, without asking the platform.
    pub(crate) const fn max_size(self) -> u64 {
        match self {
            Self::Text(text, _) => text.len() as u64,
            Self::Binary(bytes, _) => bytes.len() as u64,
            Self::Blob(_) | Self::Lazy(_) => u64::MAX,
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
