//! `yawc`, with its check of text, which is off by default, and limits that the jobs do not reach.

use anyhow::Result;
use bytes::Bytes;
use yawc::{Frame, OpCode, Options, WebSocket};

use super::piped::Piped;
use super::{Connection, LIMIT, Line};

pub(super) async fn connect(stream: impl Line, path: &str, compressed: bool) -> Result<impl Connection> {
    let url = format!("ws://localhost{path}").parse()?;
    let options = Options::default().with_utf8().with_limits(LIMIT, LIMIT);
    let options = if compressed { options.with_balanced_compression() } else { options.without_compression() };
    Ok(WebSocket::handshake(url, stream, options).await?)
}

impl<S: Line> Piped for WebSocket<S> {
    type Message = Frame;
    type Given = Frame;

    fn message(text: bool, payload: Bytes) -> Result<Frame> {
        Ok(if text { Frame::text(payload) } else { Frame::binary(payload) })
    }

    fn length(frame: Frame) -> Result<Option<usize>> {
        Ok(matches!(frame.opcode(), OpCode::Text | OpCode::Binary).then(|| frame.payload().len()))
    }
}
