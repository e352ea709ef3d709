#![doc = include_str!("../README.md")]

mod values;

use std::cell::{Cell, RefCell};
use std::mem;
use std::panic::Location;
use std::rc::Rc;

use dioxus::core::{ReactiveContext, Task, current_scope_id};
use dioxus::prelude::*;
use samesocket::reconnect::{LiveSocket, Reconnect, Sent, Status, TypedLiveSocket, Update};
use samesocket::{Error, OwnedMessage};
pub use samesocket::{connect, typed};

pub use self::values::{use_typed_websocket, use_typed_websocket_with};

/// A socket of a component, from [`use_websocket`] or [`use_typed_websocket`]. It can be copied into each closure.
///
/// After the component was unmounted, sending returns an error, and `restart` and `close` do nothing.
pub struct UseWebsocket<S: 'static = LiveSocket> {
    /// The status: connecting, open, waiting with the reason, or ended. Its `Display` is a line for the user.
    pub status: ReadSignal<Status>,
    running: CopyValue<Running<S>>,
    /// Replaces the socket if the URL has changed.
    follow: Callback<()>,
}

/// The socket of the current URL, and the task that passes on its updates.
struct Running<S> {
    url: String,
    socket: S,
    task: Task,
    /// Whether the effect has connected it. On a server, no effect runs.
    connected: bool,
    /// Whether the program's functions are called for another URL. They may use the socket.
    following: Rc<Cell<bool>>,
}

/// A handle of messages or of values.
trait Handle: Clone + 'static {
    fn messages(&self) -> &LiveSocket;
}

impl Handle for LiveSocket {
    fn messages(&self) -> &LiveSocket {
        self
    }
}

impl<In: 'static, Out: 'static> Handle for TypedLiveSocket<In, Out> {
    fn messages(&self) -> &LiveSocket {
        self.socket()
    }
}

/// Opens a socket that reconnects for as long as the component is mounted, and passes each message to `on_message`.
///
/// `url` is called again after each rendering, by each method of the handle, and when a signal that it reads changes. If the URL is
/// another one then, the socket is closed, and another one is opened. Messages that are still kept for the old URL are dropped. On the
/// web, a relative URL is resolved against the page's.
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
    use_handle(url, on_message, move |url, mut on_update| {
        let (socket, mut updates) = configure(url).disconnected().drive_stream();
        let task = spawn(async move {
            while let Some(update) = updates.next().await {
                on_update(update);
            }
        });
        (socket, task)
    })
}

/// The callback of a socket.
type OnUpdate<M> = Box<dyn FnMut(Update<M>)>;

/// A function that starts the socket of a URL, and the task that calls back.
type Start<S, M> = Rc<dyn Fn(String, OnUpdate<M>) -> (S, Task)>;

/// Keeps the handle that `start` returns for the URL, with the task that calls back. It starts without a connection.
fn use_handle<S: Handle, M: 'static>(
    url: impl FnMut() -> String + 'static,
    on_message: impl FnMut(M) + 'static,
    start: impl Fn(String, OnUpdate<M>) -> (S, Task) + 'static,
) -> UseWebsocket<S> {
    let mut url = url;
    let url = use_callback(move |()| url());
    let mut status = use_signal(Status::default);
    let on_message = use_callback(on_message);
    // That of the last rendering, which may have captured other properties than the first.
    let latest = use_hook(|| Rc::new(RefCell::new(None::<Start<S, M>>)));
    drop(latest.replace(Some(Rc::new(start))));
    // A context that no signal wakes: the signals that are read in it subscribe neither the component nor an effect.
    let untracked = use_hook(|| ReactiveContext::new_with_callback(|| {}, current_scope_id(), Location::caller()));
    let following = use_hook(|| Rc::new(Cell::new(false)));
    let start = use_hook(|| {
        let following = Rc::clone(&following);
        Rc::new(move |url: String| {
            let start = latest.borrow().clone();
            let on_update = move |update| match update {
                Update::Status(new) => status.set(new),
                Update::Message(message) => on_message.call(message),
                _ => {}
            };
            let start = start.expect("it was set above");
            let (socket, task) = untracked.reset_and_run_in(|| start(url.clone(), Box::new(on_update)));
            Running { url, socket, task, connected: false, following: Rc::clone(&following) }
        })
    });
    let mut running = use_hook(|| CopyValue::new(start(untracked.reset_and_run_in(|| url.call(())))));
    let follow = use_callback(move |()| {
        // The program's functions may use the socket, and have the old one then.
        let Some(_guard) = Following::begin(&following) else { return };
        let wanted = untracked.reset_and_run_in(|| url.call(()));
        if running.peek().url != wanted {
            // Outside the write, because the program's function may use the socket.
            let new = start(wanted);
            let old = mem::replace(&mut *running.write(), new);
            old.task.cancel();
            let socket = old.socket.messages();
            // On a server, a close would start the task of a socket that has none.
            if cfg!(target_family = "wasm") || old.connected || socket.status() != Status::Idle {
                // A handle may be kept elsewhere. Nothing about the arguments is invalid.
                let _ = socket.close(None, None);
            }
        }
    });
    let socket = UseWebsocket { status: status.into(), running, follow };
    // Effects do not run on a server, so nothing connects there.
    let mut effect = use_effect(move || {
        // It subscribes the effect to the signals of the URL.
        drop(url.call(()));
        socket.follow_url();
        if !mem::replace(&mut running.write().connected, true) {
            let socket = running.peek().socket.clone();
            socket.messages().reconnect_now();
        }
    });
    // The closure may have captured other properties than before.
    effect.mark_dirty();
    socket
}

