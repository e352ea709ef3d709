//! The opening handshake: the request, and the validation of the response.
//!
//! See [RFC 6455, section 4.1](https://www.rfc-editor.org/rfc/rfc6455#section-4.1), and
//! [the Standard](https://websockets.spec.whatwg.org/#concept-websocket-establish), which is stricter.
//!
//! It has two forms. Over HTTP/1.1 it upgrades a connection. Over HTTP/2 it is an extended CONNECT, which opens a stream of a
//! connection; see [RFC 8441](https://www.rfc-editor.org/rfc/rfc8441). HTTP/2 itself is the driver's. They share everything
//! but the request's encoding and three fields of the response.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use data_encoding::BASE64;
use sha1::{Digest, Sha1};

use crate::body::{BODY_TIMEOUT, BodyReader};
use crate::compression::Compression;
use crate::error::Failure;
use crate::extensions::{self, Deflate};
use crate::head::{Head, HeadParser, Names, Version};
use samesocket_spec::Response;
use samesocket_spec::header_field::{self, InvalidField};
use samesocket_spec::redirect::is_redirect_status;
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
#[derive(Clone)]
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
    /// The compression to offer, or `None` to offer none. Default: [`Compression::default`].
    pub compression: Option<Compression>,
}

impl Default for Request {
    fn default() -> Self {
        Self {
            host: String::new(),
            path: String::new(),
            query: None,
            protocols: Vec::new(),
            origin: None,
            headers: Vec::new(),
            compression: Some(Compression::default()),
        }
    }
}

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
        let origin = self.origin.iter().map(|origin| ("Origin", &**origin));
        for (name, value) in self.headers.iter().map(|(name, value)| (&**name, &**value)).chain(origin) {
            match header_field::check(name, value) {
                // The host is a parameter of its own.
                Ok(()) if name.eq_ignore_ascii_case("Host") => return refuse("header name", name),
                Ok(()) => {}
                Err(InvalidField::Value { .. }) => return refuse(name, value),
                Err(_) => return refuse("header name", name),
            }
        }
        Ok(())
    }

    /// Encodes the request with this key.
    fn write(&self, key: &str) -> Vec<u8> {
        let mut head = format!("GET {} HTTP/1.1\r\n", self.target());
        let mut field = |name: &str, value: &str| {
            for part in [name, ": ", value, "\r\n"] {
                head.push_str(part);
            }
        };
        field("Host", &self.host);
        field("Connection", "Upgrade");
        self.write_cache_fields(&mut field);
        field("Upgrade", "websocket");
        self.write_own_fields(&mut field);
        field("Sec-WebSocket-Key", key);
        self.write_offers(&mut field);
        head.push_str("\r\n");
        head.into_bytes()
    }

    /// Returns the path and the query, as a request has them.
    ///
    /// ```
    /// use samesocket_protocol::Request;
    ///
    /// let request = Request { path: "/chat".to_owned(), query: Some("room=1".to_owned()), ..Request::default() };
    /// assert_eq!(request.target(), "/chat?room=1");
    /// ```
    pub fn target(&self) -> String {
        let slash = if self.path.starts_with('/') { "" } else { "/" };
        let query = self.query.as_deref().filter(|query| !query.is_empty());
        let mark = if query.is_some() { "?" } else { "" };
        [slash, &self.path, mark, query.unwrap_or_default()].concat()
    }

    /// Returns the header fields of an extended CONNECT, in order; see
    /// [RFC 8441, section 5](https://www.rfc-editor.org/rfc/rfc8441#section-5).
    ///
    /// The pseudo-header fields are the caller's: `:method` is `CONNECT`, `:protocol` is `websocket`, `:authority` the
    /// host and `:path` the [`target`](Self::target). Fields that HTTP/2
    /// [does not allow](https://www.rfc-editor.org/rfc/rfc9113#section-8.2.2) are left out. Names are in lower case.
    ///
    /// ```
    /// use samesocket_protocol::Request;
    ///
    /// let headers = vec![("Keep-Alive".to_owned(), "5".to_owned()), ("X-Room".to_owned(), "a".to_owned())];
    /// let request = Request { headers, compression: None, ..Request::default() };
    /// let fields = request.connect_fields();
    /// let names: Vec<&str> = fields.iter().map(|(name, _)| name.as_str()).collect();
    /// assert_eq!(names, ["pragma", "cache-control", "sec-websocket-version", "x-room"]);
    /// ```
    pub fn connect_fields(&self) -> Vec<(String, String)> {
        let mut fields = Vec::new();
        let mut field = |name: &str, value: &str| {
            let name = name.to_ascii_lowercase();
            if !CONNECTION_FIELDS.contains(&&*name) {
                fields.push((name, value.to_owned()));
            }
        };
        self.write_cache_fields(&mut field);
        self.write_own_fields(&mut field);
        self.write_offers(&mut field);
        fields
    }

    /// Writes the fields that Fetch adds for the cache mode "no-store".
    fn write_cache_fields(&self, field: &mut impl FnMut(&str, &str)) {
        for (name, value) in [("Pragma", "no-cache"), ("Cache-Control", "no-cache")] {
            if !self.headers.iter().any(|(given, _)| given.eq_ignore_ascii_case(name)) {
                field(name, value);
            }
        }
    }

    /// Writes the version, the origin and the caller's fields.
    fn write_own_fields(&self, field: &mut impl FnMut(&str, &str)) {
        if let Some(origin) = &self.origin {
            field("Origin", origin);
        }
        field("Sec-WebSocket-Version", "13");
        for (name, value) in &self.headers {
            field(name, value);
        }
    }

    /// Writes the extensions and subprotocols to offer.
    fn write_offers(&self, field: &mut impl FnMut(&str, &str)) {
        if let Some(offer) = extensions::offer(self.compression.as_ref()) {
            field("Sec-WebSocket-Extensions", &offer);
        }
        if !self.protocols.is_empty() {
            field("Sec-WebSocket-Protocol", &self.protocols.join(", "));
        }
    }
}

