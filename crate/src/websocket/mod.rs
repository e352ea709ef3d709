//! The interface.

pub(crate) mod dispatcher;
pub(crate) mod event_streams;
pub(crate) mod events;
#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
mod native;
pub(crate) mod subscription;

use std::fmt;

use crate::connection::Connection;
use crate::connection::closed::Closed;
use crate::platform::{Backend, MAKE_SUBPROTOCOL_LIST, Options, Url};
use crate::sync::MaybeSend;
use crate::sync::{Shared, Weak};
use crate::types::binary_type::BinaryType;
use crate::types::event::Event;
use crate::types::origin::Origin;
use crate::types::payload::Data;
use crate::types::subprotocol::IntoProtocols;
use crate::websocket::dispatcher::Dispatcher;
use crate::websocket::events::Events;
use crate::websocket::subscription::Subscription;
use samesocket_spec::{Exception, ReadyState};
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
/// A clone is another handle to the same connection. When the last handle is dropped, the closing handshake is started
/// without a code, and every callback is freed at once. [`Subscription`], [`Events`] and [`Closed`] are no handles. A
/// callback is given the socket, so that it needs no handle of its own: one that owned a handle to its own socket would
/// keep both alive until the connection ends. What waits for the end of a socket without handles keeps the platform's
/// socket until it has closed.
///
/// # Events
///
/// In a browser nothing is fired before the task that called [`new`](Self::new) ends. Natively events are fired on a
/// thread of the socket's, one after the other; a callback there should not block, since other sockets share the thread,
/// and one that panics ends nothing but itself. Within a callback the attributes do not change but by what one does.
///
/// Events are kept until there is a first
/// subscriber, within the bound of [`Events`]; what was kept is then delivered, in a task of its own, to all the
/// subscribers there are by that time, in order and before anything newer. The attributes have the present values then,
/// not those of the moment when the event came; a binary message has the form that was set when it came, natively the
/// one that is set when it is delivered.
#[derive(Clone)]
pub struct WebSocket(Shared<Handle>);

/// What the handles of users share; dropping it closes the connection.
pub(crate) struct Handle {
    connection: Shared<Connection<Dispatcher>>,
}

impl WebSocket {
    /// Starts to connect to `url`, offering `protocols`.
    ///
    /// In a browser the URL is parsed against the API base URL (a document's, which a `base` element may set, or a
    /// worker's own), so it may be relative; natively there is none. `http` and `https` mean `ws` and `wss`. `protocols` is `()`, one name or a list of names;
    /// see [`IntoProtocols`]. Names are compared exactly: `["chat", "CHAT"]` is accepted, as the Standard's text has it,
    /// though one file of the Web's own tests wants it refused.
    ///
    /// A port that the platform blocks, mixed content or an unknown host are no exceptions: the connection then fails,
    /// which the events tell. See <https://websockets.spec.whatwg.org/#dom-websocket-websocket>.
    ///
    /// # Errors
    ///
    /// A `"SyntaxError"`, before anything is started: for the URL, then for the first subprotocol that is empty, not a
    /// token or there twice.
    pub fn new(url: &str, protocols: impl IntoProtocols) -> Result<Self, Exception> {
        Self::start(url, None, protocols.into_protocols(), &Options::default())
    }

    /// Gives the serialized URL, as it was resolved: with a `ws` or `wss` scheme and without a default port.
    ///
    /// See <https://websockets.spec.whatwg.org/#dom-websocket-url>.
    pub fn url(&self) -> &str {
        self.connection().url()
    }

    /// Gives the state of the connection, which only ever moves forwards.
    ///
    /// CLOSING may be seen although no event told of it: when the peer starts to close.
    /// See <https://websockets.spec.whatwg.org/#dom-websocket-readystate>.
    pub fn ready_state(&self) -> ReadyState {
        self.connection().ready_state()
    }

    /// Gives the number of payload bytes that were sent and not yet handed to the network: of text, the UTF-8.
    ///
    /// It falls between tasks only: within a callback two reads agree, unless another thread sends meanwhile, natively.
    /// What is sent when CLOSING or CLOSED is counted for ever.
    /// See <https://websockets.spec.whatwg.org/#dom-websocket-bufferedamount>.
    pub fn buffered_amount(&self) -> u64 {
        self.connection().buffered_amount()
    }

    /// Gives the extensions in use, as the server's answer has them; empty until the connection is open.
    ///
    /// See <https://websockets.spec.whatwg.org/#dom-websocket-extensions>.
    pub fn extensions(&self) -> String {
        self.connection().extensions()
    }

    /// Gives the subprotocol that the server chose; empty until the connection is open, and if none was offered.
    ///
    /// See <https://websockets.spec.whatwg.org/#dom-websocket-protocol>.
    pub fn protocol(&self) -> String {
        self.connection().protocol()
    }

