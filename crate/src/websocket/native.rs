//! The methods of the interface that exist on native targets only.

use crate::platform::api::{Failure, Options};
use crate::types::subprotocol::IntoProtocols;
use crate::websocket::WebSocket;
use samesocket_spec::Exception;

impl WebSocket {
    /// Starts to connect as [`new`](Self::new) does, with options. Native targets only.
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
    /// Returns the same exceptions as [`new`](Self::new).
    pub fn with_options(url: &str, protocols: impl IntoProtocols, options: &Options) -> Result<Self, Exception> {
        Self::start(url, None, protocols.into_protocols(), options)
    }

    /// Returns the cause of a failed connection, for diagnosis. Native targets only.
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
        self.connection().final_state().failure
    }
}
