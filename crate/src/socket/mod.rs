//! The futures API over the interface: one socket to hold, the same on every target.
//!
//! [`connect`] makes it, [`feed`] is what the connection fills and wakes, [`sender`], [`receiver`] and [`control`] are the
//! handles to [`core`](self::core), and [`Socket`] is a sender with a receiver. [`remote`] has handles for other threads.

pub(crate) mod byte_stream;
mod closing;
mod connect;
mod control;
mod endpoint;
mod error;
mod heartbeat;
mod inbox;
#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
mod native;
pub(crate) mod poll_in_event;
mod receiver;
mod remote;
mod send_waiters;
mod sender;
mod shared;
mod watchdog;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::Stream;
use futures::sink::Sink;
use futures::stream::FusedStream;

pub use self::byte_stream::ByteStream;
pub use self::closing::Closing;
pub use self::connect::{Connect, connect};
pub use self::control::Control;
pub use self::error::{ConnectError, ConnectionFailed, Error, ReuniteError};
pub use self::heartbeat::Heartbeat;
pub use self::receiver::Receiver;
pub use self::remote::{Remote, RemoteDriver, RemoteReceiver, RemoteSender};
pub use self::sender::Sender;
pub(crate) use self::shared::SocketCore;

use self::watchdog::Watch;
use crate::connection::closed::Closed;
use crate::sync::Shared;
use crate::types::message::Message;
use samesocket_spec::{CloseEvent, ReadyState};

/// An open socket: a `Stream` and a `Sink` of messages, from [`connect`].
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let mut socket = samesocket::connect("wss://example.com/chat").subprotocols(["chat.v2"]).await?;
/// socket.send("hello".into()).await?;
/// while let Some(message) = socket.next().await {
///     println!("{:?}", message?);
/// }
/// println!("{:?}", socket.closed().await);
/// # Ok(())
/// # }
/// ```
///
/// # Receiving
///
/// The stream gives every message from the first one on, however late it is polled, and is fused. A clean close ends it;
/// [`closed`](Self::closed) tells its code and reason. Anything else is exactly one `Err`, and then the end: a connection
/// that failed or whose close was not clean, a limit or a deadline that was reached.
///
/// # Sending
///
/// `Ok` means that the message was handed over, in order, to a socket that was OPEN at that moment. More no client can
/// know. From CLOSING on, every send is an [`Error::NotOpen`], which hands the message back.
///
/// A sender waits while more than the [high-water mark](Connect::high_water_mark) is queued. Unlike what `Sink` has in
/// mind, flushing waits only until no more than that is queued; [`drained`](Self::drained) waits for all of it.
///
/// # Ending
///
/// [`close`](Self::close) and the sink's `poll_close` perform the closing handshake and wait for it, with a deadline.
/// Messages that had arrived before can still be taken; none arrive after. Dropping the socket starts a closing handshake
/// without a code, for which nobody waits. When the socket is [split](Self::split), that is when the last of its parts
/// and of its [`Control`]s is dropped.
pub struct Socket {
    sender: Sender,
    receiver: Receiver,
}

impl Socket {
    fn new(core: Shared<SocketCore>, watch: Option<Box<dyn Watch>>) -> Self {
        Self { sender: Sender::new(Shared::clone(&core)), receiver: Receiver::new(core, watch) }
    }

    /// Waits for the next message; `None` is the end of a connection that was closed cleanly, or whose error was given.
    ///
    /// Cancelling it loses nothing.
    ///
    /// # Errors
    ///
    /// Once, and as the last item, if the connection did not end cleanly; see [`Error`].
    #[expect(clippy::should_implement_trait, reason = "what it gives is a future, which clippy does not see")]
    pub fn next(&mut self) -> impl Future<Output = Option<Result<Message, Error>>> {
        self.receiver.next()
    }

    /// Sends a message, once there is room; see [`Sender::send`].
    ///
    /// # Errors
    ///
    /// An [`Error::NotOpen`], with the message, from CLOSING on.
    pub fn send(&self, message: Message) -> impl Future<Output = Result<(), Error>> {
        self.sender.send(message)
    }

    /// Sends a message, if there is room; see [`Sender::try_send`].
    ///
    /// # Errors
    ///
    /// An [`Error::Full`] or [`Error::NotOpen`], with the message.
    pub fn try_send(&self, message: Message) -> Result<(), Error> {
        self.sender.try_send(message)
    }

    /// Waits until nothing is queued any more; see [`Sender::drained`].
    ///
    /// # Errors
    ///
    /// An [`Error::Undelivered`], if the socket closes before.
    pub async fn drained(&self) -> Result<(), Error> {
        self.sender.drained().await
    }

    /// Starts the closing handshake, and gives a future that waits for its end; see [`Control::close`].
    pub fn close(&self, code: Option<u16>, reason: Option<&str>) -> Closing {
        self.control().close(code, reason)
    }

    /// Waits for the end, before or after it; any number may.
    pub fn closed(&self) -> Closed {
        self.core().connection.closed()
    }

    /// Gives the URL, as it was resolved.
    pub fn url(&self) -> &str {
        self.core().connection.url()
    }

    /// Gives the state of the connection.
    pub fn ready_state(&self) -> ReadyState {
        self.core().connection.ready_state()
    }

    /// Gives the number of payload bytes that were sent and not yet handed to the network.
    pub fn buffered_amount(&self) -> u64 {
        self.core().connection.buffered_amount()
    }

    /// Gives the subprotocol that the server chose, or the empty string.
    pub fn protocol(&self) -> String {
        self.core().connection.protocol()
    }

    /// Gives the extensions in use.
    pub fn extensions(&self) -> String {
        self.core().connection.extensions()
    }

    /// Gives a handle that can do everything but send and receive.
    pub fn control(&self) -> Control {
        self.sender.control()
    }

    /// Gives a sender, without a split.
    pub fn sender(&self) -> Sender {
        self.sender.clone()
    }

    /// Gives the two directions as a value each; the sender can be cloned.
    pub fn split(self) -> (Sender, Receiver) {
        (self.sender, self.receiver)
    }

    /// Makes a stream of bytes of the binary messages, to read and to write.
    pub fn into_bytes(self) -> ByteStream {
        ByteStream::new(self)
    }

    /// Makes a socket again of the halves of one; other senders and controls stay what they are.
    ///
    /// # Errors
    ///
    /// Gives both back if they are not of the same socket.
    pub fn reunite(sender: Sender, receiver: Receiver) -> Result<Self, ReuniteError> {
        if Shared::ptr_eq(sender.core(), receiver.core()) {
            Ok(Self { sender, receiver })
        } else {
            Err(ReuniteError { sender, receiver })
        }
    }

    pub(crate) fn core(&self) -> &Shared<SocketCore> {
        self.sender.core()
    }
}

impl Stream for Socket {
    type Item = Result<Message, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.receiver.poll_receive(context)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.receiver.size_hint()
    }
}

impl FusedStream for Socket {
    fn is_terminated(&self) -> bool {
        self.receiver.is_terminated()
    }
}

impl Sink<Message> for Socket {
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

    fn poll_close(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Pin::new(&mut self.sender).poll_close(context)
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Socket").field(&self.core().connection).finish()
    }
}

/// Tells how a connection ended that did so cleanly.
pub(crate) const fn is_failure(error: bool, event: &CloseEvent) -> bool {
    error || !event.was_clean
}
