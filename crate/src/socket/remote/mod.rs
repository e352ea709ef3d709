//! Handles to a socket that any thread may use: [`driver`] is the task that has the socket, on the socket's thread.

mod driver;
mod sink;

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures::channel::{mpsc, oneshot};
use futures::future::{FutureExt, Shared};
use futures::stream::{FusedStream, Stream, StreamExt};

pub use self::driver::RemoteDriver;
use self::driver::{Ends, Item, Question};
use self::sink::Unanswered;
use super::{ConnectionFailed, Error, Socket};
use crate::platform::FinalState;
use crate::types::owned_message::OwnedMessage;
use samesocket_spec::close;
use samesocket_spec::{CloseEvent, ReadyState};

/// How many messages are on their way from the socket's thread, beside one that is being handed over.
const UNDER_WAY: usize = 15;

/// A handle to an open socket that any thread may use, from [`Socket::into_remote`]; a `Stream` and a `Sink` of [`OwnedMessage`]s.
///
/// In a browser a socket belongs to the thread on which it was made. This handle does not: it asks a task there, an
/// [`RemoteDriver`], which has the socket. So it is `Send` and `Sync` on every target, and a program that uses it is the same on
/// all of them; natively, where the socket itself is both, it costs a detour.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let socket = samesocket::connect("wss://example.com/chat").await?;
/// let mut remote = socket.into_remote();
/// // From here on any thread may have it.
/// remote.send("hello".into()).await?;
/// while let Some(parcel) = remote.next().await {
///     println!("{:?}", parcel?);
/// }
/// println!("{:?}", remote.closed().await);
/// # Ok(())
/// # }
/// ```
///
/// The socket's rules hold: `Ok` of a send means that the message was handed over to a socket that was OPEN, the stream
/// gives every message and at most one error, whoever is slow has the other wait. Of what came, 16 messages at most are on
/// their way to this handle; the rest waits at the socket, within its [limit](crate::Connect::receive_limit). When the
/// last handle is dropped, the socket is closed without a code.
///
/// If the socket's thread ends its tasks before the connection ends, or drops the actor, that is a failure with the code
/// 1006. A worker that is terminated tells nobody, and is waited for in vain.
#[derive(Debug)]
pub struct Remote {
    sender: RemoteSender,
    receiver: RemoteReceiver,
}

/// The sending half of a [`Remote`], a `Sink` of [`OwnedMessage`]s, which tells its state and closes it, too; a clone sends to the
/// same socket.
#[derive(Clone)]
pub struct RemoteSender {
    orders: mpsc::Sender<driver::Order>,
    questions: mpsc::Sender<Question>,
    facts: Arc<Facts>,
    end: Shared<oneshot::Receiver<CloseEvent>>,
    unanswered: Unanswered,
}

/// The receiving half of a [`Remote`]: a fused `Stream` of [`OwnedMessage`]s. When it is dropped, what comes is dropped.
pub struct RemoteReceiver {
    items: mpsc::Receiver<Item>,
    /// Whether nothing comes any more.
    ended: bool,
    /// The actor hears when this is dropped.
    _presence: oneshot::Sender<()>,
}

/// What does not change while a socket is open.
struct Facts {
    url: String,
    protocol: String,
    extensions: String,
}

impl Socket {
    /// Moves the socket into a task of its thread's, and gives a handle that any thread may use.
    ///
    /// In a browser the task is the present thread's, natively one of the runtime that the socket lives on. Binary messages
    /// are received as bytes from now on.
    pub fn into_remote(self) -> Remote {
        let connection = crate::sync::Shared::clone(&self.core().connection);
        self.into_remote_by(|driver| connection.spawn(driver.into_boxed()))
    }

