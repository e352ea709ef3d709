//! What the interface has natively beyond the Standard's.

use crate::platform::api::{Failure, Options};
use crate::types::subprotocol::IntoProtocols;
use crate::websocket::WebSocket;
use samesocket_spec::Exception;

impl WebSocket {
    /// Starts to connect as [`new`](Self::new) does, with options; natively only.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use samesocket::{Options, WebSocket};
    /// use std::time::Duration;
    ///
    /// let options = Options::new().origin("https://example.com")?.opening_timeout(Duration::from_secs(10));
    /// let socket = WebSocket::with_options("wss://example.com/chat", ["chat.v2"], &options)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`new`](Self::new).
    pub fn with_options(url: &str, protocols: impl IntoProtocols, options: &Options) -> Result<Self, Exception> {
        Self::start(url, None, protocols.into_protocols(), options)
    }

    /// Tells why the connection failed, for diagnosis, once it has; natively only.
    ///
    /// It is there from the `error` event on, or from an unclean `close`, for as long as there is a handle; after a clean
    /// `close` there is none, whatever became of TCP.
    pub fn failure(&self) -> Option<Failure> {
        self.connection().remains().failure
    }
}
