//! `yawc` with its UTF-8 check, which is off by default, and limits that no job reaches.

use anyhow::Result;
use bytes::Bytes;
use yawc::{CompressionLevel, Frame, HttpRequestBuilder, OpCode, Options, WebSocket, http2};

use super::connection::{Connection, LEVEL, LIMIT};
use super::sink_stream::SinkStream;
use super::stream::ClientStream;

pub(super) async fn connect(stream: impl ClientStream, path: &str, compressed: bool) -> Result<impl Connection> {
    let url = format!("ws://localhost{path}").parse()?;
    Ok(WebSocket::handshake(url, stream, options(compressed)).await?)
}

/// Connects over HTTP/2. The crate has no way to open a second WebSocket on the same connection.
pub(super) async fn connect_http2(stream: impl ClientStream, path: &str, compressed: bool) -> Result<impl Connection> {
    let url = format!("ws://localhost{path}").parse()?;
    Ok(http2::handshake(url, stream, options(compressed), HttpRequestBuilder::new()).await?)
}

fn options(compressed: bool) -> Options {
    let options = Options::default().with_utf8().with_limits(LIMIT, LIMIT);
    if compressed {
        options.with_compression_level(CompressionLevel::new(LEVEL.into()))
    } else {
        options.without_compression()
    }
}

impl<S: ClientStream> SinkStream for WebSocket<S> {
    type Message = Frame;
    type Received = Frame;

    fn message(text: bool, payload: Bytes) -> Result<Frame> {
        Ok(if text { Frame::text(payload) } else { Frame::binary(payload) })
    }

    fn length(frame: Frame) -> Result<Option<usize>> {
        Ok(matches!(frame.opcode(), OpCode::Text | OpCode::Binary).then(|| frame.payload().len()))
    }
}
