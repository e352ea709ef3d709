//! The state machine of a reconnecting socket: it connects, receives, and connects again.

use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures::{Sink, Stream};

use super::outgoing::{self, Outgoing};
use super::status::{self, StatusBroadcast};
use super::{Cause, Limit, Reconnect, Status};
use crate::platform::{Backend, BoxFuture, Clock, DefaultBackend, PlatformEnvironment, Sleep};
use crate::socket::deadline::{Deadline, Expiry};
use crate::socket::{Connect, ConnectError, Error, Socket};
use crate::sync::{Lock, Shared};
use crate::trace::Span;
use crate::types::message::Message;
use samesocket_spec::CloseEvent;

/// The state of a reconnecting socket that only the poll of its stream uses.
///
/// The user's functions and futures are called through exclusive references, so that no lock is held meanwhile.
pub(super) struct Driver {
    config: Reconnect,
    /// The span of the socket. The user's functions and the connections are within it.
    span: Span,
    phase: Phase,
    outgoing: Shared<Lock<Outgoing>>,
    status: Shared<Lock<StatusBroadcast>>,
    /// Whether the status has changed since the last [`Item`].
    has_changed: bool,
    /// The clock of the last attempt, once there was one.
    clock: Option<Shared<dyn Clock>>,
    /// The failures in a row.
    failures: u32,
    /// The last of them.
    last_cause: Option<Cause>,
    /// The end of the maximum time of those attempts, if there is one.
    time_limit: Option<Sleep>,
}

enum Phase {
    /// Waits for a request to connect.
    Disconnected,
    /// Starts the first attempt, whose status is visible already.
    New,
    /// Waits for the user's next attempt.
    Attempting(BoxFuture<Option<Connect>>),
    Connecting(Box<Connect>),
    Preparing(BoxFuture<Result<Socket, Cause>>),
    /// Is connected. The deadline is over when earlier failures are forgotten.
    Open(Box<Socket>, Deadline),
    Waiting {
        backoff: Sleep,
        /// Completes when an earlier attempt is reasonable. `None` if the server has asked for the wait.
        retry_hint: Option<BoxFuture<()>>,
    },
    Ended,
}

/// The result of polling the driver.
pub(super) enum Item {
    /// The status has changed, before everything that follows.
    StatusChange,
    Message(Message),
    /// The socket has ended with this error.
    Error(Cause),
    /// The socket has ended. This is returned again until it is restarted.
    End,
}

/// The result of polling a phase.
enum Step {
    Pending,
    Next(Phase),
    Message(Message),
    /// The phase failed or the connection ended, with this many bytes queued.
    Failed(Cause, u64),
}

impl Driver {
    /// Creates a driver. It connects when it is polled, or when that is requested if the options say so.
    pub(super) fn new(
        config: Reconnect,
        outgoing: Shared<Lock<Outgoing>>,
        status: Shared<Lock<StatusBroadcast>>,
    ) -> Self {
        let phase = if config.disconnected { Phase::Disconnected } else { Phase::New };
        let span = Span::reconnecting();
        let has_changed = !config.disconnected;
        if has_changed {
            span.in_scope(|| status::broadcast(&status, Status::Connecting { attempt: 1 }));
        }
        let (clock, last_cause, time_limit) = (None, None, None);
        Self { config, span, phase, outgoing, status, has_changed, clock, failures: 0, last_cause, time_limit }
    }

