//! `yawc`, with its check of text, which is off by default, and limits that the jobs do not reach.

use std::pin::Pin;
use std::task::{Context, Poll};

use anyhow::Result;
use bytes::Bytes;
use futures::{Sink, Stream};
use tokio::net::TcpStream;
use yawc::{Frame, OpCode, Options, WebSocket};

use super::{Connection, LIMIT, stream};

pub(super) async fn connect(port: u16, path: &str) -> Result<impl Connection> {
    let url = format!("ws://127.0.0.1:{port}{path}").parse()?;
    let options = Options::default().with_utf8().without_compression().with_limits(LIMIT, LIMIT);
    Ok(WebSocket::handshake(url, stream(port).await?, options).await?)
}

impl Connection for WebSocket<TcpStream> {
    type Message = Frame;

    fn message(text: bool, payload: Bytes) -> Result<Frame> {
        Ok(if text { Frame::text(payload) } else { Frame::binary(payload) })
    }

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<()>> {
        Sink::poll_ready(Pin::new(self), context).map_err(Into::into)
    }

    fn send(&mut self, message: Frame) -> Result<()> {
        Ok(Pin::new(self).start_send(message)?)
    }

    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<Result<()>> {
        Sink::poll_flush(Pin::new(self), context).map_err(Into::into)
    }

    fn poll_receive(&mut self, context: &mut Context<'_>) -> Poll<Result<usize>> {
        Pin::new(self).poll_next(context).map(|frame| match frame {
            Some(frame) if matches!(frame.opcode(), OpCode::Text | OpCode::Binary) => Ok(frame.payload().len()),
            Some(_) => Err(anyhow::anyhow!("it is no message")),
            None => Err(anyhow::anyhow!("the connection ended")),
        })
    }
}
