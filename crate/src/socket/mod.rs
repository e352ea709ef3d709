//! The futures API over the interface: a socket as a `Stream` and a `Sink`, the same on every target.
//!
//! Read the files in this order:
//!
//! - [`connect()`] builds a connection and waits until it is open.
//! - [`endpoint`] is the listener that a connection reports to. It holds [`inbox`], the queue of received messages, and
//!   the senders that wait for capacity.
//! - [`core`] is the state that all handles of one socket share; [`capacity_wait`] waits until it can send.
//! - [`sender`], [`receiver`] and [`control`] are the handles. [`Socket`] is a sender together with a receiver.
//! - [`closing`] waits for the closing handshake.
//! - [`watchdog`] is the idle timeout, with the keepalive of [`heartbeat`].
//! - [`byte_stream`] reads and writes bytes, and [`remote`] has handles for other threads.

pub(crate) mod byte_stream;
mod capacity_wait;
mod closing;
mod connect;
mod control;
mod core;
pub(crate) mod deadline;
mod endpoint;
mod error;
mod heartbeat;
mod inbox;
pub(crate) mod poll_in_event;
mod receiver;
mod remote;
mod reunite_error;
mod sender;
mod waiting_senders;
mod watchdog;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::Stream;
use futures::future::FusedFuture;
use futures::sink::Sink;
use futures::stream::FusedStream;

pub use self::byte_stream::ByteStream;
pub use self::closing::Closing;
pub use self::connect::{Connect, connect};
pub use self::control::{Control, WeakControl};
pub(crate) use self::core::SocketCore;
pub use self::error::{ConnectError, ConnectionFailed, Error};
pub use self::heartbeat::Heartbeat;
pub use self::receiver::Receiver;
pub(crate) use self::remote::test_tasks;
pub use self::remote::{Remote, RemoteDriver, RemoteReceiver, RemoteSender};
pub use self::reunite_error::ReuniteError;
pub use self::sender::Sender;

use self::watchdog::Watchdog;
use crate::connection::closed::Closed;
use crate::connection::ping::Ping;
use crate::sync::Shared;
use crate::typed::{Codec, Typed};
use crate::types::message::Message;
use crate::types::payload::MessageCompression;
use samesocket_spec::{CloseEvent, ReadyState, Response};

/// An open socket from [`connect()`]: a `Stream` and a `Sink` of messages.
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
/// The stream yields every message from the first one on, even if it is polled late. It is fused. A clean close ends it;
/// [`closed`](Self::closed) returns the code and reason. Any other end yields exactly one `Err`, and then `None`: the
/// connection failed, its close was not clean, or a limit or timeout was reached.
///
/// # Sending
///
/// `Ok` means that the message was queued, in order, on a socket that was OPEN at that moment. It does not mean that the
/// server received it. From CLOSING on, every send returns [`Error::NotOpen`] with the message.
///
/// A send waits while bufferedAmount exceeds the [high-water mark](Connect::high_water_mark). Unlike other sinks,
/// flushing waits only until bufferedAmount is at the mark; [`drained`](Self::drained) waits until it is zero.
///
/// # Closing
///
/// [`close`](Self::close) and the sink's `poll_close` perform the closing handshake and wait for its end, with a timeout.
/// Messages that arrived before can still be received; later ones are discarded. Dropping the socket starts a closing
/// handshake without a code and does not wait for it. After a [split](Self::split), that happens when the last half and
/// the last [`Control`] are dropped.
pub struct Socket {
    sender: Sender,
    receiver: Receiver,
}

impl Socket {
    fn new(core: Shared<SocketCore>, watchdog: Option<Box<dyn Watchdog>>) -> Self {
        Self { sender: Sender::new(Shared::clone(&core)), receiver: Receiver::new(core, watchdog) }
    }

    /// Waits for the next message. Returns `None` after a clean close, or after the error was returned.
    ///
    /// Cancelling the future loses no message, so it can be a branch of `select!`.
    ///
    /// # Errors
    ///
    /// Returns one error as the last item if the connection did not end cleanly; see [`Error`].
    #[expect(clippy::should_implement_trait, reason = "this `next` returns a future, unlike `Iterator::next`")]
    pub fn next(&mut self) -> impl FusedFuture<Output = Option<Result<Message, Error>>> + Unpin {
        self.receiver.next()
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
        self.receiver.try_next()
    }

    /// Sends a message, after waiting for capacity; see [`Sender::send`].
    ///
    /// # Errors
    ///
    /// Returns [`Error::NotOpen`] with the message, from CLOSING on.
    pub fn send(&self, message: Message) -> impl Future<Output = Result<(), Error>> {
        self.sender.send(message)
    }

