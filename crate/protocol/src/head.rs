//! The head of an HTTP response, parsed as it arrives: the response of a server, and that of a proxy.
//!
//! The grammar is that of [RFC 9112](https://www.rfc-editor.org/rfc/rfc9112). Real servers violate it, and browsers accept
//! many of the violations. This parser accepts those that Chromium, Firefox and WebKitGTK all accept, and no others;
//! `tests/heads.md` in the repository compares the four.
//!
//! | input | result |
//! | --- | --- |
//! | LF without CR | ends a line |
//! | up to two empty lines before the status line, four bytes at most | ignored |
//! | several blanks in the status line, any reason or none | accepted |
//! | a field on several lines (`obs-fold`) | the lines are joined with one blank |
//! | a line without a colon, with a name that is no token, or with a bare CR | dropped |
//! | control characters other than CR, LF and NUL in a value | kept |
//! | NUL | the response must not be accepted, see [`Head::check`] |
//! | any number of interim responses (1xx except 101) | skipped, within the limit in bytes, unless [`Head::check`] finds an error |
//! | a version other than HTTP/1.0 and HTTP/1.1, in any case, or `ICY` | the status is reported, see [`Head::check`] |
//! | other bytes before the status line, a status that has not three digits | an error |

use std::fmt;

use samesocket_spec::Response;
use samesocket_spec::subprotocol::first_outside_token;

use crate::error::Failure;

/// The number of bytes of empty lines that may precede a status line. All three engines accept four.
const MAX_LEADING_BYTES: usize = 4;

/// The number of empty lines that may precede a status line. WebKitGTK accepts two.
const MAX_LEADING_LINES: usize = 2;

/// The version in a status line.
///
/// ```
/// use samesocket_protocol::head::Version;
///
/// assert!(Version::Other < Version::Http10 && Version::Http10 < Version::Http11);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// Anything else, such as `HTTP/2`, `http/1.1` or `ICY`. Only the status of such a response means something.
    Other,
    /// HTTP/1.0.
    Http10,
    /// HTTP/1.1.
    Http11,
}

/// The names of header fields, for `Debug`.
pub(crate) struct Names<I>(pub(crate) I);

impl<'a, I: Iterator<Item = &'a str> + Clone> fmt::Debug for Names<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.clone()).finish()
    }
}

/// The head of a final response: every one but 1xx, and 101.
///
/// ```
/// use samesocket_protocol::head::HeadParser;
///
/// let (_, head) = HeadParser::new(1024).read(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")?;
/// let head = head.unwrap();
/// assert_eq!(head.response.status(), 404);
/// assert_eq!(head.response.header("content-length"), Some("0"));
/// # Ok::<(), samesocket_protocol::Failure>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The version in the status line.
    pub version: Version,
    /// The status, and the valid fields in order. The lines of a folded field are joined with one blank. Invalid lines are left
    /// out, as in browsers. The body is not part of the head.
    pub response: Response,
    /// Whether the head contains a NUL.
    pub contains_nul: bool,
}

impl Head {
    /// Checks that the response can be accepted. A response that refuses needs no check.
    ///
    /// # Errors
    /// [`Failure::MalformedHead`], if the version is older than `oldest` or unknown, or if there is a NUL.
    ///
    /// ```
    /// use samesocket_protocol::head::{HeadParser, Version};
    ///
    /// let (_, head) = HeadParser::new(1024).read(b"HTTP/1.0 200 OK\r\n\r\n")?;
    /// let head = head.unwrap();
    /// assert!(head.check(Version::Http10).is_ok());
    /// assert!(head.check(Version::Http11).is_err());
    /// # Ok::<(), samesocket_protocol::Failure>(())
    /// ```
    pub const fn check(&self, oldest: Version) -> Result<(), Failure> {
        let rule = match (oldest, self.version) {
            _ if self.contains_nul => "it contains a NUL",
            (Version::Http11, Version::Http10 | Version::Other) => "the version is not HTTP/1.1",
            (Version::Http10, Version::Other) => "the version is neither HTTP/1.0 nor HTTP/1.1",
            _ => return Ok(()),
        };
        Err(Failure::MalformedHead { rule })
    }
}

