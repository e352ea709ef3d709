//! permessage-deflate (RFC 7692), as far as a test server needs it.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

/// What ends a compressed message and is left out on the wire.
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// The longest message that is inflated, in bytes.
const LONGEST: usize = 1 << 28;

/// Inflates the client's messages.
#[derive(Debug)]
pub(crate) struct Inflater {
    decompress: Decompress,
    context_takeover: bool,
}

impl Inflater {
    pub(crate) fn new(context_takeover: bool) -> Self {
        Self { decompress: Decompress::new(false), context_takeover }
    }

    /// Inflates one message; `None` if it is not one, or too long.
    pub(crate) fn inflate(&mut self, payload: &[u8]) -> Option<Vec<u8>> {
        if !self.context_takeover {
            self.decompress.reset(false);
        }
        let start = self.decompress.total_in();
        let input = [payload, &TAIL].concat();
        let mut output = Vec::with_capacity(payload.len().saturating_mul(4).min(LONGEST) + 64);
        loop {
            let before = (self.decompress.total_in(), self.decompress.total_out());
            let used = usize::try_from(before.0 - start).ok()?;
            let status = self.decompress.decompress_vec(input.get(used..)?, &mut output, FlushDecompress::Sync).ok()?;
            if status == Status::StreamEnd {
                self.decompress.reset(false);
                return Some(output);
            }
            if output.len() > LONGEST {
                return None;
            }
            let after = (self.decompress.total_in(), self.decompress.total_out());
            if output.len() == output.capacity() {
                output.reserve(output.capacity());
            } else if after == before {
                return Some(output);
            }
        }
    }
}

/// Compresses one message, without reference to an earlier one.
pub(crate) fn compress(payload: &[u8]) -> Vec<u8> {
    let mut compress = Compress::new(Compression::fast(), false);
    let mut output = Vec::with_capacity(payload.len() + payload.len() / 8 + 64);
    loop {
        let used = usize::try_from(compress.total_in()).unwrap_or(usize::MAX);
        let rest = payload.get(used..).unwrap_or_default();
        // Compressing into a vector with room does not fail.
        let _ = compress.compress_vec(rest, &mut output, FlushCompress::Sync);
        if output.len() < output.capacity() && compress.total_in() == payload.len() as u64 {
            break;
        }
        output.reserve(output.capacity());
    }
    if output.ends_with(&TAIL) {
        output.truncate(output.len() - TAIL.len());
    }
    output
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_compressed_can_be_inflated_again_and_again() {
        let mut inflater = Inflater::new(false);
        let noise: Vec<u8> = (0..100_000_u32).flat_map(|i| i.wrapping_mul(2_654_435_761).to_be_bytes()).collect();
        let long = vec![b'a'; 100_000];
        for message in [&b""[..], b"hello", &long, &noise, b"hello"] {
            assert_eq!(inflater.inflate(&compress(message)).as_deref(), Some(message));
        }
    }

    #[test]
    fn noise_is_not_inflated() {
        assert_eq!(Inflater::new(false).inflate(b"\xff\xff\xff"), None);
    }

    #[test]
    fn a_context_is_kept_only_on_request() {
        // RFC 7692, section 7.2.3.2: the second `Hello` refers to the first.
        let (first, second) = (b"\xf2\x48\xcd\xc9\xc9\x07\x00", b"\xf2\x00\x11\x00\x00");
        let mut keeping = Inflater::new(true);
        assert_eq!(keeping.inflate(first).as_deref(), Some(&b"Hello"[..]));
        assert_eq!(keeping.inflate(second).as_deref(), Some(&b"Hello"[..]));
        let mut forgetting = Inflater::new(false);
        assert_eq!(forgetting.inflate(first).as_deref(), Some(&b"Hello"[..]));
        assert_ne!(forgetting.inflate(second).as_deref(), Some(&b"Hello"[..]));
    }
}
