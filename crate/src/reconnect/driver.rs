//! The socket that comes back.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::stream::FusedStream;
use futures::{Sink, Stream};

use super::outbox::Outgoing;
use super::states::Announcer;
use super::{Cause, Reconnect, Sender, State, States};
use crate::connection::closed::Closed;
use crate::platform::{Backend, BoxFuture, Clock, Options, PlatformEnvironment, Sleep};
use crate::socket::{Connect, Error, Socket};
use crate::sync::catch_panic::wake;
use crate::sync::{Lock, Shared};
use crate::types::message::Message;

/// A socket that comes back: a fused `Stream` of the messages of all its connections, from
/// [`Reconnect::start`](super::Reconnect::start).
///
/// It ends after a clean close that is not worth another attempt, or one that was [asked for](Sender::close); after
/// anything else that is not, with one `Err`, which tells the cause. Dropping it closes it.
pub struct Reconnecting {
    plan: Lock<Reconnect>,
    phase: Lock<Phase>,
    outgoing: Shared<Lock<Outgoing>>,
    announcer: Lock<Announcer>,
    clock: Option<Shared<dyn Clock>>,
    failures: u32,
}

enum Phase {
    /// Asks what to connect to.
    Asking(BoxFuture<Option<Connect>>),
    Connecting(Box<Connect>),
    Preparing(BoxFuture<Result<Socket, Error>>),
    /// Is connected; the sleep ends when earlier failures are forgotten.
    Open(Box<Socket>, Option<Sleep>),
    /// The messages have ended cleanly, and the event is waited for.
    Ending(Box<Socket>, Closed),
    Waiting {
        over: Sleep,
        /// When it is reasonable to try earlier.
        retry_hint: Sleep,
    },
    New,
    Ended,
}

/// What a step of a phase has led to.
enum Step {
    Pending,
    Next(Phase),
    Message(Message),
    Failed(Cause, u64),
}

impl Reconnecting {
    pub(super) fn new(plan: Reconnect) -> Self {
        Self {
            outgoing: Shared::new(Lock::new(Outgoing::new(plan.outbox))),
            plan: Lock::new(plan),
            phase: Lock::new(Phase::New),
            announcer: Lock::default(),
            clock: None,
            failures: 0,
        }
    }

