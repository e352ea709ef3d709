//! The body of a response that refuses the opening handshake, read as it arrives; see
//! [RFC 9112, section 6](https://www.rfc-editor.org/rfc/rfc9112#section-6).

use std::fmt;
use std::time::Duration;

use samesocket_spec::Response;

/// The time that the body of a refusal has to arrive, after its head: 2 seconds. Arbitrary.
///
/// A server that never ends its body delays the end of the connection by this time at most.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(2);

/// The largest number of bytes to read for a body, with the sizes and extensions of its chunks. Arbitrary.
const MAX_READ: usize = 4 * Response::MAX_BODY_BYTES;

/// A reader of the body of a response. It keeps as much as a [`Response`] holds.
///
/// The body ends after `Content-Length` bytes, or after the last chunk if the response is chunked. Without a length,
/// the body ends with the stream. An invalid length counts as none.
///
/// ```
/// use samesocket_protocol::Response;
/// use samesocket_protocol::body::BodyReader;
///
/// let mut reader = BodyReader::new(Response::new(403).with_header("Transfer-Encoding", "chunked"));
/// assert_eq!(reader.read(b"e\r\nmissing"), 10);
/// assert!(!reader.is_over());
/// assert_eq!(reader.read(b" Origin\r\n0\r\n\r\n"), 12);
/// assert!(reader.is_over());
/// let response = reader.finish(false);
/// assert_eq!((response.body(), response.is_body_truncated()), (&b"missing Origin"[..], false));
/// ```
pub struct BodyReader {
    response: Response,
    body: Vec<u8>,
    state: State,
    /// The number of bytes that may still be read.
    room: usize,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// A body with this number of missing bytes.
    Length(u64),
    /// A body up to the end of the stream.
    UntilEnd,
    /// The size of a chunk, as far as it was read.
    ChunkSize(Option<u64>),
    /// The rest of the line with the size of a chunk.
    ChunkLine(u64),
    /// The data of a chunk, with this number of missing bytes.
    ChunkData(u64),
    /// The end of the line after the data of a chunk.
    ChunkEnd,
    Complete,
    Malformed,
}

impl BodyReader {
    /// Creates a reader for the body of a response with this head.
    ///
    /// The status of the response must not be 101, and the response must not open a tunnel.
    pub fn new(head: Response) -> Self {
        Self { state: initial_state(&head), response: head, body: Vec::new(), room: MAX_READ }
    }

    /// Reads the next bytes of the stream; returns the number of bytes that were used.
    ///
    /// All bytes are used until the body [is over](Self::is_over).
    pub fn read(&mut self, bytes: &[u8]) -> usize {
        let mut used = 0;
        while let Some(rest) = bytes.get(used..).filter(|rest| !self.is_over() && !rest.is_empty()) {
            let step = self.step(rest.get(..self.room).unwrap_or(rest));
            self.room -= step;
            used += step;
        }
        used
    }

    /// Returns whether no more bytes are of use: the body is complete or malformed, or a limit is reached.
    pub fn is_over(&self) -> bool {
        self.room == 0
            || self.body.len() > Response::MAX_BODY_BYTES
            || matches!(self.state, State::Complete | State::Malformed)
    }

    /// Returns the response with the body that was read.
    ///
    /// `is_end` says whether the stream has ended, so that a body without a length is complete.
    pub fn finish(self, is_end: bool) -> Response {
        let is_complete = match self.state {
            State::Complete => true,
            State::UntilEnd => is_end,
            _ => false,
        };
        if is_complete { self.response.with_body(self.body) } else { self.response.with_truncated_body(self.body) }
    }

    /// Returns the head of the response.
    pub(crate) const fn head(&self) -> &Response {
        &self.response
    }

    /// Returns the status of the response.
    pub fn status(&self) -> u16 {
        self.response.status()
    }

    /// Processes the first of `bytes`, and returns how many were processed. `bytes` must not be empty.
    fn step(&mut self, bytes: &[u8]) -> usize {
        match self.state {
            State::Length(missing) => {
                let taken = self.take(bytes, missing);
                let missing = missing - taken as u64;
                self.state = if missing == 0 { State::Complete } else { State::Length(missing) };
                taken
            }
            State::ChunkData(missing) => {
                let taken = self.take(bytes, missing);
                let missing = missing - taken as u64;
                self.state = if missing == 0 { State::ChunkEnd } else { State::ChunkData(missing) };
                taken
            }
            State::UntilEnd => self.take(bytes, u64::MAX),
            state => {
                self.state = bytes.first().map_or(state, |&byte| next_state(state, byte));
                1
            }
        }
    }

