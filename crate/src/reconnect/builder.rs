//! The builder of a reconnecting socket.

use std::fmt;
use std::future::{Future, ready};
use std::sync::Arc;
use std::time::Duration;

use super::live::driver::LiveDriver;
use super::{Backoff, Cause, Outbox};
use crate::platform::BoxFuture;
use crate::socket::{Connect, Error, Socket, SocketCore};
use crate::sync::{MaybeSend, Shared, Weak};

/// The default time after which a connection resets the count of failures. Arbitrary.
const RESET_FAILURES_AFTER: Duration = Duration::from_secs(10);

/// The default limit of the wait that a server can ask for. Arbitrary.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// Creates the builder of a socket that reconnects whenever its connection is lost, with a function for each attempt.
///
/// `attempt` is called for each connection, so that each can have another URL or token. Its argument is the number of
/// failures so far. It returns `None` if there is nothing to connect to, which counts as a failure. If all attempts are
/// alike, [`Connect::reconnect`] is shorter.
///
/// ```no_run
/// # async fn token() -> Option<String> { None }
/// # async fn example() -> Result<(), samesocket::reconnect::Cause> {
/// use samesocket::connect;
/// use samesocket::reconnect::reconnect;
///
/// let attempt = |_failures| async { Some(connect(format!("wss://example.com/news?token={}", token().await?))) };
/// let mut socket = reconnect(attempt).start();
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
        max_retry_after: MAX_RETRY_AFTER,
        max_attempts: u32::MAX,
        max_time: None,
        reset_failures_after: RESET_FAILURES_AFTER,
        outbox: None,
        disconnected: false,
        spawn: None,
    }
}

impl Connect {
    /// Creates the builder of a socket that reconnects whenever its connection is lost, each time with these options.
    ///
    /// [`reconnect`](crate::reconnect::reconnect()) is for attempts that differ, for example by a token.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), samesocket::reconnect::Cause> {
    /// let mut socket = samesocket::connect("wss://example.com/news").reconnect().start();
    /// while let Some(message) = socket.next().await {
    ///     println!("{:?}", message?);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn reconnect(self) -> Reconnect {
        reconnect(move |_| ready(Some(self.clone())))
    }
}

/// The builder of a reconnecting socket, from [`Connect::reconnect`] or [`reconnect`]. [`start`](Self::start) creates the
/// socket.
///
/// ```no_run
/// # async fn example(url: String) {
/// use samesocket::reconnect::{Backoff, Outbox};
/// use std::time::Duration;
///
/// let socket = samesocket::connect(url)
///     .reconnect()
///     .prepare(|socket| async {
///         socket.send("subscribe".into()).await?;
///         Ok(socket)
///     })
///     .backoff(Backoff { longest: Duration::from_secs(10), ..Backoff::default() })
///     .max_attempts(10)
///     .max_time(Duration::from_secs(300))
///     .max_retry_after(Duration::from_secs(60))
///     .forget_failures_after(Duration::from_secs(30))
///     .outbox(Outbox::Keep { messages: 100, bytes: 1 << 20 })
///     .start();
/// # drop(socket);
/// # }
/// ```
#[must_use = "the builder does nothing unless it is started"]
pub struct Reconnect {
    pub(super) attempt: Box<dyn Attempt>,
    pub(super) prepare: Option<Box<dyn Prepare>>,
    pub(super) retry_while: Box<dyn RetryRule>,
    pub(super) backoff: Backoff,
    pub(super) max_retry_after: Duration,
    pub(super) max_attempts: u32,
    pub(super) max_time: Option<Duration>,
    pub(super) reset_failures_after: Duration,
    /// The outbox; `None` for the default.
    pub(super) outbox: Option<Outbox>,
    /// Whether to connect only when that is requested.
    pub(super) disconnected: bool,
    /// The executor of a live socket's task; `None` for the default.
    pub(super) spawn: Option<Box<dyn Spawn>>,
}

/// The user's function that spawns the task of a live socket.
pub(super) trait Spawn: FnOnce(LiveDriver) + MaybeSend {}
impl<F: FnOnce(LiveDriver) + MaybeSend> Spawn for F {}

/// The user's function that returns the next connection.
pub(super) trait Attempt: FnMut(u32) -> BoxFuture<Option<Connect>> + MaybeSend {}
impl<F: FnMut(u32) -> BoxFuture<Option<Connect>> + MaybeSend> Attempt for F {}

/// The user's function that prepares a connection.
pub(super) trait Prepare: FnMut(Socket) -> BoxFuture<Result<Socket, Cause>> + MaybeSend {}
impl<F: FnMut(Socket) -> BoxFuture<Result<Socket, Cause>> + MaybeSend> Prepare for F {}

/// The user's function that decides whether to connect again.
pub(super) trait RetryRule: FnMut(&Cause, u32) -> bool + MaybeSend {}
impl<F: FnMut(&Cause, u32) -> bool + MaybeSend> RetryRule for F {}

/// A connection that is prepared. Dropping this closes the connection, unless it is `None` because the preparation has succeeded.
///
/// Dropping the connection is not enough, because the program may have kept a handle to it.
struct GivenUp(Option<Weak<SocketCore>>);

impl Drop for GivenUp {
    fn drop(&mut self) {
        if let Some(core) = self.0.as_ref().and_then(Weak::upgrade) {
            core.connection.close(None);
        }
    }
}

