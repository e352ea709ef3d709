//! `tokio-tungstenite`, with limits that no job reaches.

use anyhow::Result;
use bytes::Bytes;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};

use super::connection::{Connection, LIMIT};
use super::sink_stream::SinkStream;
use super::stream::ClientStream;

pub(super) async fn connect(stream: impl ClientStream, path: &str) -> Result<impl Connection> {
    let config = WebSocketConfig::default().max_message_size(Some(LIMIT)).max_frame_size(Some(LIMIT));
    let url = format!("ws://localhost{path}");
    let (stream, _) = tokio_tungstenite::client_async_with_config(url, stream, Some(config)).await?;
    Ok(stream)
}

impl<S: ClientStream> SinkStream for WebSocketStream<S> {
    type Message = Message;
    type Received = Result<Message, Error>;

    fn message(text: bool, payload: Bytes) -> Result<Message> {
        Ok(if text { Message::Text(Utf8Bytes::try_from(payload)?) } else { Message::Binary(payload) })
    }

    fn length(item: Self::Received) -> Result<Option<usize>> {
        Ok(match item? {
            Message::Text(text) => Some(text.len()),
            Message::Binary(bytes) => Some(bytes.len()),
            _ => None,
        })
    }
}