/// The time in which the program's functions are called for another URL. It ends when it is dropped, also by a panic of them.
struct Following<'a>(&'a Cell<bool>);

impl<'a> Following<'a> {
    /// Returns `None` while it has begun already.
    fn begin(is_following: &'a Cell<bool>) -> Option<Self> {
        (!is_following.replace(true)).then_some(Self(is_following))
    }
}

impl Drop for Following<'_> {
    fn drop(&mut self) {
        self.0.set(false);
    }
}

impl UseWebsocket {
    /// Sends a message, or keeps it while there is no connection; see [`LiveSocket::send`]. If the URL has changed, the message is
    /// for the new one.
    ///
    /// # Errors
    ///
    /// Returns [`Error::NotOpen`] after the end, or [`Error::Full`] if too much is kept. Both have the message.
    pub fn send(&self, message: impl Into<OwnedMessage>) -> Result<Sent, Error<OwnedMessage>> {
        let message = message.into();
        match self.try_socket() {
            Some(socket) => socket.send(message),
            None => Err(Error::NotOpen(message)),
        }
    }
}

#[expect(private_bounds, reason = "there are two kinds of handles")]
impl<S: Handle> UseWebsocket<S> {
    /// Connects now if there is no connection, also after the end; see [`LiveSocket::restart`]. If the URL has changed, this is about
    /// the new one.
    pub fn restart(&self) {
        if let Some(socket) = self.try_socket() {
            socket.messages().restart();
        }
    }

    /// Closes the socket for good, until the URL changes; see [`LiveSocket::close`]. If the URL has changed, this is about the new one.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Exception`] if an argument is invalid. The socket then stays as it was.
    pub fn close(&self, code: Option<u16>, reason: Option<&str>) -> Result<(), Error<OwnedMessage>> {
        self.try_socket().map_or(Ok(()), |socket| socket.messages().close(code, reason))
    }

    /// Returns a handle of the socket of the current URL, with everything else. It keeps the socket open, until the URL changes.
    ///
    /// # Panics
    ///
    /// After the component was unmounted, as a signal does.
    pub fn socket(&self) -> S {
        self.follow_url();
        self.running.peek().socket.clone()
    }

    /// Replaces the socket if the URL has changed since it was started.
    fn follow_url(&self) {
        let following = self.running.try_peek().ok().map(|running| running.following.get());
        if following == Some(false) {
            self.follow.call(());
        }
    }

    /// Returns the handle of the socket of the current URL, or `None` after the component was unmounted.
    fn try_socket(&self) -> Option<S> {
        self.follow_url();
        Some(self.running.try_peek().ok()?.socket.clone())
    }
}

impl<S: 'static> Clone for UseWebsocket<S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S: 'static> Copy for UseWebsocket<S> {}

impl<S: 'static> PartialEq for UseWebsocket<S> {
    fn eq(&self, other: &Self) -> bool {
        self.status == other.status && self.running == other.running
    }
}
