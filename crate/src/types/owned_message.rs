//! Messages in the program's memory.

use bytes::Bytes;

use super::text::Text;

/// Has what holds a message made by `From`, in the variant of each source.
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

/// A text or binary message that is in the program's memory, so that any thread may have it: what a
/// [`Remote`](crate::Remote) sends and receives, and what reading an [`LazyMessage`](crate::Unread) gives. It is made by `From`,
/// and a [`Message`] is made of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OwnedMessage {
    /// A text message.
    Text(Text),
    /// A binary message.
    Binary(Bytes),
}

impl OwnedMessage {
    /// Gives the size of the payload in bytes, as [`Message::size`] does.
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
