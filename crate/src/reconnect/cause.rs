//! The cause of a failed attempt or an ended connection, and the default retry rule.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::socket::{ConnectError, ConnectionFailed, Error};
use crate::types::failure::Failure;
use crate::types::owned_message::OwnedMessage;
use crate::types::temporary::is_temporary_close;
use crate::types::units::Time;
use samesocket_spec::{CloseEvent, Response};

/// The cause of a failed attempt, of the end of a connection, or of the end of a reconnecting socket.
///
/// ```no_run
/// # async fn example() {
/// use samesocket::connect;
/// use samesocket::reconnect::Cause;
///
/// let mut socket = connect("wss://example.com/chat")
///     .reconnect()
///     .retry_while(|cause: &Cause, _| cause.is_worth_another_attempt())
///     .start();
/// if let Some(Err(cause)) = socket.next().await {
///     println!("gave up: {cause}; close code {:?}", cause.event().map(|event| event.code));
/// }
/// # }
/// ```
///
/// It is `Send` and `Sync` on every target.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// The attempt's future returned `None`, so there was nothing to connect to.
    NoAttempt,
    /// Connecting failed.
    NotConnected(Arc<ConnectError>),
    /// The [`prepare`](super::Reconnect::prepare) hook returned an error.
    NotPrepared(Arc<Error<OwnedMessage>>),
    /// The connection was closed cleanly.
    Closed(CloseEvent),
    /// The connection failed, or was given up because of a limit or a timeout.
    Lost(Arc<Error<OwnedMessage>>),
    /// A limit of the attempts was reached.
    GaveUp {
        /// The limit.
        limit: Limit,
        /// The last cause before it.
        cause: Arc<Cause>,
    },
    /// The program closed the socket while there was no connection, or dropped it.
    Stopped,
    /// A function of the program panicked: that of the attempts, of the preparation, or of the retry rule.
    ///
    /// Only a [`LiveSocket`](super::LiveSocket) ends in this way, on native targets. The panic of another reconnecting socket reaches
    /// the task that polls it.
    Panicked,
}

/// A limit of the attempts to connect, in [`Cause::GaveUp`].
///
/// ```
/// use samesocket::reconnect::Limit;
///
/// assert_eq!(Limit::Attempts(3).to_string(), "3 attempts");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Limit {
    /// The number of [attempts](super::Reconnect::max_attempts).
    Attempts(u32),
    /// The [time](super::Reconnect::max_time) of all attempts.
    Time(Duration),
}

impl Cause {
    /// Returns the data of the `close` event, if there was one.
    pub fn event(&self) -> Option<&CloseEvent> {
        match self {
            Self::Closed(event) => Some(event),
            Self::GaveUp { cause, .. } => cause.event(),
            _ => self.failed().map(ConnectionFailed::event),
        }
    }

    /// Returns the failed connection, if the cause is one.
    fn failed(&self) -> Option<&ConnectionFailed> {
        match self {
            Self::NotConnected(error) => match &**error {
                ConnectError::Failed(failed) => Some(failed),
                _ => None,
            },
            Self::Lost(error) | Self::NotPrepared(error) => match &**error {
                Error::Failed(failed) => Some(failed),
                _ => None,
            },
            _ => None,
        }
    }

