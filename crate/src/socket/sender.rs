//! The sending half of a socket.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::sink::Sink;

use super::capacity_wait::{CapacityWait, CapacityWaitGuard};
use super::core::SocketCore;
use super::{Closing, Control, Error};
use crate::socket::error::ConnectionFailed;
use crate::sync::{MaybeSend, MaybeSync, Shared};
use crate::types::message::Message;

/// The sending half of a [`Socket`](crate::Socket): a `Sink` of messages. A clone sends over the same socket.
///
/// Messages of all senders leave in the order in which they were queued.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let (sender, mut receiver) = samesocket::connect("wss://example.com/chat").await?.split();
/// let second = sender.clone();
/// sender.send("from one part of the program".into()).await?;
/// second.send("from another part".into()).await?;
/// sender.drained().await?;
/// # let _ = receiver.next().await;
/// # Ok(())
/// # }
/// ```
pub struct Sender {
    core: Shared<SocketCore>,
    /// The state of the `Sink`, once it had to wait.
    sink: Option<Box<dyn SinkWait>>,
}

impl Sender {
    pub(super) fn new(core: Shared<SocketCore>) -> Self {
        Self { core, sink: None }
    }

    /// Sends a message, after waiting until bufferedAmount is at most the high-water mark.
    ///
    /// `Ok` means that the message was queued on a socket that was OPEN. A cancelled send has sent nothing.
    ///
    /// # Errors
    ///
    /// Returns [`Error::NotOpen`] with the message, from CLOSING on.
    pub fn send(&self, message: Message) -> impl Future<Output = Result<(), Error>> {
        let mut guard = CapacityWaitGuard::new(&self.core);
        let mut message = Some(message);
        poll_fn(move |context| {
            ready!(guard.wait.poll_capacity(guard.core, context));
            // A future that is polled after its end stays pending.
            message.take().map_or(Poll::Pending, |message| Poll::Ready(guard.core.send_now(message)))
        })
    }

    /// Returns whether bufferedAmount is at most the high-water mark, or the socket is not OPEN.
    pub(crate) fn has_capacity(&self) -> bool {
        self.core.has_capacity()
    }

    /// Waits until bufferedAmount is at most the high-water mark, or the socket is not OPEN.
    pub(crate) async fn capacity(&self) {
        if !self.has_capacity() {
            let mut guard = CapacityWaitGuard::new(&self.core);
            poll_fn(|context| guard.wait.poll_capacity(guard.core, context)).await;
        }
    }

    /// Sends a message without a check of the high-water mark.
    pub(crate) fn send_now(&self, message: Message) -> Result<(), Error> {
        self.core.send_now(message)
    }

    /// Sends a message if bufferedAmount is at most the high-water mark.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Full`] above the mark, or [`Error::NotOpen`] from CLOSING on. Each has the message.
    pub fn try_send(&self, message: Message) -> Result<(), Error> {
        if self.has_capacity() { self.core.send_now(message) } else { Err(Error::Full(message)) }
    }

    /// Waits until bufferedAmount is zero, so that all that was sent has been passed to the network.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Undelivered`] if the socket closes first.
    pub async fn drained(&self) -> Result<(), Error> {
        let mut guard = CapacityWaitGuard::new(&self.core);
        match poll_fn(|context| guard.wait.poll_drained(guard.core, context)).await {
            0 => Ok(()),
            bytes => Err(Error::Undelivered { bytes }),
        }
    }

    /// Returns a handle that does everything except send and receive.
    pub fn control(&self) -> Control {
        Control::new(Shared::clone(&self.core))
    }

    fn sink(&mut self) -> &mut dyn SinkWait {
        &mut **self.sink.get_or_insert_with(|| Box::new(SinkState::new(Shared::clone(&self.core))))
    }

    pub(super) const fn core(&self) -> &Shared<SocketCore> {
        &self.core
    }
}

impl Sink<Message> for Sender {
    type Error = Error;

    /// Waits while bufferedAmount exceeds the high-water mark. Never fails, so that `start_send` can return the message.
    fn poll_ready(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let this = self.get_mut();
        if this.sink.is_none() && this.core.has_capacity() {
            return Poll::Ready(Ok(()));
        }
        this.sink().poll_capacity(context).map(Ok)
    }

    fn start_send(self: Pin<&mut Self>, message: Message) -> Result<(), Error> {
        self.core.send_now(message)
    }

    /// Waits until bufferedAmount is at most the high-water mark, which is less than `Sink` asks for.
    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.poll_ready(context)
    }

    fn poll_close(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.get_mut().sink().poll_closed(context)
    }
}

impl Clone for Sender {
    fn clone(&self) -> Self {
        Self::new(Shared::clone(&self.core))
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sender").field(&self.core.connection).finish()
    }
}

/// Code size: the waits of a `Sink`, behind a trait object. A program that uses no sink does not link them.
trait SinkWait: MaybeSend + MaybeSync {
    /// Waits until there is capacity, or the socket is not OPEN.
    fn poll_capacity(&mut self, context: &Context<'_>) -> Poll<()>;

    /// Starts the closing handshake and waits for its end.
    fn poll_closed(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>>;
}

struct SinkState {
    core: Shared<SocketCore>,
    wait: CapacityWait,
    /// The closing handshake, while `poll_close` waits for it.
    closing: Option<Closing>,
}

impl SinkState {
    fn new(core: Shared<SocketCore>) -> Self {
        Self { core, wait: CapacityWait::default(), closing: None }
    }
}

impl SinkWait for SinkState {
    fn poll_capacity(&mut self, context: &Context<'_>) -> Poll<()> {
        self.wait.poll_capacity(&self.core, context)
    }

    fn poll_closed(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let closing = self.closing.get_or_insert_with(|| Closing::start(&self.core, None, None));
        let closed = ready!(Pin::new(closing).poll(context));
        self.closing = None;
        let event = closed?;
        let final_state = || self.core.connection.final_state();
        Poll::Ready(if event.was_clean {
            Ok(())
        } else {
            Err(Error::Failed(ConnectionFailed::new(event, final_state())))
        })
    }
}

impl Drop for SinkState {
    fn drop(&mut self) {
        self.wait.cancel(&self.core);
    }
}
