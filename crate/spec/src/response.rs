//! The response to the opening handshake, as a program sees it.

use std::fmt;
use std::sync::Arc;

/// An HTTP response to the opening handshake, from the WebSocket server or from a proxy.
///
/// A successful handshake has the status 101, or 2xx over HTTP/2, and no body. A refusal has another status, most often with a body that
/// states the reason. By [the Standard](https://websockets.spec.whatwg.org/#concept-websocket-establish), a script sees
/// neither.
///
/// `Debug` and `Display` show the status. `Debug` also shows the names of the header fields. Values and the body are
/// not shown, because they can be secret. A clone shares the data.
///
/// ```
/// use samesocket_spec::Response;
///
/// let response = Response::new(503).with_header("Retry-After", "120").with_body("down for maintenance");
/// assert_eq!((response.status(), response.to_string().as_str()), (503, "503 Service Unavailable"));
/// assert_eq!(response.header("retry-after"), Some("120"));
/// assert_eq!(response.body(), b"down for maintenance");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Response(Arc<Parts>);

/// The parts of a response, in few allocations, because a socket keeps its response.
#[derive(Clone, PartialEq, Eq)]
struct Parts {
    status: u16,
    /// The names of all header fields, one after the other.
    names: String,
    /// The values of all header fields, one after the other.
    values: Vec<u8>,
    /// The end of each field in `names` and in `values`.
    ends: Vec<(usize, usize)>,
    body: Vec<u8>,
    is_body_truncated: bool,
    /// The URL that responded, if redirects led to it.
    url: Option<Box<str>>,
}

impl Response {
    /// The most bytes of a body that are kept: 64 KiB. Arbitrary: a text for people is shorter.
    pub const MAX_BODY_BYTES: usize = 64 << 10;

    /// Creates a response without header fields and body, for example for a test.
    pub fn new(status: u16) -> Self {
        Self(Arc::new(Parts {
            status,
            names: String::new(),
            values: Vec::new(),
            ends: Vec::new(),
            body: Vec::new(),
            is_body_truncated: false,
            url: None,
        }))
    }

    /// Adds a header field after the others. Neither name nor value is checked.
    ///
    /// ```
    /// use samesocket_spec::Response;
    ///
    /// let response = Response::new(401).with_header("WWW-Authenticate", "Basic").with_header("X", b"\xff");
    /// assert_eq!(response.headers().count(), 2);
    /// ```
    #[must_use]
    pub fn with_header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        Arc::make_mut(&mut self.0).push(name, value.as_ref());
        self
    }

    /// Adds header fields after the others, as [`with_header`](Self::with_header) does, in memory of the exact size.
    ///
    /// ```
    /// use samesocket_spec::Response;
    ///
    /// let response = Response::new(101).with_headers(&[("Upgrade", "websocket"), ("Connection", "Upgrade")]);
    /// assert_eq!(response.header("connection"), Some("Upgrade"));
    /// ```
    #[must_use]
    pub fn with_headers(mut self, headers: &[(impl AsRef<str>, impl AsRef<[u8]>)]) -> Self {
        let parts = Arc::make_mut(&mut self.0);
        parts.names.reserve_exact(headers.iter().map(|(name, _)| name.as_ref().len()).sum());
        parts.values.reserve_exact(headers.iter().map(|(_, value)| value.as_ref().len()).sum());
        parts.ends.reserve_exact(headers.len());
        for (name, value) in headers {
            parts.push(name.as_ref(), value.as_ref());
        }
        self
    }

    /// Replaces the body. Its first 64 KiB are kept.
    #[must_use]
    pub fn with_body(mut self, body: impl Into<Vec<u8>>) -> Self {
        let parts = Arc::make_mut(&mut self.0);
        parts.body = body.into();
        parts.is_body_truncated = parts.body.len() > Self::MAX_BODY_BYTES;
        parts.body.truncate(Self::MAX_BODY_BYTES);
        self
    }

    /// Replaces the body with an incomplete one, so that [`is_body_truncated`](Self::is_body_truncated) returns `true`.
    #[must_use]
    pub fn with_truncated_body(self, body: impl Into<Vec<u8>>) -> Self {
        let mut response = self.with_body(body);
        Arc::make_mut(&mut response.0).is_body_truncated = true;
        response
    }

    /// Sets the [URL](Self::url) that responded after redirects.
    ///
    /// ```
    /// use samesocket_spec::Response;
    ///
    /// let response = Response::new(101).with_url("wss://b.example/chat");
    /// assert_eq!(response.url(), Some("wss://b.example/chat"));
    /// ```
    #[must_use]
    pub fn with_url(mut self, url: impl Into<Box<str>>) -> Self {
        Arc::make_mut(&mut self.0).url = Some(url.into());
        self
    }

    /// Returns the status code, such as 101 or 403.
    pub fn status(&self) -> u16 {
        self.0.status
    }

    /// Returns the header fields in the order in which they were received, each with its name and value.
    ///
    /// A name keeps its case. A value is returned as bytes, because HTTP does not demand UTF-8; surrounding whitespace is
    /// removed. A field that occurs several times, such as `Set-Cookie`, is returned several times.
    ///
    /// ```
    /// use samesocket_spec::Response;
    ///
    /// let response = Response::new(404).with_header("Server", "x").with_header("X-Name", b"J\xf6rg");
    /// let lines: Vec<String> =
    ///     response.headers().map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value))).collect();
    /// assert_eq!(lines, ["Server: x", "X-Name: J\u{fffd}rg"]);
    /// ```
    pub fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> + Clone {
        let Parts { names, values, ends, .. } = &*self.0;
        let starts = std::iter::once((0, 0)).chain(ends.iter().copied());
        starts.zip(ends).map(|((name, value), end)| {
            (names.get(name..end.0).unwrap_or_default(), values.get(value..end.1).unwrap_or_default())
        })
    }

    /// Returns the value of the first header field with this name, without regard to case.
    ///
    /// Returns `None` if there is no such field, or if its value is not UTF-8; see [`header_bytes`](Self::header_bytes).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.header_bytes(name).and_then(|value| std::str::from_utf8(value).ok())
    }

    /// Returns the value of the first header field with this name, without regard to case, as it was received.
    pub fn header_bytes(&self, name: &str) -> Option<&[u8]> {
        self.headers().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// Returns the body of a refusal, at most its first [64 KiB](Self::MAX_BODY_BYTES).
    ///
    /// Chunks are joined. A content coding, such as `gzip`, is not decoded; no request asks for one. The body of a
    /// response with status 101 is empty.
    pub fn body(&self) -> &[u8] {
        &self.0.body
    }

    /// Returns whether a part of the body is missing from [`body`](Self::body).
    ///
    /// The body is incomplete if it is longer than 64 KiB or its framing is invalid. It is also incomplete if its end
    /// did not arrive before the connection was lost, or within two seconds after the head.
    pub fn is_body_truncated(&self) -> bool {
        self.0.is_body_truncated
    }

    /// Returns the URL that responded, if redirects were followed. `None` if it is the URL that was requested.
    ///
    /// Its scheme is `ws` or `wss`. It has neither a user name and password nor a fragment. Its query can be secret.
    pub fn url(&self) -> Option<&str> {
        self.0.url.as_deref()
    }
}

