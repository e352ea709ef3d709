#![doc = include_str!("../README.md")]

use std::rc::Rc;

use dioxus::core::Task;
use dioxus::prelude::*;
use samesocket::reconnect::{LiveSocket, Reconnect, Sent, Status, Update};
use samesocket::{Error, OwnedMessage, connect};

/// A socket of a component, from [`use_websocket`]. It can be copied into each closure.
#[derive(Clone, Copy, PartialEq)]
pub struct UseWebsocket {
    /// The status: connecting, open, waiting with the reason, or ended. Its `Display` is a line for the user.
    pub status: ReadSignal<Status>,
    running: CopyValue<Running>,
}

/// The socket of the current URL, and the task that passes on its updates.
struct Running {
    url: String,
    socket: LiveSocket,
    task: Task,
}

/// Opens a socket that reconnects for as long as the component is mounted, and passes each message to `on_message`.
///
/// `url` is called again when a signal that it reads changes. If the URL is another one then, the socket is closed, and
/// another one is opened. Messages that are still kept for the old URL are dropped. On the web, a relative URL is resolved
/// against the page's.
pub fn use_websocket(
    url: impl FnMut() -> String + 'static,
    on_message: impl FnMut(OwnedMessage) + 'static,
) -> UseWebsocket {
    use_websocket_with(url, |url| connect(url).reconnect(), on_message)
}

/// Opens a socket as [`use_websocket`] does, with options.
///
/// `configure` is called for each URL. It can set subprotocols, heartbeats, waits, the outbox, or an attempt that fetches a
/// token.
///
/// ```
/// use dioxus::prelude::*;
/// use samesocket::connect;
/// use samesocket_dioxus::{UseWebsocket, use_websocket_with};
///
/// fn use_room(room: ReadSignal<String>, mut messages: Signal<Vec<samesocket::OwnedMessage>>) -> UseWebsocket {
///     let url = move || format!("wss://example.com/{room}");
///     let configure = |url: String| connect(url).reconnect().max_attempts(10);
///     use_websocket_with(url, configure, move |message| messages.push(message))
/// }
/// ```
pub fn use_websocket_with(
    url: impl FnMut() -> String + 'static,
    configure: impl Fn(String) -> Reconnect + 'static,
    on_message: impl FnMut(OwnedMessage) + 'static,
) -> UseWebsocket {
    let url = use_memo(url);
    let mut status = use_signal(Status::default);
    let on_message = use_callback(on_message);
    let start = use_hook(|| {
        Rc::new(move |url: String| {
            let (socket, mut updates) = configure(url.clone()).disconnected().drive_stream();
            let task = spawn(async move {
                while let Some(update) = updates.next().await {
                    match update {
                        Update::Status(new) => status.set(new),
                        Update::Message(message) => on_message.call(message),
                        _ => {}
                    }
                }
            });
            Running { url, socket, task }
        })
    });
    let mut running = use_hook(|| CopyValue::new(start(url.peek().clone())));
    // Effects do not run on a server, so nothing connects there.
    use_effect(move || {
        let url = url();
        if running.peek().url != url {
            let old = std::mem::replace(&mut *running.write(), start(url));
            old.task.cancel();
        }
        running.peek().socket.reconnect_now();
    });
    UseWebsocket { status: status.into(), running }
}

impl UseWebsocket {
    /// Sends a message, or keeps it while there is no connection; see [`LiveSocket::send`].
    ///
    /// # Errors
    ///
    /// Returns [`Error::NotOpen`] after the end, or [`Error::Full`] if too much is kept. Both have the message.
    pub fn send(&self, message: impl Into<OwnedMessage>) -> Result<Sent, Error<OwnedMessage>> {
        self.socket().send(message)
    }

    /// Connects now if there is no connection, also after the end; see [`LiveSocket::restart`].
    pub fn restart(&self) {
        self.socket().restart();
    }

    /// Closes the socket for good; see [`LiveSocket::close`].
    ///
    /// # Errors
    ///
    /// Returns [`Error::Exception`] if an argument is invalid. The socket then stays as it was.
    pub fn close(&self, code: Option<u16>, reason: Option<&str>) -> Result<(), Error<OwnedMessage>> {
        self.socket().close(code, reason)
    }

    /// Returns a handle with everything else. It keeps the socket open.
    pub fn socket(&self) -> LiveSocket {
        self.running.peek().socket.clone()
    }
}
