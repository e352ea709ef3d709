//! What one connection may hold, and how long it may wait.

use std::time::Duration;

/// The limits and deadlines of one connection.
///
/// Beyond them a connection holds its read buffer (at most 164 KiB), its output (at most 4.25 MiB: no more than 1 MiB and 64 KiB
/// is made ready, in a buffer that doubles when it grows and keeps what was taken until it is as much as what is left) and,
/// when compression is in use, one inflater (about 45 KiB), one deflater (about 300 KiB) and what a piece of either gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The bytes of the response's head, those of interim responses included; beyond, the opening handshake fails.
    pub head: usize,
    /// The payload bytes of one received frame, as they are on the wire; beyond, the connection fails with 1009.
    pub frame: u64,
    /// The bytes of one received message, once inflated; beyond, the connection fails with 1009.
    pub message: u64,
    /// The bytes that may wait to be sent, counting [`MESSAGE_OVERHEAD`] for each message; beyond, the connection is
    /// full and fails.
    pub queue: u64,
    /// How long the opening handshake may take, counted from the time that [`Connection::new`] is given.
    ///
    /// [`Connection::new`]: crate::connection::Connection::new
    pub opening: Duration,
    /// How long the peer may leave our Close frame without an answer, counted from the last bytes the socket took.
    pub closing: Duration,
    /// How long the peer may take to close TCP once both Close frames are through.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head: 64 << 10,
            frame: 64 << 20,
            message: 64 << 20,
            queue: 256 << 20,
            opening: Duration::from_mins(1),
            closing: Duration::from_mins(1),
            drain: Duration::from_secs(2),
        }
    }
}

/// The answers to pings that may wait to be sent.
pub(crate) const PONGS: usize = 64;

/// What a message that waits to be sent counts beside its payload.
pub const MESSAGE_OVERHEAD: u64 = 16;

/// The size from which a message is sent compressed, if compression is in use.
///
/// Less hardly shrinks, and a connection that sends only little never pays for a deflater.
pub(crate) const COMPRESSION_THRESHOLD: usize = 256;
