//! Live sockets of values.

use std::error::Error as StdError;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures::future::FusedFuture;
use futures::stream::{FusedStream, Stream, StreamExt};

use super::shared::Sent;
use super::socket::LiveSocket;
use super::update::Update;
use super::updates::Updates;
use crate::reconnect::Reconnect;
use crate::socket::Error;
use crate::sync::MaybeSend;
use crate::typed::{self, BoxError, Codec};
use crate::types::message::Message;
use crate::types::owned_message::OwnedMessage;

/// A codec that any thread can use.
type SharedCodec<In, Out> = Arc<dyn Codec<In, Out> + Send + Sync>;

/// A [`Reconnect`] with a codec, from [`Reconnect::typed`].
///
/// ```no_run
/// # #[cfg(feature = "serde")]
/// # fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use samesocket::connect;
/// use samesocket::reconnect::{TypedLiveSocket, TypedReconnect, Update};
/// use samesocket::typed::Json;
///
/// let builder: TypedReconnect<u32, Vec<u32>> = connect("wss://example.com/sum").reconnect().typed(Json);
/// let live: TypedLiveSocket<u32, Vec<u32>> = builder.drive(|update| match update {
///     Update::Message(Ok(sum)) => println!("{sum}"),
///     Update::Message(Err(error)) => eprintln!("{error}"),
///     other => println!("{other:?}"),
/// });
/// live.send(&vec![6, 7])?;
/// # Ok(())
/// # }
/// ```
#[must_use = "the builder does nothing unless it is started"]
pub struct TypedReconnect<In: 'static, Out: 'static> {
    builder: Reconnect,
    codec: SharedCodec<In, Out>,
}

/// A [`LiveSocket`] that sends values of the type `Out`, from [`TypedReconnect`].
///
/// The example of [`TypedReconnect`] uses one. A clone is another handle to the same socket.
pub struct TypedLiveSocket<In: 'static, Out: 'static> {
    socket: LiveSocket,
    codec: SharedCodec<In, Out>,
}

/// The [`Updates`] of a [`TypedLiveSocket`]: a fused `Stream`, also for frame loops. Messages are decoded when they are taken.
///
/// ```no_run
/// # #[cfg(feature = "serde")]
/// # async fn example() {
/// use samesocket::typed::Json;
///
/// let (live, mut updates) = samesocket::connect("wss://example.com/sum").reconnect().typed::<u32, Vec<u32>>(Json).drive_stream();
/// while let Some(update) = updates.next().await {
///     println!("{update:?}");
/// }
/// # drop(live);
/// # }
/// ```
pub struct TypedUpdates<In: 'static, Out: 'static> {
    updates: Updates,
    codec: SharedCodec<In, Out>,
}

/// A received message that the codec could not decode. The updates go on.
///
/// ```
/// use samesocket::reconnect::{DecodeError, Update};
///
/// fn show(update: Update<Result<u32, DecodeError>>) {
///     if let Update::Message(Err(DecodeError { message, source, .. })) = update {
///         eprintln!("{} bytes: {source}", message.size());
///     }
/// }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct DecodeError {
    /// The message.
    pub message: OwnedMessage,
    /// The error of the codec.
    pub source: BoxError,
}

impl Reconnect {
    /// Applies a codec, so that [`drive`](TypedReconnect::drive) receives and sends values; see [`typed`](crate::typed).
    ///
    /// A [`TypedReconnect`] has an example.
    pub fn typed<In: 'static, Out: 'static>(self, codec: impl Codec<In, Out> + Send + Sync) -> TypedReconnect<In, Out> {
        TypedReconnect { builder: self, codec: Arc::new(codec) }
    }
}

impl<In: 'static, Out: 'static> TypedReconnect<In, Out> {
    /// Starts the socket as [`Reconnect::drive`] does. A message that cannot be decoded is an `Err`.
    pub fn drive(
        self,
        on_update: impl FnMut(Update<Result<In, DecodeError>>) + MaybeSend + 'static,
    ) -> TypedLiveSocket<In, Out> {
        let (mut on_update, codec) = (on_update, Arc::clone(&self.codec));
        let socket = self.builder.drive(move |update| on_update(decode(&*codec, update)));
        TypedLiveSocket { socket, codec: self.codec }
    }

    /// Starts the socket as [`Reconnect::drive_stream`] does.
    pub fn drive_stream(self) -> (TypedLiveSocket<In, Out>, TypedUpdates<In, Out>) {
        let (socket, updates) = self.builder.drive_stream();
        let typed = TypedUpdates { updates, codec: Arc::clone(&self.codec) };
        (TypedLiveSocket { socket, codec: self.codec }, typed)
    }
}

