//! The sending half as a `Sink`, which goes on before the answers are here.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::channel::oneshot;
use futures::future::FutureExt;
use futures::sink::Sink;

use super::{ConnectionFailed, Error, Remote, RemoteSender, UNDER_WAY, ask, driver};
use crate::platform::FinalState;
use crate::types::owned_message::OwnedMessage;
use samesocket_spec::CloseEvent;

type Sent = Result<(), Error<OwnedMessage>>;
type Closing = Pin<Box<dyn Future<Output = Result<CloseEvent, Error<OwnedMessage>>> + Send + Sync>>;

/// What the sink asked for and has no answer to yet; the clone of a sender has nothing to do with it.
#[derive(Default)]
pub(super) struct Unanswered {
    messages: VecDeque<(OwnedMessage, oneshot::Receiver<Sent>)>,
    closing: Option<Closing>,
}

impl Clone for Unanswered {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Unanswered {
    /// Takes the answers that are here, the oldest first, until one is an error; ready when no more than `most` are left.
    fn poll(&mut self, most: usize, context: &mut Context<'_>) -> Poll<Sent> {
        while let Some((_, answer)) = self.messages.front_mut() {
            let Poll::Ready(answer) = answer.poll_unpin(context) else { break };
            let Some((parcel, _)) = self.messages.pop_front() else { break };
            answer.unwrap_or(Err(Error::NotOpen(parcel)))?;
        }
        if self.messages.len() <= most { Poll::Ready(Ok(())) } else { Poll::Pending }
    }
}

/// At most 16 messages are without an answer. An error of `poll_ready` or `poll_flush` has the oldest message that was not
/// handed over; polled again, each gives the next one, so that all of them come back. Dropped, the sink takes back what has
/// not been handed over: flush it before.
impl Sink<OwnedMessage> for RemoteSender {
    type Error = Error<OwnedMessage>;

    fn poll_ready(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Sent> {
        self.unanswered.poll(UNDER_WAY, context)
    }

    /// Asks for the message to be sent; that it was, `poll_flush` tells.
    fn start_send(mut self: Pin<&mut Self>, parcel: OwnedMessage) -> Sent {
        let answer = ask(&self.orders, |answer| driver::Order { parcel: parcel.clone(), answer });
        self.unanswered.messages.push_back((parcel, answer));
        Ok(())
    }

    /// Waits until every message was handed over to the socket, as [`send`](Self::send) does.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Sent> {
        self.unanswered.poll(0, context)
    }

    /// Flushes, and closes without a code.
    fn poll_close(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Sent> {
        ready!(self.as_mut().poll_flush(context))?;
        let mut closing = self.unanswered.closing.take().unwrap_or_else(|| Box::pin(self.close(None, None)));
        let Poll::Ready(closed) = closing.as_mut().poll(context) else {
            self.unanswered.closing = Some(closing);
            return Poll::Pending;
        };
        let event = closed?;
        if event.was_clean {
            return Poll::Ready(Ok(()));
        }
        Poll::Ready(Err(Error::Failed(ConnectionFailed::new(event, FinalState::of(0)))))
    }
}

/// As for [`RemoteSender`].
impl Sink<OwnedMessage> for Remote {
    type Error = Error<OwnedMessage>;

    fn poll_ready(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Sent> {
        Pin::new(&mut self.sender).poll_ready(context)
    }

    fn start_send(mut self: Pin<&mut Self>, parcel: OwnedMessage) -> Sent {
        Pin::new(&mut self.sender).start_send(parcel)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Sent> {
        Pin::new(&mut self.sender).poll_flush(context)
    }

    fn poll_close(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Sent> {
        Pin::new(&mut self.sender).poll_close(context)
    }
}
