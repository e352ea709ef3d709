//! The origin of a message.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// The serialized origin of a socket's URL, for example `"wss://example.com"`. Every `message` event has one.
///
/// It dereferences to `str`. An origin of up to 30 bytes is stored inline, because counting references would take as
/// long as receiving a short message.
///
/// See <https://html.spec.whatwg.org/multipage/comms.html#dom-messageevent-origin>.
///
/// ```
/// use samesocket::MessageEvent;
///
/// fn is_ours(event: &MessageEvent) -> bool {
///     event.origin == "wss://example.com" || event.origin.ends_with(".example.com")
/// }
/// ```
#[derive(Clone)]
pub struct Origin(Repr);

/// The representation of an origin.
#[derive(Clone)]
enum Repr {
    /// An ASCII string up to [`INLINE_CAPACITY`] bytes.
    Inline { length: u8, ascii: [u8; INLINE_CAPACITY] },
    /// A longer string.
    Heap(Arc<str>),
}

/// The maximum length of an origin that is stored inline. Chosen so that an `Origin` has 32 bytes.
const INLINE_CAPACITY: usize = 30;

impl Origin {
    /// Creates an origin from its serialization, which is ASCII.
    pub(crate) fn new(origin: &str) -> Self {
        let mut ascii = [0; INLINE_CAPACITY];
        Self(match (u8::try_from(origin.len()), ascii.get_mut(..origin.len())) {
            (Ok(length), Some(bytes)) => {
                bytes.copy_from_slice(origin.as_bytes());
                Repr::Inline { length, ascii }
            }
            _ => Repr::Heap(origin.into()),
        })
    }
}

impl Deref for Origin {
    type Target = str;

    fn deref(&self) -> &str {
        match &self.0 {
            Repr::Inline { length, ascii } => std::str::from_utf8(&ascii[..usize::from(*length)]).unwrap_or_default(),
            Repr::Heap(origin) => origin,
        }
    }
}

impl PartialEq for Origin {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Origin {}

impl PartialEq<str> for Origin {
    fn eq(&self, other: &str) -> bool {
        **self == *other
    }
}

impl PartialEq<&str> for Origin {
    fn eq(&self, other: &&str) -> bool {
        **self == **other
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&**self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origin_of_any_length_equals_its_source() {
        for length in 0..100 {
            let text = "wss://example.com:65535".chars().cycle().take(length).collect::<String>();
            let origin = Origin::new(&text);
            assert_eq!(origin, *text);
            assert_eq!(
                (origin.clone(), origin.to_string(), format!("{origin:?}")),
                (origin, text.clone(), format!("{text:?}"))
            );
            assert_ne!(Origin::new(&text), *"http://example.com");
        }
    }
}
