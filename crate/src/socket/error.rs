//! The errors of the futures API.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use crate::platform::FinalState;
use crate::types::blob::BlobError;
use crate::types::message::Message;
use crate::types::owned_message::OwnedMessage;
use samesocket_spec::{CloseEvent, Exception};

/// The error of [`connect`](crate::connect).
///
/// ```no_run
/// # async fn example() {
/// use samesocket::{ConnectError, connect};
///
/// match connect("wss://example.com/chat").await {
///     Ok(_socket) => println!("open"),
///     Err(ConnectError::Failed(failed)) => println!("close code {}", failed.event().code),
///     Err(ConnectError::TimedOut { after }) => println!("no answer for {after:?}"),
///     Err(error) => println!("{error}"),
/// }
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectError {
    /// An argument is invalid. No connection was started.
    Exception(Exception),
    /// The connection failed.
    Failed(ConnectionFailed),
    /// The connection was not open within [`Connect::timeout`](crate::Connect::timeout), and was given up.
    TimedOut {
        /// The timeout.
        after: Duration,
    },
}

/// The error of a [`Socket`](crate::Socket) and of its handles.
///
/// An error of a send contains the message that was not sent: a [`Message`], or an [`OwnedMessage`] of a
/// [`Remote`](crate::Remote).
///
/// ```no_run
/// # async fn example(socket: samesocket::Socket) {
/// use samesocket::Error;
///
/// match socket.try_send("hello".into()) {
///     Ok(()) => {}
///     Err(Error::Full(message)) => println!("try again later: {message:?}"),
///     Err(error) => println!("{error}"),
/// }
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error<M = Message> {
    /// The connection failed, or its close was not clean.
    Failed(ConnectionFailed),
    /// A message exceeded the [receive limit](crate::Connect::receive_limit) of a socket without backpressure.
    ///
    /// The stream has yielded the messages before it. The connection is closed with code 4009.
    ReceiveLimit {
        /// The number of messages that were queued.
        messages: usize,
        /// The size of those messages in bytes.
        bytes: u64,
    },
    /// No message arrived within the [idle timeout](crate::Connect::idle_timeout). The connection is closed with code
    /// 4008.
    Idle {
        /// The idle timeout.
        after: Duration,
    },
    /// The server did not answer a [heartbeat](crate::Heartbeat) in time. The connection is closed with code 4008.
    NoAnswer {
        /// The time that the server had to answer.
        after: Duration,
    },
    /// The socket is not OPEN, so this message was not sent.
    NotOpen(M),
    /// The high-water mark or another bound is reached, so this message was not sent.
    Full(M),
    /// The socket closed before all messages were passed to the network. Whether they arrived is not known.
    Undelivered {
        /// The bufferedAmount when the socket closed.
        bytes: u64,
    },
    /// The closing handshake did not end within the [close timeout](crate::Connect::close_timeout). The socket stays
    /// CLOSING. On native targets, dropping its last handle now resets the connection.
    CloseTimedOut {
        /// The close timeout.
        after: Duration,
    },
    /// An argument of `close` is invalid. The socket stays as it was.
    Exception(Exception),
    /// A blob that arrived before [`Socket::into_remote`](crate::Socket::into_remote) cannot be read.
    Unreadable(BlobError),
}

/// A failed connection: the `close` event that followed an `error` event, or that was not clean.
///
/// ```no_run
/// # async fn example(mut socket: samesocket::Socket) {
/// use samesocket::Error;
///
/// while let Some(item) = socket.next().await {
///     if let Err(Error::Failed(failed)) = item {
///         println!("{failed}; was it clean? {}", failed.event().was_clean);
///     }
/// }
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionFailed(Box<Failed>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Failed {
    event: CloseEvent,
    final_state: FinalState,
}

impl ConnectionFailed {
    pub(crate) fn new(event: CloseEvent, final_state: FinalState) -> Self {
        Self(Box::new(Failed { event, final_state }))
    }

    /// Returns the data of the `close` event.
    pub fn event(&self) -> &CloseEvent {
        &self.0.event
    }

    pub(crate) fn final_state(&self) -> &FinalState {
        &self.0.final_state
    }
}

impl<M> Error<M> {
    /// Returns the message that was not sent, if the error contains one.
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
                let plural = if *messages == 1 { "" } else { "s" };
                write!(f, "a message exceeded the receive limit behind {messages} message{plural} of {}", Bytes(*bytes))
            }
            Self::Idle { after } => write!(f, "no message arrived for {after:?}"),
            Self::NoAnswer { after } => write!(f, "the server did not answer the heartbeat within {after:?}"),
            Self::NotOpen(message) => {
                write!(f, "the socket is not open; a message of {} was not sent", Bytes(size(message)))
            }
            Self::Full(message) => {
                write!(f, "the send queue is full; a message of {} was not sent", Bytes(size(message)))
            }
            Self::Undelivered { bytes } => write!(f, "the socket closed before {} were sent", Bytes(*bytes)),
            Self::CloseTimedOut { after } => write!(f, "the closing handshake did not end within {after:?}"),
            Self::Exception(exception) => fmt::Display::fmt(exception, f),
            Self::Unreadable(error) => fmt::Display::fmt(error, f),
        }
    }
}

/// A number of bytes with its unit, for people.
struct Bytes(u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            1 => f.write_str("1 byte"),
            bytes => write!(f, "{bytes} bytes"),
        }
    }
}

impl Error {
    /// Converts the error of a wait, which contains no message, to the error type of a [`Remote`](crate::Remote).
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
            // Unreachable: only a send returns these, and callers pass the errors of waits.
            Self::NotOpen(_) | Self::Full(_) => Error::Undelivered { bytes: 0 },
        }
    }
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
            Self::TimedOut { after } => write!(f, "the connection was not open within {after:?}"),
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

impl StdError for ConnectionFailed {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.final_state().source()
    }
}

// `Display` shows the text of the inner error, so `source` skips that error and returns its source.
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

impl From<Exception> for ConnectError {
    fn from(exception: Exception) -> Self {
        Self::Exception(exception)
    }
}
