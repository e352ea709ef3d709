//! What a handle that any thread may use sends and receives.

use bytes::Bytes;

use crate::{BlobError, Message, Text};

/// A message that any thread may have: a [`Message`] that is no blob, made by `From` like that.
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

    /// Takes what a message holds, which of a blob has to be read.
    pub(super) async fn of(message: Message) -> Result<Self, BlobError> {
        Ok(match message {
            Message::Text(text) => Self::Text(text),
            Message::Binary(bytes) => Self::Binary(bytes),
            Message::Blob(blob) => Self::Binary(blob.bytes().await?),
        })
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

macro_rules! made_of {
    ($($kind:ident: $($source:ty),+;)+) => {
        $($(impl From<$source> for Parcel {
            fn from(data: $source) -> Self {
                Self::$kind(data.into())
            }
        })+)+
    };
}

made_of! {
    Text: &str, String, Text;
    Binary: Bytes, Vec<u8>;
}
