//! The ready state of a connection.

use std::fmt;

/// The ready state of a connection. It never moves backwards.
///
/// The discriminants are the values of the interface's constants; see
/// <https://websockets.spec.whatwg.org/#dom-websocket-ready-state>.
///
/// ```
/// use samesocket_spec::ReadyState;
///
/// assert!(ReadyState::Open < ReadyState::Closing);
/// assert_eq!(ReadyState::Closed as u16, 3);
/// assert_eq!(ReadyState::Open.to_string(), "OPEN");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u16)]
pub enum ReadyState {
    /// The connection has not yet been established.
    Connecting = 0,
    /// The connection is established, and messages can be sent.
    Open = 1,
    /// Either side has started the closing handshake, or `close` was called.
    Closing = 2,
    /// The connection has been closed, or could not be opened.
    Closed = 3,
}

impl ReadyState {
    /// Returns the name of the interface's constant: `"CONNECTING"`, `"OPEN"`, `"CLOSING"` or `"CLOSED"`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connecting => "CONNECTING",
            Self::Open => "OPEN",
            Self::Closing => "CLOSING",
            Self::Closed => "CLOSED",
        }
    }
}

impl fmt::Display for ReadyState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[crate::test]
    fn ready_state_is_formatted_as_its_constant() {
        let all = [ReadyState::Connecting, ReadyState::Open, ReadyState::Closing, ReadyState::Closed];
        assert_eq!(all.map(|state| state.to_string()), ["CONNECTING", "OPEN", "CLOSING", "CLOSED"]);
        assert_eq!(format!("{:>6}|", ReadyState::Open), "  OPEN|");
    }
}