    /// Does what [`into_remote`](Self::into_remote) does, with another executor: `spawn` is given the task.
    pub fn into_remote_by(self, spawn: impl FnOnce(RemoteDriver)) -> Remote {
        let facts = Facts { url: self.url().to_owned(), protocol: self.protocol(), extensions: self.extensions() };
        let (items_in, items) = mpsc::channel(UNDER_WAY);
        let (presence, presence_of_receiver) = oneshot::channel();
        // Who asks waits for the answer, and each has a place of its own.
        let (orders, orders_out) = mpsc::channel(0);
        let (questions, questions_out) = mpsc::channel(0);
        let (end_in, end) = oneshot::channel();
        let ends = Ends {
            items: items_in,
            receiver: presence_of_receiver,
            orders: orders_out,
            questions: questions_out,
            end: end_in,
        };
        spawn(RemoteDriver::new(self, ends));
        let sender = RemoteSender {
            orders,
            questions,
            facts: Arc::new(facts),
            end: end.shared(),
            unanswered: Unanswered::default(),
        };
        let receiver = RemoteReceiver { items, ended: false, _presence: presence };
        Remote { sender, receiver }
    }
}

impl Remote {
    /// Waits for the next message; see [`Socket::next`].
    ///
    /// Cancelling it loses nothing.
    ///
    /// # Errors
    ///
    /// Once, and as the last item, if the connection did not end cleanly; see [`Error`].
    pub async fn next(&mut self) -> Option<Result<OwnedMessage, Error<OwnedMessage>>> {
        self.receiver.next().await
    }

    /// Sends a message, once there is room; see [`RemoteSender::send`].
    ///
    /// # Errors
    ///
    /// An [`Error::NotOpen`], with the message, from CLOSING on.
    pub async fn send(&self, parcel: OwnedMessage) -> Result<(), Error<OwnedMessage>> {
        self.sender.send(parcel).await
    }

    /// Waits until nothing is queued any more; see [`RemoteSender::drained`].
    ///
    /// # Errors
    ///
    /// An [`Error::Undelivered`], if the socket closes before.
    pub async fn drained(&self) -> Result<(), Error<OwnedMessage>> {
        self.sender.drained().await
    }

    /// Has the closing handshake started, and gives a future that waits for its end; see [`RemoteSender::close`].
    ///
    /// # Errors
    ///
    /// As for [`RemoteSender::close`].
    #[must_use = "the future tells how it went; dropping it leaves the handshake to go on"]
    pub fn close(
        &self,
        code: Option<u16>,
        reason: Option<&str>,
    ) -> impl Future<Output = Result<CloseEvent, Error<OwnedMessage>>> + Send + use<> {
        self.sender.close(code, reason)
    }

    /// Waits for the end, before or after it; any number may.
    pub fn closed(&self) -> impl Future<Output = CloseEvent> + Send + use<> {
        self.sender.closed()
    }

    /// Gives a sender, which tells the socket's attributes, too, without a split.
    pub fn sender(&self) -> RemoteSender {
        self.sender.clone()
    }

    /// Gives the two directions as a value each; the sender can be cloned.
    pub fn split(self) -> (RemoteSender, RemoteReceiver) {
        (self.sender, self.receiver)
    }
}

impl RemoteSender {
    /// Sends a message, once no more than the [high-water mark](crate::Connect::high_water_mark) is queued.
    ///
    /// `Ok` means that it was handed over to a socket that was OPEN. Cancelled, it was sent whole or not at all. Messages
    /// leave in the order in which these futures are polled first.
    ///
    /// # Errors
    ///
    /// An [`Error::NotOpen`], with the message, from CLOSING on.
    pub async fn send(&self, parcel: OwnedMessage) -> Result<(), Error<OwnedMessage>> {
        let sent = ask(&self.orders, |answer| driver::Order { parcel: parcel.clone(), answer });
        sent.await.unwrap_or(Err(Error::NotOpen(parcel)))
    }

    /// Waits until bufferedAmount is zero: all that was sent is with the network.
    ///
    /// # Errors
    ///
    /// An [`Error::Undelivered`], if the socket closes before.
    pub async fn drained(&self) -> Result<(), Error<OwnedMessage>> {
        ask(&self.questions, Question::Drained).await.unwrap_or(Err(Error::Undelivered { bytes: 0 }))
    }

