//! Encoding and parsing of HTTP/2 frames ([RFC 9113, section 4](https://www.rfc-editor.org/rfc/rfc9113#section-4)), and
//! of header fields as literals without indexing ([RFC 7541](https://www.rfc-editor.org/rfc/rfc7541#section-6.2.2)).

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const ACK: u8 = 1;
pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;
pub(crate) const PADDED: u8 = 8;

/// The length of a frame's header, in bytes.
pub(crate) const HEADER_LEN: usize = 9;

/// The bytes with which a client starts a connection.
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The largest payload of a frame that needs no setting of the client, in bytes.
const MAX_PAYLOAD_LEN: usize = 16_384;

/// The error codes, by their names in lower case.
const ERROR_CODES: [&str; 14] = [
    "no-error",
    "protocol-error",
    "internal-error",
    "flow-control-error",
    "settings-timeout",
    "stream-closed",
    "frame-size-error",
    "refused-stream",
    "cancel",
    "compression-error",
    "connect-error",
    "enhance-your-calm",
    "inadequate-security",
    "http-1-1-required",
];

/// The header of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FrameHeader {
    pub(crate) length: usize,
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
}

impl FrameHeader {
    /// Parses the header of a frame whose payload is complete, too.
    pub(crate) fn of_complete_frame(bytes: &[u8]) -> Option<Self> {
        let &[high, middle, low, kind, flags, a, b, c, d] = bytes.first_chunk::<HEADER_LEN>()?;
        let length = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
        let stream = u32::from_be_bytes([a, b, c, d]) & 0x7fff_ffff;
        (bytes.len() >= HEADER_LEN + length).then_some(Self { length, kind, flags, stream })
    }

    pub(crate) fn has(self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// Returns the length of the whole frame.
    pub(crate) fn frame_len(self) -> usize {
        HEADER_LEN + self.length
    }
}

/// Encodes a frame. The payload is cut to the largest length that the header can hold.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX).min(0x00ff_ffff);
    let [_, length_bytes @ ..] = length.to_be_bytes();
    let mut bytes = length_bytes.to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload.iter().take(usize::try_from(length).unwrap_or(usize::MAX)));
    bytes
}

/// Encodes a SETTINGS frame.
pub(crate) fn settings(values: &[(u16, u32)]) -> Vec<u8> {
    let payload: Vec<u8> =
        values.iter().flat_map(|(id, value)| [&id.to_be_bytes()[..], &value.to_be_bytes()].concat()).collect();
    frame(SETTINGS, 0, 0, &payload)
}

/// Parses the payload of a SETTINGS frame.
pub(crate) fn parse_settings(payload: &[u8]) -> Vec<(u16, u32)> {
    let entries = payload.chunks_exact(6).filter_map(|entry| {
        let (id, value) = entry.split_first_chunk()?;
        Some((u16::from_be_bytes(*id), parse_u32(value)?))
    });
    entries.collect()
}

/// Parses the first four bytes of a payload.
pub(crate) fn parse_u32(payload: &[u8]) -> Option<u32> {
    payload.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
}

/// Encodes header fields, also those that HTTP forbids.
pub(crate) fn block<'a>(fields: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, value) in fields {
        bytes.push(0);
        push_string(&mut bytes, name.as_bytes());
        push_string(&mut bytes, value);
    }
    bytes
}

/// Encodes a HEADERS frame and as many CONTINUATION frames as the block needs.
pub(crate) fn headers(stream: u32, block: &[u8], end_stream: bool) -> Vec<u8> {
    let mut pieces = block.chunks(MAX_PAYLOAD_LEN);
    let first = pieces.next().unwrap_or_default();
    let rest: Vec<_> = pieces.collect();
    let end_headers = |is_last: bool| if is_last { END_HEADERS } else { 0 };
    let flags = end_headers(rest.is_empty()) | if end_stream { END_STREAM } else { 0 };
    let mut bytes = frame(HEADERS, flags, stream, first);
    for (index, piece) in rest.iter().enumerate() {
        bytes.extend(frame(CONTINUATION, end_headers(index + 1 == rest.len()), stream, piece));
    }
    bytes
}

