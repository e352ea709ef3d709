//! `yawc` with its UTF-8 check, which is off by default, and limits that no job reaches.

use anyhow::Result;
use bytes::Bytes;
use yawc::{Frame, OpCode, Options, WebSocket};

use super::connection::{Connection, LIMIT};
use super::sink_stream::SinkStream;
use super::stream::ClientStream;

pub(super) async fn connect(stream: impl ClientStream, path: &str, compressed: bool) -> Result<impl Connection> {
    let url = format!("ws://localhost{path}").parse()?;
    let options = Options::default().with_utf8().with_limits(LIMIT, LIMIT);
    let options = if compressed { options.with_balanced_compression() } else { options.without_compression() };
    Ok(WebSocket::handshake(url, stream, options).await?)
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
