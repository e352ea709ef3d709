//! The versions of HTTP for one connection.

/// The versions of HTTP that TLS offers to the server.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(feature = "http2"), allow(dead_code, reason = "there is only one version"))]
pub(super) enum HttpVersions {
    Http1,
    /// HTTP/1.1, after HTTP/2 was tried: `h2` is not offered, even if the user's own protocols have it.
    Http1Instead,
    Http2,
    Either,
}
