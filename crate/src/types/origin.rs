//! The origin of a message.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// The serialized origin of a socket's URL, `"wss://example.com"` for example, as every `message` event has it.
///
/// It is read as a `str`. One of up to 30 bytes, all of them ASCII, is copied, which is far less work than to count who
/// shares it: that would take as long as to receive a short message.
///
/// See <https://html.spec.whatwg.org/multipage/comms.html#dom-messageevent-origin>.
///
/// ```
/// # use samesocket::MessageEvent;
/// fn is_ours(event: &MessageEvent) -> bool {
///     event.origin == "wss://example.com" || event.origin.ends_with(".example.com")
/// }
/// ```
#[derive(Clone)]
pub struct Origin(Repr);

#[derive(Clone)]
enum Repr {
    Inline { length: u8, ascii: [u8; INLINE_CAPACITY] },
    Heap(Arc<str>),
}

/// The greatest length of what is copied.
const INLINE_CAPACITY: usize = 30;

impl Origin {
    pub(crate) fn new(origin: &str) -> Self {
        let mut ascii = [0; INLINE_CAPACITY];
        Self(match (u8::try_from(origin.len()), ascii.get_mut(..origin.len())) {
            (Ok(length), Some(place)) => {
                place.copy_from_slice(origin.as_bytes());
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
            Repr::Inline { length, ascii } => str::from_utf8(&ascii[..usize::from(*length)]).unwrap_or_default(),
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
    fn an_origin_is_what_it_was_made_of_whatever_its_length() {
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
