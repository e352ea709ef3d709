//! The settings of permessage-deflate: the offer, and the treatment of sent messages.

/// The settings of permessage-deflate, for [`Request::compression`](crate::Request::compression).
///
/// The server can decline the offer, and then nothing is compressed. If its answer has weaker limits than requested,
/// the connection fails. Without the feature `compression`, nothing is offered.
///
/// ```
/// use samesocket_protocol::{Compression, Request};
///
/// let compression = Compression { level: 6, client_context_takeover: false, ..Compression::default() };
/// let request = Request { host: "example.com".to_owned(), compression: Some(compression), ..Request::default() };
/// # drop(request);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compression {
    /// The level, from 1 (fast) to 9 (small). Other values count as the nearest of these. Default: 1.
    ///
    /// Measured with JSON messages of 1 to 16 KiB: level 6 takes 2.5 to 6 times as long and saves a third of the bytes. Level 2
    /// takes 1.5 to 5 times as long for text.
    pub level: u8,
    /// The payload size in bytes from which messages are compressed. Default: 256, which is arbitrary.
    ///
    /// Smaller messages hardly shrink, and a connection that sends only small ones never allocates a deflater.
    pub min_size: usize,
    /// The base-2 logarithm of the client's window in bytes, 8 to 15. The server can reduce it further. Other values count as the
    /// nearest of these. Default: 15.
    pub client_max_window_bits: u8,
    /// The base-2 logarithm of the window in bytes that the server must not exceed, 8 to 15. Other values count as the nearest
    /// of these. Default: 15, which requests nothing of the server.
    pub server_max_window_bits: u8,
    /// Whether the client's messages may refer to earlier ones, if the server allows it. Default: `true`.
    pub client_context_takeover: bool,
    /// Whether the server's messages may refer to earlier ones. `false` asks the server not to do so. Default: `true`.
    pub server_context_takeover: bool,
}

impl Compression {
    /// The default settings.
    pub(crate) const DEFAULT: Self = Self {
        level: 1,
        min_size: 256,
        client_max_window_bits: 15,
        server_max_window_bits: 15,
        client_context_takeover: true,
        server_context_takeover: true,
    };
}

impl Default for Compression {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl Compression {
    /// Returns the settings with values in range.
    #[cfg_attr(not(feature = "compression"), expect(dead_code, reason = "nothing is offered"))]
    pub(crate) fn clamped(self) -> Self {
        Self {
            level: self.level.clamp(1, 9),
            client_max_window_bits: self.client_max_window_bits.clamp(8, 15),
            server_max_window_bits: self.server_max_window_bits.clamp(8, 15),
            ..self
        }
    }
}
