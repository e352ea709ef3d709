//! The compressor of a send queue: a deflater, and the policy that decides for what it is used.

use crate::deflate::Deflater;
use crate::frame::Opcode;
use crate::send::compression_policy::CompressionPolicy;

/// A compressor of messages, whole or in fragments.
#[derive(Debug)]
pub(crate) struct Compressor {
    deflater: Deflater,
    policy: CompressionPolicy,
}

/// A fragment of a message.
pub(crate) struct Fragment<'a> {
    /// The opcode of the message.
    pub(crate) opcode: Opcode,
    pub(crate) payload: &'a [u8],
    /// Whether it is the first one of its message.
    pub(crate) first: bool,
    /// Whether it is the last one of its message.
    pub(crate) last: bool,
}

impl Compressor {
    /// Creates a compressor for messages of at least `min_size` bytes.
    pub(crate) fn new(deflater: Deflater, min_size: usize) -> Self {
        let policy = CompressionPolicy::new(min_size, deflater.reach());
        Self { deflater, policy }
    }

    /// Returns whether to compress a message. `first` is its first fragment.
    pub(crate) fn accepts(&mut self, opcode: Opcode, first: &[u8]) -> bool {
        self.policy.accepts(opcode, first)
    }

    /// Compresses a whole message; returns `None` if it is better sent uncompressed.
    pub(crate) fn compress(&mut self, opcode: Opcode, payload: &[u8]) -> Option<&[u8]> {
        if !self.accepts(opcode, payload) {
            return None;
        }
        self.deflater.deflate(payload, true);
        let sends = self.check_size(&Fragment { opcode, payload, first: true, last: true });
        if sends { Some(self.deflater.deflated()) } else { None }
    }

    /// Compresses the next part of a fragment.
    pub(crate) fn push_part(&mut self, opcode: Opcode, part: &[u8]) {
        if self.policy.skips(opcode, part) {
            self.deflater.store(part);
        } else {
            self.deflater.deflate(part, false);
        }
    }

    /// Ends a fragment after all of its parts; returns `false` if the message is better sent uncompressed.
    ///
    /// Only the first fragment decides about the message, because its header says that the message is compressed. Later ones
    /// that did not get smaller are sent in blocks without compression.
    pub(crate) fn end_fragment(&mut self, fragment: &Fragment<'_>) -> bool {
        if fragment.last {
            self.deflater.end();
        } else {
            self.deflater.flush();
        }
        if fragment.first {
            return self.check_size(fragment);
        }
        self.limit_growth(fragment);
        true
    }

    /// Returns the compressed bytes since the last [`clear`](Self::clear).
    pub(crate) fn compressed(&self) -> &[u8] {
        self.deflater.deflated()
    }

    /// Removes the compressed bytes.
    pub(crate) const fn clear(&mut self) {
        self.deflater.clear();
    }

    /// Returns whether there is memory that [`release_memory`](Self::release_memory) releases.
    pub(crate) fn has_spare_memory(&self) -> bool {
        self.deflater.has_spare_memory()
    }

    /// Releases all memory. Must only be called between messages.
    pub(crate) fn release_memory(&mut self) {
        self.deflater.release_memory();
    }

    /// Returns whether to send a first fragment compressed, and discards the compressed bytes otherwise.
    ///
    /// The deflater has seen bytes then that the peer's inflater will not see, so it begins anew.
    fn check_size(&mut self, fragment: &Fragment<'_>) -> bool {
        let size = self.deflater.deflated().len();
        let sends = self.policy.on_compressed(fragment.opcode, fragment.payload, size);
        if sends {
            self.limit_growth(fragment);
        } else {
            self.deflater.discard();
        }
        sends
    }

    /// Replaces a fragment that has grown by blocks without compression.
    fn limit_growth(&mut self, fragment: &Fragment<'_>) {
        if self.deflater.deflated().len() > fragment.payload.len() {
            self.deflater.replace_by_stored(fragment.payload, fragment.last);
        }
    }
}