    /// Waits for the next message, and connects meanwhile.
    ///
    /// # Errors
    ///
    /// Once, and as the last item, if there was a failure and no other attempt is made.
    pub async fn next(&mut self) -> Option<Result<Message, Cause>> {
        poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    /// Sends a message; see [`Sender::send`].
    ///
    /// # Errors
    ///
    /// An [`Error::NotOpen`] or [`Error::Full`], with the message.
    pub async fn send(&self, message: Message) -> Result<(), Error> {
        self.sender().send(message).await
    }

    /// Gives a handle that sends, closes, and tells of losses.
    pub fn sender(&self) -> Sender {
        Sender(Shared::clone(&self.outgoing))
    }

    /// Gives the states from the present one on.
    pub fn states(&self) -> States {
        self.announcer.lock().subscribe()
    }

    fn tell(&self, state: State) {
        let wakers = self.announcer.lock().tell(state);
        wake(wakers);
    }

    /// Goes one step on.
    fn step(&mut self, phase: &mut Phase, context: &mut Context<'_>) -> Step {
        match phase {
            Phase::New => Step::Next(self.ask()),
            Phase::Asking(asking) => match asking.as_mut().poll(context) {
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
            Phase::Open(socket, steady) => {
                if steady.as_mut().is_some_and(|steady| steady.as_mut().poll(context).is_ready()) {
                    self.failures = 0;
                    *steady = None;
                }
                loop {
                    // A statement of its own, so that nothing is locked while the socket is asked for room, which never fails.
                    let waits = self.outgoing.lock().keeps_for_want_of_room();
                    if !waits || Pin::new(&mut **socket).poll_ready(context).is_pending() {
                        break;
                    }
                }
                match Pin::new(&mut **socket).poll_next(context) {
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
                }
            }
            Phase::Ending(socket, closed) => match Pin::new(closed).poll(context) {
                Poll::Pending => Step::Pending,
                Poll::Ready(event) => Step::Failed(Cause::Closed(event), socket.buffered_amount()),
            },
            Phase::Waiting { over, retry_hint } => {
                let done = over.as_mut().poll(context).is_ready() || retry_hint.as_mut().poll(context).is_ready();
                if done { Step::Next(self.ask()) } else { Step::Pending }
            }
            Phase::Ended => Step::Pending,
        }
    }

    fn ask(&self) -> Phase {
        self.tell(State::Connecting { failures: self.failures });
        let asking = (self.plan.lock().attempt)(self.failures);
        Phase::Asking(asking)
    }

    fn prepare(&self, socket: Socket) -> Phase {
        let mut plan = self.plan.lock();
        if let Some(prepare) = &mut plan.prepare {
            return Phase::Preparing(prepare(socket));
        }
        drop(plan);
        self.open(socket)
    }

    fn open(&self, socket: Socket) -> Phase {
        let close = {
            let mut outgoing = self.outgoing.lock();
            outgoing.open(socket.sender());
            outgoing.asked_to_close()
        };
        if let Some((code, reason)) = close {
            drop(socket.close(code, Some(&reason)));
        }
        self.tell(State::Open);
        let steady = socket.core().clock.sleep(self.plan.lock().steady);
        Phase::Open(Box::new(socket), Some(steady))
    }
}

impl Reconnecting {
    /// Decides what follows a failure or an end; the error to give, if it is the last.
    fn follow(&mut self, cause: Cause, unknown_bytes: u64) -> (Phase, Option<Cause>) {
        let (sender, closed_by_us) = {
            let mut outgoing = self.outgoing.lock();
            (outgoing.lose(unknown_bytes), outgoing.asked_to_close().is_some())
        };
        drop(sender);
        self.failures = self.failures.saturating_add(1);
        if closed_by_us || !(self.plan.lock().rule)(&cause, self.failures) {
            self.end();
            return (Phase::Ended, if matches!(cause, Cause::Closed(_)) { None } else { Some(cause) });
        }
        let clock = self.clock.get_or_insert_with(|| Options::default().clock());
        let fate = clock.environment().unwrap_or(&PlatformEnvironment);
        let wait = self.plan.lock().backoff.wait(self.failures, fate.random());
        let phase = Phase::Waiting { over: clock.sleep(wait), retry_hint: fate.retry_hint() };
        self.tell(State::Waiting { cause, wait, unknown_bytes });
        (phase, None)
    }

    fn end(&self) {
        let sender = self.outgoing.lock().end();
        drop(sender);
        self.tell(State::Ended);
    }
}

impl Stream for Reconnecting {
    type Item = Result<Message, Cause>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let mut phase = this.phase.replace(Phase::Ended);
        loop {
            if matches!(phase, Phase::Ended) {
                return Poll::Ready(None);
            }
            let (former, closing) = {
                let mut outgoing = this.outgoing.lock();
                (outgoing.waker.replace(context.waker().clone()), outgoing.asked_to_close().is_some())
            };
            drop(former);
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
                    // Let go of before anything else is made.
                    drop(std::mem::replace(&mut phase, Phase::Ended));
                    let (next, error) = this.follow(cause, unknown_bytes);
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
        matches!(*self.phase.lock(), Phase::Ended)
    }
}

impl Drop for Reconnecting {
    fn drop(&mut self) {
        let sender = self.outgoing.lock().end();
        if let Some(sender) = sender {
            // Who waits for room to send has a handle of the connection's, too.
            drop(sender.control().close(None, None));
        }
    }
}

impl fmt::Debug for Reconnecting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reconnecting").field("failures", &self.failures).finish_non_exhaustive()
    }
}