    /// Returns why the connection failed, if it did and that is known; see
    /// [`ConnectionFailed::failure`](crate::ConnectionFailed::failure).
    ///
    /// ```no_run
    /// # async fn example() {
    /// use samesocket::{Failure, connect};
    ///
    /// // Gives up at once if the name of the server does not exist.
    /// let rule = |failure: Option<&Failure>| !matches!(failure, Some(Failure::Resolve { .. }));
    /// let socket = connect("wss://example.com/chat")
    ///     .reconnect()
    ///     .retry_while(move |cause, _| cause.is_worth_another_attempt() && rule(cause.failure()))
    ///     .start();
    /// # drop(socket);
    /// # }
    /// ```
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::NotConnected(error) => error.failure(),
            Self::Lost(error) | Self::NotPrepared(error) => error.failure(),
            Self::GaveUp { cause, .. } => cause.failure(),
            Self::NoAttempt | Self::Closed(_) | Self::Stopped | Self::Panicked => None,
        }
    }

    /// Returns the response of a server or proxy that refused the connection, if it is known. In a page it is not.
    ///
    /// ```no_run
    /// # async fn example() {
    /// use samesocket::connect;
    ///
    /// // A server that is being deployed answers 404 for a while.
    /// let socket = connect("wss://example.com/chat")
    ///     .reconnect()
    ///     .retry_while(|cause, _| {
    ///         cause.is_worth_another_attempt() || cause.response().is_some_and(|response| response.status() == 404)
    ///     })
    ///     .start();
    /// # drop(socket);
    /// # }
    /// ```
    pub fn response(&self) -> Option<&Response> {
        self.failure()?.response()
    }

    /// Returns whether another attempt can help. It is the default of [`retry_while`](super::Reconnect::retry_while).
    ///
    /// A temporary cause can pass by itself. For any other cause, the program, its settings or the server have to
    /// change first.
    ///
    /// | cause | another attempt |
    /// | --- | --- |
    /// | name not found, connection refused, reset or lost | yes |
    /// | timeout, of connecting or of a [`Heartbeat`](crate::Heartbeat) | yes |
    /// | status 408, 425, 429 or 5xx | yes, not before its `Retry-After` |
    /// | other status, such as 301, 401, 403, 404 | no |
    /// | invalid URL, blocked port, contradictory options | no |
    /// | certificate or TLS refused | no |
    /// | violation of the protocol | no |
    /// | a connection that failed in a page, where the reason is unknown | yes |
    /// | close code 1001, 1011 to 1014, or none (1005) | yes |
    /// | close code 1000 | no, and the socket ends without an error |
    /// | close code 1002, 1003, 1007 to 1010 | no |
    /// | close code 3000 to 4999, which the application defines | no, except 3008 (timeout) |
    /// | [`NoAttempt`](Self::NoAttempt), [`NotPrepared`](Self::NotPrepared) | yes, unless a row above says no |
    /// | idle timeout, limit of the receive queue | yes |
    /// | [`GaveUp`](Self::GaveUp), [`Stopped`](Self::Stopped), [`Panicked`](Self::Panicked) | no |
    ///
    /// A rule of the program's own can add to it. This one also reconnects after the application's code 4000:
    ///
    /// ```no_run
    /// # async fn example() {
    /// use samesocket::connect;
    /// use samesocket::reconnect::Cause;
    ///
    /// let is_restart = |cause: &Cause| cause.event().is_some_and(|event| event.code == 4000);
    /// let socket = connect("wss://example.com/chat")
    ///     .reconnect()
    ///     .retry_while(move |cause, _| cause.is_worth_another_attempt() || is_restart(cause))
    ///     .start();
    /// # drop(socket);
    /// # }
    /// ```
    ///
    /// The codes are in the
    /// [IANA registry](https://www.iana.org/assignments/websocket/websocket.xhtml#close-code-number).
    pub fn is_worth_another_attempt(&self) -> bool {
        if let Some(failed) = self.failed() {
            return failed.is_temporary();
        }
        match self {
            Self::NoAttempt => true,
            Self::GaveUp { .. } | Self::Stopped | Self::Panicked => false,
            Self::NotConnected(error) => matches!(**error, ConnectError::TimedOut { .. }),
            Self::NotPrepared(error) | Self::Lost(error) => !matches!(**error, Error::Exception(_)),
            Self::Closed(event) => is_temporary_close(event.code),
        }
    }

    /// Returns the wait that a refusal asks for. `now` is the time since 1970, if it is known.
    pub(super) fn retry_after(&self, now: Option<Duration>) -> Option<Duration> {
        if let Self::NotConnected(_) = self { self.failed()?.retry_after(now) } else { None }
    }

    /// Returns whether this is an end without an error: a clean close without a complaint, or the program's own.
    pub(super) const fn is_ordinary_end(&self) -> bool {
        match self {
            Self::Closed(event) => matches!(event.code, 1000 | 1005),
            Self::Stopped => true,
            _ => false,
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAttempt => f.write_str("there was nothing to connect to"),
            Self::NotConnected(error) => error.fmt(f),
            Self::NotPrepared(error) => write!(f, "the connection could not be prepared: {error}"),
            Self::Closed(event) => write!(f, "the connection was closed with code {}", event.code),
            Self::Lost(error) => error.fmt(f),
            Self::GaveUp { limit, cause } => write!(f, "gave up after {limit}: {cause}"),
            Self::Stopped => f.write_str("the program closed the socket"),
            Self::Panicked => f.write_str("a function of the program panicked"),
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Attempts(1) => f.write_str("1 attempt"),
            Self::Attempts(count) => write!(f, "{count} attempts"),
            Self::Time(time) => Time(*time).fmt(f),
        }
    }
}

