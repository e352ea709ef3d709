//! The type in which binary messages are received.

use std::error::Error;
use std::fmt;
use std::str::FromStr;

/// The type of received binary messages: a [`Blob`](crate::Blob) or bytes.
///
/// The default is `Blob`, as in the Standard; see <https://websockets.spec.whatwg.org/#dom-websocket-binarytype>.
///
/// ```
/// use samesocket::BinaryType;
///
/// assert_eq!("arraybuffer".parse(), Ok(BinaryType::ArrayBuffer));
/// assert_eq!(BinaryType::default().as_str(), "blob");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum BinaryType {
    /// [`Message::Blob`](crate::Message::Blob). The platform holds the bytes until they are read.
    #[default]
    Blob,
    /// [`Message::Binary`](crate::Message::Binary). The bytes are copied into the program's memory when they arrive.
    ArrayBuffer,
}

impl BinaryType {
    /// Returns the value of the IDL's enumeration: `"blob"` or `"arraybuffer"`.
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

/// The error of parsing a [`BinaryType`] from a text that is neither `"blob"` nor `"arraybuffer"`.
///
/// ```
/// use samesocket::BinaryType;
///
/// let error = "buffer".parse::<BinaryType>().unwrap_err();
/// assert!(error.to_string().contains("buffer"));
/// ```
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
