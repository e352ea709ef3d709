//! samesocket's `WebSocket` with a stream of events and its defaults. Some runs use the caller's runtime.

use std::future::Future as _;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use anyhow::{Result, anyhow};
use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use samesocket::{BinaryType, Event, Events, Message, Options, Text, WebSocket};
use tokio::time::{Instant, Sleep, sleep_until};

/// The limit of `bufferedAmount` for sending more. Arbitrary: a loopback connection drains this within a few pauses.
const MAX_BUFFERED: u64 = 8 << 20;

/// The time between two looks at `bufferedAmount`, for which the interface has no event.
const PAUSE: Duration = Duration::from_millis(1);

struct Interface {
    socket: WebSocket,
    events: Events,
    pause: Pin<Box<Sleep>>,
}

pub(super) async fn connect(url: &str, options: &Options) -> Result<impl super::connection::Connection + use<>> {
    let socket = WebSocket::with_options(url, (), options)?;
    socket.set_binary_type(BinaryType::ArrayBuffer);
    let mut events = socket.events();
    match events.next().await {
        Some(Event::Open) => Ok(Interface { socket, events, pause: Box::pin(sleep_until(Instant::now())) }),
        _ => Err(anyhow!("the connection failed: {:?}", socket.failure())),
    }
}

#[derive(Clone)]
enum Content {
    Text(Text),
    Binary(Bytes),
}

impl super::connection::Connection for Interface {
    type Message = Content;

    fn message(text: bool, payload: Bytes) -> Result<Content> {
        Ok(if text { Content::Text(str::from_utf8(&payload)?.into()) } else { Content::Binary(payload) })
    }

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// The socket flushes by itself, so this only limits the buffered bytes.
    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<Result<()>> {
        while self.socket.buffered_amount() >= MAX_BUFFERED {
            if self.pause.deadline() <= Instant::now() {
                self.pause.as_mut().reset(Instant::now() + PAUSE);
            }
            ready!(self.pause.as_mut().poll(context));
        }
        Poll::Ready(Ok(()))
    }

    fn send(&mut self, message: Content) -> Result<()> {
        match message {
            Content::Text(text) => self.socket.send(&text),
            Content::Binary(bytes) => self.socket.send(&bytes),
        }?;
        Ok(())
    }

    fn poll_receive(&mut self, context: &mut Context<'_>) -> Poll<Result<usize>> {
        Poll::Ready(match ready!(pin!(&mut self.events).poll_next(context)) {
            Some(Event::Message(event)) => match event.data {
                Message::Text(text) => Ok(text.len()),
                Message::Binary(bytes) => Ok(bytes.len()),
                other => Err(anyhow!("unexpected message {other:?}")),
            },
            other => Err(anyhow!("expected a message: {other:?}")),
        })
    }
}