fn decode<In: 'static, Out: 'static>(codec: &dyn Codec<In, Out>, update: Update) -> Update<Result<In, DecodeError>> {
    match update {
        Update::Status(status) => Update::Status(status),
        Update::Message(owned) => {
            let decoded = codec.decode(&Message::from(owned.clone()));
            Update::Message(decoded.map_err(|source| DecodeError { message: owned, source }))
        }
    }
}

impl<In: 'static, Out: 'static> TypedLiveSocket<In, Out> {
    /// Encodes a value and sends it; see [`LiveSocket::send`].
    ///
    /// # Errors
    ///
    /// Returns [`typed::Error::Encode`] if the codec cannot represent the value, and [`typed::Error::Socket`] with the errors of
    /// [`LiveSocket::send`].
    pub fn send(&self, value: &Out) -> Result<Sent, typed::Error<Error<OwnedMessage>>> {
        let message = self.codec.encode(value).map_err(|source| typed::Error::Encode { source })?;
        let sent = match message {
            Message::Text(text) => self.socket.send(text),
            Message::Binary(bytes) => self.socket.send(bytes),
            _ => return Err(typed::Error::Encode { source: "a codec has to return text or bytes".into() }),
        };
        sent.map_err(typed::Error::Socket)
    }

    /// Returns the handle of messages, for everything but sending values.
    pub const fn socket(&self) -> &LiveSocket {
        &self.socket
    }
}

impl<In: 'static, Out: 'static> TypedUpdates<In, Out> {
    /// Waits for the next update; see [`Updates::next`].
    #[expect(clippy::should_implement_trait, reason = "this `next` returns a future, unlike `Iterator::next`")]
    pub fn next(&mut self) -> impl FusedFuture<Output = Option<Update<Result<In, DecodeError>>>> + Unpin {
        StreamExt::next(self)
    }

    /// Returns the next update, or `None` if there is none now; see [`Updates::try_next`].
    pub fn try_next(&mut self) -> Option<Update<Result<In, DecodeError>>> {
        let update = self.updates.try_next()?;
        Some(decode(&*self.codec, update))
    }

    /// Sets a function that is called when there is something to take; see [`Updates::on_wake`].
    pub fn on_wake(&mut self, wake_up: impl Fn() + Send + Sync + 'static) {
        self.updates.on_wake(wake_up);
    }
}

impl<In: 'static, Out: 'static> Stream for TypedUpdates<In, Out> {
    type Item = Update<Result<In, DecodeError>>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let update = ready!(self.updates.poll_next_unpin(context));
        Poll::Ready(update.map(|update| decode(&*self.codec, update)))
    }
}

impl<In: 'static, Out: 'static> FusedStream for TypedUpdates<In, Out> {
    fn is_terminated(&self) -> bool {
        self.updates.is_terminated()
    }
}

impl<In: 'static, Out: 'static> Clone for TypedLiveSocket<In, Out> {
    fn clone(&self) -> Self {
        Self { socket: self.socket.clone(), codec: Arc::clone(&self.codec) }
    }
}

/// Handles are equal if they are handles to the same socket.
impl<In: 'static, Out: 'static> PartialEq for TypedLiveSocket<In, Out> {
    fn eq(&self, other: &Self) -> bool {
        self.socket == other.socket
    }
}

impl<In: 'static, Out: 'static> Eq for TypedLiveSocket<In, Out> {}

impl<In: 'static, Out: 'static> fmt::Debug for TypedReconnect<In, Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TypedReconnect").field(&self.builder).finish()
    }
}

impl<In: 'static, Out: 'static> fmt::Debug for TypedLiveSocket<In, Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TypedLiveSocket").field(&self.socket).finish()
    }
}

impl<In: 'static, Out: 'static> fmt::Debug for TypedUpdates<In, Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TypedUpdates").field(&self.updates).finish()
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        typed::write_undecodable(f, self.message.size(), &self.source)
    }
}

// `Display` shows the text of the codec's error, so this is the source of that error.
impl StdError for DecodeError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.source()
    }
}

/// Typed handles are `Send` and `Sync` on every target, whatever the types of the values are.
const _: fn() = || {
    fn is_shareable<T: Clone + Send + Sync + 'static>() {}
    fn is_send_and_sync<T: Send + Sync + 'static>() {}
    is_shareable::<TypedLiveSocket<*const u8, *const u8>>();
    is_send_and_sync::<TypedUpdates<*const u8, *const u8>>();
    is_send_and_sync::<DecodeError>();
};
