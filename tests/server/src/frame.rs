//! Encoding of the frames that the server sends, both valid and invalid.

use tungstenite::protocol::frame::{FrameHeader, coding::OpCode};

use crate::record::Kind;

pub(crate) const CONTINUATION: u8 = 0;
pub(crate) const TEXT: u8 = 1;
pub(crate) const BINARY: u8 = 2;
pub(crate) const CLOSE: u8 = 8;
pub(crate) const PING: u8 = 9;
pub(crate) const PONG: u8 = 10;

/// The RSV1 bit in a three-bit RSV number.
pub(crate) const RSV1: u8 = 4;

/// The header fields of a frame to send.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FrameSpec {
    pub(crate) fin: bool,
    pub(crate) rsv: u8,
    pub(crate) opcode: u8,
    pub(crate) mask: Option<[u8; 4]>,
}

impl FrameSpec {
    /// Creates the header of an unmasked frame with FIN.
    pub(crate) fn whole(opcode: u8) -> Self {
        Self { fin: true, rsv: 0, opcode, mask: None }
    }

    /// Creates the header of an unmasked frame without FIN.
    pub(crate) fn unfinished(opcode: u8) -> Self {
        Self { fin: false, ..Self::whole(opcode) }
    }

    /// Encodes the frame with this payload.
    pub(crate) fn frame(self, payload: &[u8]) -> Vec<u8> {
        let header = FrameHeader {
            is_final: self.fin,
            rsv1: self.rsv & RSV1 != 0,
            rsv2: self.rsv & 2 != 0,
            rsv3: self.rsv & 1 != 0,
            opcode: OpCode::from(self.opcode & 0x0f),
            mask: self.mask,
        };
        let mut bytes = Vec::with_capacity(payload.len() + 14);
        // Writing to a vector cannot fail.
        let _ = header.format(payload.len() as u64, &mut bytes);
        let start = bytes.len();
        bytes.extend_from_slice(payload);
        if let Some(mask) = self.mask {
            apply_mask(&mut bytes[start..], mask);
        }
        bytes
    }
}

/// Returns the opcode of a message's first frame.
pub(crate) fn opcode(kind: Kind) -> u8 {
    match kind {
        Kind::Text => TEXT,
        Kind::Binary => BINARY,
    }
}

/// Encodes an unmasked frame with FIN.
pub(crate) fn whole(opcode: u8, payload: &[u8]) -> Vec<u8> {
    FrameSpec::whole(opcode).frame(payload)
}

/// Encodes one message in several frames. `between` is inserted after each frame except the last.
pub(crate) fn fragmented(opcode: u8, rsv: u8, pieces: &[impl AsRef<[u8]>], between: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (index, piece) in pieces.iter().enumerate() {
        let first = index == 0;
        let last = index + 1 == pieces.len();
        let spec = FrameSpec {
            fin: last,
            rsv: if first { rsv } else { 0 },
            opcode: if first { opcode } else { CONTINUATION },
            mask: None,
        };
        bytes.extend(spec.frame(piece.as_ref()));
        if !last {
            bytes.extend_from_slice(between);
        }
    }
    bytes
}

/// Encodes a text frame whose length takes more bytes than necessary.
pub(crate) fn nonminimal() -> Vec<u8> {
    b"\x81\x7e\x00\x05hello".to_vec()
}

/// Encodes a binary frame whose 64-bit length has its highest bit set.
pub(crate) fn huge_length() -> Vec<u8> {
    b"\x82\x7f\x80\x00\x00\x00\x00\x00\x00\x05hello".to_vec()
}

/// Masks or unmasks a payload ([RFC 6455, section 5.3](https://www.rfc-editor.org/rfc/rfc6455#section-5.3)).
pub(crate) fn apply_mask(payload: &mut [u8], mask: [u8; 4]) {
    let [a, b, c, d] = mask;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let mut words = payload.chunks_exact_mut(8);
    for word in &mut words {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(word);
        word.copy_from_slice(&(u64::from_ne_bytes(bytes) ^ wide).to_ne_bytes());
    }
    for (byte, key) in words.into_remainder().iter_mut().zip(mask.iter().cycle()) {
        *byte ^= key;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fragmented_message_ends_in_continuations() {
        assert_eq!(
            fragmented(TEXT, 0, &["a", "b", "c"], &whole(PING, b"")),
            b"\x01\x01a\x89\x00\x00\x01b\x89\x00\x80\x01c"
        );
    }

    #[test]
    fn reserved_opcode_and_bits_are_encoded() {
        let spec = FrameSpec { rsv: 5, ..FrameSpec::whole(11) };
        assert_eq!(spec.frame(b""), [0x80 | 0x50 | 0x0b, 0]);
    }

    #[test]
    fn masking_twice_restores_the_payload() {
        let mut payload = *b"elevenbytes";
        apply_mask(&mut payload, [1, 2, 3, 4]);
        assert_eq!(payload[..5], [b'e' ^ 1, b'l' ^ 2, b'e' ^ 3, b'v' ^ 4, b'e' ^ 1]);
        assert_eq!(payload[8..], [b't' ^ 1, b'e' ^ 2, b's' ^ 3]);
        apply_mask(&mut payload, [1, 2, 3, 4]);
        assert_eq!(payload, *b"elevenbytes");
    }
}
