//! Frame headers: decoding those of the server, encoding those of the client.
//!
//! See [RFC 6455, section 5.2](https://www.rfc-editor.org/rfc/rfc6455#section-5.2).

use crate::error::Failure;
use crate::mask::{Mask, mask_short};
use crate::send::write_buffer::WriteBuffer;

/// The opcode of a frame.
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

    /// Returns the four bits of the opcode.
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

    /// Returns whether a frame with this opcode is a control frame.
    pub(crate) const fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }
}

/// The header of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// Whether the frame is the last of its message.
    pub(crate) fin: bool,
    /// Whether the message is compressed. Set on its first frame only.
    pub(crate) rsv1: bool,
    /// The opcode.
    pub(crate) opcode: Opcode,
    /// The length of the payload in bytes, at most 63 bits.
    pub(crate) length: u64,
}

/// The greatest length of a control frame's payload, by [RFC 6455, section 5.5](https://www.rfc-editor.org/rfc/rfc6455#section-5.5).
pub(crate) const MAX_CONTROL: usize = 125;

const FIN: u8 = 0x80;
const RSV1: u8 = 0x40;
const RESERVED: u8 = 0x70;
const MASKED: u8 = 0x80;

/// The first byte of an uncompressed text message in one frame.
const FIN_TEXT: u8 = FIN | Opcode::Text.bits();
/// The first byte of an uncompressed binary message in one frame.
const FIN_BINARY: u8 = FIN | Opcode::Binary.bits();

/// The length byte before a 16-bit length.
const LENGTH_16: u8 = 0x7e;

/// The length byte before a 64-bit length.
const LENGTH_64: u8 = 0x7f;

impl Header {
    /// Decodes the header of a server's frame, and returns it with its size. Returns `None` if `bytes` end within it.
    ///
    /// An error is returned as soon as the bytes show it. `compression` states whether permessage-deflate was negotiated.
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

    /// Splits off a complete message of one frame that is not compressed and has at most 65535 bytes.
    ///
    /// Returns its payload and the size of the frame. Returns `None` for all else, which [`decode`](Self::decode) handles.
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

    /// Appends the header of a client's frame whose payload is masked by `key`.
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

    /// Appends a whole frame of the client: a message that is not compressed, or a control frame.
    #[inline]
    pub(crate) fn append_whole(opcode: Opcode, key: [u8; 4], payload: &[u8], out: &mut WriteBuffer) {
        match u8::try_from(payload.len()) {
            Ok(length) if payload.len() <= SHORT => {
                // The most frequent case reserves its part of the output once.
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

/// The size of a header with a 7-bit length and a key.
const SHORT_HEADER: usize = 6;

/// The greatest 7-bit length of a payload.
const SHORT: usize = 125;

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(bytes: &[u8]) -> Result<Option<(Header, usize)>, Failure> {
        Header::decode(bytes, false)
    }

    #[test]
    fn header_length_uses_its_shortest_form() {
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
    fn header_long_form_or_top_bit_is_refused() {
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
    fn header_first_byte_is_checked_alone() {
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
    fn control_frame_over_125_bytes_is_refused() {
        for opcode in [8, 9, 10] {
            assert!(matches!(decode(&[0x80 | opcode, 125]), Ok(Some(_))));
            for length in [126, 127] {
                assert_eq!(decode(&[0x80 | opcode, length]), Err(Failure::LongControlFrame { opcode }));
            }
        }
    }

    #[test]
    fn split_whole_agrees_with_decode() {
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
    fn append_whole_writes_header_and_masked_payload() {
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
}
