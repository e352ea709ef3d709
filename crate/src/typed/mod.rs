//! Typed messages: a socket as a `Stream` and a `Sink` of values.
//!
//! A [`Codec`] converts between messages and values. `Json` is one, with the feature `serde`.
//! [`Socket::typed`](crate::Socket::typed) and [`Reconnecting::typed`](crate::reconnect::Reconnecting::typed) apply one.
//!
//! A codec for another format takes two functions:
//!
//! ```
//! use samesocket::typed::{BoxError, Codec};
//! use samesocket::{Message, Socket};
//!
//! /// A number in each message, most significant byte first.
//! struct Numbers;
//!
//! impl Codec<u32, u32> for Numbers {
//!     fn decode(&self, message: &Message) -> Result<u32, BoxError> {
//!         let bytes = message.as_bytes().ok_or("not in memory")?;
//!         Ok(u32::from_be_bytes(bytes.try_into()?))
//!     }
//!
//!     fn encode(&self, value: &u32) -> Result<Message, BoxError> {
//!         Ok(value.to_be_bytes().to_vec().into())
//!     }
//! }
//!
//! async fn next_number(socket: Socket) -> Option<u32> {
//!     socket.typed(Numbers).next().await?.ok()
//! }
//! ```

#[cfg(feature = "serde")]
mod json;

use std::error::Error as StdError;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::future::FusedFuture;
use futures::sink::Sink;
use futures::stream::{FusedStream, Stream, StreamExt};

#[cfg(feature = "serde")]
pub use self::json::Json;

use crate::sync::{MaybeSend, MaybeSync};
use crate::types::message::Message;

/// The error of a [`Codec`]. Texts and most errors convert into it.
///
/// ```
/// use samesocket::typed::BoxError;
///
/// fn number(text: &str) -> Result<u8, BoxError> {
///     if text.is_empty() {
///         return Err("no number".into());
///     }
///     Ok(text.parse()?)
/// }
///
/// assert_eq!(number("").unwrap_err().to_string(), "no number");
/// assert!(number("300").is_err());
/// ```
pub type BoxError = Box<dyn StdError + Send + Sync>;

/// A conversion between messages and values: `In` is received, `Out` is sent.
///
/// A codec can be the same for many types. This one has a text format, with the traits of the standard library; the
/// [module](self) has one of bytes.
///
/// ```
/// use samesocket::Message;
/// use samesocket::typed::{BoxError, Codec};
/// use std::error::Error;
/// use std::fmt::Display;
/// use std::str::FromStr;
///
/// struct Lines;
///
/// impl<In, Out> Codec<In, Out> for Lines
/// where
///     In: FromStr<Err: Error + Send + Sync + 'static>,
///     Out: Display,
/// {
///     fn decode(&self, message: &Message) -> Result<In, BoxError> {
///         Ok(message.as_text().ok_or("not a text")?.parse()?)
///     }
///
///     fn encode(&self, value: &Out) -> Result<Message, BoxError> {
///         Ok(value.to_string().into())
///     }
/// }
///
/// let message = Codec::<u32, u32>::encode(&Lines, &42).unwrap();
/// assert_eq!(Codec::<u32, u32>::decode(&Lines, &message).unwrap(), 42);
/// ```
pub trait Codec<In, Out>: MaybeSend + MaybeSync + 'static {
    /// Decodes a received message. A lazy message has been read.
    ///
    /// # Errors
    ///
    /// Returns an error if the message is none of the codec's. It becomes an [`Error::Decode`].
    fn decode(&self, message: &Message) -> Result<In, BoxError>;

    /// Encodes a value to be sent.
    ///
    /// # Errors
    ///
    /// Returns an error if the codec cannot represent the value. It becomes an [`Error::Encode`].
    fn encode(&self, value: &Out) -> Result<Message, BoxError>;
}

/// A socket of values: a `Stream` of `In` and a `Sink` of `Out` over a socket of messages.
///
/// A message that cannot be decoded is an `Err` item, and the stream goes on. An error of the socket ends the stream, as it
/// does without this type. Everything else, such as backpressure and closing, is as documented for the socket.
///
/// ```no_run
/// # #[cfg(feature = "serde")]
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use samesocket::typed::{Error, Json};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize)]
/// enum Request {
///     Join { room: String },
/// }
///
/// #[derive(Debug, Deserialize)]
/// enum Reply {
///     Joined { members: u32 },
/// }
///
/// let mut chat = samesocket::connect("wss://example.com/chat").await?.typed::<Reply, Request>(Json);
/// chat.send(&Request::Join { room: "lobby".to_owned() }).await?;
/// while let Some(reply) = chat.next().await {
///     match reply {
///         Ok(reply) => println!("{reply:?}"),
///         Err(Error::Decode { message, source }) => eprintln!("not a reply: {message:?}: {source}"),
///         Err(error) => return Err(error.into()),
///     }
/// }
/// # Ok(())
/// # }
/// ```
pub struct Typed<In: 'static, Out: 'static, S> {
    socket: S,
    codec: Box<dyn Codec<In, Out>>,
}

/// The error of a [`Typed`] socket. `E` is the error of the socket.
///
/// ```
/// use samesocket::typed::Error;
///
/// /// Returns whether the stream goes on after this error.
/// fn is_recoverable<E>(error: &Error<E>) -> bool {
///     !matches!(error, Error::Socket(_))
/// }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum Error<E> {
    /// The socket failed, or did not send the message.
    Socket(E),
    /// A received message could not be decoded. The stream goes on.
    Decode {
        /// The message.
        message: Message,
        /// The error of the codec.
        source: BoxError,
    },
    /// A value could not be encoded. Nothing was sent.
    Encode {
        /// The error of the codec.
        source: BoxError,
    },
}

