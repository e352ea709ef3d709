//! The number of payload bytes that the stream has not accepted, and the mapping from written bytes to payload bytes.

use std::collections::VecDeque;

/// A counter of the payload bytes that were sent by the user and not yet accepted by the stream.
#[derive(Debug, Default)]
pub(crate) struct BufferedAmount {
    /// The payload bytes that the stream has not accepted.
    bytes: u64,
    /// The bytes that the stream has accepted since the connection began, headers included.
    written: u64,
    /// The payloads, or parts of payloads, in the write buffer, in order.
    parts: VecDeque<Part>,
    /// The payload bytes of all parts.
    part_bytes: u64,
}

/// The memory of an empty list of parts.
#[derive(Debug, Default)]
pub(crate) struct PartList(VecDeque<Part>);

/// A payload, or a part of one, in the write buffer.
#[derive(Debug)]
struct Part {
    /// The offset of its end, in bytes since the connection began.
    end: u64,
    counted: CountedBytes,
}

/// The payload bytes of a part that still count, and in the top bit whether the part is compressed.
///
/// Two words are passed in registers. Three words went through memory and were read while still being written, which took a
/// fifth of the time of a short message in a program compiled for size.
#[derive(Clone, Copy, Debug)]
struct CountedBytes(u32);

impl CountedBytes {
    const COMPRESSED: u32 = 1 << 31;

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "a part has at most 1 MiB")]
    const fn new(payload: usize, compressed: bool) -> Self {
        Self(payload as u32 | if compressed { Self::COMPRESSED } else { 0 })
    }

    const fn bytes(self) -> u64 {
        (self.0 & !Self::COMPRESSED) as u64
    }

    /// Returns the bytes that count while the last `missing` bytes of the part are not written.
    ///
    /// A compressed part counts until its end, because its written bytes are not payload bytes.
    #[expect(clippy::cast_possible_truncation, reason = "it is less than the bytes of the part")]
    const fn remaining(self, missing: u64) -> Self {
        let compressed = self.0 & Self::COMPRESSED != 0;
        if missing >= self.bytes() || compressed && missing > 0 { self } else { Self(missing as u32) }
    }
}

impl BufferedAmount {
    /// Returns the payload bytes that the stream has not accepted.
    pub(crate) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Returns the number of parts in the write buffer.
    pub(crate) fn parts(&self) -> usize {
        self.parts.len()
    }

    /// Counts a payload that the user has sent.
    pub(crate) const fn add(&mut self, payload: usize) {
        self.bytes = self.bytes.saturating_add(payload as u64);
    }

    /// Records that the last bytes of the write buffer, which now holds `ready` bytes, belong to `payload` counted bytes.
    #[inline]
    pub(crate) fn push_part(&mut self, payload: usize, compressed: bool, ready: usize) {
        self.part_bytes += payload as u64;
        let end = self.written + ready as u64;
        self.parts.push_back(Part { end, counted: CountedBytes::new(payload, compressed) });
    }

    /// Records that the stream has accepted `bytes` of the write buffer, and whether that was all of it.
    pub(crate) fn advance(&mut self, bytes: usize, all: bool) {
        self.written += bytes as u64;
        if all {
            // The most frequent case does not visit each part.
            self.bytes -= std::mem::take(&mut self.part_bytes);
            self.parts.clear();
            return;
        }
        while let Some(part) = self.parts.front_mut() {
            let missing = part.end.saturating_sub(self.written);
            let remaining = part.counted.remaining(missing);
            let gone = part.counted.bytes() - remaining.bytes();
            self.bytes -= gone;
            self.part_bytes -= gone;
            part.counted = remaining;
            if missing > 0 {
                break;
            }
            self.parts.pop_front();
        }
    }

    /// Forgets the parts, which will not be written. Their bytes count for ever.
    pub(crate) fn drop_parts(&mut self) {
        (self.parts, self.part_bytes) = (VecDeque::new(), 0);
    }

    /// Returns the number of parts for which there is memory.
    pub(crate) fn capacity(&self) -> usize {
        self.parts.capacity()
    }

    /// Takes the memory of the list of parts, if it is empty.
    pub(crate) fn take_memory(&mut self) -> PartList {
        if self.parts.is_empty() { PartList(std::mem::take(&mut self.parts)) } else { PartList::default() }
    }

    /// Uses this memory for the list of parts, if it has none.
    pub(crate) fn set_memory(&mut self, PartList(parts): PartList) {
        if self.parts.capacity() == 0 {
            self.parts = parts;
        }
    }
}
