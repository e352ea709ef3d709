//! The reconnecting socket, as a program sees it.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::future::FusedFuture;
use futures::stream::FusedStream;
use futures::{Sink, Stream, StreamExt, TryStreamExt};

use super::driver::{Driver, Item};
use super::outgoing::Outgoing;
use super::{Cause, Reconnect, Sender, Status, StatusChanges};
use crate::socket::Error;
use crate::sync::{Lock, Shared};
use crate::typed::{Codec, Typed};
use crate::types::message::Message;

/// A reconnecting socket, from [`Reconnect::start`](super::Reconnect::start): a fused `Stream` of the messages of all its
/// connections, and a `Sink`.
///
/// The stream ends after a [requested close](Self::close), and after a clean close with 1000 or without a code that the
/// retry rule does not retry. After another final failure it yields one `Err` with the cause, and then ends. It can be
/// [restarted](Sender::restart). Dropping it closes the connection without a code.
///
/// As a sink, it is a [`Sender`], except that closing does not wait for the end.
///
/// ```no_run
/// # async fn example() -> Result<(), samesocket::reconnect::Cause> {
/// use samesocket::connect;
/// use samesocket::reconnect::Reconnecting;
///
/// let mut socket: Reconnecting = connect("wss://example.com/news").reconnect().start();
/// while let Some(message) = socket.next().await {
///     println!("{:?}", message?);
/// }
/// # Ok(())
/// # }
/// ```
pub struct Reconnecting {
    /// The lock makes the user's functions and futures `Sync`. It is never taken.
    driver: Box<Lock<Driver>>,
    sender: Sender,
    outgoing: Shared<Lock<Outgoing>>,
    /// Whether the stream has returned `None`.
    finished: bool,
}

impl Reconnect {
    /// Creates the socket. It connects once its stream is polled.
    ///
    /// A [`LiveSocket`](super::LiveSocket), from [`drive`](Self::drive), needs no polling.
    pub fn start(self) -> Reconnecting {
        Reconnecting::new(self)
    }
}

impl Reconnecting {
    pub(super) fn new(config: Reconnect) -> Self {
        let outgoing = Shared::new(Lock::new(Outgoing::new(config.outbox.unwrap_or_default())));
        let status = Shared::default();
        let sender = Sender::new(Shared::clone(&outgoing), Shared::clone(&status));
        let driver = Box::new(Lock::new(Driver::new(config, Shared::clone(&outgoing), status)));
        Self { driver, sender, outgoing, finished: false }
    }

    /// Waits for the next item of the driver.
    pub(super) fn poll_item(&mut self, context: &mut Context<'_>) -> Poll<Item> {
        self.driver.get_mut().poll(context)
    }

    /// Ends the socket after a function of the user has panicked within [`poll_item`](Self::poll_item).
    pub(super) fn end_after_panic(&mut self) {
        self.driver.get_mut().end_after_panic();
    }

    /// Waits for the next message, and connects while waiting.
    ///
    /// Cancelling the future loses no message.
    ///
    /// # Errors
    ///
    /// Returns one error as the last item, after a failure that is not retried.
    #[expect(clippy::should_implement_trait, reason = "this `next` returns a future, unlike `Iterator::next`")]
    pub fn next(&mut self) -> impl FusedFuture<Output = Option<Result<Message, Cause>>> + Unpin {
        StreamExt::next(self)
    }

    /// Waits for the next message, with the cause outside of the option, for `while let Some(message) = socket.try_next().await?`.
    ///
    /// Cancelling the future loses no message.
    ///
    /// # Errors
    ///
    /// Returns one error as the last item, after a failure that is not retried, and `None` after it.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), samesocket::reconnect::Cause> {
    /// let mut socket = samesocket::connect("wss://example.com/news").reconnect().start();
    /// while let Some(message) = socket.try_next().await? {
    ///     println!("{message:?}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_next(&mut self) -> impl FusedFuture<Output = Result<Option<Message>, Cause>> + Unpin {
        TryStreamExt::try_next(self)
    }

    /// Converts the socket into a stream and sink of values; see [`typed`](crate::typed).
    pub fn typed<In: 'static, Out: 'static>(self, codec: impl Codec<In, Out>) -> Typed<In, Out, Self> {
        Typed::new(self, codec)
    }

    /// Sends a message; see [`Sender::send`].
    ///
    /// # Errors
    ///
    /// Returns [`Error::NotOpen`] or [`Error::Full`], each with the message.
    pub async fn send(&self, message: Message) -> Result<(), Error> {
        self.sender.send(message).await
    }

    /// Returns a handle that sends, closes, restarts and observes the socket.
    pub fn sender(&self) -> Sender {
        self.sender.clone()
    }

    /// Closes the socket for good; see [`Sender::close`].
    ///
    /// # Errors
    ///
    /// Returns [`Error::Exception`] if an argument is invalid. The socket then stays as it was.
    pub fn close(&self, code: Option<u16>, reason: Option<&str>) -> Result<(), Error> {
        self.sender.close(code, reason)
    }

    /// Connects now, instead of waiting; see [`Sender::reconnect_now`].
    pub fn reconnect_now(&self) {
        self.sender.reconnect_now();
    }

    /// Starts the socket again after its end; see [`Sender::restart`].
    pub fn restart(&self) {
        self.sender.restart();
    }

    /// Returns the current status.
    pub fn status(&self) -> Status {
        self.sender.status()
    }

    /// Returns a stream of the statuses, starting with the current one.
    pub fn status_changes(&self) -> StatusChanges {
        self.sender.status_changes()
    }

    /// Returns a future that completes once the socket has ended for good, with the cause; see [`Sender::closed`].
    pub fn closed(&self) -> impl Future<Output = Cause> + Unpin + use<> {
        self.sender.closed()
    }
}

impl Stream for Reconnecting {
    type Item = Result<Message, Cause>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        // A stream that was restarted waits again.
        this.finished = false;
        let item = loop {
            match ready!(this.poll_item(context)) {
                Item::StatusChange => {}
                Item::Message(message) => break Some(Ok(message)),
                Item::Error(cause) => break Some(Err(cause)),
                Item::End => break None,
            }
        };
        this.finished = item.is_none();
        Poll::Ready(item)
    }
}

impl FusedStream for Reconnecting {
    fn is_terminated(&self) -> bool {
        self.finished && !self.outgoing.lock().requests.restart
    }
}

impl Sink<Message> for Reconnecting {
    type Error = Error;

    fn poll_ready(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Pin::new(&mut self.sender).poll_ready(context)
    }

    fn start_send(mut self: Pin<&mut Self>, message: Message) -> Result<(), Error> {
        Pin::new(&mut self.sender).start_send(message)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Pin::new(&mut self.sender).poll_flush(context)
    }

    /// Closes the socket for good. It does not wait for the end, which the stream reaches only while it is polled.
    fn poll_close(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(self.close(None, None))
    }
}

impl Drop for Reconnecting {
    fn drop(&mut self) {
        self.driver.get_mut().stop();
    }
}

impl fmt::Debug for Reconnecting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reconnecting").field("sender", &self.sender).finish_non_exhaustive()
    }
}