/// A parser for the head of a response. It takes time proportional to the number of bytes, however they are cut.
///
/// ```
/// use samesocket_protocol::head::{HeadParser, Version};
///
/// let mut parser = HeadParser::new(16 << 10);
/// assert_eq!(parser.read(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 20")?, (36, None));
/// let (used, head) = parser.read(b"0 OK\r\nVia: a,\r\n b\r\n\r\nbytes of the tunnel")?;
/// let head = head.unwrap();
/// assert_eq!((used, head.version, head.response.status()), (21, Version::Http11, 200));
/// assert_eq!(head.response.header("via"), Some("a, b"));
/// # Ok::<(), samesocket_protocol::Failure>(())
/// ```
pub struct HeadParser {
    limit: usize,
    /// The number of bytes that may still be used.
    room: usize,
    /// The bytes and the lines that were skipped before the status line.
    leading: (usize, usize),
    /// The bytes of the current line.
    line: Vec<u8>,
    /// The version and the status, if the status line is complete.
    status: Option<(Version, u16)>,
    /// The lines of the last field, joined. Empty if there is none.
    field: Vec<u8>,
    headers: Vec<(String, Vec<u8>)>,
    contains_nul: bool,
}

impl HeadParser {
    /// Creates a parser that uses at most `limit` bytes, interim responses included.
    pub const fn new(limit: usize) -> Self {
        Self {
            limit,
            room: limit,
            leading: (0, 0),
            line: Vec::new(),
            status: None,
            field: Vec::new(),
            headers: Vec::new(),
            contains_nul: false,
        }
    }

    /// Reads the next bytes of the stream, and returns how many of them it has used, and the head if it is complete.
    ///
    /// All bytes are used until the head is complete. Bytes after it are not: they belong to frames, or to a tunnel. Do not
    /// call it again after a head or an error.
    ///
    /// # Errors
    /// [`Failure::MalformedHead`] as soon as the bytes cannot become a response.
    /// [`Failure::HeadTooLong`] if the limit is reached.
    pub fn read(&mut self, bytes: &[u8]) -> Result<(usize, Option<Head>), Failure> {
        let bytes = bytes.get(..self.room).unwrap_or(bytes);
        let mut used = 0;
        let mut head = None;
        while let Some(rest) = bytes.get(used..).filter(|rest| head.is_none() && !rest.is_empty()) {
            if let Some(&byte) = rest.first().filter(|byte| self.is_before_status_line() && b"\r\n".contains(byte)) {
                self.skip_leading(byte)?;
                used += 1;
            } else if let Some(end) = rest.iter().position(|&byte| byte == b'\n') {
                self.line.extend_from_slice(&rest[..end]);
                used += end + 1;
                head = self.end_line()?;
            } else {
                self.line.extend_from_slice(rest);
                used += rest.len();
                if self.status.is_none() {
                    check_start(&self.line)?;
                }
            }
        }
        self.room -= used;
        if head.is_none() && self.room == 0 {
            return Err(Failure::HeadTooLong { limit: self.limit });
        }
        Ok((used, head))
    }

    /// Returns the status and the complete fields of a final response whose head exceeds the limit, after
    /// [`Failure::HeadTooLong`]. Returns `None` if its status line is not complete.
    ///
    /// A client can report a refusal by it, but must not accept the response.
    ///
    /// ```
    /// use samesocket_protocol::head::HeadParser;
    ///
    /// let mut parser = HeadParser::new(40);
    /// assert!(parser.read(b"HTTP/1.1 403 Forbidden\r\nVia: a\r\nServer: b\r\n\r\n").is_err());
    /// let response = parser.incomplete().unwrap();
    /// assert_eq!((response.status(), response.header("Via"), response.header("Server")), (403, Some("a"), None));
    /// ```
    pub fn incomplete(&mut self) -> Option<Response> {
        let (_, status) = self.status.take_if(|(_, status)| is_final(*status))?;
        // A line that begins with a blank belongs to the last field, and so may the next line.
        if !matches!(self.line.first(), None | Some(b' ' | b'\t')) {
            self.end_field();
        }
        Some(self.take_response(status))
    }

    fn is_before_status_line(&self) -> bool {
        self.status.is_none() && self.line.is_empty()
    }

    /// Skips a byte of an empty line; see [RFC 9112, section 2.2](https://www.rfc-editor.org/rfc/rfc9112#section-2.2).
    fn skip_leading(&mut self, byte: u8) -> Result<(), Failure> {
        self.leading.0 += 1;
        self.leading.1 += usize::from(byte == b'\n');
        if self.leading.0 > MAX_LEADING_BYTES || self.leading.1 > MAX_LEADING_LINES {
            return Err(malformed(NO_HTTP));
        }
        Ok(())
    }

