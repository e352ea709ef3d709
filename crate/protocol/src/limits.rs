//! The limits and timeouts of a connection.

use std::time::Duration;

/// The limits and timeouts of one connection.
///
/// Beyond these limits, a connection holds two read buffers (at most 164 KiB each) and its write buffer (at most 4.25 MiB). Received
/// binary messages may share memory with a read buffer, and keep up to 8 times their length ([`LongBinary`](crate::LongBinary)).
/// The write buffer grows by doubling. It holds at most 1 MiB and 64 KiB of messages, and as many bytes
/// again that were already written.
///
/// With compression it also holds one inflater (about 45 KiB), one deflater (about 300 KiB), and the output of the deflater for
/// one fragment (about 1 MiB for data that does not compress).
///
/// All defaults are arbitrary, and suit a client that trusts its server.
///
/// ```
/// use samesocket_protocol::Limits;
/// use std::time::Duration;
///
/// let limits = Limits { message: 1 << 20, opening: Duration::from_secs(10), ..Limits::default() };
/// assert_eq!(limits.frame, 64 << 20);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The size of the response's head in bytes, interim responses included. If it is exceeded, the opening handshake fails.
    /// Default: 64 KiB.
    pub head: usize,
    /// The payload of one received frame in bytes, before inflating. If it is exceeded, the connection fails with 1009.
    /// Default: 64 MiB.
    pub frame: u64,
    /// The size of one received message in bytes, after inflating. If it is exceeded, the connection fails with 1009.
    /// Default: 64 MiB.
    pub message: u64,
    /// The bytes that may wait to be sent, each message counted with [`MESSAGE_OVERHEAD`], or 16 bytes once it is framed. If it is
    /// exceeded, the connection fails. Default: 256 MiB.
    pub queue: u64,
    /// The time for the opening handshake, from the time that is passed to [`Connection::new`](crate::Connection::new).
    /// Default: 1 minute.
    pub opening: Duration,
    /// The time that the peer has to answer our Close frame, from the last bytes that the stream accepted. Default: 1 minute.
    pub closing: Duration,
    /// The time that the peer has to close TCP after both Close frames. Default: 2 seconds.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head: 64 << 10,
            frame: 64 << 20,
            message: 64 << 20,
            queue: 256 << 20,
            opening: Duration::from_secs(60),
            closing: Duration::from_secs(60),
            drain: Duration::from_secs(2),
        }
    }
}

/// The most payload bytes that one call masks, compresses or inflates, so that a driver can release its lock between calls.
///
/// Arbitrary: about 10 microseconds of masking.
pub(crate) const STEP: usize = 64 << 10;

/// The part of a [`STEP`] that a frame takes which completes no message: a control frame, a fragment, or one that is discarded.
/// Arbitrary.
pub(crate) const FRAME_COST: usize = 64;

/// The number of answers to pings that may wait to be sent. Arbitrary.
pub(crate) const MAX_QUEUED_PONGS: usize = 64;

/// The bytes that a queued message counts in [`Limits::queue`] in addition to its payload, until it is framed.
///
/// It is what the connection keeps for a message: an entry of 72 bytes in a list that doubles when it grows, and an allocation.
pub const MESSAGE_OVERHEAD: u64 = 160;

/// The bytes that a framed message, or a framed part of one, counts in addition to its payload.
pub(crate) const PART_OVERHEAD: u64 = 16;
