//! The handle that closes a socket and reads its attributes.

use std::fmt;

use super::{Closing, SocketCore};
use crate::connection::closed::Closed;
use crate::connection::ping::Ping;
use crate::sync::{Shared, Weak};
use crate::types::ping::ReceivedPings;
use samesocket_spec::{ReadyState, Response};

/// A handle to a [`Socket`](crate::Socket) that neither sends nor receives.
///
/// It is available before and after a split. Like the halves, it keeps the socket open; a [`WeakControl`] does not. A clone is
/// another handle to the same socket.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let socket = samesocket::connect("wss://example.com/chat").await?;
/// let control = socket.control();
/// let (sender, _receiver) = socket.split();
/// sender.send("goodbye".into()).await?;
/// let event = control.close(Some(1000), Some("done")).await?;
/// assert_eq!(event.code, 1000);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Control {
    core: Shared<SocketCore>,
}

impl Control {
    pub(crate) const fn new(core: Shared<SocketCore>) -> Self {
        Self { core }
    }

    /// Returns a handle that does not keep the socket open.
    pub fn downgrade(&self) -> WeakControl {
        WeakControl { core: Shared::downgrade(&self.core) }
    }

    /// Starts the closing handshake at once and returns a future that waits for its end.
    ///
    /// `code` is 1000 or in 3000..=4999, and `reason` has at most 123 bytes of UTF-8. Messages that were sent before leave
    /// first. If the socket is CLOSING already, the future only waits. Dropping it does not stop the handshake. See
    /// [`close()`](https://websockets.spec.whatwg.org/#dom-websocket-close).
    #[must_use = "the future returns the result; dropping it does not stop the handshake"]
    pub fn close(&self, code: Option<u16>, reason: Option<&str>) -> Closing {
        Closing::start(&self.core, code, reason)
    }

    /// Ends the connection at once, without a closing handshake; see [`Socket::abort`](crate::Socket::abort).
    pub fn abort(&self) {
        self.core.connection.abort();
    }

    /// Sends a ping frame at once, and returns a future of the round-trip time. On native targets only: in a browser the
    /// future returns [`PingError::Unsupported`](crate::PingError::Unsupported).
    ///
    /// Any number of pings can be under way, each with a payload of its own. A pong with another payload completes none of
    /// them. A pong completes earlier pings as well, because a server may answer only the latest one; see
    /// [RFC 6455, section 5.5.3](https://www.rfc-editor.org/rfc/rfc6455#section-5.5.3). Pings that were requested before the
    /// first one is written share one frame.
    ///
    /// The time counts from this call. A ping precedes messages that wait to be sent, but not the rest of one that is being
    /// written. While the receiver is full, nothing is read, and so no pong. There is no timeout: use the executor's, or a
    /// [`Heartbeat`](crate::Heartbeat) to detect a connection that is dead.
    pub fn ping(&self) -> Ping {
        Ping::new(self.core.connection.ping())
    }

    /// Returns the pings that the server has sent on this connection, which were answered by themselves.
    ///
    /// They are counted on native targets only, and while the connection exists. Otherwise the result is `None`.
    pub fn received_pings(&self) -> Option<ReceivedPings> {
        self.core.connection.received_pings()
    }

    /// Returns a future that waits for the `close` event, or completes at once if it was fired already.
    ///
    /// Any number of futures can wait.
    pub fn closed(&self) -> Closed {
        self.core.connection.closed()
    }

    /// Returns whether a full inbox makes the server wait at the [receive limit](crate::Connect::receive_limit).
    ///
    /// Without backpressure, exceeding the limit ends the connection. Sockets on native targets always have it. In a
    /// browser, see [`Connect::with_backpressure`](crate::Connect::with_backpressure).
    pub fn has_backpressure(&self) -> bool {
        self.core.has_backpressure
    }

    /// Returns the URL after parsing.
    pub fn url(&self) -> &str {
        self.core.connection.url()
    }

    /// Returns the state of the connection.
    pub fn ready_state(&self) -> ReadyState {
        self.core.connection.ready_state()
    }

    /// Returns the number of payload bytes that were sent and not yet passed to the network.
    pub fn buffered_amount(&self) -> u64 {
        self.core.connection.buffered_amount()
    }

    /// Returns the subprotocol that the server selected, or the empty string.
    pub fn protocol(&self) -> String {
        self.core.connection.protocol()
    }

    /// Returns the extensions that the server selected, or the empty string.
    pub fn extensions(&self) -> String {
        self.core.connection.extensions()
    }

    /// Returns the response to the opening handshake. In a page it is not known, so the result is `None` there.
    ///
    /// It has the status 101, or 200 over HTTP/2, and the header fields of the server. It stays available after the connection has ended.
    pub fn response(&self) -> Option<Response> {
        self.core.connection.response()
    }
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Control").field(&self.core.connection).finish()
    }
}

/// A [`Control`] that does not keep the socket open, from [`Control::downgrade`].
///
/// Use it if another part of the program owns the socket, and dropping the socket there must close the connection.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let socket = samesocket::connect("wss://example.com/tunnel").await?;
/// let control = socket.control().downgrade();
/// let stream = socket.into_bytes();
/// assert!(control.upgrade().is_some());
/// // Closes the connection, because only a weak handle is left.
/// drop(stream);
/// assert!(control.upgrade().is_none());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct WeakControl {
    core: Weak<SocketCore>,
}

impl WeakControl {
    /// Returns a [`Control`], or `None` if all other handles were dropped.
    pub fn upgrade(&self) -> Option<Control> {
        self.core.upgrade().map(Control::new)
    }
}

impl fmt::Debug for WeakControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WeakControl").field(&self.upgrade()).finish()
    }
}
