//! The cause of a failed attempt or an ended connection.

use std::error::Error as StdError;
use std::fmt;

use crate::socket::{ConnectError, Error};
use samesocket_spec::CloseEvent;

/// The cause of a failed attempt, or of the end of a connection.
///
/// ```no_run
/// # async fn example() {
/// use samesocket::reconnect::{Cause, reconnect};
///
/// let mut socket = reconnect(|_| async { Some(samesocket::connect("wss://example.com/chat")) })
///     .retry_while(|cause: &Cause, failures| cause.is_worth_another_attempt() && failures < 5)
///     .start();
/// if let Some(Err(cause)) = socket.next().await {
///     println!("gave up: {cause}; close code {:?}", cause.event().map(|event| event.code));
/// }
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// The attempt's future returned `None`, so there was nothing to connect to.
    NoAttempt,
    /// Connecting failed.
    NotConnected(ConnectError),
    /// The [`prepare`](super::Reconnect::prepare) hook returned an error.
    NotPrepared(Error),
    /// The connection was closed cleanly.
    Closed(CloseEvent),
    /// The connection failed, or was given up because of a limit or a timeout.
    Lost(Error),
}

impl Cause {
    /// Returns the data of the `close` event, if there was one.
    pub fn event(&self) -> Option<&CloseEvent> {
        match self {
            Self::Closed(event) => Some(event),
            Self::NotConnected(ConnectError::Failed(failed))
            | Self::Lost(Error::Failed(failed))
            | Self::NotPrepared(Error::Failed(failed)) => Some(failed.event()),
            _ => None,
        }
    }

    /// Returns whether another attempt can help. It is the default of [`retry_while`](super::Reconnect::retry_while).
    ///
    /// It returns `false` after an exception, because that would repeat. It also returns `false` after a clean close with
    /// 1000 (normal closure), 1008 (policy violation), 3000 (unauthorized) or 3003 (forbidden). The
    /// [IANA registry](https://www.iana.org/assignments/websocket/websocket.xhtml#close-code-number) defines them.
    pub fn is_worth_another_attempt(&self) -> bool {
        match self {
            Self::NotConnected(ConnectError::Exception(_)) => false,
            Self::Closed(event) => !matches!(event.code, 1000 | 1008 | 3000 | 3003),
            _ => true,
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
        }
    }
}

impl StdError for Cause {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::NotConnected(error) => error.source(),
            Self::NotPrepared(error) | Self::Lost(error) => error.source(),
            Self::NoAttempt | Self::Closed(_) => None,
        }
    }
}
