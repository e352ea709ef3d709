//! The frames: their header, and the masking of what the client sends.
//!
//! See [RFC 6455, section 5.2](https://www.rfc-editor.org/rfc/rfc6455#section-5.2).

use std::fmt;

use crate::error::Failure;
use crate::send::write_buffer::WriteBuffer;

/// What kind of frame it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opcode {
    Continuation,
    Text,
    Binary,
    Close,
    Ping,
    Pong,
}

impl Opcode {
    const fn from_bits(bits: u8) -> Option<Self> {
        Some(match bits {
            0x0 => Self::Continuation,
            0x1 => Self::Text,
            0x2 => Self::Binary,
            0x8 => Self::Close,
            0x9 => Self::Ping,
            0xa => Self::Pong,
            _ => return None,
        })
    }

    /// Gives the four bits that stand for it.
    pub(crate) const fn bits(self) -> u8 {
        match self {
            Self::Continuation => 0x0,
            Self::Text => 0x1,
            Self::Binary => 0x2,
            Self::Close => 0x8,
            Self::Ping => 0x9,
            Self::Pong => 0xa,
        }
    }

    /// Whether such a frame is a control frame.
    pub(crate) const fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }
}

/// The header of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// Whether the frame is the last of its message.
    pub(crate) fin: bool,
    /// Whether the message is compressed; on its first frame only.
    pub(crate) rsv1: bool,
    /// The kind of frame.
    pub(crate) opcode: Opcode,
    /// The length of the payload; at most 63 bits.
    pub(crate) length: u64,
}

/// The greatest length of a control frame's payload.
pub(crate) const MAX_CONTROL: usize = 125;

const FIN: u8 = 0x80;
const RSV1: u8 = 0x40;
const RESERVED: u8 = 0x70;
const MASKED: u8 = 0x80;

/// The first byte of a text and of a binary message that is one frame, and not compressed.
const FIN_TEXT: u8 = FIN | Opcode::Text.bits();
const FIN_BINARY: u8 = FIN | Opcode::Binary.bits();

/// What stands for a length of 16 bits, which follows.
const LENGTH_16: u8 = 0x7e;

/// What stands for a length of 64 bits, which follows.
const LENGTH_64: u8 = 0x7f;

impl Header {
    /// Decodes the header of a server's frame and tells its size; `None` if `bytes` do not hold all of it.
    ///
    /// What can be refused by the bytes that are there is refused at once. `compression` says whether
    /// permessage-deflate is in use.
    #[inline]
    pub(crate) fn decode(bytes: &[u8], compression: bool) -> Result<Option<(Self, usize)>, Failure> {
        let Some(&first) = bytes.first() else { return Ok(None) };
        let bits = first & 0x0f;
        let opcode = Opcode::from_bits(bits).ok_or(Failure::ReservedOpcode { opcode: bits })?;
        let negotiated = if compression && matches!(opcode, Opcode::Text | Opcode::Binary) { RSV1 } else { 0 };
        if first & RESERVED & !negotiated != 0 {
            return Err(Failure::ReservedBits { bits: (first & RESERVED) >> 4, opcode: bits });
        }
        let fin = first & FIN != 0;
        if opcode.is_control() && !fin {
            return Err(Failure::FragmentedControlFrame { opcode: bits });
        }
        let Some(&second) = bytes.get(1) else { return Ok(None) };
        if second & MASKED != 0 {
            return Err(Failure::MaskedFrame);
        }
        if opcode.is_control() && usize::from(second) > MAX_CONTROL {
            return Err(Failure::LongControlFrame { opcode: bits });
        }
        let (length, size) = match second {
            LENGTH_16 => match bytes.get(2..).and_then(<[u8]>::first_chunk) {
                Some(&length) => (u64::from(u16::from_be_bytes(length)), 4),
                None => return Ok(None),
            },
            LENGTH_64 => match bytes.get(2..).and_then(<[u8]>::first_chunk) {
                Some(&length) => (u64::from_be_bytes(length), 10),
                None => return Ok(None),
            },
            length => (u64::from(length), 2),
        };
        if length >> 63 != 0 {
            return Err(Failure::LengthTopBit { length });
        }
        if size == 4 && length < 126 || size == 10 && u16::try_from(length).is_ok() {
            return Err(Failure::LengthNotMinimal { length });
        }
        Ok(Some((Self { fin, rsv1: first & RSV1 != 0, opcode, length }, size)))
    }

