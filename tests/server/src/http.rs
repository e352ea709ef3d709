//! Requests and responses, and the part of HTTP/1.1 that the server needs. There, each connection carries one request.

use std::io;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::{query, record::HttpVersion, socket::Socket};

/// The largest request head, in bytes. Arbitrary.
const MAX_HEAD_LEN: usize = 64 * 1024;

/// The largest request body, in bytes. Arbitrary.
const MAX_BODY_LEN: usize = 16 * 1024 * 1024;

/// The most header fields that a request may have. Arbitrary.
const MAX_HEADERS: usize = 128;

/// The head of a request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) target: String,
    /// The headers in the order of the request. Names are lower-case.
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) version: HttpVersion,
    /// The number of the HTTP/2 stream.
    pub(crate) stream: Option<u32>,
}

impl Request {
    /// Reads a request head, and returns it with the bytes that follow it.
    ///
    /// Returns `None` if the client disconnects or does not speak HTTP.
    pub(crate) async fn read(socket: &mut Socket) -> Option<(Self, Vec<u8>)> {
        let mut bytes = Vec::with_capacity(1024);
        loop {
            if socket.read_buf(&mut bytes).await.ok()? == 0 {
                return None;
            }
            match Self::parse(&bytes) {
                Ok(Some((request, length))) => {
                    bytes.drain(..length);
                    return Some((request, bytes));
                }
                Ok(None) if bytes.len() < MAX_HEAD_LEN => {}
                Ok(None) | Err(_) => {
                    let answer = Response::text(400, "this is not an HTTP request\n");
                    let _ = answer.write(socket, true).await;
                    return None;
                }
            }
        }
    }

    fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>, httparse::Error> {
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut request = httparse::Request::new(&mut headers);
        let httparse::Status::Complete(length) = request.parse(bytes)? else {
            return Ok(None);
        };
        let parsed = Self {
            method: request.method.unwrap_or_default().to_owned(),
            target: request.path.unwrap_or_default().to_owned(),
            headers: request
                .headers
                .iter()
                .map(|header| (header.name.to_ascii_lowercase(), header.value.to_vec()))
                .collect(),
            version: HttpVersion::Http1,
            stream: None,
        };
        Ok(Some((parsed, length)))
    }

    /// Reads the rest of the body. `body` are the bytes that came with the head.
    pub(crate) async fn read_body(&self, socket: &mut Socket, mut body: Vec<u8>) -> io::Result<Vec<u8>> {
        let length: usize = self.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        if length > MAX_BODY_LEN {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        while body.len() < length {
            if socket.read_buf(&mut body).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        body.truncate(length);
        Ok(body)
    }

    pub(crate) fn path(&self) -> &str {
        self.target.split(['?', '#']).next().unwrap_or_default()
    }

    pub(crate) fn query(&self) -> &str {
        self.target.split_once('?').map_or("", |(_, query)| query).split('#').next().unwrap_or_default()
    }

    /// Returns the decoded value of a query parameter.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        query::value(self.query(), name)
    }

    /// Returns all values of a header, joined by `, ` ([RFC 9110, section 5.3](https://www.rfc-editor.org/rfc/rfc9110#section-5.3)).
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let values: Vec<_> = self
            .headers
            .iter()
            .filter(|(key, _)| key == name)
            .map(|(_, value)| String::from_utf8_lossy(value))
            .collect();
        (!values.is_empty()).then(|| values.join(", "))
    }

    pub(crate) fn is_http2(&self) -> bool {
        self.version == HttpVersion::Http2
    }

    /// Returns whether the client asks for a WebSocket.
    pub(crate) fn is_upgrade(&self) -> bool {
        if self.is_http2() {
            return self.method == "CONNECT" && self.header(":protocol").is_some_and(|name| name == "websocket");
        }
        self.tokens("upgrade").iter().any(|token| token.eq_ignore_ascii_case("websocket"))
    }

    /// Returns the offered subprotocols, in order.
    pub(crate) fn offered(&self) -> Vec<String> {
        self.tokens("sec-websocket-protocol")
    }

    fn tokens(&self, name: &str) -> Vec<String> {
        self.header(name)
            .unwrap_or_default()
            .split(',')
            .map(|token| token.trim().to_owned())
            .filter(|token| !token.is_empty())
            .collect()
    }
}