/// Encodes a DATA frame that has only padding and takes `length` bytes of the windows, from 1 to 256.
pub(crate) fn padding(stream: u32, flags: u8, length: usize) -> Vec<u8> {
    let pad = u8::try_from(length.saturating_sub(1)).unwrap_or(u8::MAX);
    let mut payload = vec![pad];
    payload.resize(usize::from(pad) + 1, 0);
    frame(DATA, flags | PADDED, stream, &payload)
}

/// Encodes a GOAWAY frame.
pub(crate) fn goaway(last_stream: u32, code: u32) -> Vec<u8> {
    frame(GOAWAY, 0, 0, &[last_stream.to_be_bytes(), code.to_be_bytes()].concat())
}

/// Parses the number or the name of an error code.
pub(crate) fn parse_error_code(word: &str) -> Option<u32> {
    let named = ERROR_CODES.iter().position(|name| *name == word).and_then(|code| u32::try_from(code).ok());
    named.or_else(|| word.parse().ok())
}

/// Appends a string, without Huffman coding, after its length with a prefix of 7 bits.
fn push_string(bytes: &mut Vec<u8>, text: &[u8]) {
    let mut rest = text.len();
    if rest < 0x7f {
        bytes.push(u8::try_from(rest).unwrap_or_default());
    } else {
        bytes.push(0x7f);
        rest -= 0x7f;
        while rest >= 0x80 {
            bytes.push(u8::try_from(rest & 0x7f).unwrap_or_default() | 0x80);
            rest >>= 7;
        }
        bytes.push(u8::try_from(rest).unwrap_or_default());
    }
    bytes.extend_from_slice(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frame_header_is_parsed_as_it_was_encoded() {
        let bytes = frame(DATA, END_STREAM, 5, b"abc");
        assert_eq!(bytes, b"\0\0\x03\0\x01\0\0\0\x05abc");
        let header = FrameHeader { length: 3, kind: DATA, flags: END_STREAM, stream: 5 };
        assert_eq!(FrameHeader::of_complete_frame(&bytes), Some(header));
        assert_eq!(FrameHeader::of_complete_frame(&bytes[..11]), None);
    }

    #[test]
    fn long_field_has_a_length_of_several_bytes() {
        let value = [b'v'; 1337];
        let block = block([("a", &value[..])]);
        // RFC 7541, C.1.2 has 1337 with a prefix of 5 bits; with 7 bits it is 127, 1210 = 0x3a | 9 << 7.
        assert_eq!(block[..6], [0, 1, b'a', 0x7f, 0xba, 0x09]);
        assert_eq!(block.len(), 6 + 1337);
    }

    #[test]
    fn large_block_continues_in_further_frames() {
        let bytes = headers(1, &vec![0; 40_000], true);
        let first = FrameHeader::of_complete_frame(&bytes).unwrap();
        assert_eq!((first.kind, first.flags, first.length), (HEADERS, END_STREAM, 16_384));
        let last = FrameHeader::of_complete_frame(&bytes[2 * (16_384 + HEADER_LEN)..]).unwrap();
        assert_eq!((last.kind, last.flags, last.length), (CONTINUATION, END_HEADERS, 40_000 - 2 * 16_384));
    }

    #[test]
    fn padding_takes_the_given_length_of_the_windows() {
        for length in [1, 2, 256] {
            let bytes = padding(1, 0, length);
            assert_eq!(FrameHeader::of_complete_frame(&bytes).unwrap().length, length);
            assert_eq!(usize::from(bytes[HEADER_LEN]), length - 1);
        }
    }

    #[test]
    fn error_codes_have_numbers_and_names() {
        assert_eq!(parse_error_code("refused-stream"), Some(7));
        assert_eq!(parse_error_code("http-1-1-required"), Some(13));
        assert_eq!(parse_error_code("4096"), Some(4096));
        assert_eq!(parse_error_code("refused"), None);
    }
}
