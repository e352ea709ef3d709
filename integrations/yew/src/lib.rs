#![doc = include_str!("../README.md")]

use std::cell::{Cell, RefCell};
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
    let mounted = use_mut_ref(|| Mounted { socket: None, listener: Rc::default(), messages });
    let listener = Rc::clone(&mounted.borrow().listener);
    // Drop outside the borrow: the replaced callback may run any code when it is dropped.
    drop(listener.on_message.replace(Some(Rc::new(on_message))));
    let current = mounted.borrow().socket.as_ref().filter(|(of, _)| *of == url).map(|(_, socket)| socket.clone());
    let socket = current.unwrap_or_else(|| {
        let number = listener.next_socket();
        let on_update = for_target(move |update| {
            if listener.pass_on(number, update) {
                rendering.force_update();
            }
        });
        let socket = start(url.clone(), on_update);
        let replaced = mounted.borrow_mut().socket.replace((url.clone(), socket.clone()));
        if let Some((_, old)) = replaced {
            close_without_code(messages(&old));
        }
        socket
    });
    // Effects do not run on a server, so nothing connects there.
    let (number, connecting) = (mounted.borrow().listener.current.get(), socket.clone());
    // By number: a suspended component may have had another URL meanwhile, whose effect has not run.
    use_effect_with(number, move |_| messages(&connecting).reconnect_now());
    socket
}

/// The state of the hook in a component. It is dropped when the component is unmounted, also if its effects have never run, because
/// it was suspended.
struct Mounted<S, M> {
    /// The socket, and its URL.
    socket: Option<(AttrValue, S)>,
    listener: Rc<Listener<M>>,
    messages: fn(&S) -> &LiveSocket,
}

impl<S, M> Drop for Mounted<S, M> {
    fn drop(&mut self) {
        // No socket has this number, so that no update is passed on.
        self.listener.next_socket();
        if let Some((_, socket)) = &self.socket {
            // A clone may be kept.
            close_without_code((self.messages)(socket));
        }
        // The callback may own a handle. The task of the socket would keep both.
        let on_message = self.listener.on_message.take();
        drop(on_message);
    }
}

/// The user's callback, which the sockets of a component share.
struct Listener<M> {
    on_message: RefCell<Option<OnMessage<M>>>,
    /// The number of the current socket. A clone may keep another one.
    current: Cell<u32>,
}

type OnMessage<M> = Rc<dyn Fn(M)>;

impl<M> Default for Listener<M> {
    fn default() -> Self {
        Self { on_message: RefCell::default(), current: Cell::default() }
    }
}

impl<M> Listener<M> {
    /// Returns the number of another socket, which is the current one from now on.
    fn next_socket(&self) -> u32 {
        self.current.set(self.current.get() + 1);
        self.current.get()
    }

    /// Passes the message of an update on. Returns whether the component has to be rendered.
    fn pass_on(&self, number: u32, update: Update<M>) -> bool {
        if self.current.get() != number {
            return false;
        }
        if let Update::Message(message) = update {
            // Cloned, because the callback may render, which replaces it.
            let on_message = self.on_message.borrow().clone();
            if let Some(on_message) = on_message {
                on_message(message);
            }
        }
        // The callback may have unmounted the component.
        self.current.get() == number
    }
}

/// Closes a socket of which a clone may be kept.
fn close_without_code(socket: &LiveSocket) {
    // On a server, a close would start the task of a socket that has none.
    if cfg!(target_family = "wasm") {
        // Nothing about the arguments is invalid.
        let _ = socket.close(None, None);
    }
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
