//! Sockets of values.

use dioxus::prelude::*;
use samesocket::reconnect::{DecodeError, Reconnect, Sent, TypedLiveSocket};
use samesocket::typed::{self, Codec};
use samesocket::{Error, OwnedMessage, connect};

use crate::{UseWebsocket, use_handle};

/// Opens a socket as [`use_websocket`](crate::use_websocket) does, and passes each received value to `on_value`: an `Err` if the
/// codec could not decode a message.
///
/// With the feature `serde`, JSON is a codec:
///
/// ```
/// use dioxus::prelude::*;
/// use samesocket_dioxus::{typed::Json, use_typed_websocket};
///
/// fn use_sum(mut sums: Signal<Vec<u32>>) -> impl Fn(Vec<u32>) {
///     let url = || "wss://example.com/sum".to_owned();
///     let socket = use_typed_websocket(url, Json, move |sum: Result<u32, _>| sums.write().extend(sum));
///     move |numbers: Vec<u32>| drop(socket.send(&numbers))
/// }
/// ```
pub fn use_typed_websocket<In: 'static, Out: 'static>(
    url: impl FnMut() -> String + 'static,
    codec: impl Codec<In, Out> + Clone + Send + Sync,
    on_value: impl FnMut(Result<In, DecodeError>) + 'static,
) -> UseWebsocket<TypedLiveSocket<In, Out>> {
    use_typed_websocket_with(url, |url| connect(url).reconnect(), codec, on_value)
}

/// Opens a socket as [`use_typed_websocket`] does, with the options of [`use_websocket_with`](crate::use_websocket_with).
pub fn use_typed_websocket_with<In: 'static, Out: 'static>(
    url: impl FnMut() -> String + 'static,
    configure: impl Fn(String) -> Reconnect + 'static,
    codec: impl Codec<In, Out> + Clone + Send + Sync,
    on_value: impl FnMut(Result<In, DecodeError>) + 'static,
) -> UseWebsocket<TypedLiveSocket<In, Out>> {
    use_handle(url, on_value, move |url, mut on_update| {
        let (socket, mut updates) = configure(url).disconnected().typed(codec.clone()).drive_stream();
        let task = spawn(async move {
            while let Some(update) = updates.next().await {
                on_update(update);
            }
        });
        (socket, task)
    })
}

impl<In: 'static, Out: 'static> UseWebsocket<TypedLiveSocket<In, Out>> {
    /// Encodes a value and sends it, or keeps it while there is no connection; see [`TypedLiveSocket::send`].
    ///
    /// # Errors
    ///
    /// Returns the errors of [`TypedLiveSocket::send`], and [`typed::Error::Encode`] after the component was unmounted, because the
    /// codec is gone.
    pub fn send(&self, value: &Out) -> Result<Sent, typed::Error<Error<OwnedMessage>>> {
        let unmounted = || typed::Error::Encode { source: "the component was unmounted".into() };
        self.try_socket().ok_or_else(unmounted)?.send(value)
    }
}