    /// Sends a message if there is capacity; see [`Sender::try_send`].
    ///
    /// # Errors
    ///
    /// Returns [`Error::Full`] or [`Error::NotOpen`], each with the message.
    pub fn try_send(&self, message: Message) -> Result<(), Error> {
        self.sender.try_send(message)
    }

    /// Waits until bufferedAmount is zero; see [`Sender::drained`].
    ///
    /// # Errors
    ///
    /// Returns [`Error::Undelivered`] if the socket closes first.
    pub async fn drained(&self) -> Result<(), Error> {
        self.sender.drained().await
    }

    /// Starts the closing handshake and returns a future that waits for its end; see [`Control::close`].
    pub fn close(&self, code: Option<u16>, reason: Option<&str>) -> Closing {
        self.control().close(code, reason)
    }

    /// Ends the connection at once, without a closing handshake. Messages that were not sent are lost.
    ///
    /// The `close` event has code 1006 and is not clean, and the stream yields [`Error::Failed`] after the messages that have
    /// arrived. On a socket that is closed it does nothing. It can be called in every state, and from a callback.
    ///
    /// On native targets TCP is reset, before this returns if no other thread uses the stream at that moment. A browser
    /// cannot do that: it closes with a Close frame in the background, after what was sent, and in its own time.
    /// [ending](crate::guide::ending#aborting) compares the ways to end a connection.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let socket = samesocket::connect("wss://example.com/chat").await?;
    /// socket.abort();
    /// assert_eq!(socket.closed().await.code, 1006);
    /// # Ok(())
    /// # }
    /// ```
    pub fn abort(&self) {
        self.core().connection.abort();
    }

    /// Sends a ping at once, and returns a future of the round-trip time; see [`Control::ping`].
    pub fn ping(&self) -> Ping {
        self.control().ping()
    }

    /// Returns a future that waits for the `close` event, or completes at once if it was fired already.
    ///
    /// Any number of futures can wait.
    pub fn closed(&self) -> Closed {
        self.core().connection.closed()
    }

    /// Returns the `close` event, once the stream has ended without an error.
    pub(crate) fn close_event(&self) -> Option<CloseEvent> {
        self.core().endpoint().close_event()
    }

    /// Returns the URL after parsing, as [`url`](https://websockets.spec.whatwg.org/#dom-websocket-url) does.
    pub fn url(&self) -> &str {
        self.core().connection.url()
    }

    /// Returns the state of the connection.
    pub fn ready_state(&self) -> ReadyState {
        self.core().connection.ready_state()
    }

    /// Returns the number of payload bytes that were sent and not yet passed to the network.
    ///
    /// See [`bufferedAmount`](https://websockets.spec.whatwg.org/#dom-websocket-bufferedamount).
    pub fn buffered_amount(&self) -> u64 {
        self.core().connection.buffered_amount()
    }

    /// Returns the subprotocol that the server selected, or the empty string.
    pub fn protocol(&self) -> String {
        self.core().connection.protocol()
    }

    /// Returns the extensions that the server selected, or the empty string.
    pub fn extensions(&self) -> String {
        self.core().connection.extensions()
    }

    /// Returns the response to the opening handshake. In a page it is not known, so the result is `None` there.
    ///
    /// It has the status 101, or 200 over HTTP/2, and the header fields of the server. It stays available after the connection has
    /// ended.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let socket = samesocket::connect("wss://example.com/chat").await?;
    /// if let Some(response) = socket.response() {
    ///     println!("session {:?}", response.header("X-Session"));
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn response(&self) -> Option<Response> {
        self.core().connection.response()
    }

    /// Returns a handle that does everything except send and receive.
    pub fn control(&self) -> Control {
        self.sender.control()
    }

    /// Returns another sender for this socket, without a split.
    pub fn sender(&self) -> Sender {
        self.sender.clone()
    }

    /// Splits the socket into a sender and a receiver. The sender can be cloned.
    pub fn split(self) -> (Sender, Receiver) {
        (self.sender, self.receiver)
    }

    /// Converts the socket into a byte stream over its binary messages.
    pub fn into_bytes(self) -> ByteStream {
        ByteStream::new(self)
    }

    /// Converts the socket into a socket of values: a `Stream` of `In` and a `Sink` of `Out`; see [`typed`](crate::typed).
    pub fn typed<In: 'static, Out: 'static>(self, codec: impl Codec<In, Out>) -> Typed<In, Out, Self> {
        Typed::new(self, codec)
    }

    /// Joins the two halves of a socket. Other senders and controls stay valid.
    ///
    /// # Errors
    ///
    /// Returns both halves in a [`ReuniteError`] if they belong to different sockets.
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

    /// Returns whether the messages of this socket are compressed.
    const fn compression(&self) -> MessageCompression {
        self.sender.compression()
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