/// The fields about one connection, which HTTP/2 does not have; see
/// [RFC 9113, section 8.2.2](https://www.rfc-editor.org/rfc/rfc9113#section-8.2.2).
const CONNECTION_FIELDS: [&str; 6] =
    ["connection", "keep-alive", "proxy-connection", "te", "transfer-encoding", "upgrade"];

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
///
/// ```
/// use samesocket_protocol::InvalidRequest;
///
/// let invalid = InvalidRequest { part: "Authorization".to_owned(), value: "secret\n".to_owned() };
/// assert!(invalid.to_string().starts_with("the request's Authorization is empty, reserved"));
/// ```
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
    form: Form,
    protocols: Vec<String>,
    compression: Option<Compression>,
    /// The body of a refusal, and the time at which it has to be complete.
    refusal: Option<(BodyReader, Duration)>,
    /// Whether to pause at the head of a redirect, before its body is read.
    pauses_at_redirects: bool,
    /// Whether the refusal is such a redirect.
    is_paused: bool,
    response: Option<Response>,
}

/// The form of an opening handshake.
enum Form {
    /// An upgrade of HTTP/1.1. The response comes as bytes.
    Upgrade {
        /// The expected value of `Sec-WebSocket-Accept`.
        accept: String,
        parser: HeadParser,
    },
    /// An extended CONNECT. The driver passes the head of the response in.
    Connect,
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
    /// The settings of compression that were offered.
    pub(crate) compression: Compression,
}

impl ClientHandshake {
    /// Begins the handshake, and returns it with the encoded request.
    pub(crate) fn new(request: &Request, nonce: [u8; 16], limit: usize) -> (Self, Vec<u8>) {
        let key = BASE64.encode(&nonce);
        let opening = Self {
            form: Form::Upgrade { accept: accept_key(&key), parser: HeadParser::new(limit) },
            protocols: request.protocols.clone(),
            compression: request.compression,
            refusal: None,
            pauses_at_redirects: false,
            is_paused: false,
            response: None,
        };
        (opening, request.write(&key))
    }

