//! `sockudo-ws`, with limits that the jobs do not reach.

use anyhow::Result;
use bytes::Bytes;
use sockudo_ws::client::WebSocketClient;
use sockudo_ws::{Compression, Config, Error, Http1, Message, WebSocketStream};

use super::piped::Piped;
use super::{Connection, LIMIT, Line};

pub(super) async fn connect(stream: impl Line, path: &str, compressed: bool) -> Result<impl Connection> {
    let compression = if compressed { Compression::Dedicated } else { Compression::Disabled };
    let config = Config { max_message_size: LIMIT, max_frame_size: LIMIT, compression, ..Config::default() };
    let client = WebSocketClient::<Http1>::new(config);
    let (stream, _) = client.connect_raw(stream, "localhost", path, None).await?;
    Ok(stream)
}

impl<S: Line> Piped for WebSocketStream<S> {
    type Message = Message;
    type Given = Result<Message, Error>;

    fn message(text: bool, payload: Bytes) -> Result<Message> {
        Ok(if text { Message::Text(payload) } else { Message::Binary(payload) })
    }

    fn length(item: Self::Given) -> Result<Option<usize>> {
        Ok(match item? {
            Message::Text(bytes) | Message::Binary(bytes) => Some(bytes.len()),
            _ => None,
        })
    }
}
