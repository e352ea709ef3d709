//! `sockudo-ws`, with limits that the jobs do not reach.

use anyhow::Result;
use bytes::Bytes;
use sockudo_ws::client::WebSocketClient;
use sockudo_ws::handshake::client_handshake;
use sockudo_ws::{CompressedWebSocketStream, Config, DeflateConfig, Error, Http1, Message, WebSocketStream};

use super::piped::Piped;
use super::{Connection, LIMIT, Line};

pub(super) async fn connect(stream: impl Line, path: &str) -> Result<impl Connection> {
    let client = WebSocketClient::<Http1>::new(config());
    let (stream, _) = client.connect_raw(stream, "localhost", path, None).await?;
    Ok(stream)
}

/// Its client offers no compression, whatever its configuration says; the stream that compresses has to be asked for, and the
/// server has agreed by the path.
pub(super) async fn connect_compressed(mut stream: impl Line, path: &str) -> Result<impl Connection> {
    let result = client_handshake(&mut stream, "localhost", path, None).await?;
    let deflate = DeflateConfig::default();
    Ok(CompressedWebSocketStream::client_with_leftover(stream, config(), deflate, result.leftover))
}

fn config() -> Config {
    Config { max_message_size: LIMIT, max_frame_size: LIMIT, ..Config::default() }
}

impl<S: Line> Piped for WebSocketStream<S> {
    type Message = Message;
    type Given = Result<Message, Error>;

    fn message(text: bool, payload: Bytes) -> Result<Message> {
        Ok(message(text, payload))
    }

    fn length(item: Self::Given) -> Result<Option<usize>> {
        length(item)
    }
}

impl<S: Line> Piped for CompressedWebSocketStream<S> {
    type Message = Message;
    type Given = Result<Message, Error>;

    fn message(text: bool, payload: Bytes) -> Result<Message> {
        Ok(message(text, payload))
    }

    fn length(item: Self::Given) -> Result<Option<usize>> {
        length(item)
    }
}

const fn message(text: bool, payload: Bytes) -> Message {
    if text { Message::Text(payload) } else { Message::Binary(payload) }
}

fn length(item: Result<Message, Error>) -> Result<Option<usize>> {
    Ok(match item? {
        Message::Text(bytes) | Message::Binary(bytes) => Some(bytes.len()),
        _ => None,
    })
}
