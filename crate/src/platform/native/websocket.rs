//! What the interface has natively beyond the Standard's.

use super::{Failure, Options};
use crate::platform::Shared;
use crate::{Connect, ConnectionFailed, Exception, IntoProtocols, WebSocket};

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
    /// It is there from the `error` event on, or from an unclean `close`, for as long as there is a handle.
    pub fn failure(&self) -> Option<Failure> {
        self.connection().remains().failure
    }
}

impl Connect {
    /// Sets the options of the connection; natively only.
    pub fn options(self, options: Options) -> Self {
        self.by(Shared::new(options))
    }
}

impl ConnectionFailed {
    /// Tells why the connection failed, for diagnosis, where it is known; natively only.
    pub fn failure(&self) -> Option<&Failure> {
        self.remains().failure.as_ref()
    }
}
