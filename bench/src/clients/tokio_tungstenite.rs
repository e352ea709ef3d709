//! `tokio-tungstenite`, with limits that no job reaches.

use anyhow::Result;
use bytes::Bytes;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};

use super::connection::{Connection, LIMIT};
use super::sink_stream::SinkStream;
use super::stream::ClientStream;

/// The read buffer that the crate's documentation advises for many connections, in bytes.
const SMALL_BUFFER: usize = 4 << 10;

/// Connects. `is_one_of_many` is whether there are many connections.
pub(super) async fn connect(stream: impl ClientStream, path: &str, is_one_of_many: bool) -> Result<impl Connection> {
    let mut config = WebSocketConfig::default().max_message_size(Some(LIMIT)).max_frame_size(Some(LIMIT));
    if is_one_of_many {
        config = config.read_buffer_size(SMALL_BUFFER);
    }
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
