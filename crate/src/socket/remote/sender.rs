//! The sending half of a remote.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::channel::oneshot;
use futures::future::FutureExt;
use futures::sink::Sink;

use super::command::{Command, RemoteRequest, SendRequest};
use super::shared::RemoteShared;
use crate::platform::FinalState;
use crate::socket::{ConnectionFailed, Error};
use crate::types::owned_message::OwnedMessage;
use crate::types::payload::MessageCompression;
use crate::types::ping::{PingError, ReceivedPings};
use samesocket_spec::close;
use samesocket_spec::{CloseEvent, ReadyState, RedactedUrl, Response};

/// The sending half of a [`Remote`](crate::Remote): a `Sink` of [`OwnedMessage`]s that also closes the socket and reads its
/// attributes. A clone sends over the same socket.
///
/// ```no_run
/// # async fn example(socket: samesocket::Socket) -> Result<(), Box<dyn std::error::Error>> {
/// let sender = socket.into_remote().sender();
/// sender.send("hello".into()).await?;
/// println!("{} bytes are queued", sender.buffered_amount().await);
/// sender.close(Some(1000), None).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct RemoteSender {
    core: Arc<RemoteSenderCore>,
    compression: MessageCompression,
    sink: SinkState,
}

/// The part that all senders of a remote share. Dropping it tells the driver that there is none.
struct RemoteSenderCore {
    shared: Arc<RemoteShared>,
    info: Info,
}

impl Drop for RemoteSenderCore {
    fn drop(&mut self) {
        self.shared.release_senders();
    }
}

/// The attributes that do not change while a socket is open.
pub(super) struct Info {
    pub(super) url: String,
    pub(super) protocol: String,
    pub(super) extensions: String,
    pub(super) response: Option<Response>,
}

impl RemoteSender {
    pub(super) fn new(shared: Arc<RemoteShared>, info: Info, compression: MessageCompression) -> Self {
        Self { core: Arc::new(RemoteSenderCore { shared, info }), compression, sink: SinkState::default() }
    }

    /// Sends a message, after waiting until bufferedAmount is at most the
    /// [high-water mark](crate::Connect::high_water_mark).
    ///
    /// `Ok` means that the message was queued on a socket that was OPEN. A cancelled send has sent the whole message or
    /// nothing. Messages leave in the order in which these futures are first polled.
    ///
    /// # Errors
    ///
    /// Returns [`Error::NotOpen`] with the message, from CLOSING on.
    pub async fn send(&self, message: OwnedMessage) -> Result<(), Error<OwnedMessage>> {
        self.request_send(message.clone()).await.unwrap_or(Err(Error::NotOpen(message)))
    }

    /// Requests a send. The reply is cancelled if the driver is gone.
    fn request_send(&self, message: OwnedMessage) -> oneshot::Receiver<SendResult> {
        self.shared().send(|reply| SendRequest { message, compression: self.compression, reply })
    }

    /// Returns the same sender, whose messages are not compressed; see
    /// [`Sender::without_compression`](crate::Sender::without_compression). Other senders of the socket are not affected.
    ///
    /// In a page it has no effect, because the browser decides.
    ///
    /// ```no_run
    /// # async fn example(socket: samesocket::Socket) -> Result<(), samesocket::Error<samesocket::OwnedMessage>> {
    /// let remote = socket.into_remote();
    /// let secrets = remote.sender().without_compression();
    /// secrets.send("token=2a".into()).await?;
    /// remote.send("a long text".into()).await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn without_compression(self) -> Self {
        Self { compression: MessageCompression::OFF, ..self }
    }

    /// Waits until bufferedAmount is zero, so that all that was sent has been passed to the network.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Undelivered`] if the socket closes first.
    pub async fn drained(&self) -> Result<(), Error<OwnedMessage>> {
        self.shared().command(Command::Drained).await.unwrap_or(Err(Error::Undelivered { bytes: 0 }))
    }

    /// Requests the closing handshake and returns a future that waits for its end, at most for the
    /// [close timeout](crate::Connect::close_timeout); see [`Control::close`](crate::Control::close).
    ///
    /// Sends that were requested before leave first. Those that still wait for capacity, and all later ones, return
    /// [`Error::NotOpen`] with their message.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Exception`] if an argument is invalid; the socket then stays as it was. Returns
    /// [`Error::CloseTimedOut`] after the close timeout.
    #[must_use = "the future returns the result; dropping it does not stop the handshake"]
    pub fn close(
        &self,
        code: Option<u16>,
        reason: Option<&str>,
    ) -> impl Future<Output = Result<CloseEvent, Error<OwnedMessage>>> + Send + use<> {
        let requested = close::check(code, reason).map(|_| {
            let reason = reason.map(str::to_owned);
            self.shared().command(|reply| Command::Close(code, reason, reply))
        });
        async { requested.map_err(Error::Exception)?.await.unwrap_or_else(|_| Ok(CloseEvent::abnormal())) }
    }

    /// Requests the end of the connection, without a closing handshake; see [`Socket::abort`](crate::Socket::abort).
    ///
    /// It happens when the [driver](crate::RemoteDriver) is polled next. Later sends return [`Error::NotOpen`].
    pub fn abort(&self) {
        self.shared().push(RemoteRequest::Command(Command::Abort));
    }

    /// Requests a ping, and returns a future of the round-trip time; see [`Control::ping`](crate::Control::ping).
    ///
    /// The ping is sent when the [driver](crate::RemoteDriver) is polled next, and the time counts from then. Dropping the
    /// future has no effect on the connection. If many pings wait for the driver and their futures were dropped, one is sent for
    /// them.
    ///
    /// ```no_run
    /// # async fn example(remote: samesocket::Remote) -> Result<(), samesocket::PingError> {
    /// println!("the server has answered after {:?}", remote.ping().await?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns a [`PingError`] if no ping could be sent, or if the connection ends without an answer. In a browser it is
    /// [`PingError::Unsupported`].
    #[must_use = "the future returns the result; the ping is sent even if it is dropped"]
    pub fn ping(&self) -> impl Future<Output = Result<Duration, PingError>> + Send + use<> {
        let answered = self.shared().command(Command::Ping);
        // Without a driver the socket is gone, so that no ping was sent, or none is answered.
        answered.map(|answered| answered.unwrap_or(Err(PingError::Closed)))
    }

    /// Requests the number of the server's pings, and the time since the last; see
    /// [`Control::received_pings`](crate::Control::received_pings).
    pub async fn received_pings(&self) -> Option<ReceivedPings> {
        self.shared().command(Command::ReceivedPings).await.unwrap_or_default()
    }

    /// Returns a future that waits for the `close` event, or completes at once if it was fired already.
    ///
    /// Any number of futures can wait. They do not keep the socket open.
    pub fn closed(&self) -> impl Future<Output = CloseEvent> + Send + use<> {
        self.shared().closed()
    }

    /// Requests the state of the connection.
    pub async fn ready_state(&self) -> ReadyState {
        self.status().await.0
    }

    /// Requests the number of payload bytes that were sent and not yet passed to the network.
    pub async fn buffered_amount(&self) -> u64 {
        self.status().await.1
    }

    /// Returns the URL after parsing.
    pub fn url(&self) -> &str {
        &self.core.info.url
    }

    /// Returns the subprotocol that the server selected, or the empty string.
    pub fn protocol(&self) -> &str {
        &self.core.info.protocol
    }

    /// Returns the extensions that the server selected, or the empty string.
    pub fn extensions(&self) -> &str {
        &self.core.info.extensions
    }

    /// Returns the response to the opening handshake; see [`Control::response`](crate::Control::response). In a page it is not
    /// known, so the result is `None` there.
    pub fn response(&self) -> Option<&Response> {
        self.core.info.response.as_ref()
    }

    fn shared(&self) -> &Arc<RemoteShared> {
        &self.core.shared
    }

    async fn status(&self) -> (ReadyState, u64) {
        self.shared().command(Command::Status).await.unwrap_or((ReadyState::Closed, 0))
    }
}

