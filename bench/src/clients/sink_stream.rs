//! Implements `Connection` for clients that are a `Sink` and a `Stream`.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use anyhow::{Result, anyhow};
use bytes::Bytes;
use futures::{Sink, Stream};

/// The parts that differ between such clients.
pub(crate) trait SinkStream {
    type Message: Clone;

    /// The item of the stream.
    type Received;

    /// Creates a text message from UTF-8, or a binary message.
    fn message(text: bool, payload: Bytes) -> Result<Self::Message>;

    /// Returns the length of a received message, or `None` for other items.
    fn length(received: Self::Received) -> Result<Option<usize>>;
}

impl<C> super::connection::Connection for C
where
    C: SinkStream + Stream<Item = C::Received> + Unpin,
    C: Sink<<C as SinkStream>::Message, Error: std::error::Error + Send + Sync + 'static>,
{
    type Message = <C as SinkStream>::Message;

    fn message(text: bool, payload: Bytes) -> Result<Self::Message> {
        <C as SinkStream>::message(text, payload)
    }

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<()>> {
        Sink::poll_ready(Pin::new(self), context).map_err(Into::into)
    }

    fn send(&mut self, message: Self::Message) -> Result<()> {
        Ok(Pin::new(self).start_send(message)?)
    }

    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<Result<()>> {
        Sink::poll_flush(Pin::new(self), context).map_err(Into::into)
    }

    fn poll_receive(&mut self, context: &mut Context<'_>) -> Poll<Result<usize>> {
        let item = ready!(Pin::new(self).poll_next(context)).ok_or_else(|| anyhow!("the connection ended"))?;
        Poll::Ready(C::length(item)?.ok_or_else(|| anyhow!("expected a message")))
    }
}
