//! The data of one message to send.

use bytes::Bytes;

use super::blob::Blob;
use super::lazy_message::LazyMessage;
use super::text::Text;

/// The argument of [`WebSocket::send`](crate::WebSocket::send): a borrowed text, bytes or a [`Blob`].
///
/// It is created with `From`. A `&str`, `&String` or `&Text` is sent as a text message. A `&[u8]`, `&[u8; N]`,
/// `&Vec<u8>`, `&Bytes` or `&Blob` is sent as a binary message.
///
/// ```
/// use samesocket::{Data, Exception, WebSocket};
///
/// fn send_twice<'a>(socket: &WebSocket, data: impl Into<Data<'a>>) -> Result<(), Exception> {
///     let data = data.into();
///     socket.send(data)?;
///     socket.send(data)
/// }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Data<'a> {
    pub(crate) payload: Payload<'a>,
    #[allow(dead_code, reason = "in a page the browser decides")]
    pub(crate) compression: MessageCompression,
}

/// Whether a message is compressed.
// Code size: without content in a page, where the browser decides.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MessageCompression {
    #[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
    is_off: bool,
}

impl MessageCompression {
    /// As the settings of the connection have it.
    pub(crate) const OF_CONNECTION: Self = Self {
        #[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
        is_off: false,
    };

    pub(crate) const OFF: Self = Self {
        #[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
        is_off: true,
    };

    #[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
    pub(crate) const fn is_off(self) -> bool {
        self.is_off
    }
}

impl<'a> Data<'a> {
    pub(crate) const fn new(payload: Payload<'a>) -> Self {
        Self { payload, compression: MessageCompression::OF_CONNECTION }
    }

    /// Leaves this message uncompressed, whatever the [`Compression`](crate::Compression) of the connection is.
    ///
    /// [`Sender::without_compression`](crate::Sender::without_compression) explains which messages should not be
    /// compressed. In a page it has no effect, because the browser decides.
    ///
    /// ```no_run
    /// # fn example(socket: &samesocket::WebSocket) -> Result<(), samesocket::Exception> {
    /// use samesocket::Data;
    ///
    /// socket.send(Data::from("token=2a").without_compression())?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub const fn without_compression(self) -> Self {
        Self { compression: MessageCompression::OFF, ..self }
    }
}

/// The payload of one message: the union type of `send` in the IDL, and a lazy message.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Payload<'a> {
    /// A text, and its shared owner, if any. A transport that sends later keeps the owner instead of a copy.
    Text(&'a str, Option<&'a Text>),
    /// Bytes, and their shared owner, if any.
    Binary(&'a [u8], Option<&'a Bytes>),
    Blob(&'a Blob),
    /// A message that the platform may hold.
    Lazy(&'a LazyMessage),
}

impl Payload<'_> {
    /// Returns the number of bytes by which sending this payload increases bufferedAmount.
    pub(crate) fn size(self) -> u64 {
        match self {
            Self::Text(text, _) => text.len() as u64,
            Self::Binary(bytes, _) => bytes.len() as u64,
            Self::Blob(blob) => blob.size(),
            Self::Lazy(lazy) => lazy.size(),
        }
    }

    /// Returns an upper bound of the size that needs no call to the platform.
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
                Self::new($payload)
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
        Self::new(Payload::Binary(data, None))
    }
}
