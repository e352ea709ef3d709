//! A client that is a sink and a stream: what is the same for all of them.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use anyhow::{Result, anyhow};
use bytes::Bytes;
use futures::{Sink, Stream};

/// What is a client's own.
pub(super) trait Piped {
    type Message: Clone;

    /// What its stream gives.
    type Given;

    /// Makes a message of UTF-8 or of bytes.
    fn message(text: bool, payload: Bytes) -> Result<Self::Message>;

    /// The length of what the stream gave, unless it is no message.
    fn length(given: Self::Given) -> Result<Option<usize>>;
}

impl<C> super::Connection for C
where
    C: Piped + Stream<Item = C::Given> + Unpin,
    C: Sink<<C as Piped>::Message, Error: std::error::Error + Send + Sync + 'static>,
{
    type Message = <C as Piped>::Message;

    fn message(text: bool, payload: Bytes) -> Result<Self::Message> {
        <C as Piped>::message(text, payload)
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
        Poll::Ready(C::length(item)?.ok_or_else(|| anyhow!("it is no message")))
    }
}
