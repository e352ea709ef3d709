//! The part of permessage-deflate (RFC 7692) that a test server needs.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

/// The end of a flushed block, which is left out on the wire ([RFC 7692, section 7.2.1](https://www.rfc-editor.org/rfc/rfc7692#section-7.2.1)).
const FLUSH_MARKER: [u8; 4] = [0, 0, 0xff, 0xff];

/// The largest inflated message, in bytes. Arbitrary.
const MAX_MESSAGE_LEN: usize = 1 << 28;

/// A decompressor for the client's messages.
#[derive(Debug)]
pub(crate) struct Inflater {
    decompress: Decompress,
    context_takeover: bool,
}

impl Inflater {
    pub(crate) fn new(context_takeover: bool) -> Self {
        Self { decompress: Decompress::new(false), context_takeover }
    }

    /// Inflates one message. Returns `None` if the data is invalid or the message is too large.
    pub(crate) fn inflate(&mut self, payload: &[u8]) -> Option<Vec<u8>> {
        if !self.context_takeover {
            self.decompress.reset(false);
        }
        let start = self.decompress.total_in();
        let input = [payload, &FLUSH_MARKER].concat();
        let mut output = Vec::with_capacity(payload.len().saturating_mul(4).min(MAX_MESSAGE_LEN) + 64);
        loop {
            let before = (self.decompress.total_in(), self.decompress.total_out());
            let used = usize::try_from(before.0 - start).ok()?;
            let status = self.decompress.decompress_vec(input.get(used..)?, &mut output, FlushDecompress::Sync).ok()?;
            if status == Status::StreamEnd {
                self.decompress.reset(false);
                return Some(output);
            }
            if output.len() > MAX_MESSAGE_LEN {
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

/// Compresses one message without context takeover.
pub(crate) fn compress(payload: &[u8]) -> Vec<u8> {
    let mut compress = Compress::new(Compression::fast(), false);
    let mut output = Vec::with_capacity(payload.len() + payload.len() / 8 + 64);
    loop {
        let used = usize::try_from(compress.total_in()).unwrap_or(usize::MAX);
        let rest = payload.get(used..).unwrap_or_default();
        // Compressing into a vector with spare capacity cannot fail.
        let _ = compress.compress_vec(rest, &mut output, FlushCompress::Sync);
        if output.len() < output.capacity() && compress.total_in() == payload.len() as u64 {
            break;
        }
        output.reserve(output.capacity());
    }
    if output.ends_with(&FLUSH_MARKER) {
        output.truncate(output.len() - FLUSH_MARKER.len());
    }
    output
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compressed_messages_inflate_to_the_original() {
        let mut inflater = Inflater::new(false);
        let noise: Vec<u8> = (0..100_000_u32).flat_map(|i| i.wrapping_mul(2_654_435_761).to_be_bytes()).collect();
        let long = vec![b'a'; 100_000];
        for message in [&b""[..], b"hello", &long, &noise, b"hello"] {
            assert_eq!(inflater.inflate(&compress(message)).as_deref(), Some(message));
        }
    }

    #[test]
    fn invalid_data_is_not_inflated() {
        assert_eq!(Inflater::new(false).inflate(b"\xff\xff\xff"), None);
    }

    #[test]
    fn context_is_kept_only_with_context_takeover() {
        // RFC 7692, section 7.2.3.2: the second `Hello` refers to the first.
        let (first, second) = (b"\xf2\x48\xcd\xc9\xc9\x07\x00", b"\xf2\x00\x11\x00\x00");
        let mut with_takeover = Inflater::new(true);
        assert_eq!(with_takeover.inflate(first).as_deref(), Some(&b"Hello"[..]));
        assert_eq!(with_takeover.inflate(second).as_deref(), Some(&b"Hello"[..]));
        let mut without_takeover = Inflater::new(false);
        assert_eq!(without_takeover.inflate(first).as_deref(), Some(&b"Hello"[..]));
        assert_ne!(without_takeover.inflate(second).as_deref(), Some(&b"Hello"[..]));
    }
}