    /// Gives what received binary messages become; [`BinaryType::Blob`] unless it was set.
    ///
    /// See <https://websockets.spec.whatwg.org/#dom-websocket-binarytype>.
    pub fn binary_type(&self) -> BinaryType {
        self.connection().binary_type()
    }

    /// Sets what received binary messages become, in any state, from the next event on.
    ///
    /// See <https://websockets.spec.whatwg.org/#dom-websocket-binarytype>.
    pub fn set_binary_type(&self, binary_type: BinaryType) {
        self.connection().set_binary_type(binary_type);
    }

    /// Sends a text, bytes or a [`Blob`](crate::Blob) as one message; an empty one is a message too.
    ///
    /// The data is taken as it is now, and messages leave in the order of the calls, a blob that has yet to be read
    /// included. In a browser nothing is copied but by the platform, and out of shared memory in a build with threads;
    /// natively the data is copied once, while it is masked if it can be. `Bytes` that have to wait are kept until then, and
    /// dropped while the socket is at work: the owner of [`Bytes::from_owner`](bytes::Bytes::from_owner) must not use a socket
    /// when it is dropped. Natively a call may also give the system what waits, up to 1 MiB, as far as it takes that at once.
    ///
    /// See [`buffered_amount`](Self::buffered_amount) for what is queued. When the socket is CLOSING or CLOSED the data is
    /// discarded and counted, as the Standard has it: `Ok` is no promise that it arrives.
    ///
    /// See <https://websockets.spec.whatwg.org/#dom-websocket-send>.
    ///
    /// # Errors
    ///
    /// An `"InvalidStateError"` while the socket is CONNECTING; nothing is counted then.
    pub fn send<'a>(&self, data: impl Into<Data<'a>>) -> Result<(), Exception> {
        self.connection().send(data.into().0)
    }

    /// Closes the connection, or gives it up if it is not yet open; does nothing when CLOSING or CLOSED.
    ///
    /// `code` is 1000 or 3000..=4999, `reason` at most 123 bytes of UTF-8. Messages that were sent go out before the
    /// Close frame, which is empty when neither is given; a reason without a code goes with 1000. No message event is
    /// fired any more, though natively one that is being fired at that moment on the socket's thread goes on to all
    /// callbacks. While CONNECTING both are ignored: the connection fails, in a task of its own.
    ///
    /// See <https://websockets.spec.whatwg.org/#dom-websocket-close>.
    ///
    /// # Errors
    ///
    /// In every state, before anything is touched: an `"InvalidAccessError"` for the code, then a `"SyntaxError"` for
    /// the reason.
    pub fn close(&self, code: Option<u16>, reason: Option<&str>) -> Result<(), Exception> {
        let frame = close::check(code, reason)?;
        self.connection().close(frame);
        Ok(())
    }

    /// Calls `callback` for every event from now on, and for those that were kept, until the guard is dropped.
    ///
    /// A callback may do anything: drop handles, unsubscribe itself or others, subscribe more, close, connect anew. One
    /// that is added while an event is fired hears of the next; one that is taken out hears of no more. Callbacks are
    /// called in the order of subscription, never from within one another, and dropped after the `close` event.
    pub fn subscribe(&self, callback: impl FnMut(&WebSocket, &Event) + MaybeSend + 'static) -> Subscription {
        self.connection().subscribe(Box::new(callback))
    }

    /// Gives the events from now on, and those that were kept, as a stream with a bound; see [`Events`].
    pub fn events(&self) -> Events {
        self.connection().add_stream()
    }

    /// Waits for the `close` event, before or after it was fired; it does not subscribe.
    pub fn closed(&self) -> Closed {
        self.connection().closed()
    }

    /// What [`new`](Self::new) does, with a base URL and with what the platform lets a user choose.
    pub(crate) fn start(
        url: &str,
        base: Option<&str>,
        protocols: Vec<String>,
        options: &Options,
    ) -> Result<Self, Exception> {
        let url = constructor::get_a_url_record(Url::parse(url, base), url, base)?;
        subprotocol::check(&protocols)?;
        let tasks = options.tasks();
        Ok(Self(Shared::new_cyclic(|handle| {
            let subscribers = Dispatcher::new(Origin::new(&constructor::origin(&url)), handle.clone());
            let form = BinaryType::default().into();
            Handle {
                connection: Connection::establish(
                    url,
                    protocols,
                    Some(MAKE_SUBPROTOCOL_LIST),
                    form,
                    options,
                    tasks,
                    subscribers,
                ),
            }
        })))
    }

    /// What the handles share.
    pub(crate) fn connection(&self) -> &Shared<Connection<Dispatcher>> {
        &self.0.connection
    }

    /// Gives the socket of these handles, unless the last of them was dropped.
    pub(crate) fn of(handle: &Weak<Handle>) -> Option<Self> {
        handle.upgrade().map(Self)
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.connection.abandon();
    }
}

impl fmt::Debug for WebSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.connection(), f)
    }
}
