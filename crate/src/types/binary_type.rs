//! How binary messages are exposed.

use std::error::Error;
use std::fmt;
use std::str::FromStr;

/// What a received binary message becomes: a [`Blob`](crate::Blob) or bytes.
///
/// The default is `Blob`, as in the Standard; see <https://websockets.spec.whatwg.org/#dom-websocket-binarytype>.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum BinaryType {
    /// [`Message::Blob`](crate::Message::Blob): the bytes stay with the platform until they are read.
    #[default]
    Blob,
    /// [`Message::Binary`](crate::Message::Binary): the bytes are copied once, at the event.
    ArrayBuffer,
}

impl BinaryType {
    /// Gives the value of the IDL's enumeration: `"blob"` or `"arraybuffer"`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Blob => "blob",
            Self::ArrayBuffer => "arraybuffer",
        }
    }
}

impl fmt::Display for BinaryType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for BinaryType {
    type Err = UnknownBinaryType;

    fn from_str(value: &str) -> Result<Self, UnknownBinaryType> {
        match value {
            "blob" => Ok(Self::Blob),
            "arraybuffer" => Ok(Self::ArrayBuffer),
            _ => Err(UnknownBinaryType { value: value.to_owned() }),
        }
    }
}

/// The error of parsing a [`BinaryType`]: the text is neither `"blob"` nor `"arraybuffer"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownBinaryType {
    value: String,
}

impl fmt::Display for UnknownBinaryType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the binary type {:?} is neither \"blob\" nor \"arraybuffer\"", self.value)
    }
}

impl Error for UnknownBinaryType {}
