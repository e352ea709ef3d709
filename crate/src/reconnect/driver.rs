//! The reconnecting socket: a stream that connects, receives, and connects again.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::future::FusedFuture;
use futures::stream::FusedStream;
use futures::{Sink, Stream, StreamExt};

use super::outbox::Outgoing;
use super::states::{self, StateBroadcast};
use super::{Cause, Reconnect, Sender, State, States};
use crate::connection::closed::Closed;
use crate::platform::{Backend, BoxFuture, Clock, Options, PlatformEnvironment, Sleep};
use crate::socket::deadline::{Deadline, Expiry};
use crate::socket::{Connect, Error, Socket};
use crate::sync::{Lock, Shared};
use crate::typed::{Codec, Typed};
use crate::types::message::Message;

/// A reconnecting socket, from [`Reconnect::start`](super::Reconnect::start): a fused `Stream` of the messages of all its
/// connections.
///
/// The stream ends after a [requested close](Sender::close), and after a clean close that the retry rule accepts as final.
/// After another final failure it yields one `Err` with the cause, and then ends. Dropping it closes the connection without
/// a code.
///
/// ```no_run
/// # async fn example() -> Result<(), samesocket::reconnect::Cause> {
/// use samesocket::reconnect::{Reconnecting, reconnect};
///
/// let connect = || samesocket::connect("wss://example.com/news");
/// let mut socket: Reconnecting = reconnect(move |_failures| async move { Some(connect()) }).start();
/// while let Some(message) = socket.next().await {
///     println!("{:?}", message?);
/// }
/// # Ok(())
/// # }
/// ```
pub struct Reconnecting {
    /// The options. The lock makes the user's functions `Sync`; only the poll of the stream takes it.
    config: Lock<Reconnect>,
    /// The current phase. The lock makes the user's futures `Sync`; polling takes the phase out.
    phase: Lock<Phase>,
    outgoing: Shared<Lock<Outgoing>>,
    states: Shared<Lock<StateBroadcast>>,
    clock: Option<Shared<dyn Clock>>,
    failures: u32,
    /// Whether the stream has returned `None`.
    finished: bool,
}

enum Phase {
    /// Waits for the user's next attempt.
    Attempting(BoxFuture<Option<Connect>>),
    Connecting(Box<Connect>),
    Preparing(BoxFuture<Result<Socket, Error>>),
    /// Is connected. The deadline is over when earlier failures are forgotten.
    Open(Box<Socket>, Deadline),
    /// Waits for the `close` event after the last message.
    Ending(Box<Socket>, Closed),
    Waiting {
        backoff: Sleep,
        /// Completes when an earlier attempt is reasonable.
        retry_hint: BoxFuture<()>,
    },
    New,
    Ended,
}

/// The result of polling a phase.
enum Step {
    Pending,
    Next(Phase),
    Message(Message),
    /// The phase failed or the connection ended, with this many bytes queued.
    Failed(Cause, u64),
}

impl Reconnect {
    /// Creates the socket. It connects once its stream is polled.
    pub fn start(self) -> Reconnecting {
        Reconnecting::new(self)
    }
}

impl Reconnecting {
    fn new(config: Reconnect) -> Self {
        Self {
            outgoing: Shared::new(Lock::new(Outgoing::new(config.outbox))),
            config: Lock::new(config),
            phase: Lock::new(Phase::New),
            states: Shared::default(),
            clock: None,
            failures: 0,
            finished: false,
        }
    }

    /// Waits for the next message, and connects while waiting.
    ///
    /// Cancelling the future loses no message.
    ///
    /// # Errors
    ///
    /// Returns one error as the last item, after a failure that the retry rule does not retry.
    #[expect(clippy::should_implement_trait, reason = "this `next` returns a future, unlike `Iterator::next`")]
    pub fn next(&mut self) -> impl FusedFuture<Output = Option<Result<Message, Cause>>> + Unpin {
        StreamExt::next(self)
    }

    /// Converts the socket into a stream of values; see [`typed`](crate::typed).
    ///
    /// It sends nothing: [`sender`](Self::sender) sends messages, which a codec can [encode](Codec::encode).
    pub fn typed<In: 'static, Out: 'static>(self, codec: impl Codec<In, Out>) -> Typed<In, Out, Self> {
        Typed::new(self, codec)
    }

