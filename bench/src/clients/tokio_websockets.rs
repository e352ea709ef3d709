//! `tokio-websockets` with its defaults.

use anyhow::Result;
use bytes::Bytes;
use tokio_websockets::{ClientBuilder, Error, Message, WebSocketStream};

use super::connection::Connection;
use super::sink_stream::SinkStream;
use super::stream::ClientStream;

pub(super) async fn connect(stream: impl ClientStream, path: &str) -> Result<impl Connection> {
    let url = format!("ws://localhost{path}");
    let (stream, _) = ClientBuilder::new().uri(&url)?.connect_on(stream).await?;
    Ok(stream)
}

impl<S: ClientStream> SinkStream for WebSocketStream<S> {
    type Message = Message;
    type Received = Result<Message, Error>;

    fn message(text: bool, payload: Bytes) -> Result<Message> {
        Ok(if text { Message::text(String::from_utf8(payload.into())?) } else { Message::binary(payload) })
    }

    fn length(item: Self::Received) -> Result<Option<usize>> {
        let message = item?;
        Ok((message.is_text() || message.is_binary()).then(|| message.as_payload().len()))
    }
}
