//! The state that all handles of one socket share.

use std::time::Duration;

use super::endpoint::Endpoint;
use super::error::Error;
use crate::connection::Connection;
use crate::platform::Clock;
use crate::sync::Shared;
use crate::types::message::Message;
use samesocket_spec::ReadyState;

/// A connection with the options that its handles need. Dropping it closes the connection.
pub(crate) struct SocketCore {
    pub(crate) connection: Shared<Connection<Endpoint>>,
    pub(crate) clock: Shared<dyn Clock>,
    pub(super) has_backpressure: bool,
    pub(super) high_water_mark: u64,
    pub(super) close_timeout: Duration,
}

impl SocketCore {
    /// Returns the listener that the connection reports to.
    pub(super) fn endpoint(&self) -> &Endpoint {
        self.connection.listener()
    }

    /// Sends a message without a check of the high-water mark. Returns the message if the socket is not OPEN.
    pub(super) fn send_now(&self, message: Message) -> Result<(), Error> {
        if self.connection.send_if_open(message.payload()) { Ok(()) } else { Err(Error::NotOpen(message)) }
    }

    /// Returns whether a send can proceed without waiting.
    ///
    /// That includes a socket that is not OPEN, because there the send fails at once.
    pub(super) fn has_capacity(&self) -> bool {
        self.connection.buffers_at_most(self.high_water_mark) || self.connection.ready_state() != ReadyState::Open
    }
}

impl Drop for SocketCore {
    fn drop(&mut self) {
        self.connection.handles_dropped();
    }
}
