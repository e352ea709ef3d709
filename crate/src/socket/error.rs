//! The errors of the futures API.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::options::unsupported::UnsupportedOption;
use crate::platform::FinalState;
use crate::types::blob::BlobError;
use crate::types::failure::Failure;
use crate::types::message::Message;
use crate::types::owned_message::OwnedMessage;
use crate::types::retry_after::retry_after;
use crate::types::temporary::is_temporary_close;
use crate::types::units::{Bytes, Time};
use samesocket_spec::{CloseEvent, Exception, Quoted, Response};

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
    /// The target does not support an option. No connection was started.
    Unsupported(UnsupportedOption),
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
    /// The closing handshake made no progress for the [close timeout](crate::Connect::close_timeout), so that the connection was
    /// ended. The `close` event has code 1006. On native targets TCP was reset.
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
pub struct ConnectionFailed(Arc<Failed>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Failed {
    event: CloseEvent,
    final_state: FinalState,
}

impl ConnectionFailed {
    pub(crate) fn new(event: CloseEvent, final_state: FinalState) -> Self {
        Self(Arc::new(Failed { event, final_state }))
    }

    /// Returns the data of the `close` event.
    pub fn event(&self) -> &CloseEvent {
        &self.0.event
    }

    /// Returns why the connection failed, if that is known. In a page it is not: see the developer tools.
    ///
    /// ```no_run
    /// # async fn example() {
    /// use samesocket::{ConnectError, connect};
    ///
    /// if let Err(ConnectError::Failed(failed)) = connect("wss://example.com/chat").await {
    ///     println!("close code {}: {:?}", failed.event().code, failed.failure());
    /// }
    /// # }
    /// ```
    pub fn failure(&self) -> Option<&Failure> {
        self.0.final_state.failure()
    }

    /// Returns the response to the opening handshake, if there was one and it is known. In a page it is not.
    ///
    /// It is that of the server, or that of an HTTP proxy that refused the connection; [`failure`](Self::failure) says
    /// which. If the connection was open before it failed, the response has the status 101, or 200 over HTTP/2.
    pub fn response(&self) -> Option<&Response> {
        self.0.final_state.response()
    }

    /// Returns whether a later attempt may succeed. The server's close code decides, or else the failure.
    pub(crate) fn is_temporary(&self) -> bool {
        match self.event().code {
            // In a page the failure is not known.
            1006 | 1015 => self.failure().is_none_or(Failure::is_temporary),
            code => is_temporary_close(code),
        }
    }

    /// Returns the wait that a refusal asks for. `now` is the time since 1970, if it is known.
    pub(crate) fn retry_after(&self, now: Option<Duration>) -> Option<Duration> {
        retry_after(self.failure()?.response()?, now)
    }
}

impl ConnectError {
    /// Returns why the connection failed, if that is known; see [`ConnectionFailed::failure`].
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Failed(failed) => failed.failure(),
            Self::Exception(_) | Self::Unsupported(_) | Self::TimedOut { .. } => None,
        }
    }

    /// Returns the response to the opening handshake, if there was one and it is known; see
    /// [`ConnectionFailed::response`].
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), samesocket::ConnectError> {
    /// use samesocket::connect;
    ///
    /// let refused = match connect("wss://example.com/chat").await {
    ///     Ok(_socket) => return Ok(()),
    ///     Err(error) => error,
    /// };
    /// match refused.response() {
    ///     Some(response) if response.status() == 401 => println!("log in: {:?}", response.header("WWW-Authenticate")),
    ///     Some(response) => println!("{response}: {}", String::from_utf8_lossy(response.body())),
    ///     None => println!("{refused}"),
    /// }
    /// # Err(refused)
    /// # }
    /// ```
    pub fn response(&self) -> Option<&Response> {
        match self {
            Self::Failed(failed) => failed.response(),
            Self::Exception(_) | Self::Unsupported(_) | Self::TimedOut { .. } => None,
        }
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

    /// Returns why the connection failed, if it did and that is known; see [`ConnectionFailed::failure`].
    ///
    /// ```no_run
    /// # async fn example(mut socket: samesocket::Socket) {
    /// while let Some(item) = socket.next().await {
    ///     if let Err(error) = item {
    ///         println!("{error}: {:?}", error.failure());
    ///     }
    /// }
    /// # }
    /// ```
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Failed(failed) => failed.failure(),
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
            Self::Idle { after } => write!(f, "no message arrived for {}", Time(*after)),
            Self::NoAnswer { after } => write!(f, "the server did not answer the heartbeat within {}", Time(*after)),
            Self::NotOpen(message) => {
                write!(f, "the socket is not open; a message of {} was not sent", Bytes(size(message)))
            }
            Self::Full(message) => {
                write!(f, "the send queue is full; a message of {} was not sent", Bytes(size(message)))
            }
            Self::Undelivered { bytes } => write!(f, "the socket closed before {} were sent", Bytes(*bytes)),
            Self::CloseTimedOut { after } => write!(f, "the closing handshake did not end within {}", Time(*after)),
            Self::Exception(exception) => fmt::Display::fmt(exception, f),
            Self::Unreadable(error) => fmt::Display::fmt(error, f),
        }
    }
}

