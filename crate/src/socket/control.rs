//! The handle for everything but messages.

use std::fmt;

use super::{Closing, SocketCore};
use crate::connection::closed::Closed;
use crate::sync::Shared;
use samesocket_spec::ReadyState;

/// A handle to a [`Socket`](crate::Socket) that neither sends nor receives; a clone is another one.
///
/// It is there before a split and after it, and keeps the socket open like the halves do.
#[derive(Clone)]
pub struct Control {
    core: Shared<SocketCore>,
}

impl Control {
    pub(super) const fn new(core: Shared<SocketCore>) -> Self {
        Self { core }
    }

    /// Starts the closing handshake, at once, and gives a future that waits for its end.
    ///
    /// `code` is 1000 or 3000..=4999, `reason` at most 123 bytes of UTF-8. What was sent goes out first. If the socket is
    /// CLOSING already, it is only waited for.
    #[must_use = "the future tells how it went; dropping it leaves the handshake to go on"]
    pub fn close(&self, code: Option<u16>, reason: Option<&str>) -> Closing {
        Closing::start(&self.core, code, reason)
    }

    /// Waits for the end, before or after it; any number may.
    pub fn closed(&self) -> Closed {
        self.core.connection.closed()
    }

    /// Whether the peer has to wait while nobody takes what comes, up to the
    /// [receive limit](crate::Connect::receive_limit); otherwise the limit ends the connection. Always natively; in a
    /// browser, see [`Connect::with_backpressure`](crate::Connect::make_peer_wait).
    pub fn has_backpressure(&self) -> bool {
        self.core.has_backpressure
    }

    /// Gives the URL, as it was resolved.
    pub fn url(&self) -> &str {
        self.core.connection.url()
    }

    /// Gives the state of the connection.
    pub fn ready_state(&self) -> ReadyState {
        self.core.connection.ready_state()
    }

    /// Gives the number of payload bytes that were sent and not yet handed to the network.
    pub fn buffered_amount(&self) -> u64 {
        self.core.connection.buffered_amount()
    }

    /// Gives the subprotocol that the server chose, or the empty string.
    pub fn protocol(&self) -> String {
        self.core.connection.protocol()
    }

    /// Gives the extensions in use.
    pub fn extensions(&self) -> String {
        self.core.connection.extensions()
    }
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Control").field(&self.core.connection).finish()
    }
}
