//! A model of a server: a minimal parser of the client's frames, and frames to send. It shares no code with the library.

use std::ops::RangeInclusive;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};

use crate::script::Sent;

/// The extensions that a server of these models negotiates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extensions {
    None,
    Deflate,
    /// Without context takeover in either direction.
    DeflateEach,
}

impl Extensions {
    /// Returns the extensions with this number.
    pub(crate) const fn of(number: u8) -> Self {
        match number % 3 {
            0 => Self::None,
            1 => Self::Deflate,
            _ => Self::DeflateEach,
        }
    }

    /// Returns the value of `Sec-WebSocket-Extensions`.
    pub(crate) const fn value(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Deflate => "permessage-deflate",
            Self::DeflateEach => "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
        }
    }
}

/// The receiving side of a server. It checks each byte of the client.
pub(crate) struct Receiver {
    extensions: Extensions,
    /// The bytes of the head or of the current frame.
    bytes: Vec<u8>,
    /// The request, once it is complete.
    pub(crate) request: Option<String>,
    inflate: Decompress,
    /// The first byte of the message whose fragments arrive, and their payloads.
    fragments: Option<(u8, Vec<u8>)>,
    /// The payload bytes of the frame of a message that arrives, before inflating.
    partial: usize,
    pub(crate) messages: Vec<Sent>,
    /// The number of messages that were compared.
    checked: usize,
    pub(crate) pings: Vec<Vec<u8>>,
    pub(crate) pongs: Vec<Vec<u8>>,
    /// The body of the client's Close frame.
    pub(crate) close: Option<Vec<u8>>,
}

/// A header, and the number of bytes after which the payload begins.
struct Header {
    first: u8,
    start: usize,
    length: usize,
}

impl Receiver {
    pub(crate) fn new(extensions: Extensions) -> Self {
        Self {
            extensions,
            bytes: Vec::new(),
            request: None,
            inflate: Decompress::new(false),
            fragments: None,
            partial: 0,
            messages: Vec::new(),
            checked: 0,
            pings: Vec::new(),
            pongs: Vec::new(),
            close: None,
        }
    }

    /// Receives bytes of the client.
    pub(crate) fn receive(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        if self.request.is_none() {
            let Some(end) = self.bytes.windows(4).position(|bytes| bytes == b"\r\n\r\n") else { return };
            let head = self.bytes.drain(..end + 4).collect();
            self.request = Some(String::from_utf8(head).expect("the request is ASCII"));
        }
        let mut start = 0;
        while let Some(header) = self.header(start) {
            let end = header.start + header.length;
            if self.bytes.len() < end {
                let is_data = header.first & 8 == 0;
                self.partial = if is_data { self.bytes.len().saturating_sub(header.start) } else { 0 };
                break;
            }
            self.partial = 0;
            let mask = &self.bytes[header.start - 4..header.start];
            let payload = &self.bytes[header.start..end];
            let payload = payload.iter().enumerate().map(|(index, byte)| byte ^ mask[index % 4]).collect();
            self.frame(header.first, payload);
            start = end;
        }
        self.bytes.drain(..start);
    }

    /// Reads the header of the frame at `start`, if it is complete.
    fn header(&self, start: usize) -> Option<Header> {
        let bytes = self.bytes.get(start..)?;
        let (&first, &second) = (bytes.first()?, bytes.get(1)?);
        assert!(self.close.is_none(), "bytes follow the Close frame");
        assert!(second & 0x80 != 0, "a frame is not masked");
        let (length, used, least) = match second & 0x7f {
            126 => (usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?)), 4, 126),
            127 => (usize::try_from(u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?)).ok()?, 10, 1 << 16),
            short => (usize::from(short), 2, 0),
        };
        assert!(length >= least, "a length is not in its shortest form");
        bytes.get(used..used + 4)?;
        Some(Header { first, start: start + used + 4, length })
    }

    fn frame(&mut self, first: u8, payload: Vec<u8>) {
        let (last, compressed, opcode) = (first & 0x80 != 0, first & 0x40 != 0, first & 0xf);
        assert!(first & 0x30 == 0, "a reserved bit is set");
        if opcode & 8 != 0 {
            assert!(last && !compressed && payload.len() <= 125, "a control frame begins with {first:#x}");
            match opcode {
                8 => self.close = Some(payload),
                9 => self.pings.push(payload),
                10 => self.pongs.push(payload),
                _ => panic!("a frame has the opcode {opcode}"),
            }
            return;
        }
        let (first, message) = match (opcode, self.fragments.take()) {
            (0, Some((first, mut message))) => {
                assert!(!compressed, "a continuation frame is marked as compressed");
                message.extend(payload);
                (first, message)
            }
            (1 | 2, None) => (first, payload),
            (_, before) => panic!("opcode {opcode} follows {before:?}"),
        };
        if last {
            self.message(first, message);
        } else {
            self.fragments = Some((first, message));
        }
    }

    fn message(&mut self, first: u8, mut payload: Vec<u8>) {
        if first & 0x40 != 0 {
            assert!(self.extensions != Extensions::None, "a message is compressed, and no extension was negotiated");
            if self.extensions == Extensions::DeflateEach {
                self.inflate.reset(false);
            }
            payload.extend([0, 0, 0xff, 0xff]);
            payload = inflated(&mut self.inflate, &payload);
        }
        let is_text = first & 0xf == 1;
        assert!(!is_text || std::str::from_utf8(&payload).is_ok(), "a text message is not UTF-8");
        self.messages.push(Sent { is_text, payload });
    }

    /// Returns the values that bufferedAmount may have after the client has sent these messages, and `lost` bytes that are not
    /// transmitted.
    pub(crate) fn buffered_amounts(&self, sent: &[Sent], lost: u64) -> RangeInclusive<u64> {
        let size = |message: &Sent| message.payload.len() as u64;
        let waiting = sent.get(self.messages.len()..).expect("the server received more than was sent");
        let rest = lost + waiting.iter().map(size).sum::<u64>();
        if self.is_partial_compressed() {
            // The written bytes are not payload bytes, so that parts of the message count until their end.
            return rest - waiting.first().map_or(0, size)..=rest;
        }
        let partial = self.partial + self.fragments.as_ref().map_or(0, |(_, payload)| payload.len());
        let rest = rest - partial as u64;
        rest..=rest
    }

    /// Returns whether the message that is not complete is compressed, as far as is known.
    fn is_partial_compressed(&self) -> bool {
        let first = self.fragments.as_ref().map(|(first, _)| *first).or_else(|| self.bytes.first().copied());
        self.request.is_some() && first.is_some_and(|first| first & 0x40 != 0)
    }

    /// Checks that the messages that have arrived are the first of those that were sent. It compares each message once.
    pub(crate) fn check_order(&mut self, sent: &[Sent]) {
        let new = self.checked..self.messages.len();
        assert_eq!(self.messages.get(new.clone()), sent.get(new), "what the server received was not sent");
        self.checked = self.messages.len();
    }

    /// Returns the response that accepts the request.
    pub(crate) fn response(&self, accept_key: impl Fn(&str) -> String) -> String {
        let request = self.request.as_deref().expect("a request was received");
        let key = request.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).expect("a key");
        let accept = accept_key(key);
        let value = self.extensions.value();
        let extensions =
            if value.is_empty() { String::new() } else { format!("Sec-WebSocket-Extensions: {value}\r\n") };
        format!(
            "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n{extensions}\r\n"
        )
    }
}

