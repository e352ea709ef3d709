//! What can go wrong.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use super::{Receiver, Sender};
use crate::platform::FinalState;
use crate::types::blob::BlobError;
use crate::types::message::Message;
use crate::types::owned_message::OwnedMessage;
use samesocket_spec::{CloseEvent, Exception};

/// Why [`connect`](crate::connect) gave no socket.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ConnectError {
    /// An argument is at fault, which the exception tells; nothing was started.
    Exception(Exception),
    /// The connection failed.
    Failed(ConnectionFailed),
    /// It was not open in time, and has been given up.
    TimedOut {
        /// How long it had.
        after: Duration,
    },
}

/// What can happen to a [`Socket`](crate::Socket).
///
/// What could not be sent is in the error: a [`Message`], or a [`OwnedMessage`](crate::Parcel) of a [`Remote`](crate::Remote).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Error<M = Message> {
    /// The connection failed, or was not closed cleanly.
    Failed(ConnectionFailed),
    /// More messages came than the [receive limit](crate::Connect::receive_limit) allows, where the peer cannot be made
    /// to wait; those before have been given, and the connection is being closed with 4009.
    ReceiveLimit {
        /// The number of messages that were waiting.
        messages: usize,
        /// Their size in bytes together.
        bytes: u64,
    },
    /// Nothing came within the [idle timeout](crate::Connect::idle_timeout); the connection is being closed with 4008.
    Idle {
        /// How long it had been waited for.
        after: Duration,
    },
    /// The peer did not answer to a [heartbeat](crate::Heartbeat); the connection is being closed with 4008.
    NoAnswer {
        /// How long it had.
        after: Duration,
    },
    /// The socket was not OPEN any more, so that this was not sent.
    NotOpen(M),
    /// More than the high-water mark is queued, so that this was not sent.
    Full(M),
    /// The socket closed with as many bytes queued; what became of them is not known.
    Undelivered {
        /// What bufferedAmount was.
        bytes: u64,
    },
    /// The closing handshake did not end in time; the socket stays CLOSING.
    CloseTimedOut {
        /// How long it had.
        after: Duration,
    },
    /// The arguments of `close` are at fault; nothing was done.
    Exception(Exception),
    /// A blob that came before the socket was [moved away](crate::Socket::into_remote) could not be read.
    Unreadable(BlobError),
}

/// How a connection failed: by an `error` event, or by a close that was not clean.
#[derive(Clone, Debug)]
pub struct ConnectionFailed(Box<Failed>);

#[derive(Clone, Debug)]
struct Failed {
    event: CloseEvent,
    final_state: FinalState,
}

impl ConnectionFailed {
    pub(crate) fn new(event: CloseEvent, final_state: FinalState) -> Self {
        Self(Box::new(Failed { event, final_state }))
    }

    /// Gives the data of the `close` event.
    pub fn event(&self) -> &CloseEvent {
        &self.0.event
    }

    pub(crate) fn final_state(&self) -> &FinalState {
        &self.0.final_state
    }
}

impl<M> Error<M> {
    /// Gives the message that could not be sent, if it is about one.
    pub fn into_message(self) -> Option<M> {
        match self {
            Self::NotOpen(message) | Self::Full(message) => Some(message),
            _ => None,
        }
    }

    fn describe(&self, size: impl Fn(&M) -> u64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(failed) => fmt::Display::fmt(failed, f),
            Self::ReceiveLimit { messages, bytes } => {
                write!(f, "a message came while {messages} messages of {bytes} bytes waited to be taken")
            }
            Self::Idle { after } => write!(f, "nothing came for {after:?}"),
            Self::NoAnswer { after } => write!(f, "the peer did not answer within {after:?}"),
            Self::NotOpen(message) => write!(f, "the socket is not open, so {} bytes were not sent", size(message)),
            Self::Full(message) => write!(f, "too much is queued, so {} bytes were not sent", size(message)),
            Self::Undelivered { bytes } => write!(f, "the socket closed with {bytes} bytes queued"),
            Self::CloseTimedOut { after } => write!(f, "the socket was not closed after {after:?}"),
            Self::Exception(exception) => fmt::Display::fmt(exception, f),
            Self::Unreadable(error) => fmt::Display::fmt(error, f),
        }
    }
}

impl Error {
    /// The same error of another kind of message, where it is about none.
    pub(super) fn without_message(self) -> Error<OwnedMessage> {
        match self {
            Self::Failed(failed) => Error::Failed(failed),
            Self::ReceiveLimit { messages, bytes } => Error::ReceiveLimit { messages, bytes },
            Self::Idle { after } => Error::Idle { after },
            Self::NoAnswer { after } => Error::NoAnswer { after },
            Self::Undelivered { bytes } => Error::Undelivered { bytes },
            Self::CloseTimedOut { after } => Error::CloseTimedOut { after },
            Self::Exception(exception) => Error::Exception(exception),
            Self::Unreadable(error) => Error::Unreadable(error),
            // No wait gives a message back.
            Self::NotOpen(_) | Self::Full(_) => Error::Undelivered { bytes: 0 },
        }
    }
}

/// Halves that are not of the same socket; both are given back.
#[derive(Debug)]
pub struct ReuniteError {
    /// The sender.
    pub sender: Sender,
    /// The receiver.
    pub receiver: Receiver,
}

impl fmt::Display for ConnectionFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let CloseEvent { code, reason, .. } = self.event();
        match reason.as_str() {
            "" => write!(f, "the connection failed with code {code}"),
            reason => write!(f, "the connection failed with code {code} and the reason {reason:?}"),
        }
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exception(exception) => fmt::Display::fmt(exception, f),
            Self::Failed(failed) => fmt::Display::fmt(failed, f),
            Self::TimedOut { after } => write!(f, "the connection was not open after {after:?}"),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.describe(Message::size, f)
    }
}

impl fmt::Display for Error<OwnedMessage> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.describe(OwnedMessage::size, f)
    }
}

impl fmt::Display for ReuniteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the sender and the receiver are not of the same socket")
    }
}

impl StdError for ConnectionFailed {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.final_state().source()
    }
}

// What an error shows as its own text is not its source too, but the source's source is.
impl StdError for ConnectError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Failed(failed) => failed.source(),
            Self::Exception(_) | Self::TimedOut { .. } => None,
        }
    }
}

impl<M: fmt::Debug> StdError for Error<M>
where
    Self: fmt::Display,
{
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Failed(failed) => failed.source(),
            Self::Unreadable(error) => error.source(),
            _ => None,
        }
    }
}

impl StdError for ReuniteError {}

impl From<Exception> for ConnectError {
    fn from(exception: Exception) -> Self {
        Self::Exception(exception)
    }
}
