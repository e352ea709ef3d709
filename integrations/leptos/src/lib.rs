#![doc = include_str!("../README.md")]

mod values;

use std::fmt;
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use leptos::prelude::*;
use leptos::reactive::diagnostics::SpecialNonReactiveZone;
use leptos::reactive::owner::WeakOwner;
use samesocket::reconnect::{LiveSocket, Reconnect, Sent, Status, TypedLiveSocket, Update};
use samesocket::{Error, OwnedMessage};
pub use samesocket::{connect, typed};

pub use self::values::{use_typed_websocket, use_typed_websocket_with};

/// A socket of a component, from [`use_websocket`] or [`use_typed_websocket`]. It can be copied into each closure.
///
/// After the component was unmounted, its methods do nothing, and sending returns an error.
pub struct UseWebsocket<S: 'static = LiveSocket> {
    /// The status: connecting, open, waiting with the reason, or ended. Its `Display` is a line for the user.
    pub status: Signal<Status>,
    running: StoredValue<Running<S>>,
}

/// The socket of a URL.
struct Running<S> {
    url: String,
    socket: S,
    /// Whether the effect has connected it. On a server, no effect runs.
    connected: bool,
    /// A function that replaces the socket if the URL has changed.
    follow: Arc<dyn Fn() + Send + Sync>,
}

/// A handle of messages or of values.
trait Handle: Clone + Send + Sync + 'static {
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
/// The URL may be a text or any signal. A relative URL is resolved against the page's. When the signal changes, the socket
/// is closed, and another one is opened. Messages that are still kept for the old URL are dropped then. What is called on the handle
/// after the signal was set, such as `send` and `restart`, is for the new URL.
///
/// `on_message` runs with the owner of the component, so that it can use its contexts. A signal that it creates is disposed of
/// when the component is unmounted.
pub fn use_websocket(
    url: impl Into<Signal<String>>,
    on_message: impl Fn(OwnedMessage) + Send + Sync + 'static,
) -> UseWebsocket {
    use_websocket_with(url, |url| connect(url).reconnect(), on_message)
}

/// Opens a socket as [`use_websocket`] does, with options.
///
/// `configure` is called for each URL. It can set subprotocols, heartbeats, waits, the outbox, or an attempt that fetches a
/// token.
///
/// ```
/// use leptos::prelude::*;
/// use samesocket::connect;
/// use samesocket_leptos::{UseWebsocket, use_websocket_with};
///
/// fn use_chat(room: Signal<String>, messages: RwSignal<Vec<samesocket::OwnedMessage>>) -> UseWebsocket {
///     let url = Signal::derive(move || format!("wss://example.com/{}", room.get()));
///     let configure = |url: String| connect(url).reconnect().max_attempts(10);
///     use_websocket_with(url, configure, move |message| messages.write().push(message))
/// }
/// ```
pub fn use_websocket_with(
    url: impl Into<Signal<String>>,
    configure: impl Fn(String) -> Reconnect + Send + Sync + 'static,
    on_message: impl Fn(OwnedMessage) + Send + Sync + 'static,
) -> UseWebsocket {
    use_handle(url, on_message, move |url, on_update| configure(url).disconnected().drive(on_update))
}

/// The callback of a socket.
type OnUpdate<M> = Box<dyn FnMut(Update<M>) + Send>;

