//! UTF-8 validation of text that arrives in pieces.
//!
//! See [RFC 6455, section 8.1](https://www.rfc-editor.org/rfc/rfc6455#section-8.1).

use crate::error::Failure;

/// The text of an incomplete message.
///
/// Each piece is validated when it arrives, and copied once. The start of a code point that continues in the next piece is
/// kept aside: at most three bytes.
#[derive(Debug, Default)]
pub(crate) struct Text {
    /// The validated text.
    valid: String,
    /// The start of a code point.
    partial: [u8; 4],
    /// The length of `partial` in use.
    partial_len: usize,
}

impl Text {
    /// Returns the number of bytes that were pushed.
    pub(crate) fn len(&self) -> usize {
        self.valid.len() + self.partial_len
    }

    /// Returns the capacity in bytes that pushed bytes do not need.
    pub(crate) fn room(&self) -> usize {
        self.capacity().saturating_sub(self.len())
    }

    /// Returns the number of bytes for which there is memory.
    pub(crate) fn capacity(&self) -> usize {
        self.valid.capacity()
    }

    /// Reserves memory for exactly `bytes` more bytes.
    pub(crate) fn reserve_exact(&mut self, bytes: usize) {
        self.valid.reserve_exact(self.partial_len + bytes);
    }

    /// Appends the next piece. Fails at the first byte that no valid text can contain there.
    pub(crate) fn push(&mut self, mut piece: &[u8]) -> Result<(), Failure> {
        while self.partial_len > 0 {
            let Some((&next, rest)) = piece.split_first() else { return Ok(()) };
            self.partial[self.partial_len] = next;
            self.partial_len += 1;
            piece = rest;
            match std::str::from_utf8(&self.partial[..self.partial_len]) {
                Ok(character) => {
                    self.valid.push_str(character);
                    self.partial_len = 0;
                }
                // With four bytes a code point is complete or invalid, so that `partial` never overflows.
                Err(error) if error.error_len().is_some() => return Err(self.invalid_after(0)),
                Err(_) => {}
            }
        }
        let (whole, rest) = piece.split_at(piece.len() - incomplete_suffix(piece));
        match simdutf8::basic::from_utf8(whole) {
            Ok(text) => self.valid.push_str(text),
            Err(_) => return Err(self.invalid_after(valid_up_to(whole))),
        }
        if std::str::from_utf8(rest).is_err_and(|error| error.error_len().is_some()) {
            return Err(self.invalid_after(0));
        }
        self.partial[..rest.len()].copy_from_slice(rest);
        self.partial_len = rest.len();
        Ok(())
    }

    /// Returns the text. Fails if it ends within a code point.
    pub(crate) fn finish(self) -> Result<String, Failure> {
        if self.partial_len > 0 { Err(self.invalid_after(0)) } else { Ok(self.valid) }
    }

    fn invalid_after(&self, bytes: usize) -> Failure {
        Failure::InvalidText { position: (self.valid.len() + bytes) as u64 }
    }
}

/// Validates a complete text.
pub(crate) fn check(bytes: &[u8]) -> Result<&str, Failure> {
    simdutf8::basic::from_utf8(bytes).map_err(|_| Failure::InvalidText { position: valid_up_to(bytes) as u64 })
}

/// Returns the offset of the first invalid byte, which the fast validation does not report.
fn valid_up_to(bytes: &[u8]) -> usize {
    simdutf8::compat::from_utf8(bytes).map_or_else(|error| error.valid_up_to(), str::len)
}

/// Returns the number of bytes at the end that may be the start of a code point that continues in the next piece.
fn incomplete_suffix(piece: &[u8]) -> usize {
    let last = piece.iter().rev().zip(1..=3).find(|&(byte, _)| byte & 0xc0 != 0x80);
    match last {
        Some((0xc0..=0xdf, count @ 1) | (0xe0..=0xef, count @ 1..=2) | (0xf0.., count)) => count,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pushed(pieces: &[&[u8]]) -> Result<String, Failure> {
        let mut text = Text::default();
        for piece in pieces {
            text.push(piece)?;
        }
        text.finish()
    }

    #[test]
    fn code_point_may_be_cut_anywhere() {
        let text = "aé€😀z";
        for first in 0..=text.len() {
            for second in first..=text.len() {
                let bytes = text.as_bytes();
                let pieces = [&bytes[..first], &bytes[first..second], &[], &bytes[second..]];
                assert_eq!(pushed(&pieces).as_deref(), Ok(text));
            }
        }
    }

    #[test]
    fn invalid_byte_fails_at_once_and_cut_one_at_the_end() {
        for (bytes, position) in [
            (&b"ab\x80"[..], 2),
            (b"\xc0", 0),
            (b"a\xed\xa0", 1),
            (b"\xf4\x90", 0),
            (b"\xe2\x82\x28", 0),
            (b"\xf8", 0),
            (b"\xf0\x9f\x98\xff", 0),
        ] {
            let failure = Failure::InvalidText { position };
            assert_eq!(Text::default().push(bytes), Err(failure.clone()), "{bytes:x?}");
            let mut text = Text::default();
            let (last, before) = bytes.split_last().unwrap();
            for byte in before {
                assert_eq!(text.push(&[*byte]), Ok(()));
            }
            assert_eq!(text.push(&[*last]), Err(failure), "{bytes:x?}");
        }
        for bytes in [&b"a\xc3"[..], b"a\xe2\x82", b"a\xf0\x9f\x98"] {
            assert_eq!(pushed(&[bytes]), Err(Failure::InvalidText { position: 1 }));
            assert_eq!(check(bytes), Err(Failure::InvalidText { position: 1 }));
        }
    }

    #[test]
    fn byte_order_mark_is_kept() {
        assert_eq!(pushed(&[b"\xef\xbb", b"\xbfa"]).as_deref(), Ok("\u{feff}a"));
    }

    proptest! {
        #[test]
        fn pieces_are_validated_like_the_whole_text(
            bytes in prop_oneof![
                prop::collection::vec(any::<u8>(), 0..40),
                ".{0,200}".prop_map(String::into_bytes),
            ],
            size in 1..20_usize,
        ) {
            let pieces: Vec<&[u8]> = bytes.chunks(size).collect();
            let expected = std::str::from_utf8(&bytes)
                .map(str::to_owned)
                .map_err(|error| Failure::InvalidText { position: error.valid_up_to() as u64 });
            prop_assert_eq!(check(&bytes).map(str::to_owned), expected.clone());
            prop_assert_eq!(pushed(&pieces), expected);
        }
    }
}
