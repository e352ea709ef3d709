//! The builder of a reconnecting socket.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use super::{Backoff, Cause, Outbox};
use crate::platform::BoxFuture;
use crate::socket::{Connect, Error, Socket};
use crate::sync::MaybeSend;

/// The default time after which a connection resets the count of failures. Arbitrary.
const RESET_FAILURES_AFTER: Duration = Duration::from_secs(10);

/// Creates the builder of a socket that reconnects whenever its connection is lost.
///
/// `attempt` is called for each connection, so that each can have another URL or token. Its argument is the number of
/// failures so far. It returns `None` if there is nothing to connect to, which counts as a failure.
///
/// ```no_run
/// # async fn example() -> Result<(), samesocket::reconnect::Cause> {
/// use samesocket::reconnect::reconnect;
///
/// let mut socket = reconnect(|_failures| async { Some(samesocket::connect("wss://example.com/news")) }).start();
/// while let Some(message) = socket.next().await {
///     println!("{:?}", message?);
/// }
/// # Ok(())
/// # }
/// ```
pub fn reconnect<F, R>(attempt: F) -> Reconnect
where
    F: FnMut(u32) -> R + MaybeSend + 'static,
    R: Future<Output = Option<Connect>> + MaybeSend + 'static,
{
    let mut attempt = attempt;
    Reconnect {
        attempt: Box::new(move |failures| Box::pin(attempt(failures))),
        prepare: None,
        retry_while: Box::new(|cause, _| cause.is_worth_another_attempt()),
        backoff: Backoff::default(),
        reset_failures_after: RESET_FAILURES_AFTER,
        outbox: Outbox::default(),
    }
}

/// The builder of a reconnecting socket, from [`reconnect`]. [`start`](Self::start) creates the socket.
///
/// ```no_run
/// # async fn example(url: String) {
/// use samesocket::reconnect::{Backoff, Outbox, reconnect};
/// use std::time::Duration;
///
/// let socket = reconnect(move |_failures| {
///     let connect = samesocket::connect(url.clone());
///     async { Some(connect) }
/// })
/// .prepare(|socket| async {
///     socket.send("subscribe".into()).await?;
///     Ok(socket)
/// })
/// .retry_while(|cause, failures| cause.is_worth_another_attempt() && failures < 10)
/// .backoff(Backoff { longest: Duration::from_secs(10), ..Backoff::default() })
/// .forget_failures_after(Duration::from_secs(30))
/// .outbox(Outbox::Keep { messages: 100, bytes: 1 << 20 })
/// .start();
/// # drop(socket);
/// # }
/// ```
#[must_use = "the builder does nothing unless it is started"]
pub struct Reconnect {
    pub(super) attempt: Box<dyn Attempt>,
    pub(super) prepare: Option<Box<dyn Prepare>>,
    pub(super) retry_while: Box<dyn RetryRule>,
    pub(super) backoff: Backoff,
    pub(super) reset_failures_after: Duration,
    pub(super) outbox: Outbox,
}

/// The user's function that returns the next connection.
pub(super) trait Attempt: FnMut(u32) -> BoxFuture<Option<Connect>> + MaybeSend {}
impl<F: FnMut(u32) -> BoxFuture<Option<Connect>> + MaybeSend> Attempt for F {}

/// The user's function that prepares a connection.
pub(super) trait Prepare: FnMut(Socket) -> BoxFuture<Result<Socket, Error>> + MaybeSend {}
impl<F: FnMut(Socket) -> BoxFuture<Result<Socket, Error>> + MaybeSend> Prepare for F {}

/// The user's function that decides whether to connect again.
pub(super) trait RetryRule: FnMut(&Cause, u32) -> bool + MaybeSend {}
impl<F: FnMut(&Cause, u32) -> bool + MaybeSend> RetryRule for F {}

impl Reconnect {
    /// Sets a function that prepares each connection before it is used, for example to subscribe again.
    ///
    /// It runs before kept messages are sent. An error counts as a failure, and the connection is given up.
    pub fn prepare<F, R>(self, prepare: F) -> Self
    where
        F: FnMut(Socket) -> R + MaybeSend + 'static,
        R: Future<Output = Result<Socket, Error>> + MaybeSend + 'static,
    {
        let mut prepare = prepare;
        Self { prepare: Some(Box::new(move |socket| Box::pin(prepare(socket)))), ..self }
    }

    /// Sets the rule that decides whether to connect again. The default is [`Cause::is_worth_another_attempt`].
    ///
    /// Its arguments are the cause and the number of failures, including this one.
    pub fn retry_while(self, rule: impl FnMut(&Cause, u32) -> bool + MaybeSend + 'static) -> Self {
        Self { retry_while: Box::new(rule), ..self }
    }

    /// Sets the waits between attempts.
    ///
    /// In a browser a wait ends early when the machine comes back online, or when the page becomes visible again.
    pub fn backoff(self, backoff: Backoff) -> Self {
        Self { backoff, ..self }
    }

    /// Sets the time after which a connection resets the count of failures. The default is ten seconds.
    pub fn forget_failures_after(self, duration: Duration) -> Self {
        Self { reset_failures_after: duration, ..self }
    }

    /// Sets the policy for messages that are sent while there is no connection. The default is [`Outbox::Return`].
    pub fn outbox(self, outbox: Outbox) -> Self {
        Self { outbox, ..self }
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