    /// Appends at most `most` bytes to the body. One byte beyond the limit is kept, as a sign that there are more.
    fn take(&mut self, bytes: &[u8], most: u64) -> usize {
        let room = (Response::MAX_BODY_BYTES + 1).saturating_sub(self.body.len());
        let length = bytes.len().min(room).min(usize::try_from(most).unwrap_or(usize::MAX));
        self.body.extend_from_slice(bytes.get(..length).unwrap_or_default());
        length
    }
}

impl fmt::Debug for BodyReader {
    /// Leaves out the body, which can be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BodyReader")
            .field("response", &self.response)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// Returns the state before the body; see [RFC 9112, section 6.3](https://www.rfc-editor.org/rfc/rfc9112#section-6.3).
fn initial_state(head: &Response) -> State {
    if matches!(head.status(), ..200 | 204 | 304) {
        return State::Complete;
    }
    let values = |name: &'static str| {
        let fields = head.headers().filter(move |(found, _)| found.eq_ignore_ascii_case(name));
        let elements = fields.flat_map(|(_, value)| value.split(|&byte| byte == b',')).map(<[u8]>::trim_ascii);
        // RFC 9110, section 5.6.1.2: empty elements of a list are ignored.
        elements.filter(|element| !element.is_empty())
    };
    if let Some(coding) = values("Transfer-Encoding").last() {
        return if coding.eq_ignore_ascii_case(b"chunked") { State::ChunkSize(None) } else { State::UntilEnd };
    }
    let mut lengths = values("Content-Length").map(parse_length);
    let Some(Some(length)) = lengths.next() else { return State::UntilEnd };
    match length {
        _ if lengths.any(|other| other != Some(length)) => State::UntilEnd,
        0 => State::Complete,
        length => State::Length(length),
    }
}