impl<In: 'static, Out: 'static, S> Typed<In, Out, S> {
    /// Applies a codec to a socket, or to any other `Stream` or `Sink` of messages.
    ///
    /// Many tasks can send values if each has a clone of the [`Sender`](crate::Sender). Use `()` as the type of the
    /// direction that a half does not have:
    ///
    /// ```no_run
    /// # #[cfg(feature = "serde")]
    /// # async fn example(socket: samesocket::Socket) -> Result<(), Box<dyn std::error::Error>> {
    /// use samesocket::typed::{Json, Typed};
    ///
    /// let (sender, receiver) = socket.split();
    /// let mut replies = Typed::<Vec<u32>, (), _>::new(receiver, Json);
    /// let mut requests = Typed::<(), Vec<u32>, _>::new(sender.clone(), Json);
    /// requests.send(&vec![6, 7]).await?;
    /// println!("{:?}", replies.next().await);
    /// # Ok(())
    /// # }
    /// ```
    pub fn new(socket: S, codec: impl Codec<In, Out>) -> Self {
        Self { socket, codec: Box::new(codec) }
    }

    /// Returns the socket of messages.
    pub fn get_ref(&self) -> &S {
        &self.socket
    }

    /// Returns the socket of messages, to be changed.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.socket
    }

    /// Returns the socket of messages. No message is lost.
    pub fn into_inner(self) -> S {
        self.socket
    }

    /// Waits for the next value. Returns `None` at the end of the stream.
    ///
    /// Cancelling the future loses no message.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Decode`] for a message that cannot be decoded, and [`Error::Socket`] once if the socket failed.
    #[expect(clippy::should_implement_trait, reason = "this `next` returns a future, unlike `Iterator::next`")]
    pub fn next<E>(&mut self) -> impl FusedFuture<Output = Option<Result<In, Error<E>>>> + Unpin
    where
        S: FusedStream<Item = Result<Message, E>> + Unpin,
    {
        StreamExt::next(self)
    }

    /// Sends a value, after waiting until the socket has capacity.
    ///
    /// A cancelled send has sent nothing.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Encode`] if the value cannot be encoded, and [`Error::Socket`] if the socket did not send it.
    pub async fn send<E>(&mut self, value: &Out) -> Result<(), Error<E>>
    where
        S: Sink<Message, Error = E> + Unpin,
    {
        let message = self.encode(value)?;
        std::future::poll_fn(|context| Pin::new(&mut self.socket).poll_ready(context)).await.map_err(Error::Socket)?;
        Pin::new(&mut self.socket).start_send(message).map_err(Error::Socket)
    }

    fn encode<E>(&self, value: &Out) -> Result<Message, Error<E>> {
        self.codec.encode(value).map_err(|source| Error::Encode { source })
    }
}

impl<In: 'static, Out: 'static, S, E> Stream for Typed<In, Out, S>
where
    S: Stream<Item = Result<Message, E>> + Unpin,
{
    type Item = Result<In, Error<E>>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Self { socket, codec } = self.get_mut();
        let item = ready!(Pin::new(socket).poll_next(context));
        Poll::Ready(item.map(|item| {
            let message = item.map_err(Error::Socket)?.into_memory();
            codec.decode(&message).map_err(|source| Error::Decode { message, source })
        }))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.socket.size_hint()
    }
}

impl<In: 'static, Out: 'static, S, E> FusedStream for Typed<In, Out, S>
where
    S: FusedStream<Item = Result<Message, E>> + Unpin,
{
    fn is_terminated(&self) -> bool {
        self.socket.is_terminated()
    }
}

impl<In: 'static, Out: 'static, S, E> Sink<Out> for Typed<In, Out, S>
where
    S: Sink<Message, Error = E> + Unpin,
{
    type Error = Error<E>;

    fn poll_ready(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error<E>>> {
        Pin::new(&mut self.socket).poll_ready(context).map_err(Error::Socket)
    }

    fn start_send(mut self: Pin<&mut Self>, value: Out) -> Result<(), Error<E>> {
        let message = self.encode(&value)?;
        Pin::new(&mut self.socket).start_send(message).map_err(Error::Socket)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error<E>>> {
        Pin::new(&mut self.socket).poll_flush(context).map_err(Error::Socket)
    }

    fn poll_close(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error<E>>> {
        Pin::new(&mut self.socket).poll_close(context).map_err(Error::Socket)
    }
}

impl<In: 'static, Out: 'static, S: fmt::Debug> fmt::Debug for Typed<In, Out, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Typed").field(&self.socket).finish()
    }
}

/// Writes that a message of `size` bytes could not be decoded.
pub(crate) fn write_undecodable(f: &mut fmt::Formatter<'_>, size: u64, source: &BoxError) -> fmt::Result {
    let plural = if size == 1 { "" } else { "s" };
    write!(f, "a message of {size} byte{plural} could not be decoded: {source}")
}

impl<E: fmt::Display> fmt::Display for Error<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket(error) => error.fmt(f),
            Self::Decode { message, source } => write_undecodable(f, message.size(), source),
            Self::Encode { source } => write!(f, "a value could not be encoded: {source}"),
        }
    }
}

impl<E: StdError + 'static> StdError for Error<E> {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            // `Display` shows the text of the inner error, so this is the source of that error.
            Self::Socket(error) => error.source(),
            Self::Decode { source, .. } | Self::Encode { source } => source.source(),
        }
    }
}
