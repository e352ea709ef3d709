//! An independent server side, which reads the frames of the client.

use flate2::{Decompress, FlushDecompress};

/// A frame of the client, unmasked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) first: u8,
    pub(super) payload: Vec<u8>,
}

pub(super) fn sent(first: u8, payload: &[u8]) -> Frame {
    Frame { first, payload: payload.to_owned() }
}

/// Returns the frames of an uncompressed message, of which each has at most a mebibyte.
pub(super) fn sent_fragments(opcode: u8, payload: &[u8]) -> Vec<Frame> {
    let mut frames: Vec<_> = payload.chunks(1 << 20).map(|chunk| sent(0, chunk)).collect();
    frames[0].first = opcode;
    frames.last_mut().unwrap().first |= 0x80;
    frames
}

/// Returns the key of a request.
pub(super) fn key(request: &[u8]) -> String {
    let request = std::str::from_utf8(request).unwrap();
    let line = request.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "));
    line.unwrap().to_owned()
}

/// Parses frames, which must be complete.
pub(super) fn frames(bytes: &[u8]) -> Vec<Frame> {
    let (frames, rest) = frames_and_rest(bytes);
    assert_eq!(rest, b"", "a frame is cut");
    frames
}

/// Parses the frames that are complete, and returns the rest.
pub(super) fn frames_and_rest(mut bytes: &[u8]) -> (Vec<Frame>, &[u8]) {
    let mut frames = Vec::new();
    while let Some((frame, rest)) = read(bytes) {
        frames.push(frame);
        bytes = rest;
    }
    (frames, bytes)
}

fn read(bytes: &[u8]) -> Option<(Frame, &[u8])> {
    let (&[first, second], rest) = bytes.split_first_chunk()?;
    assert!(second >= 0x80, "a client's frame is masked");
    let (length, rest) = match second & 0x7f {
        126 => {
            let (length, rest) = rest.split_first_chunk()?;
            let length = u16::from_be_bytes(*length);
            assert!(length > 125);
            (usize::from(length), rest)
        }
        127 => {
            let (length, rest) = rest.split_first_chunk()?;
            let length = usize::try_from(u64::from_be_bytes(*length)).unwrap();
            assert!(length > 0xffff);
            (length, rest)
        }
        length => (usize::from(length), rest),
    };
    let (key, rest) = rest.split_first_chunk::<4>()?;
    let (masked, rest) = rest.split_at_checked(length)?;
    let payload = masked.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect();
    Some((Frame { first, payload }, rest))
}

/// An assembler of the client's messages. Its items are the opcode and the payload, also of control frames.
pub(super) struct ServerAssembler {
    inflate: Decompress,
    context_takeover: bool,
    message: Option<(u8, bool, Vec<u8>)>,
}

impl ServerAssembler {
    pub(super) fn new(context_takeover: bool) -> Self {
        Self::with_window(context_takeover, 15)
    }

    /// Creates an assembler that keeps no more than the negotiated window. zlib has none of 8 bits.
    pub(super) fn with_window(context_takeover: bool, bits: u8) -> Self {
        Self { inflate: Decompress::new_with_window_bits(false, bits.max(9)), context_takeover, message: None }
    }

    pub(super) fn assemble(&mut self, frames: &[Frame]) -> Vec<(u8, Vec<u8>)> {
        frames.iter().filter_map(|frame| self.take(frame)).collect()
    }

    fn take(&mut self, frame: &Frame) -> Option<(u8, Vec<u8>)> {
        let opcode = frame.first & 0xf;
        if opcode >= 8 {
            assert!(frame.first & 0xf0 == 0x80 && frame.payload.len() <= 125);
            return Some((opcode, frame.payload.clone()));
        }
        assert_eq!(opcode == 0, self.message.is_some(), "fragments are in order");
        assert!(opcode != 0 || frame.first & 0x70 == 0);
        let compressed = frame.first & 0x40 != 0;
        let message = self.message.get_or_insert((opcode, compressed, Vec::new()));
        message.2.extend_from_slice(&frame.payload);
        if frame.first & 0x80 == 0 {
            return None;
        }
        let (opcode, compressed, payload) = self.message.take()?;
        Some((opcode, if compressed { self.inflate(payload) } else { payload }))
    }

    fn inflate(&mut self, mut payload: Vec<u8>) -> Vec<u8> {
        payload.extend([0, 0, 0xff, 0xff]);
        if !self.context_takeover {
            self.inflate.reset(false);
        }
        let start = self.inflate.total_in();
        let mut output = Vec::new();
        loop {
            output.reserve(1 << 16);
            let used = usize::try_from(self.inflate.total_in() - start).unwrap();
            self.inflate.decompress_vec(&payload[used..], &mut output, FlushDecompress::Sync).unwrap();
            if output.len() < output.capacity() {
                assert_eq!(self.inflate.total_in() - start, payload.len() as u64);
                return output;
            }
        }
    }
}
