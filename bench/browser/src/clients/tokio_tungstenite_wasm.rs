//! `tokio-tungstenite-wasm`.

use futures::{SinkExt as _, StreamExt as _};
use tokio_tungstenite_wasm::{Message, WebSocketStream, connect};

use crate::job::Payload;
use crate::streams::{Result, StreamClient};

pub(crate) struct Client(WebSocketStream);

impl StreamClient for Client {
    type Message = Message;

    async fn connect(url: &str) -> Result<Self> {
        connect(url).await.map(Self).map_err(|error| error.to_string())
    }

    fn message(payload: &Payload) -> Message {
        match payload {
            Payload::Text(text) => Message::text(text.as_str()),
            Payload::Binary(bytes) => Message::binary(bytes.clone()),
        }
    }

    async fn receive(&mut self) -> Result<usize> {
        match self.0.next().await {
            Some(Ok(message @ (Message::Text(_) | Message::Binary(_)))) => Ok(message.len()),
            other => Err(format!("{other:?} is no message")),
        }
    }

    async fn feed(&mut self, message: Message) -> Result<()> {
        self.0.feed(message).await.map_err(|error| error.to_string())
    }

    async fn flush(&mut self) -> Result<()> {
        self.0.flush().await.map_err(|error| error.to_string())
    }

    async fn close(mut self) -> Result<()> {
        self.0.close().await.map_err(|error| error.to_string())?;
        // The close is delivered as a message.
        while self.0.next().await.is_some_and(|message| !matches!(message, Ok(Message::Close(_)))) {}
        Ok(())
    }
}
