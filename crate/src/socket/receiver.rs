//! The receiving half of a socket.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::future::FusedFuture;
use futures::stream::{FusedStream, Stream, StreamExt, TryStreamExt};

use super::core::SocketCore;
use super::watchdog::Watchdog;
use super::{Control, Error};
use crate::queue::LocalBatch;
use crate::sync::Shared;
use crate::types::message::Message;

/// The receiving half of a [`Socket`](crate::Socket): a fused `Stream` of messages.
///
/// Dropping it discards the messages that are queued and those that arrive later.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let (_sender, mut receiver) = samesocket::connect("wss://example.com/news").await?.split();
/// while let Some(message) = receiver.next().await {
///     println!("{} bytes", message?.size());
/// }
/// # Ok(())
/// # }
/// ```
pub struct Receiver {
    core: Shared<SocketCore>,
    /// The messages that were moved out of the inbox and not yet returned.
    batch: Box<LocalBatch<Message>>,
    /// The idle timeout and the heartbeat, if one is set.
    watchdog: Option<Box<dyn Watchdog>>,
    /// Whether the stream has returned `None`.
    finished: bool,
    /// The reads of the receiver itself that brought messages since it last had to wait.
    direct_reads: u8,
}

/// After this many reads of its own, the receiver waits for the transport, so that other tasks of the thread have their turn.
/// Arbitrary: at most 1 MiB of messages that fit into a read buffer, or this many larger ones.
const MAX_DIRECT_READS: u8 = 8;

impl Receiver {
    pub(super) fn new(core: Shared<SocketCore>, watchdog: Option<Box<dyn Watchdog>>) -> Self {
        Self { batch: Box::new(core.endpoint().batch()), core, watchdog, finished: false, direct_reads: 0 }
    }

    /// Waits for the next message; see [`Socket::next`](crate::Socket::next).
    ///
    /// # Errors
    ///
    /// Returns one error as the last item if the connection did not end cleanly.
    #[expect(clippy::should_implement_trait, reason = "this `next` returns a future, unlike `Iterator::next`")]
    pub fn next(&mut self) -> impl FusedFuture<Output = Option<Result<Message, Error>>> + Unpin {
        StreamExt::next(self)
    }

    /// Waits for the next message, as [`next`](Self::next) does, with the error outside of the option for the `?` operator.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let mut socket = samesocket::connect("wss://example.com/news").await?;
    /// while let Some(message) = socket.try_next().await? {
    ///     println!("{} bytes", message.size());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns one error if the connection did not end cleanly, and `None` after it.
    pub fn try_next(&mut self) -> impl FusedFuture<Output = Result<Option<Message>, Error>> + Unpin {
        TryStreamExt::try_next(self)
    }

    /// Returns a handle that does everything except send and receive.
    pub fn control(&self) -> Control {
        Control::new(Shared::clone(&self.core))
    }

    pub(super) fn poll_receive(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Message, Error>>> {
        if self.watchdog.is_none() {
            if let Some(message) = self.batch.pop_local() {
                return Poll::Ready(Some(Ok(message)));
            }
        }
        let poll = loop {
            let poll = self.poll_message(context);
            let Some(watchdog) = &mut self.watchdog else { break poll };
            if !watchdog.poll(&self.core, &poll, context) {
                break poll;
            }
        };
        self.finished |= matches!(poll, Poll::Ready(None));
        poll
    }

    fn poll_message(&mut self, context: &Context<'_>) -> Poll<Option<Result<Message, Error>>> {
        if self.direct_reads < MAX_DIRECT_READS {
            self.receive_directly(context);
        }
        let (poll, resumed) = self.core.endpoint().poll_message(&mut self.batch, context);
        if poll.is_pending() {
            self.direct_reads = 0;
        }
        if resumed {
            self.core.connection.pump();
        }
        poll
    }

    /// Reads messages into the inbox, if that is empty and the platform lets the receiver read.
    fn receive_directly(&mut self, context: &Context<'_>) {
        let Some(turn) = self.core.connection.receiver_turn() else { return };
        let Some(capacity) = self.core.endpoint().capacity_if_empty(&mut self.batch) else { return };
        if self.core.connection.receive(context, turn, capacity) {
            self.direct_reads += 1;
        }
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
        // With a watchdog any queued message may be an answer to the heartbeat, which the stream does not yield.
        let least = if self.watchdog.is_some() { 0 } else { self.batch.len() + self.core.endpoint().queued_messages() };
        (least, None)
    }
}

impl FusedStream for Receiver {
    fn is_terminated(&self) -> bool {
        self.finished
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.core.endpoint().abandon();
        self.core.connection.forget_receiver();
        self.core.connection.pump();
    }
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Receiver").field(&self.core.connection).finish()
    }
}
