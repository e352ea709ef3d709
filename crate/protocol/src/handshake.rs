//! The opening handshake: the request, and the validation of the response.
//!
//! See [RFC 6455, section 4.1](https://www.rfc-editor.org/rfc/rfc6455#section-4.1), and
//! [the Standard](https://websockets.spec.whatwg.org/#concept-websocket-establish), which is stricter.

use std::error::Error;
use std::fmt;

use data_encoding::BASE64;
use sha1::{Digest, Sha1};

use crate::error::Failure;
use crate::extensions::{self, Deflate, OFFER};
use crate::head::{Head, HeadParser, Names, Response, Version};
use samesocket_spec::subprotocol::first_outside_token;

/// The parameters of the opening handshake's request.
///
/// ```
/// use samesocket_protocol::Request;
///
/// let request = Request {
///     host: "example.com:8080".to_owned(),
///     path: "/chat".to_owned(),
///     protocols: vec!["chat.v2".to_owned()],
///     headers: vec![("Authorization".to_owned(), "Bearer abc".to_owned())],
///     ..Request::default()
/// };
/// assert!(request.check().is_ok());
/// ```
///
/// `Debug` leaves out the query, the subprotocols and the values of header fields, because they can be secret.
#[derive(Clone, Default)]
pub struct Request {
    /// The host of the URL, followed by the port unless that is the default of the scheme.
    pub host: String,
    /// The path of the URL.
    pub path: String,
    /// The query of the URL, without the question mark.
    pub query: Option<String>,
    /// The subprotocols to offer, in order of preference. They must not repeat.
    pub protocols: Vec<String>,
    /// The value of the `Origin` field. Default: none.
    pub origin: Option<String>,
    /// Further header fields. Fields of the handshake itself are refused.
    pub headers: Vec<(String, String)>,
}

/// The header fields that only the handshake may set.
const RESERVED: [&str; 9] = [
    "Host",
    "Connection",
    "Upgrade",
    "Sec-WebSocket-Key",
    "Sec-WebSocket-Version",
    "Sec-WebSocket-Extensions",
    "Sec-WebSocket-Protocol",
    "Content-Length",
    "Transfer-Encoding",
];

impl Request {
    /// Checks that the request can be encoded without changing its structure.
    ///
    /// # Errors
    /// [`InvalidRequest`], if the host is empty, or if a part contains characters that HTTP does not allow there.
    pub fn check(&self) -> Result<(), InvalidRequest> {
        let refuse = |part: &str, value: &str| Err(InvalidRequest { part: part.to_owned(), value: value.to_owned() });
        let target = [("host", &self.host), ("path", &self.path)];
        for (part, value) in target.into_iter().chain(self.query.iter().map(|query| ("query", query))) {
            if value.is_empty() && part == "host" || !value.bytes().all(|byte| byte.is_ascii_graphic()) {
                return refuse(part, value);
            }
        }
        for protocol in &self.protocols {
            if protocol.is_empty() || first_outside_token(protocol).is_some() {
                return refuse("subprotocol", protocol);
            }
        }
        let origin = self.origin.iter().map(|origin| ("Origin", origin));
        for (name, value) in self.headers.iter().map(|(name, value)| (&**name, value)).chain(origin) {
            let reserved = RESERVED.iter().any(|reserved| reserved.eq_ignore_ascii_case(name));
            if reserved || name.is_empty() || first_outside_token(name).is_some() {
                return refuse("header name", name);
            }
            if value.bytes().any(|byte| byte.is_ascii_control() && byte != b'\t') {
                return refuse(name, value);
            }
        }
        Ok(())
    }

    /// Encodes the request with this key.
    fn write(&self, key: &str) -> Vec<u8> {
        let mut head = String::from("GET ");
        if !self.path.starts_with('/') {
            head.push('/');
        }
        head.push_str(&self.path);
        if let Some(query) = self.query.as_deref().filter(|query| !query.is_empty()) {
            head.push('?');
            head.push_str(query);
        }
        head.push_str(" HTTP/1.1\r\n");
        let mut field = |name: &str, value: &str| {
            for part in [name, ": ", value, "\r\n"] {
                head.push_str(part);
            }
        };
        field("Host", &self.host);
        field("Connection", "Upgrade");
        // The fields that Fetch adds for the cache mode "no-store".
        for (name, value) in [("Pragma", "no-cache"), ("Cache-Control", "no-cache")] {
            if !self.headers.iter().any(|(given, _)| given.eq_ignore_ascii_case(name)) {
                field(name, value);
            }
        }
        field("Upgrade", "websocket");
        if let Some(origin) = &self.origin {
            field("Origin", origin);
        }
        field("Sec-WebSocket-Version", "13");
        for (name, value) in &self.headers {
            field(name, value);
        }
        field("Sec-WebSocket-Key", key);
        field("Sec-WebSocket-Extensions", OFFER);
        if !self.protocols.is_empty() {
            field("Sec-WebSocket-Protocol", &self.protocols.join(", "));
        }
        head.push_str("\r\n");
        head.into_bytes()
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("host", &self.host)
            .field("path", &self.path)
            .field("headers", &Names(self.headers.iter().map(|(name, _)| name.as_str())))
            .finish_non_exhaustive()
    }
}