fn parse_length(digits: &[u8]) -> Option<u64> {
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// Returns the state after a byte that is not data; see
/// [RFC 9112, section 7.1](https://www.rfc-editor.org/rfc/rfc9112#section-7.1).
fn next_state(state: State, byte: u8) -> State {
    match (state, byte) {
        (State::ChunkSize(Some(size)) | State::ChunkLine(size), b'\n') => {
            // Trailer fields are not waited for.
            if size == 0 { State::Complete } else { State::ChunkData(size) }
        }
        (State::ChunkSize(Some(size)), b'\r' | b';' | b' ' | b'\t') | (State::ChunkLine(size), _) => {
            State::ChunkLine(size)
        }
        (State::ChunkSize(size), digit) => {
            let digit = char::from(digit).to_digit(16).map(u64::from);
            let longer = size.unwrap_or_default().checked_mul(16).zip(digit).map(|(size, digit)| size + digit);
            longer.map_or(State::Malformed, |size| State::ChunkSize(Some(size)))
        }
        (State::ChunkEnd, b'\r') => State::ChunkEnd,
        (State::ChunkEnd, b'\n') => State::ChunkSize(None),
        (State::ChunkEnd, _) => State::Malformed,
        (state, _) => state,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: usize = Response::MAX_BODY_BYTES;

    fn head(fields: &[(&str, &str)]) -> Response {
        fields.iter().fold(Response::new(403), |response, (name, value)| response.with_header(name, value))
    }

    /// Reads a body in pieces of each size up to its length, with the same result. Returns the number of bytes that were
    /// used, whether the body is over, the body, and whether it is truncated if the stream ends.
    #[track_caller]
    fn read(head: &Response, bytes: &[u8]) -> (usize, bool, Vec<u8>, bool) {
        let run = |size: usize| {
            let mut reader = BodyReader::new(head.clone());
            let used: usize = bytes.chunks(size.max(1)).map(|piece| reader.read(piece)).sum();
            let is_over = reader.is_over();
            let response = reader.finish(true);
            (used, is_over, response.body().to_vec(), response.is_body_truncated())
        };
        let whole = run(bytes.len());
        for size in 1..bytes.len().min(100) {
            assert_eq!(run(size), whole, "{head:?} in pieces of {size}");
        }
        whole
    }

    #[test]
    fn body_ends_by_its_length_its_chunks_or_the_stream() {
        let length = |value| head(&[("content-length", value)]);
        let chunked = head(&[("Content-Length", "1"), ("Transfer-Encoding", "gzip, Chunked")]);
        for (head, bytes, used, is_over, body, is_truncated) in [
            (length("3"), "abcdef", 3, true, "abc", false),
            (length("3"), "ab", 2, false, "ab", true),
            (length("0"), "abc", 0, true, "", false),
            (length("03, 3"), "abcd", 3, true, "abc", false),
            (length("3, 4"), "abcde", 5, false, "abcde", false),
            (length(", 3,"), "abcd", 3, true, "abc", false),
            (length("x"), "ab", 2, false, "ab", false),
            (length("+1"), "ab", 2, false, "ab", false),
            (length(""), "ab", 2, false, "ab", false),
            (length("99999999999999999999"), "ab", 2, false, "ab", false),
            (length("18446744073709551615"), "ab", 2, false, "ab", true),
            (head(&[]), "ab", 2, false, "ab", false),
            (head(&[("Transfer-Encoding", "gzip")]), "ab", 2, false, "ab", false),
            (head(&[("Transfer-Encoding", "chunked, ,")]), "1\r\na\r\n0\r\n\r\n", 9, true, "a", false),
            (chunked.clone(), "2\r\nab\r\n0\r\n\r\n", 10, true, "ab", false),
            (chunked.clone(), "1;x=\"y\"\na\n0A \r\n0123456789\r\n000;\r\nX: y\r\n", 33, true, "a0123456789", false),
            (chunked.clone(), "2\r\nab\r\n", 7, false, "ab", true),
            (chunked.clone(), "2\r\na", 4, false, "a", true),
            (chunked.clone(), "\r\n", 1, true, "", true),
            (chunked.clone(), "g\r\n", 1, true, "", true),
            (chunked.clone(), ";\r\n", 1, true, "", true),
            (chunked.clone(), "2\r\nabc\r\n", 6, true, "ab", true),
            (chunked, "10000000000000000\r\n", 17, true, "", true),
        ] {
            let read = read(&head, bytes.as_bytes());
            assert_eq!(read, (used, is_over, body.as_bytes().to_vec(), is_truncated), "{head:?} {bytes:?}");
        }
        for status in [204, 304] {
            assert!(BodyReader::new(Response::new(status).with_header("Content-Length", "5")).is_over());
        }
    }

    #[test]
    fn body_without_length_is_truncated_before_the_stream_ends() {
        let mut reader = BodyReader::new(head(&[]));
        reader.read(b"ab");
        let response = reader.finish(false);
        assert_eq!((response.body(), response.is_body_truncated()), (&b"ab"[..], true));
    }

    #[test]
    fn body_is_over_behind_its_limit() {
        let chunked = head(&[("Transfer-Encoding", "chunked")]);
        for (head, framing) in
            [(head(&[]), ""), (chunked.clone(), "fffff\r\n"), (head(&[("Content-Length", "99999999")]), "")]
        {
            let bytes = [framing.as_bytes(), &vec![b'a'; LIMIT + 9]].concat();
            let (used, is_over, body, is_truncated) = read(&head, &bytes);
            assert_eq!((used, is_over, body.len(), is_truncated), (framing.len() + LIMIT + 1, true, LIMIT, true));
        }
        let exact = read(&head(&[("Content-Length", &LIMIT.to_string())]), &vec![b'a'; LIMIT + 9]);
        assert_eq!(exact, (LIMIT, true, vec![b'a'; LIMIT], false));
        // Extensions of chunks count, too.
        let endless = read(&chunked, &[b"1;".to_vec(), vec![b'x'; MAX_READ]].concat());
        assert_eq!(endless, (MAX_READ, true, Vec::new(), true));
    }

    #[test]
    fn debug_shows_no_body() {
        let mut reader = BodyReader::new(head(&[("Set-Cookie", "secret")]));
        reader.read(b"secret");
        let response = r#"Response { status: 403, headers: ["Set-Cookie"], body_bytes: 0 }"#;
        assert_eq!(format!("{reader:?}"), format!("BodyReader {{ response: {response}, state: UntilEnd, .. }}"));
    }
}
