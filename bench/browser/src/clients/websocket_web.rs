//! `websocket-web` with its defaults. It uses `WebSocketStream` where the engine has one.

use futures::{SinkExt, StreamExt as _};
use websocket_web::{Msg, WebSocket};

use crate::job::Payload;
use crate::streams::{Result, StreamClient};

pub(crate) struct Client(WebSocket);

impl StreamClient for Client {
    type Message = Msg;

    async fn connect(url: &str) -> Result<Self> {
        WebSocket::connect(url).await.map(Self).map_err(|error| error.to_string())
    }

    fn message(payload: &Payload) -> Msg {
        match payload {
            Payload::Text(text) => Msg::Text(text.clone()),
            Payload::Binary(bytes) => Msg::Binary(bytes.to_vec()),
        }
    }

    async fn receive(&mut self) -> Result<usize> {
        match self.0.next().await {
            Some(Ok(message)) => Ok(message.len()),
            other => Err(format!("{other:?} is no message")),
        }
    }

    async fn feed(&mut self, message: Msg) -> Result<()> {
        self.0.feed(message).await.map_err(|error| error.to_string())
    }

    async fn flush(&mut self) -> Result<()> {
        SinkExt::<Msg>::flush(&mut self.0).await.map_err(|error| error.to_string())
    }

    async fn close(self) -> Result<()> {
        let closed = self.0.closed();
        self.0.close();
        closed.await;
        Ok(())
    }
}
