//! The results of pings.

use std::error::Error;
use std::fmt;
use std::time::Duration;

/// The reason why [`Control::ping`](crate::Control::ping) measured no round-trip time.
///
/// ```
/// use samesocket::PingError;
///
/// assert_eq!(PingError::Unsupported.to_string(), "a browser cannot send pings");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PingError {
    /// The platform cannot send pings. That is so in a browser, whose socket has no method for it.
    Unsupported,
    /// The socket is not OPEN, so that no ping was sent.
    NotOpen,
    /// The connection ended before the server answered.
    Closed,
}

impl fmt::Display for PingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unsupported => "a browser cannot send pings",
            Self::NotOpen => "the socket is not open; no ping was sent",
            Self::Closed => "the connection ended before the server answered the ping",
        })
    }
}

impl Error for PingError {}

/// The pings that the server has sent, from [`Control::received_pings`](crate::Control::received_pings).
///
/// ```no_run
/// # fn example(control: &samesocket::Control) {
/// if let Some(pings) = control.received_pings() {
///     println!("{} pings, the last one {:?} ago", pings.count, pings.since_last);
/// }
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReceivedPings {
    /// The number of pings. Each was answered with a pong.
    pub count: u64,
    /// The time since the last ping, if there was one.
    pub since_last: Option<Duration>,
}