impl Parts {
    fn push(&mut self, name: &str, value: &[u8]) {
        self.names.push_str(name);
        self.values.extend_from_slice(value);
        self.ends.push((self.names.len(), self.values.len()));
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// The names of the header fields.
        struct Names<'a>(&'a Response);

        impl fmt::Debug for Names<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_list().entries(self.0.headers().map(|(name, _)| name)).finish()
            }
        }

        f.debug_struct("Response")
            .field("status", &self.status())
            .field("headers", &Names(self))
            .field("body_bytes", &self.body().len())
            .finish()
    }
}

/// Shows the status with its usual reason phrase.
impl fmt::Display for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match reason_phrase(self.status()) {
            Some(phrase) => write!(f, "{} {phrase}", self.status()),
            None => write!(f, "{}", self.status()),
        }
    }
}

/// Returns the reason phrase of a registered status code.
///
/// See [the registry](https://www.iana.org/assignments/http-status-codes).
const fn reason_phrase(status: u16) -> Option<&'static str> {
    Some(match status {
        101 => "Switching Protocols",
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        203 => "Non-Authoritative Information",
        204 => "No Content",
        205 => "Reset Content",
        206 => "Partial Content",
        300 => "Multiple Choices",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        305 => "Use Proxy",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        416 => "Range Not Satisfiable",
        417 => "Expectation Failed",
        421 => "Misdirected Request",
        422 => "Unprocessable Content",
        423 => "Locked",
        424 => "Failed Dependency",
        425 => "Too Early",
        426 => "Upgrade Required",
        428 => "Precondition Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        451 => "Unavailable For Legal Reasons",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        506 => "Variant Also Negotiates",
        507 => "Insufficient Storage",
        508 => "Loop Detected",
        511 => "Network Authentication Required",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test;

    #[test]
    fn header_is_the_first_one_whatever_its_case() {
        let response = Response::new(401)
            .with_header("Set-Cookie", "a")
            .with_header("X", b"\xff")
            .with_header("", "")
            .with_header("set-cookie", "b");
        let headers: Vec<_> = response.headers().collect();
        assert_eq!(headers, [("Set-Cookie", &b"a"[..]), ("X", b"\xff"), ("", b""), ("set-cookie", b"b")]);
        assert_eq!(response.header("SET-COOKIE"), Some("a"));
        assert_eq!((response.header("x"), response.header_bytes("x")), (None, Some(&b"\xff"[..])));
        assert_eq!((response.header("Y"), response.header_bytes("Y")), (None, None));
    }

    #[test]
    fn body_is_cut_at_the_limit() {
        let limit = Response::MAX_BODY_BYTES;
        for (length, kept, is_truncated) in [(0, 0, false), (limit, limit, false), (limit + 1, limit, true)] {
            let response = Response::new(500).with_body(vec![7; length]);
            assert_eq!((response.body().len(), response.is_body_truncated()), (kept, is_truncated));
        }
        assert!(Response::new(500).with_truncated_body("a").is_body_truncated());
    }

    #[test]
    fn formatted_response_contains_no_value_and_no_body() {
        let response = Response::new(418).with_header("Set-Cookie", "secret").with_body("secret");
        let debug = r#"Response { status: 418, headers: ["Set-Cookie"], body_bytes: 6 }"#;
        assert_eq!((format!("{response:?}").as_str(), response.to_string().as_str()), (debug, "418"));
        assert_eq!(Response::new(401).to_string(), "401 Unauthorized");
    }

    #[test]
    fn clone_stays_the_same_when_the_original_is_built_on() {
        let first = Response::new(200).with_header("A", "b");
        let second = first.clone().with_header("C", "d");
        assert_eq!((first.headers().count(), second.headers().count()), (1, 2));
        assert_ne!(first, second);
    }
}
