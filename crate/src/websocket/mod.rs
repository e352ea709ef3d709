//! The WebSocket interface: [`WebSocket`], its callbacks and its event streams.
//!
//! Read this file, then [`dispatcher`], which delivers events to callbacks ([`subscription`]) and to streams
//! ([`events`], [`event_streams`]).

pub(crate) mod dispatcher;
pub(crate) mod event_streams;
pub(crate) mod events;
pub(crate) mod subscription;

use std::fmt;

use crate::connection::Connection;
use crate::connection::closed::Closed;
use crate::connection::listener::Listener;
use crate::connection::ping::Ping;
use crate::options::unsupported::StartError;
use crate::options::{ChosenTimeouts, Options};
use crate::platform::timeouts::{CLOSING_TIMEOUT, OPENING_TIMEOUT, Timeouts};
use crate::platform::{Backend, DefaultBackend, MAKE_SUBPROTOCOL_LIST, Url};
use crate::sync::MaybeSend;
use crate::sync::{Shared, Weak};
use crate::types::binary_type::BinaryType;
use crate::types::event::Event;
use crate::types::failure::Failure;
use crate::types::origin::Origin;
use crate::types::payload::Data;
use crate::types::ping::ReceivedPings;
use crate::types::subprotocol::IntoProtocols;
use crate::websocket::dispatcher::Dispatcher;
use crate::websocket::events::Events;
use crate::websocket::subscription::Subscription;
use samesocket_spec::{Exception, ReadyState, Response};
use samesocket_spec::{close, constructor, subprotocol};

/// The [`WebSocket` interface](https://websockets.spec.whatwg.org/#the-websocket-interface): a handle to one
/// connection, with one method per member of the IDL.
///
/// ```no_run
/// # fn main() -> Result<(), samesocket::Exception> {
/// use samesocket::{Event, Message, WebSocket};
///
/// let socket = WebSocket::new("wss://example.com/chat", ["chat.v2"])?;
/// socket.subscribe(|socket, event| match event {
///     Event::Open => { let _ = socket.send("hello"); }
///     Event::Message(message) => {
///         if let Message::Text(text) = &message.data {
///             println!("{text}");
///         }
///         let _ = socket.close(Some(1000), Some("bye"));
///     }
///     _ => {}
/// }).detach();
/// # Ok(())
/// # }
/// ```
///
/// # Handles
///
/// A clone is another handle to the same connection. When the last handle is dropped, the closing handshake starts
/// without a code, and every callback is dropped at once. [`Subscription`], [`Events`] and [`Closed`] are not handles.
///
/// A callback receives the socket as an argument, so it needs no handle of its own. A callback that owned a handle to
/// its own socket would keep both alive until the connection ends. A future or stream that waits for the end of a
/// socket without handles keeps the platform's socket until it is closed.
///
/// # Events
///
/// In a browser no event is fired before the task that called [`new`](Self::new) ends. On native targets events are
/// fired one after the other, on a thread of this crate, or on the runtime of the options. A callback should not block,
/// because other sockets share the thread. It must not block on a tokio runtime or drop one, which panics there; see the
/// guide's page on runtimes. A callback that panics ends only its own call. Attributes stay stable during a callback
/// unless the callback itself changes them.
///
/// Events are buffered until there is a first subscriber, within the limit of [`Events`]. A task then delivers them in
/// order to all subscribers that exist by that time, before any newer event. The attributes then have their present
/// values, not those at the time of the event. In a browser a buffered binary message has the binary type that was set
/// when it arrived; on native targets, the type that is set when it is delivered.
#[derive(Clone)]
pub struct WebSocket(Shared<Handle>);

/// The value that all handles of a socket share. Dropping it closes the connection.
pub(crate) struct Handle {
    connection: Shared<Connection<Dispatcher>>,
}

