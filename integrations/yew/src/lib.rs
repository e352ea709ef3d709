#![doc = include_str!("../README.md")]

use std::rc::Rc;

use samesocket::reconnect::{LiveSocket, Reconnect, Update};
use samesocket::{OwnedMessage, connect};
use yew::prelude::*;

/// Opens a socket that reconnects for as long as the component is mounted, and passes each message to `on_message`.
///
/// A relative URL is resolved against the page's. When the URL changes, the socket is closed, and another one is opened.
/// The callback is replaced at each rendering, so that it can use the current properties.
///
/// The handle is cheap to clone, and equal to its clones, so it can be a property or a context. Its
/// [`status`](LiveSocket::status) is current, and a button for reconnecting calls [`restart`](LiveSocket::restart).
/// A clone that outlives the component keeps the socket open.
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
    let url = url.into();
    let rendering = use_force_update();
    let callback = use_mut_ref(|| None::<Rc<dyn Fn(OwnedMessage)>>);
    *callback.borrow_mut() = Some(Rc::new(on_message));
    let socket = use_memo(url.clone(), move |url: &AttrValue| {
        drive(configure(url.clone()).disconnected(), move |update| {
            if let Update::Message(message) = update {
                // Cloned, because the callback may render, which replaces it.
                let callback = callback.borrow().clone();
                if let Some(callback) = callback {
                    callback(message);
                }
            }
            rendering.force_update();
        })
    });
    // Effects do not run on a server, so nothing connects there.
    use_effect_with(url, {
        let socket = Rc::clone(&socket);
        move |_| socket.reconnect_now()
    });
    (*socket).clone()
}

#[cfg(target_family = "wasm")]
fn drive(socket: Reconnect, on_update: impl FnMut(Update) + 'static) -> LiveSocket {
    socket.drive(on_update)
}

/// Starts a socket for a rendering on a server. It never connects, and the component cannot be sent to another thread.
#[cfg(not(target_family = "wasm"))]
fn drive(socket: Reconnect, _on_update: impl FnMut(Update) + 'static) -> LiveSocket {
    socket.drive(|_| {})
}