impl<M> Error<M> {
    /// Converts the message that the error may contain.
    pub(crate) fn map_message<N>(self, convert: impl FnOnce(M) -> N) -> Error<N> {
        match self {
            Self::Failed(failed) => Error::Failed(failed),
            Self::ReceiveLimit { messages, bytes } => Error::ReceiveLimit { messages, bytes },
            Self::Idle { after } => Error::Idle { after },
            Self::NoAnswer { after } => Error::NoAnswer { after },
            Self::Undelivered { bytes } => Error::Undelivered { bytes },
            Self::CloseTimedOut { after } => Error::CloseTimedOut { after },
            Self::Exception(exception) => Error::Exception(exception),
            Self::Unreadable(error) => Error::Unreadable(error),
            Self::NotOpen(message) => Error::NotOpen(convert(message)),
            Self::Full(message) => Error::Full(convert(message)),
        }
    }
}

impl Error {
    /// Converts the error to one that is `Send` on every target. Of its message, if it contains one, only a text or bytes
    /// stay.
    pub(crate) fn into_owned(self) -> Error<OwnedMessage> {
        self.map_message(|message| match message {
            Message::Text(text) => OwnedMessage::Text(text),
            Message::Binary(bytes) => OwnedMessage::Binary(bytes),
            Message::Blob(_) | Message::Lazy(_) => OwnedMessage::Binary(bytes::Bytes::new()),
        })
    }
}

/// The close code of a connection that failed, or that was lost without a Close frame.
const ABNORMAL: u16 = 1006;

/// The text for a connection that failed for an unknown reason.
const UNKNOWN_CAUSE: &str = if cfg!(all(target_family = "wasm", target_os = "unknown")) {
    "the connection failed (code 1006); a browser does not tell the reason"
} else {
    "the connection failed (code 1006)"
};

impl fmt::Display for ConnectionFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let CloseEvent { code, reason, .. } = self.event();
        let cause = self.0.final_state.error();
        if *code == ABNORMAL {
            return match cause {
                Some(cause) => fmt::Display::fmt(cause, f),
                None => f.write_str(UNKNOWN_CAUSE),
            };
        }
        write!(f, "the connection did not close cleanly: code {code}")?;
        if !reason.is_empty() {
            write!(f, " with the reason {}", Quoted(reason))?;
        }
        cause.map_or(Ok(()), |cause| write!(f, "; {cause}"))
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exception(exception) => fmt::Display::fmt(exception, f),
            Self::Failed(failed) => fmt::Display::fmt(failed, f),
            Self::Unsupported(unsupported) => fmt::Display::fmt(unsupported, f),
            Self::TimedOut { after } => write!(f, "the connection was not open within {}", Time(*after)),
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

// `Display` shows the text of the failure, so this is the source of the failure.
impl StdError for ConnectionFailed {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.final_state.error()?.source()
    }
}

// `Display` shows the text of the inner error, so `source` skips that error and returns its source.
impl StdError for ConnectError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Failed(failed) => failed.source(),
            Self::Exception(_) | Self::Unsupported(_) | Self::TimedOut { .. } => None,
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

impl From<UnsupportedOption> for ConnectError {
    fn from(unsupported: UnsupportedOption) -> Self {
        Self::Unsupported(unsupported)
    }
}