/// A response that is not part of a script.
#[derive(Debug, Clone)]
pub(crate) struct Response {
    status: u16,
    headers: Vec<(&'static str, Vec<u8>)>,
    body: Vec<u8>,
}

impl Response {
    pub(crate) fn new(status: u16, content_type: &'static str, body: Vec<u8>) -> Self {
        Self { status, headers: vec![("Content-Type", content_type.into())], body }
    }

    pub(crate) fn text(status: u16, text: impl Into<String>) -> Self {
        let text: String = text.into();
        Self::new(status, "text/plain; charset=utf-8", text.into_bytes())
    }

    pub(crate) fn json(text: String) -> Self {
        Self::new(200, "application/json", text.into_bytes())
    }

    /// Creates a CORS preflight response that allows every origin everything.
    pub(crate) fn preflight() -> Self {
        Self::text(200, "")
            .with("Access-Control-Allow-Methods", "GET, HEAD, POST, OPTIONS")
            .with("Access-Control-Allow-Headers", "*")
            .with("Access-Control-Allow-Private-Network", "true")
            .with("Access-Control-Max-Age", "600")
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn bytes(&self, with_body: bool) -> Vec<u8> {
        let mut bytes = status_line(self.status);
        for (name, value) in self.all_headers() {
            push_header(&mut bytes, name, &value);
        }
        bytes.extend_from_slice(b"\r\n");
        if with_body {
            bytes.extend_from_slice(&self.body);
        }
        bytes
    }

    fn all_headers(&self) -> Vec<(&'static str, Vec<u8>)> {
        let mut headers = self.headers.clone();
        headers.extend([
            ("Content-Length", self.body.len().to_string().into_bytes()),
            ("Connection", b"close".to_vec()),
            ("Cache-Control", b"no-store".to_vec()),
            ("Access-Control-Allow-Origin", b"*".to_vec()),
            ("Cross-Origin-Resource-Policy", b"cross-origin".to_vec()),
        ]);
        headers
    }

    /// Returns the header fields for HTTP/2, which has no `Connection` and no `Upgrade`.
    pub(crate) fn fields(&self) -> Vec<(String, Vec<u8>)> {
        let is_allowed = |name: &str| !matches!(name, "Connection" | "Upgrade");
        let headers = self.all_headers().into_iter().filter(|(name, _)| is_allowed(name));
        headers.map(|(name, value)| (name.to_ascii_lowercase(), value)).collect()
    }

    pub(crate) fn status(&self) -> u16 {
        self.status
    }

    pub(crate) fn body(&self) -> &[u8] {
        &self.body
    }

    /// Writes the response, shuts the write side down, and reads until the client disconnects.
    pub(crate) async fn write(&self, socket: &mut Socket, with_body: bool) -> io::Result<()> {
        socket.write_all(&self.bytes(with_body)).await?;
        socket.shutdown().await?;
        // Closing a socket with unread bytes sends a reset, which could overtake the response.
        let mut rest = [0; 1024];
        while socket.read(&mut rest).await? > 0 {}
        Ok(())
    }
}

/// Returns the status line of a response.
pub(crate) fn status_line(status: u16) -> Vec<u8> {
    let phrase = match status {
        101 => "Switching Protocols",
        103 => "Early Hints",
        200 => "OK",
        301 => "Moved Permanently",
        302 => "Found",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        426 => "Upgrade Required",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        _ => "As Requested",
    };
    format!("HTTP/1.1 {status} {phrase}\r\n").into_bytes()
}

/// Appends a header field without checks. Line breaks in the value are kept.
pub(crate) fn push_header(bytes: &mut Vec<u8>, name: &str, value: &[u8]) {
    bytes.extend_from_slice(name.as_bytes());
    bytes.extend_from_slice(b": ");
    bytes.extend_from_slice(value);
    bytes.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(text: &str) -> Request {
        Request::parse(text.as_bytes()).unwrap().unwrap().0
    }

    #[test]
    fn subprotocols_of_several_headers_are_one_list() {
        let request = request("GET / HTTP/1.1\r\nSec-WebSocket-Protocol: a, b\r\nsec-websocket-protocol: c\r\n\r\n");
        assert_eq!(request.offered(), ["a", "b", "c"]);
    }

    #[test]
    fn query_keeps_the_steps_as_browsers_send_them() {
        let request = request("GET /ws?do=frames:text:a|b,close&id=a+b HTTP/1.1\r\n\r\n");
        assert_eq!(request.path(), "/ws");
        assert_eq!(request.query(), "do=frames:text:a|b,close&id=a+b");
        assert_eq!(request.parameter("id").as_deref(), Some("a+b"));
    }
}