    /// Has the closing handshake started, and gives a future that waits for its end, at most for the
    /// [close timeout](crate::Connect::close_timeout); see [`Control::close`](crate::Control::close).
    ///
    /// Messages whose sends are still waiting for room are handed back, as an [`Error::NotOpen`].
    ///
    /// # Errors
    ///
    /// An [`Error::Exception`] if an argument is at fault, in which case nothing was done, or an [`Error::CloseTimedOut`].
    #[must_use = "the future tells how it went; dropping it leaves the handshake to go on"]
    pub fn close(
        &self,
        code: Option<u16>,
        reason: Option<&str>,
    ) -> impl Future<Output = Result<CloseEvent, Error<OwnedMessage>>> + Send + use<> {
        let asked = close::check(code, reason).map(|_| {
            let reason = reason.map(str::to_owned);
            ask(&self.questions, |answer| Question::Close(code, reason, answer))
        });
        async { asked.map_err(Error::Exception)?.await.unwrap_or_else(|_| Ok(CloseEvent::abnormal())) }
    }

    /// Waits for the end, before or after it; any number may.
    ///
    /// The future is no handle: it does not keep the socket open.
    pub fn closed(&self) -> impl Future<Output = CloseEvent> + Send + use<> {
        self.end.clone().map(|end| end.unwrap_or_else(|_| CloseEvent::abnormal()))
    }

    /// Asks for the state of the connection.
    pub async fn ready_state(&self) -> ReadyState {
        self.look().await.0
    }

    /// Asks for the number of payload bytes that were sent and not yet handed to the network.
    pub async fn buffered_amount(&self) -> u64 {
        self.look().await.1
    }

    /// Gives the URL, as it was resolved.
    pub fn url(&self) -> &str {
        &self.facts.url
    }

    /// Gives the subprotocol that the server chose, or the empty string.
    pub fn protocol(&self) -> &str {
        &self.facts.protocol
    }

    /// Gives the extensions in use.
    pub fn extensions(&self) -> &str {
        &self.facts.extensions
    }

    async fn look(&self) -> (ReadyState, u64) {
        ask(&self.questions, Question::Look).await.unwrap_or((ReadyState::Closed, 0))
    }
}

/// Asks the actor, at once; where there is none any more, nobody answers.
fn ask<Q, A>(to: &mpsc::Sender<Q>, question: impl FnOnce(oneshot::Sender<A>) -> Q) -> oneshot::Receiver<A> {
    let (answer, answered) = oneshot::channel();
    // A clone has a place in the channel that nobody else takes.
    drop(to.clone().try_send(question(answer)));
    answered
}

impl RemoteReceiver {
    /// Waits for the next message; see [`Remote::next`].
    ///
    /// # Errors
    ///
    /// Once, and as the last item, if the connection did not end cleanly.
    pub async fn next(&mut self) -> Option<Result<OwnedMessage, Error<OwnedMessage>>> {
        poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }
}

impl Stream for RemoteReceiver {
    type Item = Result<OwnedMessage, Error<OwnedMessage>>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if this.ended {
            return Poll::Ready(None);
        }
        let item = match ready!(this.items.poll_next_unpin(context)) {
            Some(Item::Message(parcel)) => return Poll::Ready(Some(Ok(parcel))),
            Some(Item::Error(error)) => Some(Err(error)),
            Some(Item::End) => None,
            // The actor was dropped.
            None => Some(Err(Error::Failed(ConnectionFailed::new(CloseEvent::abnormal(), FinalState::of(0))))),
        };
        this.ended = true;
        Poll::Ready(item)
    }
}

impl FusedStream for RemoteReceiver {
    fn is_terminated(&self) -> bool {
        self.ended
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

impl fmt::Debug for RemoteSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteSender").field("url", &self.facts.url).finish_non_exhaustive()
    }
}

impl fmt::Debug for RemoteReceiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteReceiver").field("ended", &self.ended).finish_non_exhaustive()
    }
}

/// On every target, what is remote may be anywhere.
const _: fn() = || {
    fn anywhere<T: Send + Sync>() {}
    anywhere::<Remote>();
    anywhere::<RemoteSender>();
    anywhere::<RemoteReceiver>();
    anywhere::<OwnedMessage>();
    anywhere::<Error<OwnedMessage>>();
};
