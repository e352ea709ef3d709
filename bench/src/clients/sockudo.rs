//! `sockudo-ws`, with limits that the jobs do not reach.

use anyhow::{Context as _, Result};
use bytes::Bytes;
use futures::lock::Mutex;
use sockudo_ws::client::WebSocketClient;
use sockudo_ws::handshake::client_handshake;
use sockudo_ws::multiplex::MultiplexedConnection;
use sockudo_ws::{
    CompressedWebSocketStream, Config, DeflateConfig, Error, Http1, Http2, Message, Stream, WebSocketStream,
};

use super::connection::{Connection, LEVEL, LIMIT};
use super::sink_stream::SinkStream;
use super::stream::ClientStream;

pub(super) async fn connect(stream: impl ClientStream, path: &str) -> Result<impl Connection> {
    let client = WebSocketClient::<Http1>::new(config());
    let (stream, _) = client.connect_raw(stream, "localhost", path, None).await?;
    Ok(stream)
}

/// A connection of HTTP/2, which opens with the first WebSocket. The crate opens one WebSocket at a time on it, and does not
/// compress.
#[derive(Default)]
pub(super) struct Multiplexed(Mutex<Option<MultiplexedConnection<Http2>>>);

impl Multiplexed {
    /// Opens a WebSocket. `stream` connects, if this is the first one.
    pub(super) async fn open<S: ClientStream>(
        &self,
        stream: impl AsyncFn() -> Result<S>,
        path: &str,
    ) -> Result<WebSocketStream<Stream<Http2>>> {
        let mut connection = self.0.lock().await;
        if connection.is_none() {
            let client = WebSocketClient::<Http2>::new(config());
            *connection = Some(client.connect_multiplexed(stream().await?).await?);
        }
        let connection = connection.as_mut().context("there is a connection")?;
        Ok(connection.open_websocket(&format!("http://localhost{path}"), None).await?)
    }
}

/// Connects with compression. The crate's client never offers it, so this creates the compressing stream directly. The
/// server agrees by the path.
pub(super) async fn connect_compressed(mut stream: impl ClientStream, path: &str) -> Result<impl Connection> {
    let result = client_handshake(&mut stream, "localhost", path, None).await?;
    let deflate =
        DeflateConfig { compression_level: LEVEL.into(), compression_threshold: 0, ..DeflateConfig::default() };
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