impl WebSocket {
    /// Starts to connect to `url`, offering `protocols`.
    ///
    /// `http` and `https` mean `ws` and `wss`. In a browser the URL may be relative to the API base URL: that of the
    /// document, which a `base` element may set, or that of the worker. On native targets there is no base URL.
    ///
    /// `protocols` is `()`, one name or a list of names; see [`IntoProtocols`]. Names are compared case-sensitively, so
    /// `["chat", "CHAT"]` is accepted. That follows the Standard's text, although one of the Web Platform Tests rejects
    /// it.
    ///
    /// A blocked port, mixed content or an unknown host causes no exception. The connection fails, with `error` and
    /// `close`. See <https://websockets.spec.whatwg.org/#dom-websocket-websocket>.
    ///
    /// # Errors
    ///
    /// Returns a `"SyntaxError"` for an invalid URL, or for the first subprotocol that is empty, not a token or
    /// repeated. No connection is started then.
    pub fn new(url: &str, protocols: impl IntoProtocols) -> Result<Self, Exception> {
        Self::start(url, None, protocols.into_protocols(), &DefaultBackend::default(), ChosenTimeouts::default())
    }

    /// Starts to connect as [`new`](Self::new) does, with options.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use samesocket::{Options, WebSocket};
    /// use std::time::Duration;
    ///
    /// let options = Options::new().opening_timeout(Duration::from_secs(10)).proxy_from_environment();
    /// let socket = WebSocket::with_options("wss://example.com/chat", ["chat.v2"], &options)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns the same exceptions as [`new`](Self::new). In a page it returns [`StartError::Unsupported`] if an option
    /// was set that a page must not ignore; see [`Options`](crate::Options#in-a-page).
    pub fn with_options(url: &str, protocols: impl IntoProtocols, options: &Options) -> Result<Self, StartError> {
        options.check_supported()?;
        Ok(Self::start(url, None, protocols.into_protocols(), options.backend(), options.chosen_timeouts())?)
    }

    /// Returns the resolved and serialized URL, with a `ws` or `wss` scheme and without a default port.
    ///
    /// See <https://websockets.spec.whatwg.org/#dom-websocket-url>.
    pub fn url(&self) -> &str {
        self.connection().url()
    }

    /// Returns the state of the connection. It never moves backwards.
    ///
    /// It changes to CLOSING without an event when the server starts to close.
    /// See <https://websockets.spec.whatwg.org/#dom-websocket-readystate>.
    pub fn ready_state(&self) -> ReadyState {
        self.connection().ready_state()
    }

    /// Returns the number of payload bytes that were sent and not yet passed to the network. Text counts as UTF-8.
    ///
    /// It falls between tasks only: two reads inside one callback agree. On native targets another thread may still
    /// increase it by sending. Data that is sent while CLOSING or CLOSED stays counted forever.
    /// See <https://websockets.spec.whatwg.org/#dom-websocket-bufferedamount>.
    pub fn buffered_amount(&self) -> u64 {
        self.connection().buffered_amount()
    }

    /// Returns the extensions in use, as in the server's response. The string is empty until the connection is open.
    ///
    /// See <https://websockets.spec.whatwg.org/#dom-websocket-extensions>.
    pub fn extensions(&self) -> String {
        self.connection().extensions()
    }

    /// Returns the subprotocol that the server chose. It is empty until the connection is open, and if none was
    /// offered.
    ///
    /// See <https://websockets.spec.whatwg.org/#dom-websocket-protocol>.
    pub fn protocol(&self) -> String {
        self.connection().protocol()
    }

    /// Returns the type of received binary messages. The default is [`BinaryType::Blob`].
    ///
    /// See <https://websockets.spec.whatwg.org/#dom-websocket-binarytype>.
    pub fn binary_type(&self) -> BinaryType {
        self.connection().binary_type()
    }

    /// Sets the type of received binary messages, from the next event on. It can be set in any state.
    ///
    /// See <https://websockets.spec.whatwg.org/#dom-websocket-binarytype>.
    pub fn set_binary_type(&self, binary_type: BinaryType) {
        self.connection().set_binary_type(binary_type);
    }