    /// Waits for the next item, and connects while waiting.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Item> {
        let span = self.span.clone();
        span.in_scope(|| self.poll_in_span(context))
    }

    fn poll_in_span(&mut self, context: &mut Context<'_>) -> Poll<Item> {
        let mut phase = mem::replace(&mut self.phase, Phase::Ended);
        loop {
            phase = self.obey(phase, context);
            if mem::take(&mut self.has_changed) {
                self.phase = phase;
                return Poll::Ready(Item::StatusChange);
            }
            if matches!(phase, Phase::Ended) {
                return Poll::Ready(Item::End);
            }
            let (cause, unknown_bytes) = match self.step(&mut phase, context) {
                Step::Next(next) => {
                    phase = next;
                    continue;
                }
                Step::Message(message) => {
                    self.phase = phase;
                    return Poll::Ready(Item::Message(message));
                }
                Step::Failed(cause, unknown_bytes) => (cause, unknown_bytes),
                Step::Pending => {
                    let Poll::Ready(cause) = self.poll_time_limit(&phase, context) else {
                        self.phase = phase;
                        return Poll::Pending;
                    };
                    (cause, 0)
                }
            };
            // The old connection is dropped before anything else is created.
            drop(mem::replace(&mut phase, Phase::Ended));
            let (next, error) = self.on_failure(cause, unknown_bytes);
            phase = next;
            if let Some(error) = error {
                self.phase = phase;
                return Poll::Ready(Item::Error(error));
            }
        }
    }

    /// Registers the waker, and does what the handles have requested.
    fn obey(&mut self, phase: Phase, context: &Context<'_>) -> Phase {
        let is_connected = matches!(phase, Phase::Open(..));
        let can_restart = matches!(phase, Phase::Ended | Phase::Waiting { .. } | Phase::Disconnected);
        let (replaced, closes, reconnects, restarts) = {
            let mut outgoing = self.outgoing.lock();
            let replaced = outgoing.waker.replace(context.waker().clone());
            let requests = &mut outgoing.requests;
            let (closes, reconnects) = (requests.close.is_some(), mem::take(&mut requests.reconnect_now));
            let restarts = requests.restart && !is_connected && (closes || can_restart);
            if restarts {
                // A close that is requested from now on is one of the restarted socket.
                requests.close = None;
            }
            // A restart waits for the end of a connection that is closing, and does nothing to another one.
            requests.restart &= closes && is_connected;
            (replaced, closes, reconnects, restarts)
        };
        // Drop outside the lock: a waker may run any code.
        drop(replaced);
        match phase {
            _ if is_connected => phase,
            Phase::Ended => {
                if restarts {
                    self.restart()
                } else {
                    phase
                }
            }
            _ if closes => {
                drop(phase);
                self.end(Cause::Stopped);
                if restarts { self.restart() } else { Phase::Ended }
            }
            _ if restarts => self.restart(),
            Phase::Waiting { .. } | Phase::Disconnected if reconnects => self.attempt(),
            _ => phase,
        }
    }

    /// Polls the current phase.
    fn step(&mut self, phase: &mut Phase, context: &mut Context<'_>) -> Step {
        match phase {
            Phase::New => Step::Next(self.connect()),
            Phase::Attempting(attempt) => match attempt.as_mut().poll(context) {
                Poll::Pending => Step::Pending,
                Poll::Ready(None) => Step::Failed(Cause::NoAttempt, 0),
                Poll::Ready(Some(connect)) => {
                    self.set_clock(connect.clock());
                    Step::Next(Phase::Connecting(Box::new(connect)))
                }
            },
            Phase::Connecting(connect) => match Pin::new(&mut **connect).poll(context) {
                Poll::Pending => Step::Pending,
                Poll::Ready(Err(error)) => Step::Failed(Cause::NotConnected(Arc::new(error)), 0),
                Poll::Ready(Ok(socket)) => Step::Next(self.prepare(socket)),
            },
            Phase::Preparing(preparing) => match preparing.as_mut().poll(context) {
                Poll::Pending => Step::Pending,
                Poll::Ready(Err(cause)) => Step::Failed(cause, 0),
                Poll::Ready(Ok(socket)) => Step::Next(self.open(socket)),
            },
            Phase::Open(socket, reset_failures) => match self.poll_socket(socket, reset_failures, context) {
                Poll::Pending => Step::Pending,
                Poll::Ready(Some(Ok(message))) => Step::Message(message),
                Poll::Ready(Some(Err(error))) => {
                    Step::Failed(Cause::Lost(Arc::new(error.into_owned())), socket.buffered_amount())
                }
                Poll::Ready(None) => {
                    let event = socket.close_event().unwrap_or_else(CloseEvent::abnormal);
                    Step::Failed(Cause::Closed(event), socket.buffered_amount())
                }
            },
            Phase::Waiting { backoff, retry_hint } => {
                let hinted = retry_hint.as_mut().is_some_and(|hint| hint.as_mut().poll(context).is_ready());
                let done = hinted || backoff.as_mut().poll(context).is_ready();
                if done { Step::Next(self.attempt()) } else { Step::Pending }
            }
            Phase::Disconnected | Phase::Ended => Step::Pending,
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
            // `poll_ready` never fails.
            let is_blocked = outgoing::has_blocked_messages(&self.outgoing);
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
                    self.forget_failures();
                    reset_failures.stop();
                }
                Poll::Ready(Expiry::CheckAgain) | Poll::Pending => {}
            }
            return polled;
        }
    }

    /// Makes the status visible that an attempt starts, and starts it.
    fn attempt(&mut self) -> Phase {
        self.broadcast(Status::Connecting { attempt: self.failures.saturating_add(1) });
        self.connect()
    }

    /// Calls the user's function for the next attempt.
    fn connect(&mut self) -> Phase {
        self.start_time_limit();
        Phase::Attempting((self.config.attempt)(self.failures))
    }

    /// Starts the user's preparation of a connection, if there is one.
    fn prepare(&mut self, socket: Socket) -> Phase {
        match &mut self.config.prepare {
            Some(prepare) => Phase::Preparing(prepare(socket)),
            None => self.open(socket),
        }
    }

    /// Starts to use a prepared connection.
    fn open(&mut self, socket: Socket) -> Phase {
        self.outgoing.lock().open(Shared::clone(socket.core()));
        outgoing::pass_kept(&self.outgoing);
        self.broadcast(Status::Open);
        let reset_failures = Deadline::new(&*socket.core().clock, self.config.reset_failures_after);
        Phase::Open(Box::new(socket), reset_failures)
    }

    /// Decides the phase after a failure or an end. Returns the error to yield, if it is the last one.
    fn on_failure(&mut self, cause: Cause, unknown_bytes: u64) -> (Phase, Option<Cause>) {
        let (disconnected, is_requested) = {
            let mut outgoing = self.outgoing.lock();
            (outgoing.disconnect(unknown_bytes), outgoing.requests.close.is_some())
        };
        // Drop outside the lock: messages may be owned by the user.
        drop(disconnected);
        self.failures = self.failures.saturating_add(1);
        if is_requested || matches!(cause, Cause::GaveUp { .. }) || !(self.config.retry_while)(&cause, self.failures) {
            return self.end_with(cause);
        }
        if self.failures >= self.config.max_attempts {
            return self.end_with(Cause::GaveUp { limit: Limit::Attempts(self.failures), cause: Arc::new(cause) });
        }
        self.start_time_limit();
        self.last_cause = Some(cause.clone());
        (self.wait(cause, unknown_bytes), None)
    }

    /// Starts to wait before the next attempt, at least as long as the server has asked for.
    fn wait(&mut self, cause: Cause, unknown_bytes: u64) -> Phase {
        let clock = self.clock();
        let environment = clock.environment().unwrap_or(&PlatformEnvironment);
        let backoff = self.config.backoff.wait(self.failures, environment.random());
        let retry_after = cause.retry_after(environment.unix_time()).map(|wait| wait.min(self.config.max_retry_after));
        let (wait, retry_hint) = match retry_after {
            Some(retry_after) if retry_after > backoff => (retry_after, None),
            _ => (backoff, Some(environment.retry_hint())),
        };
        let phase = Phase::Waiting { backoff: clock.sleep(wait), retry_hint };
        self.broadcast(Status::Waiting { failures: self.failures, cause, wait, unknown_bytes });
        phase
    }

    /// Returns the clock of the last attempt, or that of the default options.
    fn clock(&self) -> Shared<dyn Clock> {
        self.clock.clone().unwrap_or_else(|| DefaultBackend::default().clock())
    }

    /// Sets the clock of an attempt, which is that of its network.
    fn set_clock(&mut self, clock: Shared<dyn Clock>) {
        let is_test_clock = clock.environment().is_some();
        if self.clock.replace(clock).is_none() && is_test_clock {
            // Until now, the time was measured by the platform's clock.
            self.time_limit = None;
            self.start_time_limit();
        }
    }

    /// Starts to measure the maximum time of attempts in a row, if there is one and unless it is measured already.
    fn start_time_limit(&mut self) {
        if let (Some(max), None) = (self.config.max_time, &self.time_limit) {
            self.time_limit = Some(self.clock().sleep(max));
        }
    }

    /// Waits until the maximum time has passed without a connection, and returns the cause of the end.
    fn poll_time_limit(&mut self, phase: &Phase, context: &mut Context<'_>) -> Poll<Cause> {
        let (Some(limit), Some(time)) = (&mut self.time_limit, self.config.max_time) else { return Poll::Pending };
        if matches!(phase, Phase::Open(..)) {
            return Poll::Pending;
        }
        ready!(limit.as_mut().poll(context));
        let timeout = || Cause::NotConnected(Arc::new(ConnectError::TimedOut { after: time }));
        let cause = Arc::new(self.last_cause.take().unwrap_or_else(timeout));
        Poll::Ready(Cause::GaveUp { limit: Limit::Time(time), cause })
    }

    fn forget_failures(&mut self) {
        (self.failures, self.last_cause, self.time_limit) = (0, None, None);
    }

    /// Starts again after the end, or in place of a wait.
    fn restart(&mut self) -> Phase {
        self.outgoing.lock().restart();
        self.forget_failures();
        self.attempt()
    }

    /// Ends the socket for good. Returns the error to yield, if the end is not an ordinary one.
    fn end_with(&mut self, cause: Cause) -> (Phase, Option<Cause>) {
        let is_requested = self.outgoing.lock().requests.close.is_some();
        let is_ordinary = is_requested || cause.is_ordinary_end();
        self.end(cause.clone());
        (Phase::Ended, if is_ordinary { None } else { Some(cause) })
    }

    /// Ends the socket because the program drops it, unless it has ended.
    pub(super) fn stop(&mut self) {
        let has_ended = self.status.lock().has_ended();
        if !has_ended {
            let span = self.span.clone();
            span.in_scope(|| self.end(Cause::Stopped));
        }
    }

    /// Ends the socket after a function of the user has panicked, which has interrupted a poll.
    pub(super) fn end_after_panic(&mut self) {
        let span = self.span.clone();
        span.in_scope(|| self.end(Cause::Panicked));
    }

    /// Ends the socket for good, and closes the connection that it may have.
    fn end(&mut self, cause: Cause) {
        // Drop outside the lock: messages may be owned by the user.
        let (connection, _dropped) = self.outgoing.lock().end();
        if let Some(connection) = connection {
            // Dropping the connection is not enough, because sends that wait for capacity have one, too.
            connection.connection.close(None);
        }
        self.broadcast(Status::Ended { cause });
    }

    fn broadcast(&mut self, status: Status) {
        self.has_changed = true;
        status::broadcast(&self.status, status);
    }
}
