//! The opening handshake: the request, and the check of the response.
//!
//! See [RFC 6455, section 4.1](https://www.rfc-editor.org/rfc/rfc6455#section-4.1), and
//! [the Standard](https://websockets.spec.whatwg.org/#concept-websocket-establish) where it asks for more.

use std::error::Error;
use std::fmt;

use data_encoding::BASE64;
use sha1::{Digest, Sha1};

use crate::error::Failure;
use crate::extensions::{self, Deflate, OFFER};
use samesocket_spec::subprotocol::first_outside_token;

/// What the request is made of.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// The host of the URL, with the port unless it is the scheme's default.
    pub host: String,
    /// The path of the URL.
    pub path: String,
    /// The query of the URL, without the question mark.
    pub query: Option<String>,
    /// The subprotocols to offer, which have been checked.
    pub protocols: Vec<String>,
    /// The value of the `Origin` field, if there is to be one.
    pub origin: Option<String>,
    /// Further fields; those of the handshake itself are refused.
    pub headers: Vec<(String, String)>,
}

/// The fields that belong to the handshake.
const OWN: [&str; 9] = [
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
    /// Checks that the request can be written as one, and nothing else with it.
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
            let own = OWN.iter().any(|own| own.eq_ignore_ascii_case(name));
            if own || name.is_empty() || first_outside_token(name).is_some() {
                return refuse("header name", name);
            }
            if value.bytes().any(|byte| byte.is_ascii_control() && byte != b'\t') {
                return refuse(name, value);
            }
        }
        Ok(())
    }

    /// Writes the request with this key.
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
        // What Fetch adds for the cache mode "no-store".
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

/// The request cannot be written: a part of it holds what it must not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidRequest {
    /// Which part.
    pub part: String,
    /// What it holds.
    pub value: String,
}

impl fmt::Display for InvalidRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the request's {} cannot be {:?}", self.part, self.value)
    }
}

impl Error for InvalidRequest {}

/// The head of a response, for those who look after cookies, challenges and redirects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// The fields, in order; a value is as it came, without the whitespace around it.
    pub headers: Vec<(String, Vec<u8>)>,
}

/// An opening handshake that waits for its response.
#[derive(Debug)]
pub(crate) struct ClientHandshake {
    accept: String,
    protocols: Vec<String>,
    limit: usize,
    /// The bytes of interim responses.
    skipped: usize,
    /// The bytes of the current head that have been searched for its end.
    searched: usize,
    response: Option<Response>,
}

/// What was agreed on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Negotiated {
    /// The subprotocol, or the empty string.
    pub(crate) protocol: String,
    /// The value of the response's extensions, as it came, or the empty string.
    pub(crate) extensions: String,
    /// Whether and how messages are compressed.
    pub(crate) deflate: Option<Deflate>,
}

impl ClientHandshake {
    /// Begins the handshake: gives the request, too.
    pub(crate) fn new(request: &Request, nonce: [u8; 16], limit: usize) -> (Self, Vec<u8>) {
        let key = BASE64.encode(&nonce);
        let opening = Self {
            accept: accept_key(&key),
            protocols: request.protocols.clone(),
            limit,
            skipped: 0,
            searched: 0,
            response: None,
        };
        (opening, request.write(&key))
    }

