//! The text of a message.

use std::fmt;
use std::ops::{Deref, Range};

use bytes::Bytes;
use bytestring::ByteString;

/// The text of a message: shared UTF-8 that is cheap to clone and dereferences to `str`.
///
/// ```
/// use samesocket::Text;
///
/// let text = Text::from("hello");
/// assert!(text.starts_with("he"));
/// ```
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text(ByteString);

impl Text {
    /// Returns the text as a string slice.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns a part of the text without copying it. `range` is in bytes. The part keeps the whole text in memory.
    ///
    /// ```
    /// use samesocket::Text;
    ///
    /// assert_eq!(Text::from("grün").slice(0..2), "gr");
    /// ```
    ///
    /// # Panics
    ///
    /// Panics if the range is beyond the end of the text, or not on character boundaries.
    #[must_use]
    pub fn slice(&self, range: Range<usize>) -> Self {
        Self(self.0.slice_ref(&self.0[range]))
    }

    /// Converts into the UTF-8 bytes of the text, without copying them.
    pub fn into_bytes(self) -> Bytes {
        self.0.into_bytes()
    }

    /// Returns the UTF-8 bytes of the text, which are cheap to clone.
    ///
    /// ```
    /// use samesocket::Text;
    ///
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
