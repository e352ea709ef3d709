//! Messages that the platform holds.

use std::fmt;

use bytes::Bytes;
use js_sys::{Array, ArrayBuffer, JsString, Uint8Array};
use wasm_bindgen::prelude::*;

use super::socket::Heard;
use crate::message::Payload;
use crate::{Message, Parcel, Text};

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
pub struct Unread {
    data: JsValue,
    /// What it takes while it waits: of a text, what the platform may need for it.
    weight: u64,
    ways: &'static Ways,
}

/// What is done with it by who may hold any message: a program whose messages are all read links nothing of it.
struct Ways {
    size: fn(&Unread) -> u64,
    send: fn(&Heard, &Unread) -> bool,
}

static WAYS: Ways = Ways { size, send: |heard, unread| heard.send_held(&unread.data) };

/// Gives the size of the payload in bytes; of a text the platform has to look for it.
fn size(unread: &Unread) -> u64 {
    match unread.data.dyn_ref::<JsString>() {
        None => unread.buffer().byte_length().into(),
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

/// Has the platform hold a message.
pub(crate) type Hold = fn(JsValue) -> Message;

pub(crate) const HOLD: Hold = |data| Message::Unread(Unread::of_platform(data));

impl Unread {
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
        (self.ways.size)(self)
    }

    /// Reads the message, with one copy out of the platform; it can be read again.
    pub fn read(&self) -> Parcel {
        match self.data.dyn_ref::<JsString>() {
            Some(text) => Parcel::Text(Text::from(String::from(text))),
            None => Parcel::Binary(copied(&Uint8Array::new(self.buffer()))),
        }
    }

    /// What a platform gives as a message's data, if it is a text or a buffer.
    pub(super) fn of_platform(data: JsValue) -> Self {
        let weight = match data.dyn_ref::<JsString>() {
            Some(text) => 2 * u64::from(text.length()),
            None => data.unchecked_ref::<ArrayBuffer>().byte_length().into(),
        };
        Self { data, weight, ways: &WAYS }
    }

    /// Sends it over a socket; whether it was taken.
    pub(super) fn send(&self, heard: &Heard) -> bool {
        (self.ways.send)(heard, self)
    }

    pub(super) const fn as_platform(&self) -> &JsValue {
        &self.data
    }

    pub(crate) const fn weight(&self) -> u64 {
        self.weight
    }

    pub(crate) const fn payload(&self) -> Payload<'_> {
        Payload::Unread(self)
    }

    fn buffer(&self) -> &ArrayBuffer {
        self.data.unchecked_ref()
    }
}

/// Copies bytes out of the platform.
pub(super) fn copied(bytes: &Uint8Array) -> Bytes {
    bytes.unchecked_ref::<View>().copied().into()
}

/// Has the platform hold a message.
impl From<&str> for Unread {
    fn from(text: &str) -> Self {
        Self::of_platform(text.into())
    }
}

/// Has the platform hold a message.
impl From<Bytes> for Unread {
    fn from(bytes: Bytes) -> Self {
        Self::of_platform(Uint8Array::from(&*bytes).buffer().into())
    }
}

impl From<Text> for Unread {
    fn from(text: Text) -> Self {
        Self::from(text.as_str())
    }
}

impl fmt::Debug for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unread").field("is_text", &self.is_text()).finish_non_exhaustive()
    }
}
