//! samesocket's futures API.

use futures::SinkExt;
use samesocket::{Message, Socket};

use crate::job::Payload;
use crate::streams::{Result, StreamClient};

pub(crate) struct Client(Socket);

impl StreamClient for Client {
    type Message = Message;

    async fn connect(url: &str) -> Result<Self> {
        samesocket::connect(url).await.map(Self).map_err(|error| error.to_string())
    }

    fn message(payload: &Payload) -> Message {
        match payload {
            Payload::Text(text) => Message::Text(text.as_str().into()),
            Payload::Binary(bytes) => Message::Binary(bytes.clone()),
        }
    }

    async fn receive(&mut self) -> Result<usize> {
        match self.0.next().await {
            Some(Ok(Message::Text(text))) => Ok(text.len()),
            Some(Ok(Message::Binary(bytes))) => Ok(bytes.len()),
            other => Err(format!("{other:?} is no message")),
        }
    }

    async fn feed(&mut self, message: Message) -> Result<()> {
        self.0.feed(message).await.map_err(|error| error.to_string())
    }

    async fn flush(&mut self) -> Result<()> {
        SinkExt::<Message>::flush(&mut self.0).await.map_err(|error| error.to_string())
    }

    async fn close(self) -> Result<()> {
        self.0.close(None, None).await.map(drop).map_err(|error| error.to_string())
    }
}