    /// Looks at the bytes that have come, all but those taken before. Tells how many to take, and what was agreed on
    /// as soon as the response's head is there; what follows the head belongs to the frames.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> Result<(usize, Option<Negotiated>), Failure> {
        let mut taken = 0;
        loop {
            let rest = bytes.get(taken..).unwrap_or_default();
            if !b"HTTP/1.1 ".starts_with(rest.get(..9).unwrap_or(rest)) {
                return Err(Failure::MalformedHead { rule: "it does not begin with HTTP/1.1" });
            }
            let room = self.limit.saturating_sub(self.skipped);
            let Some(end) = find_end(rest, self.searched).filter(|&end| end <= room) else {
                if rest.len() >= room {
                    return Err(Failure::HeadTooLong { limit: self.limit });
                }
                self.searched = rest.len();
                return Ok((taken, None));
            };
            let response = parse(&rest[..end])?;
            taken += end;
            self.skipped += end;
            self.searched = 0;
            if !matches!(response.status, 100 | 102..=199) {
                let negotiated = self.check(&response);
                self.response = Some(response);
                return negotiated.map(|negotiated| (taken, Some(negotiated)));
            }
        }
    }

    /// Gives the response that decided.
    pub(crate) fn response(&mut self) -> Option<Response> {
        self.response.take()
    }

    fn check(&self, response: &Response) -> Result<Negotiated, Failure> {
        if response.status != 101 {
            return Err(Failure::Status { found: response.status });
        }
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
            protocols => format!("one of {}", protocols.join(", ")),
        };
        if response.count(name) > 1 {
            return Err(Failure::RepeatedHeader { name });
        }
        match response.field(name) {
            Some(found) if self.protocols.contains(&found) => Ok(found),
            Some(found) => Err(Failure::WrongHeader { name, expected: expected(), found }),
            None if self.protocols.is_empty() => Ok(String::new()),
            // Unlike RFC 6455, the Standard has no connection without a subprotocol where one was asked for.
            None => Err(Failure::MissingHeader { name, expected: expected() }),
        }
    }
}

impl Response {
    /// Counts the fields of this name.
    fn count(&self, name: &str) -> usize {
        self.headers.iter().filter(|(found, _)| found.eq_ignore_ascii_case(name)).count()
    }

    /// Gives the value of the fields of this name, joined as HTTP has it.
    fn field(&self, name: &str) -> Option<String> {
        let named = self.headers.iter().filter(|(found, _)| found.eq_ignore_ascii_case(name));
        let values: Vec<_> = named.map(|(_, value)| String::from_utf8_lossy(value)).collect();
        (!values.is_empty()).then(|| values.join(", "))
    }
}

/// The value of `Sec-WebSocket-Accept` that answers `key`.
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

/// Finds where the head ends, of which `searched` bytes do not hold its end.
fn find_end(bytes: &[u8], searched: usize) -> Option<usize> {
    let start = searched.saturating_sub(3);
    let rest = bytes.get(start..)?;
    let lines = rest.iter().enumerate().filter(|&(_, &byte)| byte == b'\n');
    lines.map(|(index, _)| index + 1).find_map(|line| match rest.get(line..)? {
        [b'\n', ..] => Some(start + line + 1),
        [b'\r', b'\n', ..] => Some(start + line + 2),
        _ => None,
    })
}

fn parse(head: &[u8]) -> Result<Response, Failure> {
    // A field has at least the bytes "a:" and the end of its line.
    let most = head.len() / 3 + 1;
    let mut room = most.min(64);
    loop {
        let mut headers = vec![httparse::EMPTY_HEADER; room];
        let mut response = httparse::Response::new(&mut headers);
        match response.parse(head) {
            Ok(httparse::Status::Complete(_)) => {
                let headers = response.headers.iter();
                return Ok(Response {
                    status: response.code.unwrap_or_default(),
                    headers: headers.map(|field| (field.name.to_owned(), trim_bytes(field.value).to_vec())).collect(),
                });
            }
            Err(httparse::Error::TooManyHeaders) if room < most => room = (room * 8).min(most),
            Ok(httparse::Status::Partial) => return Err(Failure::MalformedHead { rule: "it ends too early" }),
            Err(error) => return Err(Failure::MalformedHead { rule: rule(error) }),
        }
    }
}

/// Which rule of HTTP was broken.
const fn rule(error: httparse::Error) -> &'static str {
    match error {
        httparse::Error::HeaderName => "a field has an invalid name",
        httparse::Error::HeaderValue => "a field has an invalid value",
        httparse::Error::NewLine => "a line does not end as it must",
        httparse::Error::Status => "the status is invalid",
        httparse::Error::Token => "a token is invalid",
        httparse::Error::TooManyHeaders => "there are too many fields",
        httparse::Error::Version => "the version is not HTTP/1.1",
    }
}

fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

fn trim_bytes(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}