// `Display` shows the text of the inner error, so `source` skips that error and returns its source.
impl StdError for Cause {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::NotConnected(error) => error.source(),
            Self::NotPrepared(error) | Self::Lost(error) => error.source(),
            Self::GaveUp { cause, .. } => cause.source(),
            Self::NoAttempt | Self::Closed(_) | Self::Stopped | Self::Panicked => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::FinalState;

    fn failed(code: u16, failure: Option<Failure>) -> ConnectionFailed {
        let event = CloseEvent::new(code, String::new(), false);
        ConnectionFailed::new(event, FinalState::default().with_diagnosis(failure, None))
    }

    fn refused(status: u16) -> Failure {
        Failure::Refused(Response::new(status))
    }

    // In a page no failure is known.
    #[cfg(not(target_family = "wasm"))]
    #[test]
    fn default_rule_retries_what_may_pass_by_itself() {
        let after = Duration::from_secs(1);
        let exception = || samesocket_spec::Exception::ReasonTooLong { bytes: 124 };
        let closed = |code| Cause::Closed(CloseEvent::new(code, String::new(), true));
        let not_connected = |failed| Cause::NotConnected(Arc::new(ConnectError::Failed(failed)));
        let not_prepared = |failed| Cause::NotPrepared(Arc::new(Error::Failed(failed)));
        let lost = |failed| Cause::Lost(Arc::new(Error::Failed(failed)));
        for (expected, cause) in [
            (true, Cause::NoAttempt),
            (true, Cause::NotConnected(Arc::new(ConnectError::TimedOut { after }))),
            (false, Cause::NotConnected(Arc::new(ConnectError::Exception(exception())))),
            // In a page the reason is unknown.
            (true, not_connected(failed(1006, None))),
            (true, not_connected(failed(1015, None))),
            (true, not_connected(failed(1006, Some(refused(503))))),
            (false, not_connected(failed(1006, Some(refused(401))))),
            (false, not_prepared(failed(1006, Some(refused(401))))),
            (true, not_prepared(failed(1006, None))),
            (true, Cause::NotPrepared(Arc::new(Error::NotOpen("a".into())))),
            (false, Cause::NotPrepared(Arc::new(Error::Exception(exception())))),
            (true, lost(failed(1006, Some(Failure::Runtime)))),
            (false, lost(failed(1006, Some(Failure::ContradictoryTls)))),
            // The server's code decides even if the connection was lost after it.
            (false, lost(failed(1008, Some(Failure::Runtime)))),
            (true, lost(failed(1012, Some(Failure::ContradictoryTls)))),
            (true, Cause::Lost(Arc::new(Error::ReceiveLimit { messages: 1, bytes: 1 }))),
            (true, Cause::Lost(Arc::new(Error::Idle { after }))),
            (true, Cause::Lost(Arc::new(Error::NoAnswer { after }))),
            (true, closed(1001)),
            (true, closed(1005)),
            (true, closed(1011)),
            (false, closed(1000)),
            (false, closed(1008)),
            (false, closed(3000)),
            (false, closed(4000)),
            (false, Cause::GaveUp { limit: Limit::Attempts(1), cause: Arc::new(Cause::NoAttempt) }),
            (false, Cause::Stopped),
            (false, Cause::Panicked),
        ] {
            assert_eq!(cause.is_worth_another_attempt(), expected, "{cause:?}");
        }
    }

    #[crate::test]
    fn limit_that_was_reached_is_shown_with_the_last_cause() {
        let last = Cause::NotConnected(Arc::new(ConnectError::Failed(failed(1006, Some(refused(503))))));
        for (limit, start) in [
            (Limit::Attempts(1), "gave up after 1 attempt: "),
            (Limit::Attempts(4), "gave up after 4 attempts: "),
            (Limit::Time(Duration::from_secs(90)), "gave up after 90s: "),
        ] {
            let cause = Cause::GaveUp { limit, cause: Arc::new(last.clone()) };
            assert_eq!(cause.to_string(), format!("{start}{last}"));
            assert_eq!(cause.source().map(ToString::to_string), last.source().map(ToString::to_string));
            assert_eq!((cause.event(), cause.response()), (last.event(), last.response()));
        }
    }
}
