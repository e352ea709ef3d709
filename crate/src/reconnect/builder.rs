//! What is chosen for a socket that comes back.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use super::{Backoff, Cause, Outbox, Reconnecting};
use crate::platform::BoxFuture;
use crate::socket::{Connect, Error, Socket};
use crate::sync::MaybeSend;

/// How long a connection has to last until failures are forgotten, unless it is set.
const STEADY: Duration = Duration::from_secs(10);

/// Makes a socket that connects anew whenever its connection is lost.
///
/// `attempt` is asked for each connection, so that each can have another URL or token. It is told the number of failures
/// before, and gives `None` where there is nothing to connect to; that counts as a failure.
pub fn reconnect<F, R>(attempt: F) -> Reconnect
where
    F: FnMut(u32) -> R + MaybeSend + 'static,
    R: Future<Output = Option<Connect>> + MaybeSend + 'static,
{
    let mut attempt = attempt;
    Reconnect {
        attempt: Box::new(move |failures| Box::pin(attempt(failures))),
        prepare: None,
        rule: Box::new(|cause, _| cause.is_worth_another_attempt()),
        backoff: Backoff::default(),
        steady: STEADY,
        outbox: Outbox::default(),
    }
}

/// A socket that comes back, before it is [started](Self::start), from [`reconnect`].
#[must_use = "nothing is done unless it is started"]
pub struct Reconnect {
    pub(super) attempt: Box<dyn Attempt>,
    pub(super) prepare: Option<Box<dyn Prepare>>,
    pub(super) rule: Box<dyn Rule>,
    pub(super) backoff: Backoff,
    pub(super) steady: Duration,
    pub(super) outbox: Outbox,
}

/// Who says what to connect to.
pub(super) trait Attempt: FnMut(u32) -> BoxFuture<Option<Connect>> + MaybeSend {}
impl<F: FnMut(u32) -> BoxFuture<Option<Connect>> + MaybeSend> Attempt for F {}

/// Who prepares a connection.
pub(super) trait Prepare: FnMut(Socket) -> BoxFuture<Result<Socket, Error>> + MaybeSend {}
impl<F: FnMut(Socket) -> BoxFuture<Result<Socket, Error>> + MaybeSend> Prepare for F {}

/// Who says whether to connect again.
pub(super) trait Rule: FnMut(&Cause, u32) -> bool + MaybeSend {}
impl<F: FnMut(&Cause, u32) -> bool + MaybeSend> Rule for F {}

impl Reconnect {
    /// Sets what is done with a connection before it is used, before what was kept is sent: to subscribe again, for
    /// example. An error counts as a failure, and the connection is given up.
    pub fn prepare<F, R>(self, prepare: F) -> Self
    where
        F: FnMut(Socket) -> R + MaybeSend + 'static,
        R: Future<Output = Result<Socket, Error>> + MaybeSend + 'static,
    {
        let mut prepare = prepare;
        Self { prepare: Some(Box::new(move |socket| Box::pin(prepare(socket)))), ..self }
    }

    /// Sets the rule that says whether to connect again, by the cause and the number of failures, this one included;
    /// [`Cause::is_worth_another_attempt`] unless it is set.
    pub fn retry_while(self, rule: impl FnMut(&Cause, u32) -> bool + MaybeSend + 'static) -> Self {
        Self { rule: Box::new(rule), ..self }
    }

    /// Sets how long to wait before connecting again. A wait ends early when the machine comes back online, or when the
    /// page is shown again.
    pub fn backoff(self, backoff: Backoff) -> Self {
        Self { backoff, ..self }
    }

    /// Sets how long a connection has to last until earlier failures are forgotten; ten seconds unless it is set.
    pub fn forget_failures_after(self, duration: Duration) -> Self {
        Self { steady: duration, ..self }
    }

    /// Sets what becomes of messages that are sent while there is no connection; they come back unless it is set.
    pub fn outbox(self, outbox: Outbox) -> Self {
        Self { outbox, ..self }
    }

    /// Gives the socket, which connects once its stream is polled.
    pub fn start(self) -> Reconnecting {
        Reconnecting::new(self)
    }
}

impl fmt::Debug for Reconnect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reconnect")
            .field("backoff", &self.backoff)
            .field("outbox", &self.outbox)
            .finish_non_exhaustive()
    }
}
