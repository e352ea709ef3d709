//! `ws_stream_wasm`.

use futures::{SinkExt as _, StreamExt as _};
use ws_stream_wasm::{WsMessage, WsMeta, WsStream};

use crate::job::Payload;
use crate::streams::{Result, StreamClient};

pub(crate) struct Client {
    meta: WsMeta,
    stream: WsStream,
}

impl StreamClient for Client {
    type Message = WsMessage;

    async fn connect(url: &str) -> Result<Self> {
        let (meta, stream) = WsMeta::connect(url, None).await.map_err(|error| error.to_string())?;
        Ok(Self { meta, stream })
    }

    fn message(payload: &Payload) -> WsMessage {
        match payload {
            Payload::Text(text) => WsMessage::Text(text.clone()),
            Payload::Binary(bytes) => WsMessage::Binary(bytes.to_vec()),
        }
    }

    async fn receive(&mut self) -> Result<usize> {
        match self.stream.next().await {
            Some(WsMessage::Text(text)) => Ok(text.len()),
            Some(WsMessage::Binary(bytes)) => Ok(bytes.len()),
            None => Err("the connection ended".to_owned()),
        }
    }

    async fn feed(&mut self, message: WsMessage) -> Result<()> {
        self.stream.feed(message).await.map_err(|error| error.to_string())
    }

    async fn flush(&mut self) -> Result<()> {
        self.stream.flush().await.map_err(|error| error.to_string())
    }

    async fn close(self) -> Result<()> {
        self.meta.close().await.map(drop).map_err(|error| error.to_string())
    }
}