    /// Makes the handshake pause at the head of a redirect; see [`redirect`](Self::redirect).
    pub(crate) const fn pause_at_redirects(&mut self) {
        self.pauses_at_redirects = true;
    }

    /// Returns the head of the redirect at which the handshake has paused.
    pub(crate) fn redirect(&self) -> Option<&Response> {
        self.refusal.as_ref().filter(|_| self.is_paused).map(|(reader, _)| reader.head())
    }

    /// Continues after a pause: the redirect is a refusal like any other.
    pub(crate) const fn refuse_redirect(&mut self) {
        self.is_paused = false;
    }

    /// Parses the received bytes, without those that earlier calls have used.
    ///
    /// Returns the number of bytes that were used, and the result as soon as the head of the response is complete. Bytes after
    /// the head belong to frames.
    ///
    /// The body of a refusal is read before its failure is returned; see [`body_deadline`](Self::body_deadline). At a
    /// [pause](Self::redirect), nothing is used.
    pub(crate) fn parse(&mut self, bytes: &[u8], now: Duration) -> Result<(usize, Option<Negotiated>), Failure> {
        if self.is_paused {
            return Ok((0, None));
        }
        if self.refusal.is_some() {
            return Ok((self.read_body(bytes)?, None));
        }
        let Form::Upgrade { parser, .. } = &mut self.form else { return Ok((0, None)) };
        let (used, head) = parser.read(bytes).map_err(|failure| self.fail_head(failure))?;
        let Some(head) = head else { return Ok((used, None)) };
        if head.response.status() != 101 {
            self.refuse(head.response, now);
            if self.is_paused {
                return Ok((used, None));
            }
            let body = bytes.get(used..).unwrap_or_default();
            return Ok((used + self.read_body(body)?, None));
        }
        let negotiated = self.check_upgrade(&head);
        self.response = Some(head.response);
        negotiated.map(|negotiated| (used, Some(negotiated)))
    }

    /// Takes the head of the response to an extended CONNECT, which has been sent in place of the request. Returns the
    /// result if the server has accepted it; otherwise the body of a refusal follows.
    pub(crate) fn respond(&mut self, response: Response, now: Duration) -> Result<Option<Negotiated>, Failure> {
        self.form = Form::Connect;
        if !(200..300).contains(&response.status()) {
            self.refuse(response, now);
            // At a pause, nothing is read.
            return if self.is_paused { Ok(None) } else { self.read_body(&[]).map(|_| None) };
        }
        let negotiated = self.negotiate(&response);
        self.response = Some(response);
        negotiated.map(Some)
    }

    /// Begins to read the body of a refusal, or pauses at a redirect.
    fn refuse(&mut self, response: Response, now: Duration) {
        self.is_paused = self.pauses_at_redirects && is_redirect_status(response.status());
        self.refusal = Some((BodyReader::new(response), now.saturating_add(BODY_TIMEOUT)));
    }

    /// Returns the failure for a head that cannot be read. If the head is too long and its status line is a refusal,
    /// the failure is that refusal.
    fn fail_head(&mut self, failure: Failure) -> Failure {
        let incomplete = match (&failure, &mut self.form) {
            (Failure::HeadTooLong { .. }, Form::Upgrade { parser, .. }) => {
                parser.incomplete().filter(|response| response.status() != 101)
            }
            _ => None,
        };
        let Some(response) = incomplete else { return failure };
        let found = response.status();
        self.response = Some(response.with_truncated_body(""));
        Failure::Status { found }
    }