    /// Splits what most frames are off: a message by itself, neither compressed nor longer than 65535 bytes, all of which
    /// is there. Gives its payload and its size; `None` where [`decode`](Self::decode) has to look.
    #[inline]
    pub(crate) fn split_whole(bytes: &[u8]) -> Option<(Opcode, &[u8], usize)> {
        let [first, second, after @ ..] = bytes else { return None };
        let opcode = match *first {
            FIN_TEXT => Opcode::Text,
            FIN_BINARY => Opcode::Binary,
            _ => return None,
        };
        match *second {
            length @ ..LENGTH_16 => {
                let length = usize::from(length);
                Some((opcode, after.get(..length)?, 2 + length))
            }
            LENGTH_16 => {
                let (length, after) = after.split_first_chunk()?;
                let length = usize::from(u16::from_be_bytes(*length));
                let payload = after.get(..length)?;
                (length > MAX_CONTROL).then_some((opcode, payload, 4 + length))
            }
            _ => None,
        }
    }

    /// Appends the header of a client's frame, which is masked by `key`.
    #[inline]
    pub(crate) fn encode(self, key: [u8; 4], out: &mut WriteBuffer) {
        let first = (u8::from(self.fin) * FIN) | (u8::from(self.rsv1) * RSV1) | self.opcode.bits();
        let [a, b, c, d] = key;
        if let Ok(length @ ..=125) = u8::try_from(self.length) {
            out.push([first, MASKED | length, a, b, c, d]);
        } else if let Ok(length) = u16::try_from(self.length) {
            let [high, low] = length.to_be_bytes();
            out.push([first, MASKED | LENGTH_16, high, low, a, b, c, d]);
        } else {
            out.push([first, MASKED | LENGTH_64]);
            out.push(self.length.to_be_bytes());
            out.push(key);
        }
    }

    /// Appends a client's frame that is a message by itself, not compressed, or a control frame.
    #[inline]
    pub(crate) fn append_whole(opcode: Opcode, key: [u8; 4], payload: &[u8], out: &mut WriteBuffer) {
        match u8::try_from(payload.len()) {
            Ok(length) if payload.len() <= SHORT => {
                // The commonest case by far takes its part of the output once.
                let frame = out.append(SHORT_HEADER + payload.len());
                let Some((header, masked)) = frame.split_first_chunk_mut() else { return };
                let [a, b, c, d] = key;
                *header = [FIN | opcode.bits(), MASKED | length, a, b, c, d];
                mask_short(payload, key, masked);
            }
            _ => {
                Self { fin: true, rsv1: false, opcode, length: payload.len() as u64 }.encode(key, out);
                Mask::new(key).append(payload, out);
            }
        }
    }
}

/// The bytes of a header whose length takes no bytes of its own, the key among them.
const SHORT_HEADER: usize = 6;

/// The greatest length of such a frame's payload.
const SHORT: usize = 125;

/// Masks one payload, in one piece or in several.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mask {
    /// The key, turned so that its first byte is the next one's.
    key: [u8; 4],
}

impl Mask {
    pub(crate) const fn new(key: [u8; 4]) -> Self {
        Self { key }
    }

    /// Appends the next bytes of the payload, masked.
    ///
    /// See [RFC 6455, section 5.3](https://www.rfc-editor.org/rfc/rfc6455#section-5.3).
    #[inline]
    pub(crate) fn append(&mut self, payload: &[u8], out: &mut WriteBuffer) {
        let key = u32::from_ne_bytes(self.key);
        let (words, rest) = payload.as_chunks();
        let (masked_words, masked) = out.append(payload.len()).as_chunks_mut();
        // Masked on the way: no pass over bytes that lie there already, and no `memcpy`, which some processors do slowly
        // between addresses that are all but the same modulo a page, as they often are here.
        for (masked, word) in masked_words.iter_mut().zip(words) {
            *masked = (u32::from_ne_bytes(*word) ^ key).to_ne_bytes();
        }
        for ((masked, byte), key) in masked.iter_mut().zip(rest).zip(self.key) {
            *masked = byte ^ key;
        }
        self.key.rotate_left(rest.len());
    }
}

