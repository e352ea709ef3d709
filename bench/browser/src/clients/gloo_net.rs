//! `gloo-net`.

use futures::{SinkExt as _, StreamExt as _};
use gloo_net::websocket::Message;
use gloo_net::websocket::futures::WebSocket;

use crate::job::Payload;
use crate::streams::{Result, StreamClient};

pub(crate) struct Client(WebSocket);

impl StreamClient for Client {
    type Message = Message;

    /// Returns at once. The sink waits until the connection is open.
    async fn connect(url: &str) -> Result<Self> {
        let mut socket = WebSocket::open(url).map_err(|error| error.to_string())?;
        std::future::poll_fn(|context| socket.poll_ready_unpin(context)).await.map_err(|error| error.to_string())?;
        Ok(Self(socket))
    }

    fn message(payload: &Payload) -> Message {
        match payload {
            Payload::Text(text) => Message::Text(text.clone()),
            Payload::Binary(bytes) => Message::Bytes(bytes.to_vec()),
        }
    }

    async fn receive(&mut self) -> Result<usize> {
        match self.0.next().await {
            Some(Ok(Message::Text(text))) => Ok(text.len()),
            Some(Ok(Message::Bytes(bytes))) => Ok(bytes.len()),
            other => Err(format!("{other:?} is no message")),
        }
    }

    async fn feed(&mut self, message: Message) -> Result<()> {
        self.0.feed(message).await.map_err(|error| error.to_string())
    }

    async fn flush(&mut self) -> Result<()> {
        self.0.flush().await.map_err(|error| error.to_string())
    }

    /// Drops the socket. The crate does not report the end.
    async fn close(self) -> Result<()> {
        self.0.close(None, None).map_err(|error| error.to_string())
    }
}
