#![doc = include_str!("../README.md")]

use std::rc::Rc;

use samesocket::OwnedMessage;
use samesocket::reconnect::{DecodeError, LiveSocket, Reconnect, TypedLiveSocket, Update};
use samesocket::typed::Codec;
pub use samesocket::{connect, typed};
use yew::prelude::*;

/// Opens a socket that reconnects for as long as the component is mounted, and passes each message to `on_message`.
///
/// A relative URL is resolved against the page's. When the URL changes, the socket is closed, and another one is opened.
/// The callback is replaced at each rendering, so that it can use the current properties.
///
/// The handle is cheap to clone, and equal to its clones, so it can be a property or a context. A button for reconnecting calls
/// [`restart`](LiveSocket::restart). Its [`status`](LiveSocket::status) is current, but a change of the status does not make the
/// handle unequal. Yew does not render a child again whose properties are equal. Pass the status to a child as a property of its
/// own.
///
/// The socket is closed when the component is unmounted or the URL changes, also if a clone of the handle is kept. `on_message` is not
/// called afterwards.
#[hook]
pub fn use_websocket(url: impl Into<AttrValue>, on_message: impl Fn(OwnedMessage) + 'static) -> LiveSocket {
    use_websocket_with(url, |url| connect(url.to_string()).reconnect(), on_message)
}

/// Opens a socket as [`use_websocket`] does, with options.
///
/// `configure` is called for each URL. It can set subprotocols, heartbeats, waits, the outbox, or an attempt that fetches a
/// token.
///
/// ```
/// use samesocket::connect;
/// use samesocket::reconnect::LiveSocket;
/// use samesocket_yew::use_websocket_with;
/// use yew::prelude::*;
///
/// #[hook]
/// fn use_news(url: &AttrValue) -> LiveSocket {
///     let configure = |url: AttrValue| connect(url.to_string()).reconnect().max_attempts(10);
///     use_websocket_with(url, configure, |message| println!("{message:?}"))
/// }
/// ```
#[hook]
pub fn use_websocket_with(
    url: impl Into<AttrValue>,
    configure: impl Fn(AttrValue) -> Reconnect,
    on_message: impl Fn(OwnedMessage) + 'static,
) -> LiveSocket {
    use_handle(url, on_message, |url, on_update| configure(url).disconnected().drive(on_update), |socket| socket)
}

/// Opens a socket as [`use_websocket`] does, and passes each received value to `on_value`: an `Err` if the codec could not decode a
/// message. The handle sends values.
///
/// With the feature `serde`, JSON is a codec:
///
/// ```
/// use samesocket::reconnect::TypedLiveSocket;
/// use samesocket_yew::{typed::Json, use_typed_websocket};
/// use yew::prelude::*;
///
/// #[hook]
/// fn use_sum(sum: UseStateHandle<u32>) -> TypedLiveSocket<u32, Vec<u32>> {
///     use_typed_websocket("/sum", Json, move |received: Result<u32, _>| sum.set(received.unwrap_or_default()))
/// }
/// ```
#[hook]
pub fn use_typed_websocket<In: 'static, Out: 'static>(
    url: impl Into<AttrValue>,
    codec: impl Codec<In, Out> + Send + Sync,
    on_value: impl Fn(Result<In, DecodeError>) + 'static,
) -> TypedLiveSocket<In, Out> {
    use_typed_websocket_with(url, |url| connect(url.to_string()).reconnect(), codec, on_value)
}

/// Opens a socket as [`use_typed_websocket`] does, with the options of [`use_websocket_with`].
#[hook]
pub fn use_typed_websocket_with<In: 'static, Out: 'static>(
    url: impl Into<AttrValue>,
    configure: impl Fn(AttrValue) -> Reconnect,
    codec: impl Codec<In, Out> + Send + Sync,
    on_value: impl Fn(Result<In, DecodeError>) + 'static,
) -> TypedLiveSocket<In, Out> {
    let start = |url, on_update| configure(url).disconnected().typed(codec).drive(on_update);
    use_handle(url, on_value, start, TypedLiveSocket::socket)
}

/// Keeps the handle that `start` returns for the URL, with the callback of its updates. It starts without a connection.
#[hook]
fn use_handle<S: Clone + 'static, M: 'static>(
    url: impl Into<AttrValue>,
    on_message: impl Fn(M) + 'static,
    start: impl FnOnce(AttrValue, OnUpdate<M>) -> S,
    messages: fn(&S) -> &LiveSocket,
) -> S {
    let url = url.into();
    let rendering = use_force_update();
    // The number of the current socket. A clone may keep another one.
    let current = use_mut_ref(|| 0_u32);
    let callback = use_mut_ref(|| None::<Rc<dyn Fn(M)>>);
    // Drop outside the borrow: the replaced callback may run any code when it is dropped.
    drop(callback.replace(Some(Rc::new(on_message))));
    let (counter, slot) = (Rc::clone(&current), Rc::clone(&callback));
    let socket = use_memo(url.clone(), move |url: &AttrValue| {
        let number = *counter.borrow() + 1;
        *counter.borrow_mut() = number;
        let on_update = for_target(move |update| {
            if *counter.borrow() != number {
                return;
            }
            if let Update::Message(message) = update {
                // Cloned, because the callback may render, which replaces it.
                let callback = slot.borrow().clone();
                if let Some(callback) = callback {
                    callback(message);
                }
                // The callback may have unmounted the component.
                if *counter.borrow() != number {
                    return;
                }
            }
            rendering.force_update();
        });
        start(url.clone(), on_update)
    });
    // Effects do not run on a server, so nothing connects there.
    use_effect_with(url, {
        let socket = Rc::clone(&socket);
        move |_| {
            messages(&socket).reconnect_now();
            // The URL has changed, or the component is unmounted. Nothing about the arguments is invalid.
            move || drop(messages(&socket).close(None, None))
        }
    });
    use_effect_with((), move |()| {
        move || {
            // No socket has this number, so that no update is passed on.
            *current.borrow_mut() += 1;
            // The callback may own a handle. The task of the socket would keep both.
            let callback = callback.take();
            drop(callback);
        }
    });
    (*socket).clone()
}

/// The callback of a socket in a page.
#[cfg(target_family = "wasm")]
type OnUpdate<M> = Box<dyn FnMut(Update<M>)>;

/// The callback of a socket for a rendering on a server. It never connects, and the component cannot be sent to another thread.
#[cfg(not(target_family = "wasm"))]
type OnUpdate<M> = fn(Update<M>);

#[cfg(target_family = "wasm")]
fn for_target<M>(on_update: impl FnMut(Update<M>) + 'static) -> OnUpdate<M> {
    Box::new(on_update)
}

#[cfg(not(target_family = "wasm"))]
fn for_target<M>(_on_update: impl FnMut(Update<M>) + 'static) -> OnUpdate<M> {
    |_| {}
}
