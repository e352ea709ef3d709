//! The receiving half.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::Stream;
use futures::stream::FusedStream;

use super::shared::SocketCore;
use super::watchdog::Watch;
use super::{Control, Error};
use crate::queue::LocalBatch;
use crate::sync::Shared;
use crate::types::message::Message;

/// The receiving half of a [`Socket`](crate::Socket): a fused `Stream` of messages.
///
/// When it is dropped, what has come is dropped, and what comes.
pub struct Receiver {
    core: Shared<SocketCore>,
    /// What was taken out of the inbox and not yet given.
    batch: Box<LocalBatch<Message>>,
    /// Who loses patience, if anybody does.
    watch: Option<Box<dyn Watch>>,
}

impl Receiver {
    pub(super) fn new(core: Shared<SocketCore>, watch: Option<Box<dyn Watch>>) -> Self {
        Self { batch: Box::new(core.feed().batch()), core, watch }
    }

    /// Waits for the next message; see [`Socket::next`](crate::Socket::next).
    ///
    /// # Errors
    ///
    /// Once, and as the last item, if the connection did not end cleanly.
    #[expect(clippy::should_implement_trait, reason = "what it gives is a future, which clippy does not see")]
    pub fn next(&mut self) -> impl Future<Output = Option<Result<Message, Error>>> {
        poll_fn(|context| self.poll_receive(context))
    }

    /// Gives a handle that can do everything but send and receive.
    pub fn control(&self) -> Control {
        Control::new(Shared::clone(&self.core))
    }

    pub(super) fn poll_receive(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Message, Error>>> {
        if self.watch.is_none()
            && let Some(message) = self.batch.pop_local()
        {
            return Poll::Ready(Some(Ok(message)));
        }
        loop {
            let poll = self.poll_message(context);
            let Some(watch) = &mut self.watch else { return poll };
            if !watch.poll(&self.core, &poll, context) {
                return poll;
            }
        }
    }

    fn poll_message(&mut self, context: &Context<'_>) -> Poll<Option<Result<Message, Error>>> {
        let (poll, resumed) = self.core.feed().poll_message(&mut self.batch, context);
        if resumed {
            self.core.connection.pump();
        }
        poll
    }

    pub(super) const fn core(&self) -> &Shared<SocketCore> {
        &self.core
    }
}

impl Stream for Receiver {
    type Item = Result<Message, Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_receive(context)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        // Of what waits, who watches may take some for answers to a heartbeat.
        let least = if self.watch.is_some() { 0 } else { self.batch.len() + self.core.feed().waiting_messages() };
        (least, None)
    }
}

impl FusedStream for Receiver {
    fn is_terminated(&self) -> bool {
        self.batch.is_empty() && self.core.feed().is_exhausted()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.core.feed().abandon();
        self.core.connection.pump();
    }
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Receiver").field(&self.core.connection).finish()
    }
}