    /// Reads a part of the body of a refusal. Returns the number of bytes that were used, or the failure once the body
    /// is over.
    fn read_body(&mut self, bytes: &[u8]) -> Result<usize, Failure> {
        let Some((reader, _)) = &mut self.refusal else { return Ok(0) };
        let used = reader.read(bytes);
        if reader.is_over() { self.end_refusal(false).map_or(Ok(used), Err) } else { Ok(used) }
    }

    /// Ends a refusal whose body is not complete. Returns the failure, or `None` if there is no refusal. A redirect at
    /// which the handshake has paused is none.
    ///
    /// `is_end` says whether the stream has ended.
    pub(crate) fn end_refusal(&mut self, is_end: bool) -> Option<Failure> {
        let (reader, _) = self.refusal.take().filter(|_| !self.is_paused)?;
        let response = reader.finish(is_end);
        let found = response.status();
        self.response = Some(response);
        Some(Failure::Status { found })
    }

    /// Returns the time at which the body of a refusal has to be complete. `None` if there is no refusal.
    pub(crate) fn body_deadline(&self) -> Option<Duration> {
        self.refusal.as_ref().map(|(_, deadline)| *deadline)
    }

    /// Returns the final response, once.
    pub(crate) const fn take_response(&mut self) -> Option<Response> {
        self.response.take()
    }

    /// Checks what only a response of HTTP/1.1 has, and the rest.
    fn check_upgrade(&self, head: &Head) -> Result<Negotiated, Failure> {
        let response = &head.response;
        head.check(Version::Http11)?;
        expect(response, "Upgrade", "websocket", |found| found.eq_ignore_ascii_case("websocket"))?;
        expect(response, "Connection", "upgrade", |found| {
            found.split(',').any(|token| trim(token).eq_ignore_ascii_case("upgrade"))
        })?;
        if let Form::Upgrade { accept, .. } = &self.form {
            expect(response, "Sec-WebSocket-Accept", accept, |found| found == accept)?;
        }
        self.negotiate(response)
    }

    /// Returns what the server has chosen, if all of it was offered.
    fn negotiate(&self, response: &Response) -> Result<Negotiated, Failure> {
        let extensions = field(response, "Sec-WebSocket-Extensions");
        Ok(Negotiated {
            protocol: self.check_protocol(response)?,
            deflate: extensions
                .as_deref()
                .map(|answer| extensions::accept(answer, self.compression.as_ref()))
                .transpose()?,
            extensions: extensions.unwrap_or_default(),
            compression: self.compression.unwrap_or_default(),
        })
    }

    fn check_protocol(&self, response: &Response) -> Result<String, Failure> {
        let name = "Sec-WebSocket-Protocol";
        let expected = || match &*self.protocols {
            [] => "absent".to_owned(),
            [_] => "the one that was offered".to_owned(),
            protocols => format!("one of the {} that were offered", protocols.len()),
        };
        // Some programs pass tokens as subprotocols, and some servers send them back, in whole or in part, or in another form.
        let is_harmless = |found: &str| self.protocols.is_empty() || found.is_empty();
        let shown = |found: String| if is_harmless(&found) { found } else { "…".to_owned() };
        if named(response, name).count() > 1 {
            return Err(Failure::RepeatedHeader { name });
        }
        match field(response, name) {
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
    match field(response, name) {
        Some(found) if holds(&found) => Ok(()),
        Some(found) => Err(Failure::WrongHeader { name, expected: expected.to_owned(), found }),
        None => Err(Failure::MissingHeader { name, expected: expected.to_owned() }),
    }
}

/// Returns the values of the fields with this name.
fn named<'a>(response: &'a Response, name: &str) -> impl Iterator<Item = &'a [u8]> {
    response.headers().filter(move |(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// Returns the values of the fields with this name, joined by commas.
fn field(response: &Response, name: &str) -> Option<String> {
    let values: Vec<_> = named(response, name).map(String::from_utf8_lossy).collect();
    (!values.is_empty()).then(|| values.join(", "))
}

fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}
