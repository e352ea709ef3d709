//! The settings of HTTP/2.

use std::time::Duration;

/// The settings of WebSockets over HTTP/2 ([RFC 8441](https://www.rfc-editor.org/rfc/rfc8441)), for
/// [`Options::http2`](crate::Options::http2).
///
/// Sockets to one server share connections of HTTP/2. The [guide](crate::guide::http2) says when that helps.
///
/// | setting | default | what it does |
/// | --- | --- | --- |
/// | [`never`](Self::never) | | a connection of HTTP/1.1 for each socket |
/// | [`if_offered`](Self::if_offered) | | HTTP/2 if the server offers it by TLS, otherwise HTTP/1.1 |
/// | [`prior_knowledge`](Self::prior_knowledge) | | HTTP/2 only, with or without TLS |
/// | [`stream_window`](Self::stream_window) | 512 KiB | the received bytes of one socket that may wait to be read |
/// | [`max_streams`](Self::max_streams) | 1000 | the sockets of one connection, if the server allows as many |
/// | [`idle_timeout`](Self::idle_timeout) | 60 s | the time after which a connection without sockets is closed |
/// | [`ping_interval`](Self::ping_interval) | 30 s | the time between two pings of a connection with sockets |
/// | [`ping_timeout`](Self::ping_timeout) | 20 s | the time without received bytes in which the server has to answer a ping |
///
/// Only sockets with equal settings share a connection. In a page nothing of this has an effect, because the browser
/// decides.
///
/// ```
/// use std::time::Duration;
/// use samesocket::{Http2, Options};
///
/// let http2 = Http2::if_offered().stream_window(64 << 10).idle_timeout(Duration::from_secs(10));
/// let options = Options::new().http2(http2);
/// # drop(options);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Http2 {
    pub(crate) choice: Http2Choice,
    pub(crate) stream_window: u32,
    pub(crate) max_streams: u32,
    pub(crate) idle_timeout: Duration,
    pub(crate) ping_interval: Duration,
    pub(crate) ping_timeout: Duration,
}

/// When HTTP/2 is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Http2Choice {
    Never,
    IfOffered,
    PriorKnowledge,
}

/// The smallest window of a stream, which is the initial one of [RFC 9113](https://www.rfc-editor.org/rfc/rfc9113#section-6.9.2).
const MIN_WINDOW: u32 = (64 << 10) - 1;

/// The largest window of a stream.
const MAX_WINDOW: u32 = 16 << 20;

impl Http2 {
    const fn new(choice: Http2Choice) -> Self {
        Self {
            choice,
            stream_window: 512 << 10,
            max_streams: 1000,
            idle_timeout: Duration::from_secs(60),
            ping_interval: Duration::from_secs(30),
            ping_timeout: Duration::from_secs(20),
        }
    }

    /// Creates settings that never use HTTP/2. This is the default of a socket.
    pub const fn never() -> Self {
        Self::new(Http2Choice::Never)
    }

    /// Creates settings that use HTTP/2 for `wss:` URLs if the server offers it, and HTTP/1.1 otherwise, as browsers do.
    ///
    /// TLS offers `h2` before the protocols of [`alpn_protocols`](crate::Options::alpn_protocols). A server can choose
    /// it and not accept WebSockets over it. The socket then makes a connection of HTTP/1.1, and so do further sockets to
    /// this server in the next 5 minutes. A `ws:` URL always uses HTTP/1.1.
    pub const fn if_offered() -> Self {
        Self::new(Http2Choice::IfOffered)
    }

    /// Creates settings that use HTTP/2 only, for servers that are known to accept WebSockets over it.
    ///
    /// Without TLS nothing is negotiated (`h2c`). With TLS only `h2` is offered. A connection with a server that does not
    /// accept this fails with [`Failure::Http2`](crate::Failure::Http2).
    pub const fn prior_knowledge() -> Self {
        Self::new(Http2Choice::PriorKnowledge)
    }

    /// Sets the bytes of one socket that may be received and not yet read by it, 64 KiB to 16 MiB. The default is 512 KiB.
    ///
    /// It is the flow-control window of the stream, and bounds the memory that a socket whose program reads slowly takes.
    /// Small messages take more: see [the guide](crate::guide::http2#backpressure-and-memory). Other sockets of the connection are
    /// not slowed down. A smaller or larger value is moved into the range.
    #[must_use]
    pub const fn stream_window(mut self, bytes: u32) -> Self {
        self.stream_window = match bytes {
            ..MIN_WINDOW => MIN_WINDOW,
            MIN_WINDOW..=MAX_WINDOW => bytes,
            _ => MAX_WINDOW,
        };
        self
    }

    /// Sets the largest number of sockets that share one connection. The default is 1000, and 0 counts as 1.
    ///
    /// The server can allow fewer, and there are never more than have room for a [`stream_window`](Self::stream_window) each in 2 GiB.
    /// When a connection is full, another one is made.
    #[must_use]
    pub const fn max_streams(mut self, count: u32) -> Self {
        self.max_streams = if count == 0 { 1 } else { count };
        self
    }

    /// Sets the time after which a connection without sockets is closed. The default is 60 s.
    ///
    /// With zero it is closed with its last socket.
    #[must_use]
    pub const fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = timeout;
        self
    }

    /// Sets the time between two pings of a connection that has sockets. The default is 30 s. With `Duration::MAX` there is only the
    /// one with which a connection begins.
    ///
    /// These are pings of HTTP/2, one for all sockets of the connection. An idle connection is not pinged. When a socket uses it again
    /// and nothing was received for this time, a ping is sent at once.
    #[must_use]
    pub const fn ping_interval(mut self, interval: Duration) -> Self {
        self.ping_interval = interval;
        self
    }

    /// Sets the time in which the server has to answer a ping. The default is 20 s.
    ///
    /// The time begins anew whenever the server has sent bytes, or bytes before the ping were passed to the network. So a slow path
    /// loses no connection. When the time has passed without either, the connection and all its sockets are lost. The same happens
    /// 5 times this time after the ping was due, however many bytes have moved; the factor is arbitrary.
    #[must_use]
    pub const fn ping_timeout(mut self, timeout: Duration) -> Self {
        self.ping_timeout = timeout;
        self
    }
}

/// Never uses HTTP/2, like [`Http2::never`].
impl Default for Http2 {
    fn default() -> Self {
        Self::never()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_outside_of_their_range_are_moved_into_it() {
        let window = |bytes| Http2::if_offered().stream_window(bytes).stream_window;
        assert_eq!(
            [0, 65_534, 65_535, 100_000, 16 << 20, u32::MAX].map(window),
            [65_535, 65_535, 65_535, 100_000, 16 << 20, 16 << 20]
        );
        assert_eq!(Http2::never().max_streams(0).max_streams, 1);
    }
}
