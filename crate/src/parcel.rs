//! Messages in the program's memory.

use bytes::Bytes;

use crate::message::made_of;
use crate::{Message, Text};

/// A text or binary message that is in the program's memory, so that any thread may have it: what a
/// [`Remote`](crate::Remote) sends and receives, and what reading an [`Unread`](crate::Unread) gives. It is made by `From`,
/// and a [`Message`] is made of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parcel {
    /// A text message.
    Text(Text),
    /// A binary message.
    Binary(Bytes),
}

impl Parcel {
    /// Gives the size of the payload in bytes, as [`Message::size`] does.
    pub fn size(&self) -> u64 {
        match self {
            Self::Text(text) => text.len() as u64,
            Self::Binary(bytes) => bytes.len() as u64,
        }
    }
}

impl From<Parcel> for Message {
    fn from(parcel: Parcel) -> Self {
        match parcel {
            Parcel::Text(text) => Self::Text(text),
            Parcel::Binary(bytes) => Self::Binary(bytes),
        }
    }
}

made_of! {
    Parcel;
    Text: &str, String, Text;
    Binary: Bytes, Vec<u8>;
}