impl Reconnect {
    /// Sets a function that prepares each connection before it is used, for example to subscribe again.
    ///
    /// It runs before kept messages are sent. An error counts as a failure, and the connection is given up: it is closed without a
    /// code, even if the program has kept a handle to it. So it is if the socket ends meanwhile.
    pub fn prepare<F, R>(self, prepare: F) -> Self
    where
        F: FnMut(Socket) -> R + MaybeSend + 'static,
        R: Future<Output = Result<Socket, Error>> + MaybeSend + 'static,
    {
        let mut prepare = prepare;
        let prepare_or_cause = move |socket: Socket| {
            let given_up = GivenUp(Some(Shared::downgrade(socket.core())));
            let preparing = prepare(socket);
            Box::pin(async {
                let mut given_up = given_up;
                let socket = preparing.await.map_err(|error| Cause::NotPrepared(Arc::new(error.into_owned())))?;
                given_up.0 = None;
                Ok(socket)
            }) as _
        };
        Self { prepare: Some(Box::new(prepare_or_cause)), ..self }
    }

    /// Sets the rule that decides whether to connect again. The default is [`Cause::is_worth_another_attempt`].
    ///
    /// Its arguments are the cause and the number of failures, including this one. It is not asked after a
    /// [requested close](super::Sender::close), nor after the [maximum time](Self::max_time).
    pub fn retry_while(self, rule: impl FnMut(&Cause, u32) -> bool + MaybeSend + 'static) -> Self {
        Self { retry_while: Box::new(rule), ..self }
    }

    /// Sets the waits between attempts.
    ///
    /// In a browser a wait ends early when the machine comes back online, or when the page becomes visible again.
    pub fn backoff(self, backoff: Backoff) -> Self {
        Self { backoff, ..self }
    }

    /// Sets the longest wait that a server can ask for with the field `Retry-After` of a refusal. The default is one hour.
    ///
    /// The wait lasts at least as long as the field says, in seconds or until a date. Zero ignores the field. In a page it
    /// is not known. See [RFC 9110, section 10.2.3](https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3).
    pub fn max_retry_after(self, wait: Duration) -> Self {
        Self { max_retry_after: wait, ..self }
    }

    /// Sets the maximum number of attempts in a row. The default is no limit; 1 never reconnects, and 0 is taken as 1.
    ///
    /// The socket ends with [`Cause::GaveUp`] after so many failures in a row. Failed attempts and lost connections
    /// both count. A connection that has lasted for [`forget_failures_after`](Self::forget_failures_after) begins a new
    /// row, in which its own loss is the first failure.
    pub fn max_attempts(self, attempts: u32) -> Self {
        Self { max_attempts: attempts, ..self }
    }

    /// Sets the maximum time of all attempts in a row, with the waits between them. The default is no limit.
    ///
    /// The time starts with the first attempt. It starts again when a connection is lost that has lasted for
    /// [`forget_failures_after`](Self::forget_failures_after). Shorter connections count, but are not ended. When the
    /// time has passed, a running attempt is cancelled, and the socket ends with [`Cause::GaveUp`].
    pub fn max_time(self, time: Duration) -> Self {
        Self { max_time: Some(time), ..self }
    }

    /// Sets the time after which a connection resets the count of failures. The default is ten seconds.
    pub fn forget_failures_after(self, duration: Duration) -> Self {
        Self { reset_failures_after: duration, ..self }
    }

    /// Sets the policy for messages that are sent while there is no connection.
    ///
    /// The default is [`Outbox::Return`]. For a [`LiveSocket`](super::LiveSocket) it is [`Outbox::Keep`] with 10,000 messages
    /// and 8 MiB.
    pub fn outbox(self, outbox: Outbox) -> Self {
        Self { outbox: Some(outbox), ..self }
    }

    /// Starts without a connection, in the status [`Status::Idle`](super::Status::Idle).
    ///
    /// The socket connects after `reconnect_now` or `restart`. Until then its stream waits, and the [`Outbox`] applies to
    /// what is sent.
    ///
    /// ```
    /// use samesocket::connect;
    /// use samesocket::reconnect::Status;
    ///
    /// let socket = connect("wss://example.com/chat").reconnect().disconnected().start();
    /// assert_eq!(socket.status(), Status::Idle);
    /// // When the user has logged in:
    /// socket.reconnect_now();
    /// ```
    ///
    /// A [`LiveSocket`](super::LiveSocket) on a native target starts neither a task nor a thread before that. So a server
    /// can render a page with one.
    pub fn disconnected(self) -> Self {
        Self { disconnected: true, ..self }
    }

    /// Sets the executor of a [`LiveSocket`](super::LiveSocket): `spawn` receives the task.
    ///
    /// The default is the event loop of the current thread in a page. On native targets it is the test within
    /// [`testing::run`](crate::testing::run()), else the current tokio runtime, or else the background thread, as for
    /// [every socket](crate::guide::runtimes). Here a test runs the task by itself:
    ///
    /// ```
    /// use samesocket::reconnect::{Status, Update};
    /// use samesocket::testing;
    /// use std::sync::mpsc;
    ///
    /// testing::run(|network| async move {
    ///     let executor = network.clone();
    ///     let (updates, seen) = mpsc::channel();
    ///     let live = network
    ///         .connect("ws://example.com")
    ///         .reconnect()
    ///         .executor(move |driver| executor.spawn(driver))
    ///         .drive(move |update| updates.send(update).unwrap());
    ///     let mut peer = network.accept().await.open();
    ///     live.send("hello").unwrap();
    ///     peer.receive().await.unwrap();
    ///     assert_eq!(seen.try_recv(), Ok(Update::Status(Status::Connecting { attempt: 1 })));
    ///     assert_eq!(seen.try_recv(), Ok(Update::Status(Status::Open)));
    /// });
    /// ```
    pub fn executor(self, spawn: impl FnOnce(LiveDriver) + MaybeSend + 'static) -> Self {
        Self { spawn: Some(Box::new(spawn)), ..self }
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