/// The most unanswered sends of a sink. Arbitrary.
const MAX_UNANSWERED: usize = 16;

type SendResult = Result<(), Error<OwnedMessage>>;
type CloseFuture = Pin<Box<dyn Future<Output = Result<CloseEvent, Error<OwnedMessage>>> + Send + Sync>>;

/// The unanswered requests of a sink. A clone of a sender starts without any.
#[derive(Default)]
struct SinkState {
    sends: VecDeque<(OwnedMessage, oneshot::Receiver<SendResult>)>,
    closing: Option<CloseFuture>,
}

impl Clone for SinkState {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl SinkState {
    /// Takes the replies that have arrived, oldest first, and stops at an error. Returns `Ready` when at most `most` sends
    /// are unanswered.
    fn poll(&mut self, most: usize, context: &mut Context<'_>) -> Poll<SendResult> {
        while let Some((_, reply)) = self.sends.front_mut() {
            let Poll::Ready(reply) = reply.poll_unpin(context) else { break };
            let Some((message, _)) = self.sends.pop_front() else { break };
            reply.unwrap_or(Err(Error::NotOpen(message)))?;
        }
        if self.sends.len() <= most { Poll::Ready(Ok(())) } else { Poll::Pending }
    }
}

/// At most 16 sends are unanswered at a time.
///
/// An error of `poll_ready` or `poll_flush` contains the oldest message that was not sent. Each further poll returns the
/// next one, so no message is lost. Dropping the sink cancels the sends that are unanswered, so flush it first.
impl Sink<OwnedMessage> for RemoteSender {
    type Error = Error<OwnedMessage>;

    fn poll_ready(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<SendResult> {
        self.sink.poll(MAX_UNANSWERED - 1, context)
    }

    /// Requests the send. `poll_flush` waits for the result.
    fn start_send(mut self: Pin<&mut Self>, message: OwnedMessage) -> SendResult {
        let sent = self.request_send(message.clone());
        self.sink.sends.push_back((message, sent));
        Ok(())
    }

    /// Waits until the socket has queued every message, as [`send`](Self::send) does.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<SendResult> {
        self.sink.poll(0, context)
    }

    /// Flushes, then closes without a code.
    fn poll_close(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<SendResult> {
        ready!(self.as_mut().poll_flush(context))?;
        let mut closing = self.sink.closing.take().unwrap_or_else(|| Box::pin(self.close(None, None)));
        let Poll::Ready(closed) = closing.as_mut().poll(context) else {
            self.sink.closing = Some(closing);
            return Poll::Pending;
        };
        let event = closed?;
        if event.was_clean {
            return Poll::Ready(Ok(()));
        }
        Poll::Ready(Err(Error::Failed(ConnectionFailed::new(event, FinalState::of(0)))))
    }
}

impl fmt::Debug for RemoteSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteSender").field("url", &RedactedUrl(&self.core.info.url)).finish_non_exhaustive()
    }
}