/// The error of a request that contains invalid characters.
///
/// `Display` and `Debug` leave out the value, because it can be a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct InvalidRequest {
    /// The part that is invalid: `host`, `path`, `query`, `subprotocol`, `header name`, or the name of a header field.
    pub part: String,
    /// Its value. It can be a secret.
    pub value: String,
}

impl fmt::Display for InvalidRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the request's {} is empty, reserved, or has characters that HTTP does not allow there", self.part)
    }
}

impl fmt::Debug for InvalidRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InvalidRequest").field("part", &self.part).finish_non_exhaustive()
    }
}

impl Error for InvalidRequest {}

/// An opening handshake that waits for the response.
pub(crate) struct ClientHandshake {
    /// The expected value of `Sec-WebSocket-Accept`.
    accept: String,
    protocols: Vec<String>,
    parser: HeadParser,
    response: Option<Response>,
}

/// The result of a successful opening handshake.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Negotiated {
    /// The subprotocol, or the empty string.
    pub(crate) protocol: String,
    /// The value of the response's `Sec-WebSocket-Extensions`, as received, or the empty string.
    pub(crate) extensions: String,
    /// The parameters of permessage-deflate, if it was negotiated.
    pub(crate) deflate: Option<Deflate>,
}

impl ClientHandshake {
    /// Begins the handshake, and returns it with the encoded request.
    pub(crate) fn new(request: &Request, nonce: [u8; 16], limit: usize) -> (Self, Vec<u8>) {
        let key = BASE64.encode(&nonce);
        let opening = Self {
            accept: accept_key(&key),
            protocols: request.protocols.clone(),
            parser: HeadParser::new(limit),
            response: None,
        };
        (opening, request.write(&key))
    }

    /// Parses the received bytes, without those that earlier calls have used.
    ///
    /// Returns the number of bytes that were used, and the result as soon as the head of the response is complete. Bytes after
    /// the head belong to frames.
    pub(crate) fn parse(&mut self, bytes: &[u8]) -> Result<(usize, Option<Negotiated>), Failure> {
        let (used, head) = self.parser.read(bytes)?;
        let Some(head) = head else { return Ok((used, None)) };
        let negotiated = self.check(&head);
        self.response = Some(head.response);
        negotiated.map(|negotiated| (used, Some(negotiated)))
    }

    /// Returns the final response, once.
    pub(crate) const fn take_response(&mut self) -> Option<Response> {
        self.response.take()
    }

    fn check(&self, head: &Head) -> Result<Negotiated, Failure> {
        let response = &head.response;
        if response.status != 101 {
            return Err(Failure::Status { found: response.status });
        }
        head.check(Version::Http11)?;
        expect(response, "Upgrade", "websocket", |found| found.eq_ignore_ascii_case("websocket"))?;
        expect(response, "Connection", "upgrade", |found| {
            found.split(',').any(|token| trim(token).eq_ignore_ascii_case("upgrade"))
        })?;
        expect(response, "Sec-WebSocket-Accept", &self.accept, |found| found == self.accept)?;
        let extensions = response.field("Sec-WebSocket-Extensions");
        Ok(Negotiated {
            protocol: self.check_protocol(response)?,
            deflate: extensions.as_deref().map(extensions::accept).transpose()?,
            extensions: extensions.unwrap_or_default(),
        })
    }

    fn check_protocol(&self, response: &Response) -> Result<String, Failure> {
        let name = "Sec-WebSocket-Protocol";
        let expected = || match &*self.protocols {
            [] => "absent".to_owned(),
            [_] => "the one that was offered".to_owned(),
            protocols => format!("one of the {} that were offered", protocols.len()),
        };
        // Some programs pass tokens as subprotocols, and some servers send all of them back.
        let shown = |found: String| {
            let repeats = |protocol: &String| found.to_ascii_lowercase().contains(&protocol.to_ascii_lowercase());
            if self.protocols.iter().any(repeats) { "…".to_owned() } else { found }
        };
        if response.count(name) > 1 {
            return Err(Failure::RepeatedHeader { name });
        }
        match response.field(name) {
            Some(found) if self.protocols.contains(&found) => Ok(found),
            Some(found) => Err(Failure::WrongHeader { name, expected: expected(), found: shown(found) }),
            None if self.protocols.is_empty() => Ok(String::new()),
            // Unlike RFC 6455, the Standard fails a connection without a subprotocol if one was requested.
            None => Err(Failure::MissingHeader { name, expected: expected() }),
        }
    }
}

/// Returns the value of `Sec-WebSocket-Accept` that answers `key`.
///
/// See [RFC 6455, section 4.2.2](https://www.rfc-editor.org/rfc/rfc6455#section-4.2.2).
///
/// ```
/// use samesocket_protocol::handshake::accept_key;
///
/// assert_eq!(accept_key("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
/// ```
pub fn accept_key(key: &str) -> String {
    let hash = Sha1::new().chain_update(key).chain_update("258EAFA5-E914-47DA-95CA-C5AB0DC85B11").finalize();
    BASE64.encode(&hash)
}

fn expect(
    response: &Response,
    name: &'static str,
    expected: &str,
    holds: impl FnOnce(&str) -> bool,
) -> Result<(), Failure> {
    match response.field(name) {
        Some(found) if holds(&found) => Ok(()),
        Some(found) => Err(Failure::WrongHeader { name, expected: expected.to_owned(), found }),
        None => Err(Failure::MissingHeader { name, expected: expected.to_owned() }),
    }
}

fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}