    /// Handles a complete line. Returns the head if the line is its end and the response is final.
    fn end_line(&mut self) -> Result<Option<Head>, Failure> {
        if self.line.last() == Some(&b'\r') {
            self.line.pop();
        }
        self.contains_nul |= self.line.contains(&0);
        match (self.status, &*self.line) {
            (None, line) => self.status = Some(parse_status_line(line)?),
            (Some(status), []) => return self.end_head(status),
            (Some(_), [b' ' | b'\t', ..]) => self.continue_field(),
            (Some(_), _) => {
                self.end_field();
                std::mem::swap(&mut self.field, &mut self.line);
            }
        }
        self.line.clear();
        Ok(None)
    }

    /// Appends a line to the last field; see [RFC 9112, section 5.2](https://www.rfc-editor.org/rfc/rfc9112#section-5.2).
    fn continue_field(&mut self) {
        // All engines drop such a line after the status line.
        if self.field.is_empty() {
            return;
        }
        while let Some(b' ' | b'\t') = self.field.last() {
            self.field.pop();
        }
        self.field.push(b' ');
        self.field.extend_from_slice(trim(&self.line));
    }

    /// Keeps the last field if it is valid.
    fn end_field(&mut self) {
        self.headers.extend(parse_field(&self.field));
        self.field.clear();
    }

    fn end_head(&mut self, (version, status): (Version, u16)) -> Result<Option<Head>, Failure> {
        self.end_field();
        let head = Head { version, response: self.take_response(status), contains_nul: self.contains_nul };
        if is_final(status) {
            return Ok(Some(head));
        }
        head.check(Version::Http10)?;
        self.status = None;
        self.leading = (0, 0);
        Ok(None)
    }

    /// Returns a response with the fields that have been read.
    fn take_response(&mut self, status: u16) -> Response {
        Response::new(status).with_headers(&std::mem::take(&mut self.headers))
    }
}

/// Returns whether this is the status of a final response, and not of an interim one.
const fn is_final(status: u16) -> bool {
    !matches!(status, 100 | 102..=199)
}

/// Leaves the bytes out, which may be secrets.
impl fmt::Debug for HeadParser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeadParser")
            .field("room", &self.room)
            .field("status", &self.status)
            .field("fields", &self.headers.len())
            .finish_non_exhaustive()
    }
}

const NO_HTTP: &str = "it does not begin with HTTP";

const fn malformed(rule: &'static str) -> Failure {
    Failure::MalformedHead { rule }
}

/// The starts of a status line.
const STARTS: [&[u8]; 2] = [b"HTTP", b"ICY "];

/// Checks that these bytes can be the start of a status line.
fn check_start(line: &[u8]) -> Result<(), Failure> {
    let starts = STARTS.into_iter().any(|start| {
        let length = start.len().min(line.len());
        start[..length].eq_ignore_ascii_case(&line[..length])
    });
    if starts { Ok(()) } else { Err(malformed(NO_HTTP)) }
}

/// Parses a status line; see [RFC 9112, section 4](https://www.rfc-editor.org/rfc/rfc9112#section-4).
fn parse_status_line(line: &[u8]) -> Result<(Version, u16), Failure> {
    // A part of a start is too little here, because the line is complete.
    if line.len() < STARTS[0].len() {
        return Err(malformed(NO_HTTP));
    }
    check_start(line)?;
    let blank = line.iter().position(|&byte| byte == b' ').ok_or(malformed("the status line has no status"))?;
    let (version, mut rest) = line.split_at(blank);
    while let [b' ', after @ ..] = rest {
        rest = after;
    }
    let (status @ [b'0'..=b'9', b'0'..=b'9', b'0'..=b'9'], [] | [b' ' | b'\t' | b'\r', ..]) =
        rest.split_at(rest.len().min(3))
    else {
        return Err(malformed("the status is not a number of three digits"));
    };
    Ok((parse_version(version), status.iter().fold(0, |number, digit| number * 10 + u16::from(digit - b'0'))))
}

/// Parses a version. Like the engines, it ignores zeros before the minor version.
fn parse_version(version: &[u8]) -> Version {
    let Some(minor) = version.strip_prefix(b"HTTP/1.") else { return Version::Other };
    let zeros = minor.iter().take_while(|&&byte| byte == b'0').count();
    match &minor[zeros..] {
        [] if zeros > 0 => Version::Http10,
        b"1" => Version::Http11,
        _ => Version::Other,
    }
}