    /// Sends a message; see [`Sender::send`].
    ///
    /// # Errors
    ///
    /// Returns [`Error::NotOpen`] or [`Error::Full`], each with the message.
    pub async fn send(&self, message: Message) -> Result<(), Error> {
        self.sender().send(message).await
    }

    /// Returns a handle that sends, closes, and counts losses.
    pub fn sender(&self) -> Sender {
        Sender(Shared::clone(&self.outgoing))
    }

    /// Returns a stream of the states, starting with the current one.
    pub fn states(&self) -> States {
        states::subscribe(&self.states)
    }

    fn broadcast(&self, state: State) {
        states::broadcast(&self.states, state);
    }

    /// Polls the current phase.
    fn step(&mut self, phase: &mut Phase, context: &mut Context<'_>) -> Step {
        match phase {
            Phase::New => Step::Next(self.attempt()),
            Phase::Attempting(attempt) => match attempt.as_mut().poll(context) {
                Poll::Pending => Step::Pending,
                Poll::Ready(None) => Step::Failed(Cause::NoAttempt, 0),
                Poll::Ready(Some(connect)) => {
                    self.clock = connect.clock().or(self.clock.take());
                    Step::Next(Phase::Connecting(Box::new(connect)))
                }
            },
            Phase::Connecting(connect) => match Pin::new(&mut **connect).poll(context) {
                Poll::Pending => Step::Pending,
                Poll::Ready(Err(error)) => Step::Failed(Cause::NotConnected(error), 0),
                Poll::Ready(Ok(socket)) => Step::Next(self.prepare(socket)),
            },
            Phase::Preparing(preparing) => match preparing.as_mut().poll(context) {
                Poll::Pending => Step::Pending,
                Poll::Ready(Err(error)) => Step::Failed(Cause::NotPrepared(error), 0),
                Poll::Ready(Ok(socket)) => Step::Next(self.open(socket)),
            },
            Phase::Open(socket, reset_failures) => match self.poll_socket(socket, reset_failures, context) {
                Poll::Pending => Step::Pending,
                Poll::Ready(Some(Ok(message))) => Step::Message(message),
                Poll::Ready(Some(Err(error))) => Step::Failed(Cause::Lost(error), socket.buffered_amount()),
                Poll::Ready(None) => {
                    let closed = socket.closed();
                    match std::mem::replace(phase, Phase::Ended) {
                        Phase::Open(socket, _) => Step::Next(Phase::Ending(socket, closed)),
                        other => Step::Next(other),
                    }
                }
            },
            Phase::Ending(socket, closed) => match Pin::new(closed).poll(context) {
                Poll::Pending => Step::Pending,
                Poll::Ready(event) => Step::Failed(Cause::Closed(event), socket.buffered_amount()),
            },
            Phase::Waiting { backoff, retry_hint } => {
                let done = backoff.as_mut().poll(context).is_ready() || retry_hint.as_mut().poll(context).is_ready();
                if done { Step::Next(self.attempt()) } else { Step::Pending }
            }
            Phase::Ended => Step::Pending,
        }
    }