/// Masks a short payload, for which there is as much room.
#[inline]
fn mask_short(payload: &[u8], key: [u8; 4], masked: &mut [u8]) {
    let word = u32::from_ne_bytes(key);
    // The same key four times, whatever the order of bytes.
    let wide = u128::from(word) * 0x0000_0001_0000_0001_0000_0001_0000_0001;
    let (blocks, rest) = payload.as_chunks();
    let (masked_blocks, masked) = masked.as_chunks_mut();
    for (masked, block) in masked_blocks.iter_mut().zip(blocks) {
        *masked = (u128::from_ne_bytes(*block) ^ wide).to_ne_bytes();
    }
    let (words, rest) = rest.as_chunks();
    let (masked_words, masked) = masked.as_chunks_mut();
    for (masked, bytes) in masked_words.iter_mut().zip(words) {
        *masked = (u32::from_ne_bytes(*bytes) ^ word).to_ne_bytes();
    }
    for ((masked, byte), key) in masked.iter_mut().zip(rest).zip(key) {
        *masked = byte ^ key;
    }
}

/// Fills a slice with bytes that nobody can foresee.
pub type Entropy = Box<dyn FnMut(&mut [u8]) + Send>;

/// Masking keys, fetched in blocks.
pub(crate) struct Keys {
    entropy: Entropy,
    block: [[u8; 4]; 64],
    left: usize,
}

impl Keys {
    pub(crate) fn new(entropy: Entropy) -> Self {
        Self { entropy, block: [[0; 4]; 64], left: 0 }
    }

    /// Gives 16 bytes for the nonce of the opening handshake.
    pub(crate) fn nonce(&mut self) -> [u8; 16] {
        let mut nonce = [0; 16];
        (self.entropy)(&mut nonce);
        nonce
    }

    /// Gives a key that was never given.
    #[inline]
    pub(crate) fn take(&mut self) -> [u8; 4] {
        if self.left == 0 {
            self.fetch();
        }
        self.left -= 1;
        std::mem::take(&mut self.block[self.left])
    }