/// Parses a field, or returns `None` if it is invalid; see
/// [RFC 9112, section 5](https://www.rfc-editor.org/rfc/rfc9112#section-5).
fn parse_field(field: &[u8]) -> Option<(String, Vec<u8>)> {
    // RFC 9112, section 2.2: an element with a bare CR is invalid.
    if field.iter().any(|byte| matches!(byte, b'\r' | 0)) {
        return None;
    }
    let colon = field.iter().position(|&byte| byte == b':')?;
    let name = std::str::from_utf8(&field[..colon]).ok()?;
    let is_token = !name.is_empty() && first_outside_token(name).is_none();
    is_token.then(|| (name.to_owned(), trim(&field[colon + 1..]).to_vec()))
}

/// Returns the bytes without blanks and tabs at both ends.
fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads all bytes in pieces of this size. Returns the number of used bytes, and the head.
    fn read(limit: usize, bytes: &[u8], size: usize) -> Result<(usize, Option<Head>), Failure> {
        let mut parser = HeadParser::new(limit);
        let mut total = 0;
        for piece in bytes.chunks(size) {
            let (used, head) = parser.read(piece)?;
            total += used;
            if head.is_some() {
                return Ok((total, head));
            }
        }
        Ok((total, None))
    }

    #[test]
    fn result_does_not_depend_on_the_pieces() {
        let long = format!("HTTP/1.1 200\r\nX: {}\r\n\r\n", "y".repeat(300));
        for response in [
            "\r\nHTTP/1.1 100 x\r\n\r\n\nHTTP/1.0 200 x\nA: b\r\n c\r\nD : e\rf\r\n\r\ntunnel",
            "ICY 503 x\r\n\0\r\n\r\nrest",
            "HTTPX 999\n\n\n",
            "HTTP/1.1 99 x\r\n\r\n",
            "\r\n\r\n\rHTTP/1.1 200\r\n\r\n",
            "HTTQ",
            "ICYX",
            &long,
        ] {
            let whole = read(200, response.as_bytes(), response.len());
            for size in 1..response.len() {
                assert_eq!(read(200, response.as_bytes(), size), whole, "{response:?} in pieces of {size}");
            }
        }
    }

    #[test]
    fn limit_counts_bytes_up_to_the_end_of_the_head() {
        let response = b"\r\nHTTP/1.1 100\r\n\r\nHTTP/1.1 200\r\n\r\ntunnel";
        let length = response.len() - "tunnel".len();
        for size in 1..response.len() {
            assert_eq!(read(length, response, size).unwrap().0, length);
            assert_eq!(read(length - 1, response, size), Err(Failure::HeadTooLong { limit: length - 1 }));
        }
    }

    /// With a quadratic search this would take hours.
    #[test]
    fn reading_byte_by_byte_takes_linear_time() {
        let count = 1 << 20;
        for unit in ["y", "\t", "\r", "\n \t", "\n ", "\nx:"] {
            let response = format!("HTTP/1.1 200\nX: {}\n\n", unit.repeat(count / unit.len()));
            let (used, head) = read(2 * count, response.as_bytes(), 1).unwrap();
            assert_eq!((used, head.unwrap().response.status()), (response.len(), 200));
        }
    }

    #[test]
    fn check_depends_on_version_and_nul() {
        let check = |response: &str, oldest| {
            let (_, head) = read(99, response.as_bytes(), 99).unwrap();
            head.unwrap().check(oldest).map_err(|failure| failure.to_string())
        };
        let malformed = |rule| Err(format!("the head of the response is malformed: {rule}"));
        let nul = malformed("it contains a NUL");
        assert_eq!(check("HTTP/1.1 200\n\n", Version::Http11), Ok(()));
        assert_eq!(check("HTTP/1.0 200\n\n", Version::Http10), Ok(()));
        assert_eq!(check("HTTP/2 200\n\n", Version::Other), Ok(()));
        assert_eq!(check("HTTP/1.0 200\n\n", Version::Http11), malformed("the version is not HTTP/1.1"));
        let neither = malformed("the version is neither HTTP/1.0 nor HTTP/1.1");
        for version in ["HTTP/1.", "HTTP/1.2", "HTTP/1.10", "HTTP/1.00x", "http/1.0", "HTTP/01.0"] {
            assert_eq!(check(&format!("{version} 200\n\n"), Version::Http10), neither, "{version}");
        }
        assert_eq!(check("HTTP/1.1 200 \0\n\n", Version::Http11), nul);
        assert_eq!(check("HTTP/2 200\n\0\n\n", Version::Other), nul);
    }
}
