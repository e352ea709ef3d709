//! The handle to a socket that any thread can use.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::FusedFuture;
use futures::sink::Sink;
use futures::stream::{FusedStream, Stream, StreamExt};

use super::driver::RemoteDriver;
use super::receiver::RemoteReceiver;
use super::sender::{Info, RemoteSender};
use super::shared::RemoteShared;
use super::test_tasks;
use crate::socket::{Error, Socket};
use crate::types::owned_message::OwnedMessage;
use crate::types::ping::PingError;
use samesocket_spec::CloseEvent;

/// A handle to an open socket that any thread can use, from [`Socket::into_remote`]: a `Stream` and a `Sink` of
/// [`OwnedMessage`]s.
///
/// In a browser, a socket belongs to the thread that created it. A remote instead sends requests to a task on that thread,
/// a [`RemoteDriver`], which owns the socket. So it is `Send` and `Sync` on every target, and a program that uses it is
/// the same on all of them. On native targets the socket itself is both, and a remote costs an extra hop.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let socket = samesocket::connect("wss://example.com/chat").await?;
/// let mut remote = socket.into_remote();
/// // From here on any thread can own it.
/// remote.send("hello".into()).await?;
/// while let Some(message) = remote.next().await {
///     println!("{:?}", message?);
/// }
/// println!("{:?}", remote.closed().await);
/// # Ok(())
/// # }
/// ```
///
/// The socket's rules hold. `Ok` of a send means that the message was queued on a socket that was OPEN. The stream yields
/// every message and at most one error. Both directions have backpressure. At most 16 received messages are on their
/// way to this handle. The others wait in the socket, within its [limit](crate::Connect::receive_limit). Dropping the last
/// handle closes the socket without a code.
///
/// If the driver is dropped before the connection ends, or its thread ends, the handles see a failure with code 1006. A
/// worker that is terminated drops nothing, so its handles wait forever.
#[derive(Debug)]
pub struct Remote {
    sender: RemoteSender,
    receiver: RemoteReceiver,
}

impl Socket {
    /// Moves the socket into a task and returns a handle that any thread can use.
    ///
    /// In a browser the task runs on the current thread. On native targets it runs on the runtime of the socket. Within
    /// [`testing::run`](crate::testing::run()) it is a task of the test. Later binary messages are received as bytes.
    pub fn into_remote(self) -> Remote {
        let connection = crate::sync::Shared::clone(&self.core().connection);
        self.into_remote_by(|driver| {
            if let Err(driver) = test_tasks::spawn(driver.into_boxed()) {
                connection.spawn(driver);
            }
        })
    }

    /// Does the same as [`into_remote`](Self::into_remote) on another executor: `spawn` receives the task.
    pub fn into_remote_by(self, spawn: impl FnOnce(RemoteDriver)) -> Remote {
        let info = Info {
            url: self.url().to_owned(),
            protocol: self.protocol(),
            extensions: self.extensions(),
            response: self.response(),
        };
        let (shared, compression) = (Arc::new(RemoteShared::new()), self.compression());
        let driver = RemoteDriver::new(self, Arc::clone(&shared));
        // Before the driver is spawned, which may be polled at once.
        let receiver = RemoteReceiver::new(Arc::clone(&shared));
        let sender = RemoteSender::new(shared, info, compression);
        spawn(driver);
        Remote { sender, receiver }
    }
}

impl Remote {
    /// Waits for the next message; see [`Socket::next`].
    ///
    /// Cancelling the future loses no message.
    ///
    /// # Errors
    ///
    /// Returns one error as the last item if the connection did not end cleanly; see [`Error`].
    #[expect(clippy::should_implement_trait, reason = "this `next` returns a future, unlike `Iterator::next`")]
    pub fn next(
        &mut self,
    ) -> impl FusedFuture<Output = Option<Result<OwnedMessage, Error<OwnedMessage>>>> + Send + Unpin {
        self.receiver.next()
    }

    /// Sends a message, after waiting for capacity; see [`RemoteSender::send`].
    ///
    /// # Errors
    ///
    /// Returns [`Error::NotOpen`] with the message, from CLOSING on.
    pub async fn send(&self, message: OwnedMessage) -> Result<(), Error<OwnedMessage>> {
        self.sender.send(message).await
    }

    /// Waits until bufferedAmount is zero; see [`RemoteSender::drained`].
    ///
    /// # Errors
    ///
    /// Returns [`Error::Undelivered`] if the socket closes first.
    pub async fn drained(&self) -> Result<(), Error<OwnedMessage>> {
        self.sender.drained().await
    }

    /// Requests the closing handshake and returns a future that waits for its end; see [`RemoteSender::close`].
    ///
    /// # Errors
    ///
    /// Returns the errors of [`RemoteSender::close`].
    #[must_use = "the future returns the result; dropping it does not stop the handshake"]
    pub fn close(
        &self,
        code: Option<u16>,
        reason: Option<&str>,
    ) -> impl Future<Output = Result<CloseEvent, Error<OwnedMessage>>> + Send + use<> {
        self.sender.close(code, reason)
    }

    /// Requests the end of the connection, without a closing handshake; see [`RemoteSender::abort`].
    pub fn abort(&self) {
        self.sender.abort();
    }

    /// Requests a ping, and returns a future of the round-trip time; see [`RemoteSender::ping`].
    ///
    /// # Errors
    ///
    /// Returns the errors of [`RemoteSender::ping`].
    #[must_use = "the future returns the result; the ping is sent even if it is dropped"]
    pub fn ping(&self) -> impl Future<Output = Result<Duration, PingError>> + Send + use<> {
        self.sender.ping()
    }

    /// Returns a future that waits for the `close` event, or completes at once if it was fired already.
    ///
    /// Any number of futures can wait.
    pub fn closed(&self) -> impl Future<Output = CloseEvent> + Send + use<> {
        self.sender.closed()
    }

    /// Returns a sender, which also reads the socket's attributes, without a split. Its
    /// [`without_compression`](RemoteSender::without_compression) sends messages that are not compressed.
    pub fn sender(&self) -> RemoteSender {
        self.sender.clone()
    }

    /// Splits the handle into a sender and a receiver. The sender can be cloned.
    pub fn split(self) -> (RemoteSender, RemoteReceiver) {
        (self.sender, self.receiver)
    }
}

impl Stream for Remote {
    type Item = Result<OwnedMessage, Error<OwnedMessage>>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.receiver.poll_next_unpin(context)
    }
}

impl FusedStream for Remote {
    fn is_terminated(&self) -> bool {
        self.receiver.is_terminated()
    }
}

/// Behaves as the sink of [`RemoteSender`].
impl Sink<OwnedMessage> for Remote {
    type Error = Error<OwnedMessage>;

    fn poll_ready(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Pin::new(&mut self.sender).poll_ready(context)
    }

    fn start_send(mut self: Pin<&mut Self>, message: OwnedMessage) -> Result<(), Self::Error> {
        Pin::new(&mut self.sender).start_send(message)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Pin::new(&mut self.sender).poll_flush(context)
    }

    fn poll_close(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Pin::new(&mut self.sender).poll_close(context)
    }
}

/// Remote handles are `Send` and `Sync` on every target.
const _: fn() = || {
    fn is_send_and_sync<T: Send + Sync>() {}
    is_send_and_sync::<Remote>();
    is_send_and_sync::<RemoteSender>();
    is_send_and_sync::<RemoteReceiver>();
    is_send_and_sync::<OwnedMessage>();
    is_send_and_sync::<Error<OwnedMessage>>();
};
