//! `sockudo-ws`, with limits that the jobs do not reach.

use anyhow::Result;
use bytes::Bytes;
use sockudo_ws::client::WebSocketClient;
use sockudo_ws::handshake::client_handshake;
use sockudo_ws::{CompressedWebSocketStream, Config, DeflateConfig, Error, Http1, Http2, Message, WebSocketStream};

use super::connection::{Connection, LIMIT};
use super::sink_stream::SinkStream;
use super::stream::ClientStream;

pub(super) async fn connect(stream: impl ClientStream, path: &str) -> Result<impl Connection> {
    let client = WebSocketClient::<Http1>::new(config());
    let (stream, _) = client.connect_raw(stream, "localhost", path, None).await?;
    Ok(stream)
}

/// Connects over HTTP/2. The crate does not compress there.
pub(super) async fn connect_http2(stream: impl ClientStream, path: &str) -> Result<impl Connection> {
    let client = WebSocketClient::<Http2>::new(config());
    Ok(client.connect(stream, &format!("http://localhost{path}"), None).await?)
}

/// Connects with compression. The crate's client never offers it, so this creates the compressing stream directly. The
/// server agrees by the path.
pub(super) async fn connect_compressed(mut stream: impl ClientStream, path: &str) -> Result<impl Connection> {
    let result = client_handshake(&mut stream, "localhost", path, None).await?;
    let deflate = DeflateConfig::default();
    Ok(CompressedWebSocketStream::client_with_leftover(stream, config(), deflate, result.leftover))
}

fn config() -> Config {
    Config { max_message_size: LIMIT, max_frame_size: LIMIT, ..Config::default() }
}

impl<S: ClientStream> SinkStream for WebSocketStream<S> {
    type Message = Message;
    type Received = Result<Message, Error>;

    fn message(text: bool, payload: Bytes) -> Result<Message> {
        Ok(message(text, payload))
    }

    fn length(item: Self::Received) -> Result<Option<usize>> {
        length(item)
    }
}

impl<S: ClientStream> SinkStream for CompressedWebSocketStream<S> {
    type Message = Message;
    type Received = Result<Message, Error>;

    fn message(text: bool, payload: Bytes) -> Result<Message> {
        Ok(message(text, payload))
    }

    fn length(item: Self::Received) -> Result<Option<usize>> {
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
