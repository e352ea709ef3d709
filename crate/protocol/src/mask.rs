//! Masking of the payloads that the client sends, and the masking keys.
//!
//! See [RFC 6455, section 5.3](https://www.rfc-editor.org/rfc/rfc6455#section-5.3).

use std::fmt;
use std::mem;

use crate::send::write_buffer::WriteBuffer;

/// The masking of one payload, in one or several pieces.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mask {
    /// The key, rotated so that its first byte applies to the next byte of the payload.
    key: [u8; 4],
}

impl Mask {
    /// Begins a payload that is masked by `key`.
    pub(crate) const fn new(key: [u8; 4]) -> Self {
        Self { key }
    }

    /// Appends the next bytes of the payload, masked.
    #[inline]
    pub(crate) fn append(&mut self, payload: &[u8], out: &mut WriteBuffer) {
        let key = u32::from_ne_bytes(self.key);
        // Masking while copying avoids a second pass over the bytes. It also avoids `memcpy`, which some processors run slowly
        // between addresses that are nearly equal modulo a page, as they often are here.
        let masked = out.append(payload.len());
        let whole = payload.len() - payload.len() % 4;
        let (words, rest) = payload.split_at(whole);
        let (masked_words, masked_rest) = masked.split_at_mut(whole);
        for (masked, word) in masked_words.chunks_exact_mut(4).zip(words.chunks_exact(4)) {
            // The length is known here, so that the compiler removes this test.
            let Ok(word) = word.try_into() else { continue };
            masked.copy_from_slice(&(u32::from_ne_bytes(word) ^ key).to_ne_bytes());
        }
        for ((masked, byte), key) in masked_rest.iter_mut().zip(rest).zip(self.key) {
            *masked = byte ^ key;
        }
        self.key.rotate_left(rest.len());
    }
}

/// Writes a short payload, masked, into memory of the same length.
#[inline]
pub(crate) fn mask_short(mut payload: &[u8], key: [u8; 4], mut masked: &mut [u8]) {
    let word = u32::from_ne_bytes(key);
    // The key four times, for either byte order.
    let wide = u128::from(word) * 0x0000_0001_0000_0001_0000_0001_0000_0001;
    // Avoid iterators over chunks: without link-time optimisation, their calls cost more than the masking.
    while let Some((block, rest)) = payload.split_first_chunk() {
        let Some((out, masked_rest)) = mem::take(&mut masked).split_first_chunk_mut() else { return };
        *out = (u128::from_ne_bytes(*block) ^ wide).to_ne_bytes();
        (payload, masked) = (rest, masked_rest);
    }
    while let Some((bytes, rest)) = payload.split_first_chunk() {
        let Some((out, masked_rest)) = mem::take(&mut masked).split_first_chunk_mut() else { return };
        *out = (u32::from_ne_bytes(*bytes) ^ word).to_ne_bytes();
        (payload, masked) = (rest, masked_rest);
    }
    for ((masked, byte), key) in masked.iter_mut().zip(payload).zip(key) {
        *masked = byte ^ key;
    }
}

/// A function that fills a slice with unpredictable bytes, from a cryptographic random number generator.
///
/// It supplies the nonce of the opening handshake and the masking keys; see
/// [RFC 6455, section 10.3](https://www.rfc-editor.org/rfc/rfc6455#section-10.3).
pub type Entropy = Box<dyn FnMut(&mut [u8]) + Send>;

/// A source of masking keys, which are generated in blocks.
pub(crate) struct MaskingKeys {
    entropy: Entropy,
    block: [[u8; 4]; 64],
    left: usize,
}

impl MaskingKeys {
    /// Creates a source that reads from `entropy` when a key is needed.
    pub(crate) fn new(entropy: Entropy) -> Self {
        Self { entropy, block: [[0; 4]; 64], left: 0 }
    }

    /// Returns 16 random bytes for the nonce of the opening handshake.
    pub(crate) fn nonce(&mut self) -> [u8; 16] {
        let mut nonce = [0; 16];
        (self.entropy)(&mut nonce);
        nonce
    }

    /// Returns a new key.
    #[inline]
    pub(crate) fn next_key(&mut self) -> [u8; 4] {
        if self.left == 0 {
            self.refill();
        }
        self.left -= 1;
        std::mem::take(&mut self.block[self.left])
    }

    #[cold]
    fn refill(&mut self) {
        (self.entropy)(self.block.as_flattened_mut());
        self.left = self.block.len();
    }
}

impl fmt::Debug for MaskingKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MaskingKeys")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn mask_in_pieces_equals_bytewise_xor(
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
