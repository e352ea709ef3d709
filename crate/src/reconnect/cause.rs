//! Why there is no connection, or none any more.

use std::error::Error as StdError;
use std::fmt;

use crate::socket::{ConnectError, Error};
use samesocket_spec::CloseEvent;

/// Why an attempt gave no connection, or why a connection ended.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Cause {
    /// There was nothing to connect to: the attempt's future gave `None`.
    NoAttempt,
    /// Connecting failed.
    NotConnected(ConnectError),
    /// The connection was not accepted by the hook that prepares it.
    NotPrepared(Error),
    /// The connection was closed cleanly.
    Closed(CloseEvent),
    /// The connection failed, or was given up for a limit or a deadline.
    Lost(Error),
}

impl Cause {
    /// Gives the data of the `close` event, if it came to that.
    pub fn event(&self) -> Option<&CloseEvent> {
        match self {
            Self::Closed(event) => Some(event),
            Self::NotConnected(ConnectError::Failed(failed))
            | Self::Lost(Error::Failed(failed))
            | Self::NotPrepared(Error::Failed(failed)) => Some(failed.event()),
            _ => None,
        }
    }

    /// Whether connecting anew may help, as far as can be known in general; it is the rule unless another is set.
    ///
    /// It does not after an exception, which would come again; nor after a clean close with 1000, which says that all is
    /// done, with 1008 or 3003, which say that the client may not, or with 3000, which says that it is not known.
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
