//! JSON messages.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{BoxError, Codec};
use crate::types::message::Message;

/// A [`Codec`] of JSON: each value is a text message. Needs the feature `serde`.
///
/// It decodes binary messages too, which contain UTF-8 then. A message is decoded as a whole, so anything after the value is an
/// error.
///
/// ```
/// use samesocket::Message;
/// use samesocket::typed::{Codec, Json};
///
/// let codec: &dyn Codec<(u32, bool), Vec<u32>> = &Json;
/// assert_eq!(codec.encode(&vec![1, 2])?, Message::from("[1,2]"));
/// assert_eq!(codec.decode(&"[1, true]".into())?, (1, true));
/// # Ok::<(), samesocket::typed::BoxError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Json;

impl<In: DeserializeOwned, Out: Serialize> Codec<In, Out> for Json {
    fn decode(&self, message: &Message) -> Result<In, BoxError> {
        let bytes = message.as_bytes().ok_or("a blob has to be read before it can be decoded")?;
        Ok(serde_json::from_slice(bytes)?)
    }

    fn encode(&self, value: &Out) -> Result<Message, BoxError> {
        Ok(serde_json::to_string(value)?.into())
    }
}
