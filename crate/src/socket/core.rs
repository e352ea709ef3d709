//! The state that all handles of one socket share.

use std::time::Duration;

use super::endpoint::Endpoint;
use super::error::Error;
use crate::connection::Connection;
use crate::platform::Clock;
use crate::sync::Shared;
use crate::types::message::Message;
use crate::types::payload::{Data, MessageCompression};
use samesocket_spec::{Exception, ReadyState, close};

/// A connection with the options that its handles need. Dropping it closes the connection.
pub(crate) struct SocketCore {
    pub(crate) connection: Shared<Connection<Endpoint>>,
    pub(crate) clock: Shared<dyn Clock>,
    pub(super) has_backpressure: bool,
    pub(super) high_water_mark: u64,
    pub(super) close_timeout: Duration,
    /// Whether the transport ends by itself after the close timeout.
    pub(super) measures_closing: bool,
}

impl SocketCore {
    /// Returns the listener that the connection reports to.
    pub(super) fn endpoint(&self) -> &Endpoint {
        self.connection.listener()
    }

    /// Starts the closing handshake.
    ///
    /// # Errors
    ///
    /// Returns an exception if an argument is invalid.
    pub(super) fn start_closing(&self, code: Option<u16>, reason: Option<&str>) -> Result<(), Exception> {
        self.connection.close(close::check(code, reason)?);
        Ok(())
    }

    /// Sends a message without a check of the high-water mark. Returns the message if the socket is not OPEN.
    pub(crate) fn send_now(&self, message: Message, compression: MessageCompression) -> Result<(), Error> {
        if self.connection.send_if_open(Data { payload: message.payload(), compression }) {
            Ok(())
        } else {
            Err(Error::NotOpen(message))
        }
    }

    /// Returns whether a send can proceed without waiting.
    ///
    /// That includes a socket that is not OPEN, because there the send fails at once.
    pub(crate) fn has_capacity(&self) -> bool {
        self.connection.buffers_at_most(self.high_water_mark) || self.connection.ready_state() != ReadyState::Open
    }
}

impl Drop for SocketCore {
    fn drop(&mut self) {
        self.connection.handles_dropped();
    }
}
