//! The settings of compression.

use super::invalid_option::InvalidOption;

/// The settings of compression by permessage-deflate ([RFC 7692](https://www.rfc-editor.org/rfc/rfc7692)), for
/// [`Options::compression`](crate::Options::compression).
///
/// By default it is on, with the offer that browsers make. The server decides: if it declines the offer, nothing is
/// compressed. If its answer violates what was requested, the connection fails with
/// [`ProtocolFailure::Extensions`](crate::ProtocolFailure::Extensions).
///
/// | setting | default | what it does |
/// | --- | --- | --- |
/// | [`off`](Self::off) | on | offers no compression |
/// | [`level`](Self::level) | 1 | the effort for sent messages, 1 to 9 |
/// | [`min_bytes`](Self::min_bytes) | 256 | the size from which messages are compressed |
/// | [`client_window_bits`](Self::client_window_bits) | 15 | the window for sent messages, 8 to 15 |
/// | [`server_window_bits`](Self::server_window_bits) | 15 | the largest window for received messages, 8 to 15 |
/// | [`client_context_takeover`](Self::client_context_takeover) | on | whether sent messages refer to earlier ones |
/// | [`server_context_takeover`](Self::server_context_takeover) | on | whether received messages may refer to earlier ones |
///
/// [`Sender::without_compression`](crate::Sender::without_compression) and
/// [`Data::without_compression`](crate::Data::without_compression) leave single messages uncompressed. In a page nothing of this
/// has an effect, because the browser decides.
///
/// ```
/// use samesocket::{Compression, Options};
///
/// // A server that compresses well, for a client with little memory.
/// let compression = Compression::new().server_window_bits(10)?.client_window_bits(10)?.client_context_takeover(false);
/// let options = Options::new().compression(compression);
/// let uncompressed = Options::new().compression(Compression::off());
/// # drop((options, uncompressed));
/// # Ok::<(), samesocket::InvalidOption>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compression {
    pub(crate) is_on: bool,
    pub(crate) level: u8,
    pub(crate) min_bytes: usize,
    pub(crate) client_window_bits: u8,
    pub(crate) server_window_bits: u8,
    pub(crate) client_context_takeover: bool,
    pub(crate) server_context_takeover: bool,
}

impl Compression {
    /// Creates the default settings: compression is on.
    pub const fn new() -> Self {
        Self {
            is_on: true,
            level: 1,
            min_bytes: 256,
            client_window_bits: 15,
            server_window_bits: 15,
            client_context_takeover: true,
            server_context_takeover: true,
        }
    }

    /// Creates settings that offer no compression. The other settings have no effect then.
    ///
    /// ```
    /// use samesocket::{Compression, Options};
    ///
    /// let options = Options::new().compression(Compression::off());
    /// # drop(options);
    /// ```
    pub const fn off() -> Self {
        Self { is_on: false, ..Self::new() }
    }

    /// Sets the level of sent messages, from 1 (fast) to 9 (small). The default is 1.
    ///
    /// Measured with JSON messages of 1 to 16 KiB: level 6 takes 2.5 to 6 times as long and saves a third of the bytes.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidOption`] for another level.
    pub const fn level(mut self, level: u8) -> Result<Self, InvalidOption> {
        if level < 1 || level > 9 {
            return Err(InvalidOption::of_static("the level of compression must be from 1 to 9"));
        }
        self.level = level;
        Ok(self)
    }

    /// Sets the payload size in bytes from which messages are compressed. The default is 256; any number is valid.
    ///
    /// Smaller messages hardly shrink. A connection that compresses no message allocates no compressor, which takes about
    /// 300 KiB.
    #[must_use]
    pub const fn min_bytes(mut self, bytes: usize) -> Self {
        self.min_bytes = bytes;
        self
    }

    /// Sets the base-2 logarithm of the window for sent messages in bytes, from 8 to 15. The default is 15.
    ///
    /// It is announced to the server, which can then use less memory, and can reduce it further. See
    /// [RFC 7692, section 7.1.2.2](https://www.rfc-editor.org/rfc/rfc7692#section-7.1.2.2).
    ///
    /// # Errors
    ///
    /// Returns [`InvalidOption`] for another number.
    pub const fn client_window_bits(mut self, bits: u8) -> Result<Self, InvalidOption> {
        if bits < 8 || bits > 15 {
            return Err(InvalidOption::of_static(WINDOW_BITS));
        }
        self.client_window_bits = bits;
        Ok(self)
    }

    /// Sets the base-2 logarithm of the largest window for received messages in bytes, from 8 to 15. The default is 15, which
    /// requests nothing.
    ///
    /// Less reduces the memory of the connection. A server that cannot do it declines compression. Many servers cannot use 8,
    /// because zlib cannot. See [RFC 7692, section 7.1.2.1](https://www.rfc-editor.org/rfc/rfc7692#section-7.1.2.1).
    ///
    /// # Errors
    ///
    /// Returns [`InvalidOption`] for another number.
    pub const fn server_window_bits(mut self, bits: u8) -> Result<Self, InvalidOption> {
        if bits < 8 || bits > 15 {
            return Err(InvalidOption::of_static(WINDOW_BITS));
        }
        self.server_window_bits = bits;
        Ok(self)
    }

    /// Sets whether sent messages refer to earlier ones, which makes similar messages much smaller. The default is `true`.
    ///
    /// `false` is announced to the server, which then needs no memory between messages. See
    /// [RFC 7692, section 7.1.1.2](https://www.rfc-editor.org/rfc/rfc7692#section-7.1.1.2).
    #[must_use]
    pub const fn client_context_takeover(mut self, takeover: bool) -> Self {
        self.client_context_takeover = takeover;
        self
    }

    /// Sets whether received messages may refer to earlier ones. The default is `true`.
    ///
    /// `false` asks the server not to do so. An idle connection then needs no memory for the window. See [RFC 7692,
    /// section 7.1.1.1](https://www.rfc-editor.org/rfc/rfc7692#section-7.1.1.1).
    #[must_use]
    pub const fn server_context_takeover(mut self, takeover: bool) -> Self {
        self.server_context_takeover = takeover;
        self
    }
}

const WINDOW_BITS: &str = "the window bits of compression must be from 8 to 15";

impl Default for Compression {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[crate::test]
    fn numbers_out_of_range_are_refused() {
        for number in 0..=u8::MAX {
            let new = Compression::new();
            let bits = (8..=15).contains(&number);
            assert_eq!(new.level(number).is_ok(), (1..=9).contains(&number));
            assert_eq!(new.client_window_bits(number).is_ok(), bits);
            assert_eq!(new.server_window_bits(number).is_ok(), bits);
        }
        let text = "the window bits of compression must be from 8 to 15";
        assert_eq!(Compression::new().server_window_bits(16).unwrap_err().to_string(), text);
        assert_eq!(Compression::default(), Compression::new());
        assert_ne!(Compression::off(), Compression::new());
    }
}
