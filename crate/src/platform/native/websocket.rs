//! What the interface has natively beyond the Standard's.

use super::{Blob, Failure, Options};
use crate::platform::Shared;
use crate::reconnect::{self, Cause, Reconnecting, States};
use crate::{
    ByteStream, Closed, Closing, Connect, ConnectError, ConnectionFailed, Control, Error, Events, Exception,
    IntoProtocols, Message, Receiver, ReuniteError, Sender, Socket, Subscription, WebSocket,
};

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

/// Natively everything may be anywhere, and be used by several at once.
const _: fn() = || {
    fn anywhere<T: Send + Sync>() {}
    anywhere::<WebSocket>();
    anywhere::<(Subscription, Events, Closed, Blob)>();
    anywhere::<(Connect, Socket, Sender, Receiver, Control, Closing, ByteStream)>();
    anywhere::<(Message, ConnectError, Error, ReuniteError)>();
    anywhere::<(Reconnecting, reconnect::Sender, States, Cause)>();
};