/// Inflates input that ends with a flush.
fn inflated(inflate: &mut Decompress, input: &[u8]) -> Vec<u8> {
    let (mut output, start) = (Vec::with_capacity(1 << 12), inflate.total_in());
    loop {
        let used = usize::try_from(inflate.total_in() - start).expect("the input is in memory");
        let length = output.len();
        inflate.decompress_vec(&input[used..], &mut output, FlushDecompress::Sync).expect("DEFLATE");
        if output.len() < output.capacity() && (output.len() == length || used == input.len()) {
            let used = usize::try_from(inflate.total_in() - start).expect("the input is in memory");
            assert_eq!(used, input.len(), "the compressed message has a rest");
            return output;
        }
        output.reserve(1 << 16);
    }
}

/// The sending side of a server.
pub(crate) struct Sender {
    extensions: Extensions,
    deflate: Compress,
}

impl Sender {
    pub(crate) fn new(extensions: Extensions) -> Self {
        Self { extensions, deflate: Compress::new(Compression::fast(), false) }
    }

    /// Returns whether no extension is negotiated.
    pub(crate) fn is_plain(&self) -> bool {
        self.extensions == Extensions::None
    }

    /// Encodes a message in frames of at most `piece` bytes, compressed if that was negotiated and asked for.
    pub(crate) fn message(&mut self, message: &Sent, compress: bool, piece: usize) -> Vec<u8> {
        let opcode = if message.is_text { 1 } else { 2 };
        let compress = compress && self.extensions != Extensions::None;
        let deflated = compress.then(|| self.deflated(&message.payload));
        let payload = deflated.as_ref().unwrap_or(&message.payload);
        let mut bytes = Vec::with_capacity(payload.len() + 64);
        let mut first = opcode | if compress { 0x40 } else { 0 };
        let mut rest = &payload[..];
        loop {
            let (now, later) = rest.split_at(piece.max(1).min(rest.len()));
            rest = later;
            let last = if rest.is_empty() { 0x80 } else { 0 };
            bytes.extend(frame(first | last, now));
            if rest.is_empty() {
                return bytes;
            }
            first = 0;
        }
    }

    fn deflated(&mut self, payload: &[u8]) -> Vec<u8> {
        if self.extensions == Extensions::DeflateEach {
            self.deflate.reset();
        }
        let (mut output, start) = (Vec::with_capacity(payload.len() / 2 + 64), self.deflate.total_in());
        loop {
            let used = usize::try_from(self.deflate.total_in() - start).expect("the input is in memory");
            self.deflate.compress_vec(&payload[used..], &mut output, FlushCompress::Sync).expect("zlib compresses");
            if output.len() < output.capacity() {
                break;
            }
            output.reserve(1 << 16);
        }
        // The flush ends with an empty block, which is left out. After nothing, zlib writes no second one.
        output.truncate(output.len().saturating_sub(4));
        if output.is_empty() {
            output.push(0);
        }
        output
    }
}

/// Encodes an unmasked frame.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        length @ ..=125 => bytes.push(u8::try_from(length).expect("it is short")),
        length @ ..=0xffff => {
            bytes.push(126);
            bytes.extend(u16::try_from(length).expect("it is short").to_be_bytes());
        }
        length => {
            bytes.push(127);
            bytes.extend((length as u64).to_be_bytes());
        }
    }
    bytes.extend_from_slice(payload);
    bytes
}

/// Encodes a Close frame.
pub(crate) fn close_frame(code: Option<u16>) -> Vec<u8> {
    frame(0x88, code.map(u16::to_be_bytes).as_ref().map_or(&[], |body| &body[..]))
}
