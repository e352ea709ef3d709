//! Messages that the platform holds.

use std::fmt;

use bytes::Bytes;
use js_sys::{Array, ArrayBuffer, JsString, Uint8Array};
use wasm_bindgen::prelude::*;

use crate::types::owned_message::OwnedMessage;
use crate::types::text::Text;

#[wasm_bindgen]
extern "C" {
    /// Bytes that are copied out of the platform in one call, instead of one for their length and one for a copy into
    /// memory of that length, of which the platform makes another view.
    #[wasm_bindgen(extends = Uint8Array)]
    type View;
    #[wasm_bindgen(method, js_name = valueOf)]
    fn copied(this: &View) -> Vec<u8>;
}

/// A text or binary message that has not been read: the platform holds it, and it is copied into the program's memory when
/// it is read, if it is. A clone is another reference to the same message.
#[derive(Clone)]
pub struct LazyMessage {
    data: JsValue,
    /// What it takes while it waits: of a text, what the platform may need for it.
    queued_size: u64,
}

impl LazyMessage {
    /// Whether it is a text message.
    pub fn is_text(&self) -> bool {
        self.data.is_string()
    }

    /// Gives the size of the payload in bytes, as [`Message::size`](crate::Message::size) does; of a text the platform has to look for it.
    ///
    /// # Panics
    ///
    /// Never: the platform measures any text.
    pub fn size(&self) -> u64 {
        match self.data.dyn_ref::<JsString>() {
            None => self.buffer().byte_length().into(),
            Some(text) => {
                // A blob of a text holds its UTF-8, which nothing else gives the size of.
                let blob = web_sys::Blob::new_with_str_sequence(&Array::of1(text)).expect("a list makes a blob");
                // The platform counts in a double, which holds every integer up to 2^53.
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
                let size = blob.size() as u64;
                size
            }
        }
    }

    /// Reads the message, with one copy out of the platform; it can be read again.
    pub fn read(&self) -> OwnedMessage {
        match self.data.dyn_ref::<JsString>() {
            Some(text) => OwnedMessage::Text(Text::from(String::from(text))),
            None => OwnedMessage::Binary(copy_to_bytes(&Uint8Array::new(self.buffer()))),
        }
    }

    /// What a platform gives as a message's data, if it is a text or a buffer.
    pub(crate) fn from_js(data: JsValue) -> Self {
        let queued_size = match data.dyn_ref::<JsString>() {
            Some(text) => 2 * u64::from(text.length()),
            None => data.unchecked_ref::<ArrayBuffer>().byte_length().into(),
        };
        Self { data, queued_size }
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

/// Copies bytes out of the platform.
pub(crate) fn copy_to_bytes(bytes: &Uint8Array) -> Bytes {
    bytes.unchecked_ref::<View>().copied().into()
}

/// Has the platform hold a message.
impl From<&str> for LazyMessage {
    fn from(text: &str) -> Self {
        Self::from_js(text.into())
    }
}

/// Has the platform hold a message.
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

impl fmt::Debug for LazyMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unread").field("is_text", &self.is_text()).finish_non_exhaustive()
    }
}
