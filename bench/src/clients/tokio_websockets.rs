//! `tokio-websockets`, as it comes.

use std::pin::Pin;
use std::task::{Context, Poll};

use anyhow::Result;
use bytes::Bytes;
use futures::{Sink, Stream};
use tokio::net::TcpStream;
use tokio_websockets::{ClientBuilder, Message, WebSocketStream};

use super::{Connection, poll_stream, stream};

pub(super) async fn connect(port: u16, path: &str) -> Result<impl Connection> {
    let url = format!("ws://127.0.0.1:{port}{path}");
    let (stream, _) = ClientBuilder::new().uri(&url)?.connect_on(stream(port).await?).await?;
    Ok(stream)
}

impl Connection for WebSocketStream<TcpStream> {
    type Message = Message;

    fn message(text: bool, payload: Bytes) -> Result<Message> {
        Ok(if text { Message::text(String::from_utf8(payload.into())?) } else { Message::binary(payload) })
    }

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<()>> {
        Sink::poll_ready(Pin::new(self), context).map_err(Into::into)
    }

    fn send(&mut self, message: Message) -> Result<()> {
        Ok(Pin::new(self).start_send(message)?)
    }

    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<Result<()>> {
        Sink::poll_flush(Pin::new(self), context).map_err(Into::into)
    }

    fn poll_receive(&mut self, context: &mut Context<'_>) -> Poll<Result<usize>> {
        poll_stream(Pin::new(self).poll_next(context), |message| {
            (message.is_text() || message.is_binary()).then(|| message.as_payload().len())
        })
    }
}
