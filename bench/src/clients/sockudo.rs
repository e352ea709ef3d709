//! `sockudo-ws`, with limits that the jobs do not reach.

use std::pin::Pin;
use std::task::{Context, Poll};

use anyhow::Result;
use bytes::Bytes;
use futures::{Sink, Stream};
use sockudo_ws::client::WebSocketClient;
use sockudo_ws::{Config, Http1, Message, WebSocketStream};
use tokio::net::TcpStream;

use super::{Connection, LIMIT, poll_stream, stream};

pub(super) async fn connect(port: u16, path: &str) -> Result<impl Connection> {
    let config = Config { max_message_size: LIMIT, max_frame_size: LIMIT, ..Config::default() };
    let client = WebSocketClient::<Http1>::new(config);
    let (stream, _) = client.connect_raw(stream(port).await?, "127.0.0.1", path, None).await?;
    Ok(stream)
}

impl Connection for WebSocketStream<TcpStream> {
    type Message = Message;

    fn message(text: bool, payload: Bytes) -> Result<Message> {
        Ok(if text { Message::Text(payload) } else { Message::Binary(payload) })
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
        poll_stream(Pin::new(self).poll_next(context), |message| match message {
            Message::Text(bytes) | Message::Binary(bytes) => Some(bytes.len()),
            _ => None,
        })
    }
}
