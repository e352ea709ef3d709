//! Typed messages in other formats than JSON: [postcard](https://postcard.jamesmunns.com) and
//! [MessagePack](https://msgpack.org). A codec takes two functions.

use samesocket::typed::{BoxError, Codec, Typed};
use samesocket::{Message, Socket, connect};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Binary messages in the format of postcard, which both sides must know exactly.
#[derive(Clone, Copy, Debug, Default)]
pub struct Postcard;

impl<In: DeserializeOwned, Out: Serialize> Codec<In, Out> for Postcard {
    fn decode(&self, message: &Message) -> Result<In, BoxError> {
        Ok(postcard::from_bytes(binary(message)?)?)
    }

    fn encode(&self, value: &Out) -> Result<Message, BoxError> {
        Ok(postcard::to_stdvec(value)?.into())
    }
}

/// Binary messages of `MessagePack`, with the names of fields.
#[derive(Clone, Copy, Debug, Default)]
pub struct MessagePack;

impl<In: DeserializeOwned, Out: Serialize> Codec<In, Out> for MessagePack {
    fn decode(&self, message: &Message) -> Result<In, BoxError> {
        Ok(rmp_serde::from_slice(binary(message)?)?)
    }

    fn encode(&self, value: &Out) -> Result<Message, BoxError> {
        Ok(rmp_serde::to_vec_named(value)?.into())
    }
}

fn binary(message: &Message) -> Result<&[u8], BoxError> {
    match message {
        Message::Binary(bytes) => Ok(bytes),
        _ => Err("expected a binary message".into()),
    }
}

/// A measurement, sent to the server.
#[derive(Debug, Serialize, Deserialize, PartialEq)]
pub struct Reading {
    /// The name of the sensor.
    pub sensor: String,
    /// The temperature.
    pub celsius: f32,
}

/// The answer of the server.
#[derive(Debug, Serialize, Deserialize, PartialEq)]
pub enum Verdict {
    /// The reading is as usual.
    Usual,
    /// The reading exceeds the usual range by this much.
    TooHot {
        /// The difference in degrees.
        by: f32,
    },
}

/// A socket of readings and verdicts.
pub type Readings = Typed<Verdict, Reading, Socket>;

/// Connects, and uses the format that the server chooses.
///
/// # Errors
///
/// Returns an error if there is no connection, or if the server knows neither format.
pub async fn connect_readings(url: &str, formats: &[&str]) -> Result<Readings, crate::BoxError> {
    let socket = connect(url).subprotocols(formats).await?;
    match &*socket.protocol() {
        "readings.postcard" => Ok(socket.typed(Postcard)),
        "readings.msgpack" => Ok(socket.typed(MessagePack)),
        other => Err(format!("the server chose {other:?}").into()),
    }
}
