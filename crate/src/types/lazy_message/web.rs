//! Lazy messages in a browser, where the platform holds them.

use std::fmt;

use bytes::Bytes;
use js_sys::{Array, ArrayBuffer, JsString, Uint8Array};
use wasm_bindgen::prelude::*;

use crate::types::owned_message::OwnedMessage;
use crate::types::text::Text;

#[wasm_bindgen]
extern "C" {
    /// A typed array whose bytes are copied in one call.
    ///
    /// `Uint8Array::to_vec` makes two: one for the length, and one that copies through a second view.
    #[wasm_bindgen(extends = Uint8Array)]
    type View;
    #[wasm_bindgen(method, js_name = valueOf)]
    fn copy(this: &View) -> Vec<u8>;
}

/// A text or binary message that the platform may hold until it is read.
///
/// On native targets it is in memory, and reading it is free. In a browser reading copies it into the program's memory.
/// A clone is another reference to the same message.
///
/// ```
/// use samesocket::{LazyMessage, OwnedMessage};
///
/// let message = LazyMessage::from("hello");
/// assert!(message.is_text());
/// assert_eq!(message.read(), OwnedMessage::from("hello"));
/// ```
#[derive(Clone)]
pub struct LazyMessage {
    data: JsValue,
    /// The size for the limit of a queue, in bytes. A text counts two bytes per UTF-16 code unit.
    queued_size: u64,
    // Code size: sending any message asks for its size. Only a program that creates lazy messages links `measure`.
    measure: fn(&Self) -> u64,
}

/// Returns the size of the payload in bytes.
fn measure(message: &LazyMessage) -> u64 {
    match message.data.dyn_ref::<JsString>() {
        None => message.buffer().byte_length().into(),
        Some(text) => {
            // A blob encodes the text as UTF-8 in the platform's memory. No other API returns the size without a copy.
            let blob = web_sys::Blob::new_with_str_sequence(&Array::of1(text))
                .expect("the constructor accepts a list of strings");
            // The platform's number is a double, which is exact up to 2^53.
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let size = blob.size() as u64;
            size
        }
    }
}

impl LazyMessage {
    /// Returns whether it is a text message.
    pub fn is_text(&self) -> bool {
        self.data.is_string()
    }

    /// Returns the size of the payload in bytes, as [`Message::size`](crate::Message::size) does.
    ///
    /// For a text the platform encodes it as UTF-8, which takes time.
    ///
    /// # Panics
    ///
    /// Never: the platform accepts any text.
    pub fn size(&self) -> u64 {
        (self.measure)(self)
    }

    /// Reads the message, with one copy into the program's memory. It can be read again.
    pub fn read(&self) -> OwnedMessage {
        match self.data.dyn_ref::<JsString>() {
            Some(text) => OwnedMessage::Text(Text::from(String::from(text))),
            None => OwnedMessage::Binary(copy_to_bytes(&Uint8Array::new(self.buffer()))),
        }
    }

    /// Creates a lazy message from the `data` of a message event, which must be a string or an `ArrayBuffer`.
    pub(crate) fn from_js(data: JsValue) -> Self {
        let queued_size = match data.dyn_ref::<JsString>() {
            Some(text) => 2 * u64::from(text.length()),
            None => data.unchecked_ref::<ArrayBuffer>().byte_length().into(),
        };
        Self { data, queued_size, measure }
    }

    pub(crate) const fn as_js(&self) -> &JsValue {
        &self.data
    }

    pub(crate) const fn queued_size(&self) -> u64 {
        self.queued_size
    }

    fn buffer(&self) -> &ArrayBuffer {
        self.data.unchecked_ref()
    }
}

/// Copies bytes from a JavaScript buffer into the program's memory.
pub(crate) fn copy_to_bytes(bytes: &Uint8Array) -> Bytes {
    bytes.unchecked_ref::<View>().copy().into()
}

/// Creates a lazy message from a copy in the platform's memory.
impl From<&str> for LazyMessage {
    fn from(text: &str) -> Self {
        Self::from_js(text.into())
    }
}

/// Creates a lazy message from a copy in the platform's memory.
impl From<Bytes> for LazyMessage {
    fn from(bytes: Bytes) -> Self {
        Self::from_js(Uint8Array::from(&*bytes).buffer().into())
    }
}

impl From<Text> for LazyMessage {
    fn from(text: Text) -> Self {
        Self::from(text.as_str())
    }
}

/// Compares the payloads, which reads them.
impl PartialEq for LazyMessage {
    fn eq(&self, other: &Self) -> bool {
        self.read() == other.read()
    }
}

impl Eq for LazyMessage {}

impl fmt::Debug for LazyMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LazyMessage").field("is_text", &self.is_text()).finish_non_exhaustive()
    }
}
