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
use crate::types::payload::MessageCompression;
use samesocket_spec::CloseEvent;

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
    /// The wait of the `Sink` for capacity.
    wait: CapacityWait,
    /// The closing handshake, while `poll_close` waits for it.
    closing: Option<Pin<Box<dyn SinkClosing>>>,
    compression: MessageCompression,
}

impl Sender {
    pub(crate) fn new(core: Shared<SocketCore>) -> Self {
        Self { core, wait: CapacityWait::default(), closing: None, compression: MessageCompression::OF_CONNECTION }
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
        let (mut message, compression) = (Some(message), self.compression);
        poll_fn(move |context| {
            ready!(guard.wait.poll_capacity(guard.core, context));
            // A future that is polled after its end stays pending.
            message.take().map_or(Poll::Pending, |message| Poll::Ready(guard.core.send_now(message, compression)))
        })
    }

    /// Sends a message if bufferedAmount is at most the high-water mark.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Full`] above the mark, or [`Error::NotOpen`] from CLOSING on. Each has the message.
    pub fn try_send(&self, message: Message) -> Result<(), Error> {
        if self.core.has_capacity() { self.core.send_now(message, self.compression) } else { Err(Error::Full(message)) }
    }

    /// Returns the same sender, whose messages are not compressed, whatever the [`Compression`](crate::Compression) of the
    /// connection is. Other senders of the socket are not affected.
    ///
    /// The size of a compressed message tells an observer something about its content. So a message should not be compressed if
    /// it has both a secret and text that an attacker chooses. In a page it has no effect, because the browser decides.
    ///
    /// ```no_run
    /// # async fn example(socket: samesocket::Socket) -> Result<(), samesocket::Error> {
    /// let secrets = socket.sender().without_compression();
    /// secrets.send("token=2a".into()).await?;
    /// socket.send("a long text".into()).await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn without_compression(mut self) -> Self {
        self.compression = MessageCompression::OFF;
        self
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

    /// Ends the connection at once, without a closing handshake; see [`Socket::abort`](crate::Socket::abort).
    pub fn abort(&self) {
        self.core.connection.abort();
    }

    /// Returns a handle that does everything except send and receive.
    pub fn control(&self) -> Control {
        Control::new(Shared::clone(&self.core))
    }

    /// Ends the wait for capacity that `poll_ready` has begun.
    pub(super) fn stop_waiting(&mut self) {
        self.wait.cancel(&self.core);
    }

    pub(super) const fn compression(&self) -> MessageCompression {
        self.compression
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
        this.wait.poll_capacity(&this.core, context).map(Ok)
    }

    fn start_send(self: Pin<&mut Self>, message: Message) -> Result<(), Error> {
        self.core.send_now(message, self.compression)
    }

    /// Waits until bufferedAmount is at most the high-water mark, which is less than `Sink` asks for.
    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.poll_ready(context)
    }

    fn poll_close(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let Self { core, closing, .. } = self.get_mut();
        let handshake = closing.get_or_insert_with(|| Box::pin(Closing::start(core, None, None)));
        let closed = ready!(handshake.as_mut().poll(context));
        *closing = None;
        let event = closed?;
        Poll::Ready(if event.was_clean {
            Ok(())
        } else {
            Err(Error::Failed(ConnectionFailed::new(event, core.connection.final_state())))
        })
    }
}

impl Clone for Sender {
    fn clone(&self) -> Self {
        let mut sender = Self::new(Shared::clone(&self.core));
        sender.compression = self.compression;
        sender
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.wait.cancel(&self.core);
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sender").field(&self.core.connection).finish()
    }
}

/// Code size: the closing handshake of a `Sink`, behind a trait object. A program that closes no sink does not link it.
trait SinkClosing: Future<Output = Result<CloseEvent, Error>> + MaybeSend + MaybeSync {}

impl SinkClosing for Closing {}