    #[cold]
    fn fetch(&mut self) {
        (self.entropy)(self.block.as_flattened_mut());
        self.left = self.block.len();
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decode(bytes: &[u8]) -> Result<Option<(Header, usize)>, Failure> {
        Header::decode(bytes, false)
    }

    #[test]
    fn the_shortest_form_of_each_length_is_read_and_written() {
        for (length, size) in [(0, 2), (1, 2), (125, 2), (126, 4), (0xffff, 4), (0x1_0000, 10), (u64::MAX >> 1, 10)] {
            let header = Header { fin: true, rsv1: false, opcode: Opcode::Binary, length };
            let mut bytes = WriteBuffer::default();
            header.encode([1, 2, 3, 4], &mut bytes);
            let mut bytes = bytes.bytes().to_vec();
            assert_eq!((bytes.len(), &bytes[size..]), (size + 4, &[1, 2, 3, 4][..]));
            assert_eq!(decode(&bytes), Err(Failure::MaskedFrame));
            bytes[1] &= 0x7f;
            assert_eq!(decode(&bytes), Ok(Some((header, size))));
            for end in 0..size {
                assert_eq!(decode(&bytes[..end]), Ok(None), "{length} cut at {end}");
            }
        }
    }

    #[test]
    fn longer_forms_and_the_top_bit_are_refused() {
        for length in [0, 125] {
            assert_eq!(decode(&[0x82, 126, 0, length]), Err(Failure::LengthNotMinimal { length: u64::from(length) }));
        }
        assert_eq!(
            decode(&[0x82, 127, 0, 0, 0, 0, 0, 0, 0xff, 0xff]),
            Err(Failure::LengthNotMinimal { length: 0xffff })
        );
        assert_eq!(decode(&[0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0]), Err(Failure::LengthTopBit { length: 1 << 63 }));
    }

    #[test]
    fn the_first_byte_is_judged_alone() {
        for first in 0..=u8::MAX {
            let (bits, opcode) = (first >> 4 & 7, first & 0xf);
            for compression in [false, true] {
                let expected = if matches!(opcode, 3..=7 | 11..) {
                    Err(Failure::ReservedOpcode { opcode })
                } else if bits != 0 && !(compression && bits == 4 && matches!(opcode, 1 | 2)) {
                    Err(Failure::ReservedBits { bits, opcode })
                } else if opcode >= 8 && first & 0x80 == 0 {
                    Err(Failure::FragmentedControlFrame { opcode })
                } else {
                    Ok(None)
                };
                assert_eq!(Header::decode(&[first], compression), expected, "{first:#x}");
            }
        }
    }

    #[test]
    fn control_frames_have_at_most_125_bytes() {
        for opcode in [8, 9, 10] {
            assert!(matches!(decode(&[0x80 | opcode, 125]), Ok(Some(_))));
            for length in [126, 127] {
                assert_eq!(decode(&[0x80 | opcode, length]), Err(Failure::LongControlFrame { opcode }));
            }
        }
    }

    #[test]
    fn what_is_split_off_at_once_is_what_decoding_tells() {
        for first in 0..=u8::MAX {
            for length in [&[0][..], &[1], &[125], &[126, 0, 125], &[126, 0, 126], &[126, 1, 0], &[127, 0], &[0x81]] {
                let bytes = [&[first][..], length, &[7; 300]].concat();
                let simple = matches!(first, 0x81 | 0x82) && !matches!(length, [126, 0, 125] | [127, ..] | [0x81]);
                let split = Header::split_whole(&bytes);
                assert_eq!(split.is_some(), simple, "{first:#x} {length:?}");
                let Some((opcode, payload, size)) = split else { continue };
                let header = Header { fin: true, rsv1: false, opcode, length: payload.len() as u64 };
                assert_eq!(decode(&bytes), Ok(Some((header, size - payload.len()))));
                assert_eq!(payload, &bytes[size - payload.len()..size]);
                assert_eq!(Header::split_whole(&bytes[..size]), split);
                for end in 0..size {
                    assert_eq!(Header::split_whole(&bytes[..end]), None);
                }
            }
        }
    }

    #[test]
    fn a_whole_frame_is_its_header_and_the_payload_masked_byte_by_byte() {
        let (key, payload) = ([0x12, 0x34, 0x56, 0x78], [0x5a, 0x01, 0xff].repeat(100));
        for length in 0..=payload.len() {
            let payload = &payload[..length];
            let mut expected = WriteBuffer::from(vec![7]);
            Header { fin: true, rsv1: false, opcode: Opcode::Text, length: length as u64 }.encode(key, &mut expected);
            let mut expected = expected.bytes().to_vec();
            expected.extend(payload.iter().enumerate().map(|(i, byte)| byte ^ key[i % 4]));
            let mut out = WriteBuffer::from(vec![7]);
            Header::append_whole(Opcode::Text, key, payload, &mut out);
            assert_eq!(out.bytes(), expected, "{length}");
        }
    }

    proptest! {
        #[test]
        fn masking_in_pieces_is_masking_byte_by_byte(
            payload in prop::collection::vec(any::<u8>(), 0..10_000),
            key: [u8; 4],
            cuts in prop::collection::vec(0..10_000_usize, 0..5),
        ) {
            let expected: Vec<u8> = payload.iter().enumerate().map(|(i, byte)| byte ^ key[i % 4]).collect();
            let (mut mask, mut out, mut rest) = (Mask::new(key), WriteBuffer::default(), &payload[..]);
            for cut in cuts {
                let (piece, after) = rest.split_at(cut.min(rest.len()));
                mask.append(piece, &mut out);
                rest = after;
            }
            mask.append(rest, &mut out);
            prop_assert_eq!(out.bytes(), expected);
        }
    }
}