    /// Sends kept messages, receives the next message, and forgets earlier failures once the connection has lasted.
    fn poll_socket(
        &mut self,
        socket: &mut Socket,
        reset_failures: &mut Deadline,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Message, Error>>> {
        loop {
            // A statement of its own, so that the lock is released before the socket is polled. `poll_ready` never fails.
            let is_blocked = self.outgoing.lock().has_blocked_messages();
            if !is_blocked || Pin::new(&mut *socket).poll_ready(context).is_pending() {
                break;
            }
        }
        loop {
            let polled = Pin::new(&mut *socket).poll_next(context);
            if !matches!(polled, Poll::Pending | Poll::Ready(Some(Ok(_)))) {
                // The connection has ended, perhaps long ago: whether it has lasted is not known.
                return polled;
            }
            let core = socket.core();
            match reset_failures.poll(&*core.clock, &core.connection, context) {
                Poll::Ready(Expiry::CheckAgain) if polled.is_pending() => continue,
                Poll::Ready(Expiry::Over) => {
                    self.failures = 0;
                    reset_failures.stop();
                }
                Poll::Ready(Expiry::CheckAgain) | Poll::Pending => {}
            }
            return polled;
        }
    }

    /// Starts the next attempt.
    fn attempt(&self) -> Phase {
        self.broadcast(State::Connecting { failures: self.failures });
        let attempt = (self.config.lock().attempt)(self.failures);
        Phase::Attempting(attempt)
    }

    /// Starts the user's preparation of a connection, if there is one.
    fn prepare(&self, socket: Socket) -> Phase {
        let mut config = self.config.lock();
        if let Some(prepare) = &mut config.prepare {
            return Phase::Preparing(prepare(socket));
        }
        drop(config);
        self.open(socket)
    }

    /// Starts to use a prepared connection.
    fn open(&self, socket: Socket) -> Phase {
        let close = {
            let mut outgoing = self.outgoing.lock();
            outgoing.open(socket.sender());
            outgoing.requested_close()
        };
        if let Some((code, reason)) = close {
            drop(socket.close(code, Some(&reason)));
        }
        self.broadcast(State::Open);
        let reset_failures = Deadline::new(&*socket.core().clock, self.config.lock().reset_failures_after);
        Phase::Open(Box::new(socket), reset_failures)
    }

    /// Decides the phase after a failure or an end. Returns the error to yield, if it is the last one.
    fn on_failure(&mut self, cause: Cause, unknown_bytes: u64) -> (Phase, Option<Cause>) {
        let (sender, closed_by_us) = {
            let mut outgoing = self.outgoing.lock();
            (outgoing.disconnect(unknown_bytes), outgoing.requested_close().is_some())
        };
        drop(sender);
        self.failures = self.failures.saturating_add(1);
        if closed_by_us || !(self.config.lock().retry_while)(&cause, self.failures) {
            self.end();
            return (Phase::Ended, if matches!(cause, Cause::Closed(_)) { None } else { Some(cause) });
        }
        let clock = self.clock.get_or_insert_with(|| Options::default().clock());
        let environment = clock.environment().unwrap_or(&PlatformEnvironment);
        let wait = self.config.lock().backoff.wait(self.failures, environment.random());
        let phase = Phase::Waiting { backoff: clock.sleep(wait), retry_hint: environment.retry_hint() };
        self.broadcast(State::Waiting { cause, wait, unknown_bytes });
        (phase, None)
    }

    /// Ends the socket for good.
    fn end(&self) {
        let sender = self.outgoing.lock().end();
        drop(sender);
        self.broadcast(State::Ended);
    }
}

impl Stream for Reconnecting {
    type Item = Result<Message, Cause>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let mut phase = this.phase.replace(Phase::Ended);
        loop {
            if matches!(phase, Phase::Ended) {
                this.finished = true;
                return Poll::Ready(None);
            }
            let (replaced, closing) = {
                let mut outgoing = this.outgoing.lock();
                (outgoing.waker.replace(context.waker().clone()), outgoing.requested_close().is_some())
            };
            // Drop outside the lock: a waker may run any code.
            drop(replaced);
            if closing && !matches!(phase, Phase::Open(..) | Phase::Ending(..)) {
                this.end();
                phase = Phase::Ended;
                continue;
            }
            match this.step(&mut phase, context) {
                Step::Next(next) => phase = next,
                Step::Pending => {
                    this.phase.replace(phase);
                    return Poll::Pending;
                }
                Step::Message(message) => {
                    this.phase.replace(phase);
                    return Poll::Ready(Some(Ok(message)));
                }
                Step::Failed(cause, unknown_bytes) => {
                    // The old connection is dropped before anything else is created.
                    drop(std::mem::replace(&mut phase, Phase::Ended));
                    let (next, error) = this.on_failure(cause, unknown_bytes);
                    phase = next;
                    if error.is_some() {
                        return Poll::Ready(error.map(Err));
                    }
                }
            }
        }
    }
}

impl FusedStream for Reconnecting {
    fn is_terminated(&self) -> bool {
        self.finished
    }
}

impl Drop for Reconnecting {
    fn drop(&mut self) {
        let sender = self.outgoing.lock().end();
        if let Some(sender) = sender {
            // Dropping the sender is not enough, because sends that wait for capacity have one, too.
            drop(sender.control().close(None, None));
        }
        if !self.states.lock().has_ended() {
            self.broadcast(State::Ended);
        }
    }
}

impl fmt::Debug for Reconnecting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reconnecting").field("failures", &self.failures).finish_non_exhaustive()
    }
}