/// Keeps the handle that `start` returns for the URL, with the callback of its updates. It starts without a connection.
fn use_handle<S: Handle, M: 'static>(
    url: impl Into<Signal<String>>,
    on_message: impl Fn(M) + Send + Sync + 'static,
    start: impl Fn(String, OnUpdate<M>) -> S + Send + Sync + 'static,
) -> UseWebsocket<S> {
    let url = url.into();
    let status = RwSignal::new(Status::Idle);
    // The number of the current socket, until the component is unmounted. A handle may keep another one for a while.
    let current = StoredValue::new(0_u32);
    let on_message = Arc::new(on_message);
    // Weak, because the owner keeps the socket, which keeps the callback.
    let owner = Owner::current().map(|owner| owner.downgrade());
    let start = move |url: String| {
        let (number, on_message, owner) = (current.try_get_value(), Arc::clone(&on_message), owner.clone());
        let on_update = move |update| match update {
            _ if number.is_none() || current.try_get_value() != number => {}
            Update::Status(new) => drop(status.try_set(new)),
            Update::Message(message) => {
                let _guard = SpecialNonReactiveZone::enter();
                match owner.as_ref().and_then(WeakOwner::upgrade) {
                    Some(owner) => owner.with(|| on_message(message)),
                    None => on_message(message),
                }
            }
            _ => {}
        };
        // The signals that `configure` reads subscribe nothing: a change of them does not start another socket.
        untrack(|| start(url, Box::new(on_update)))
    };
    let first = url.get_untracked();
    let socket = start(first.clone());
    let slot = Arc::new(OnceLock::new());
    let follow = {
        let (slot, is_following) = (Arc::clone(&slot), AtomicBool::new(false));
        move || {
            // The program's functions may use the socket, and have the old one then.
            let Some(_guard) = Following::begin(&is_following) else { return };
            let (Some(&running), Some(wanted)) = (slot.get(), url.try_get_untracked()) else { return };
            replace_if_changed(running, wanted, |url| {
                current.try_update_value(|number| *number += 1);
                start(url)
            });
        }
    };
    let running = StoredValue::new(Running { url: first, socket, connected: false, follow: Arc::new(follow) });
    // It was empty.
    let _ = slot.set(running);
    // Effects do not run on a server, so nothing connects there.
    Effect::new(move |_| {
        url.track();
        follow_url(running);
        let connected = running.try_update_value(|running| mem::replace(&mut running.connected, true));
        if connected == Some(false) {
            running.with_value(|running| running.socket.messages().clone()).reconnect_now();
        }
    });
    UseWebsocket { status: status.into(), running }
}

/// The time in which the program's functions are called for another URL. It ends when it is dropped, also by a panic of them.
struct Following<'a>(&'a AtomicBool);

impl<'a> Following<'a> {
    /// Returns `None` while it has begun already.
    fn begin(is_following: &'a AtomicBool) -> Option<Self> {
        (!is_following.swap(true, Ordering::Relaxed)).then_some(Self(is_following))
    }
}

impl Drop for Following<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

/// Replaces the socket if the URL has changed since it was started.
fn follow_url<S: Handle>(running: StoredValue<Running<S>>) {
    // Called outside the lock, because the program's functions may use the socket.
    if let Some(follow) = running.try_with_value(|running| Arc::clone(&running.follow)) {
        follow();
    }
}

/// Replaces the socket with the one that `start` returns, unless it is of this URL.
fn replace_if_changed<S: Handle>(running: StoredValue<Running<S>>, wanted: String, start: impl FnOnce(String) -> S) {
    if running.try_with_value(|running| running.url == wanted) != Some(false) {
        return;
    }
    let new = start(wanted.clone());
    let old = running.try_update_value(|running| {
        (running.url, running.connected) = (wanted, false);
        mem::replace(&mut running.socket, new)
    });
    let Some(old) = old.as_ref().map(Handle::messages) else { return };
    // On a server, a close would start the task of a socket that has none.
    if cfg!(target_family = "wasm") || old.status() != Status::Idle {
        // A handle may be kept. Nothing about the arguments is invalid.
        let _ = old.close(None, None);
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
        match self.socket() {
            Some(socket) => socket.send(message),
            None => Err(Error::NotOpen(message)),
        }
    }

    /// Returns a handle of the socket of the current URL, with everything else, or `None` after the component was unmounted. It keeps
    /// the socket open, until the URL changes. `on_message` is not called after the component was unmounted.
    pub fn socket(&self) -> Option<LiveSocket> {
        self.current()
    }
}

#[expect(private_bounds, reason = "there are two kinds of handles")]
impl<S: Handle> UseWebsocket<S> {
    /// Connects now if there is no connection, also after the end; see [`LiveSocket::restart`]. If the URL has changed, this is about
    /// the new one.
    pub fn restart(&self) {
        if let Some(socket) = self.current() {
            socket.messages().restart();
        }
    }

    /// Closes the socket for good, until the URL changes; see [`LiveSocket::close`]. If the URL has changed, this is about the new one.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Exception`] if an argument is invalid. The socket then stays as it was.
    pub fn close(&self, code: Option<u16>, reason: Option<&str>) -> Result<(), Error<OwnedMessage>> {
        self.current().map_or(Ok(()), |socket| socket.messages().close(code, reason))
    }

    /// Returns the handle of the socket of the current URL.
    fn current(&self) -> Option<S> {
        follow_url(self.running);
        self.running.try_with_value(|running| running.socket.clone())
    }
}

impl<S: 'static> Clone for UseWebsocket<S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S: 'static> Copy for UseWebsocket<S> {}

impl<S: 'static> fmt::Debug for UseWebsocket<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UseWebsocket").field("status", &self.status).finish_non_exhaustive()
    }
}