    /// Sends a text, bytes or a [`Blob`](crate::Blob) as one message, which may be empty.
    ///
    /// Messages are sent in the order of the calls, even if a blob must be read first. Later changes of the data have
    /// no effect. `Ok` does not mean that the message arrives: while CLOSING or CLOSED, the data is counted and
    /// discarded, as the Standard requires. [`buffered_amount`](Self::buffered_amount) returns the number of queued
    /// bytes.
    ///
    /// In a browser only the platform copies the data. In a build with threads, and with the feature `js-runtimes`, bytes are
    /// copied once more.
    ///
    /// On native targets the data is copied once, if possible while it is masked. `Bytes` that cannot be written at
    /// once are kept, and dropped later by the socket's task or by another call that sends, while nothing is locked. A
    /// call may also write up to 1 MiB of queued data to the operating system, without blocking.
    ///
    /// See <https://websockets.spec.whatwg.org/#dom-websocket-send>.
    ///
    /// ```no_run
    /// # fn example(socket: &samesocket::WebSocket) -> Result<(), samesocket::Exception> {
    /// socket.send("text")?;
    /// socket.send(&[1, 2, 3])?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an `"InvalidStateError"` while the socket is CONNECTING. Nothing is counted then.
    pub fn send<'a>(&self, data: impl Into<Data<'a>>) -> Result<(), Exception> {
        self.connection().send(data.into())
    }

    /// Closes the connection, or fails it if it is not yet open. While CLOSING or CLOSED, it does nothing.
    ///
    /// `code` is 1000 or 3000..=4999, and `reason` has at most 123 bytes of UTF-8. Messages that were sent before
    /// precede the Close frame. The frame is empty if both are `None`; a reason without a code is sent with 1000. While
    /// CONNECTING both are ignored, and the connection fails in a task of its own.
    ///
    /// No message event is fired after the call. On native targets, an event that another thread is delivering at that
    /// moment still reaches all callbacks.
    ///
    /// See <https://websockets.spec.whatwg.org/#dom-websocket-close>.
    ///
    /// # Errors
    ///
    /// Returns an `"InvalidAccessError"` for an invalid code, or else a `"SyntaxError"` for a reason that is too long.
    /// The arguments are checked in every state, before any change.
    pub fn close(&self, code: Option<u16>, reason: Option<&str>) -> Result<(), Exception> {
        let frame = close::check(code, reason)?;
        self.connection().close(frame);
        Ok(())
    }

    /// Ends the connection at once, without a closing handshake. Messages that were not sent are lost.
    ///
    /// The next event is `close` with code 1006, in a task of its own. If the socket is CONNECTING, `error` precedes it. On a
    /// socket that is CLOSED it does nothing. The Standard has no such method.
    ///
    /// On native targets TCP is reset, before this returns if no other thread uses the stream at that moment. A browser
    /// cannot do that: it closes with a Close frame in the background, after what was sent, and in its own time.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), samesocket::Exception> {
    /// use samesocket::{ReadyState, WebSocket};
    ///
    /// let socket = WebSocket::new("wss://example.com/chat", ())?;
    /// socket.abort();
    /// assert_eq!(socket.ready_state(), ReadyState::Closing);
    /// # Ok(())
    /// # }
    /// ```
    pub fn abort(&self) {
        self.connection().abort();
    }

    /// Sends a ping at once, and returns a future of the round-trip time; see [`Control::ping`](crate::Control::ping).
    ///
    /// In a browser the future returns [`PingError::Unsupported`](crate::PingError::Unsupported).
    pub fn ping(&self) -> Ping {
        Ping::new(self.connection().ping())
    }

    /// Returns the pings that the server has sent; see [`Control::received_pings`](crate::Control::received_pings).
    pub fn received_pings(&self) -> Option<ReceivedPings> {
        self.connection().received_pings()
    }

    /// Calls `callback` for every buffered and every future event, until the returned guard is dropped.
    ///
    /// A callback may do anything: drop handles, unsubscribe itself or others, subscribe more callbacks, close, or open
    /// another socket. A callback that is added while an event is fired is called from the next event on. A removed one
    /// is not called again. Callbacks are called in the order of subscription and never nested. They are dropped after
    /// the `close` event.
    ///
    /// On native targets a callback runs inside a tokio runtime, where `Runtime::block_on` panics with "Cannot start a
    /// runtime from within a runtime", and so does dropping a `Runtime`. Start a thread for that, or send the event to
    /// one. The callback is called again after a panic.
    pub fn subscribe(&self, callback: impl FnMut(&WebSocket, &Event) + MaybeSend + 'static) -> Subscription {
        let id = self.connection().listener().add_callback(Box::new(callback));
        self.flush_buffered();
        Subscription::new(Shared::downgrade(self.connection()), id)
    }

    /// Returns a bounded stream of the buffered and all future events; see [`Events`].
    pub fn events(&self) -> Events {
        let events = self.connection().listener().add_stream();
        self.flush_buffered();
        events
    }

    /// Queues a task that delivers the buffered events, if there are any, to the subscriber that was just added.
    fn flush_buffered(&self) {
        if self.connection().listener().has_buffered() {
            let connection = Shared::downgrade(self.connection());
            let task = self.connection().queue(move || {
                if let Some(connection) = connection.upgrade() {
                    connection.listener().deliver();
                }
            });
            self.connection().listener().set_flush_task(task);
        }
    }

    /// Returns a future of the `close` event, which may have been fired already. It is not a subscriber.
    pub fn closed(&self) -> Closed {
        self.connection().closed()
    }

    /// Returns the cause of a failed connection, for diagnosis. In a page it is not known, so the result is `None` there.
    ///
    /// It is available from the `error` event on, or from an unclean `close`, while any handle exists. After a clean
    /// `close` it is `None`, whatever happened to TCP afterwards.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), samesocket::Exception> {
    /// use samesocket::{Event, WebSocket};
    ///
    /// let socket = WebSocket::new("wss://unknown.example/", ())?;
    /// socket.subscribe(|socket, event| {
    ///     if let (Event::Error, Some(failure)) = (event, socket.failure()) {
    ///         eprintln!("{failure}");
    ///     }
    /// }).detach();
    /// # Ok(())
    /// # }
    /// ```
    pub fn failure(&self) -> Option<Failure> {
        self.connection().final_state().failure().cloned()
    }

    /// Returns the response to the opening handshake. In a page it is not known, so the result is `None` there.
    ///
    /// It is available from the `open` event on. After a refusal by the server or an HTTP proxy, it is available from
    /// the `error` event on. It stays available while any handle exists.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), samesocket::Exception> {
    /// use samesocket::{Event, WebSocket};
    ///
    /// let socket = WebSocket::new("wss://example.com/chat", ())?;
    /// socket.subscribe(|socket, event| {
    ///     if let (Event::Open, Some(response)) = (event, socket.response()) {
    ///         println!("served by {:?}", response.header("Server"));
    ///     }
    /// }).detach();
    /// # Ok(())
    /// # }
    /// ```
    pub fn response(&self) -> Option<Response> {
        self.connection().response()
    }

    /// Starts to connect as [`new`](Self::new) does, with a base URL and over this back end.
    pub(crate) fn start(
        url: &str,
        base: Option<&str>,
        protocols: Vec<String>,
        backend: &dyn Backend,
        chosen: ChosenTimeouts,
    ) -> Result<Self, Exception> {
        let url = constructor::get_a_url_record(Url::parse(url, base), url, base)?;
        subprotocol::check(&protocols)?;
        let timeouts =
            Timeouts::new(chosen.opening.unwrap_or(OPENING_TIMEOUT), true, chosen.closing.unwrap_or(CLOSING_TIMEOUT));
        Ok(Self(Shared::new_cyclic(|handle| {
            let dispatcher = Dispatcher::new(Origin::new(&constructor::origin(&url)), handle.clone());
            let mode = BinaryType::default().into();
            Handle {
                connection: Connection::establish(
                    url,
                    protocols,
                    Some(MAKE_SUBPROTOCOL_LIST),
                    mode,
                    backend,
                    timeouts,
                    dispatcher,
                ),
            }
        })))
    }

    /// Returns the connection that the handles share.
    pub(crate) fn connection(&self) -> &Shared<Connection<Dispatcher>> {
        &self.0.connection
    }

    /// Creates another handle, unless the last one was dropped.
    pub(crate) fn upgrade(handle: &Weak<Handle>) -> Option<Self> {
        handle.upgrade().map(Self)
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.connection.handles_dropped();
    }
}

impl fmt::Debug for WebSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.connection(), f)
    }
}
