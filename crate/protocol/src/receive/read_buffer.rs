//! The read buffer: bytes of the stream that were not decoded.

use bytes::BufMut;
use bytes::buf::Limit;

/// A read buffer that grows while reads fill it, and that is never zeroed.
#[derive(Debug, Default)]
pub(crate) struct ReadBuffer {
    bytes: Vec<u8>,
    /// The start of the bytes that were not decoded.
    start: usize,
    /// The size of the next read.
    size: usize,
    /// The length of `bytes` after a read that fills its whole room.
    full: usize,
}

/// The size of a read on a connection that receives little. Arbitrary.
const MIN_READ: usize = 4 << 10;

/// The largest size of a read, except within the head of a response. Arbitrary.
///
/// Larger reads make the peer wait longer for room, and the bytes have left the processor's nearest caches when they are decoded.
const MAX_READ: usize = 64 << 10;

/// The alignment of the address that large reads are stored to.
///
/// The kernel mostly copies whole pages. Some processors copy several times more slowly to an address a few bytes after the
/// start of a page, which is where allocators place large buffers.
const PAGE: usize = 4 << 10;

impl ReadBuffer {
    /// Returns the bytes that were not decoded.
    #[inline]
    pub(crate) fn rest(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    /// Returns whether all bytes were decoded.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.start == self.bytes.len()
    }

    /// Removes the first `bytes` bytes.
    #[inline]
    pub(crate) fn consume(&mut self, bytes: usize) {
        self.start = self.bytes.len().min(self.start + bytes);
    }

    /// Removes all bytes.
    pub(crate) fn clear(&mut self) {
        self.start = self.bytes.len();
    }

    /// Returns the buffer for the next read, with room for at least the `missing` bytes of a frame.
    pub(crate) fn room(&mut self, missing: usize) -> Limit<&mut Vec<u8>> {
        // A read that filled all its room indicates that more bytes follow.
        let full = self.full > 0 && self.bytes.len() >= self.full;
        self.size = if full { self.size * 4 } else { self.size }.clamp(MIN_READ, MAX_READ);
        let rest = self.bytes.len() - self.start;
        // Large reads keep their size even if bytes are left over. Otherwise those bytes could fill most of the buffer and be
        // moved again and again.
        let less = if self.size > MIN_READ { 0 } else { rest };
        let room = self.size.saturating_sub(less).max(MIN_READ / 2).max(missing);
        let page = if self.size > MIN_READ { PAGE } else { 1 };
        if self.bytes.capacity() < rest + room + page - 1 {
            self.move_to(rest);
            self.bytes.reserve_exact(room + page - 1);
        }
        let behind = self.bytes.as_ptr().addr() + rest;
        self.move_to(rest + behind.next_multiple_of(page) - behind);
        self.full = self.bytes.len() + room;
        (&mut self.bytes).limit(room)
    }

    /// Makes the next read small. Later reads grow again if they fill their room.
    pub(crate) const fn expect_small_reads(&mut self) {
        (self.size, self.full) = (MIN_READ, 0);
    }

    /// Moves the bytes within the buffer so that they end at `end`.
    fn move_to(&mut self, end: usize) {
        let len = self.bytes.len();
        let start = end - (len - self.start);
        if len < end {
            self.bytes.resize(end, 0);
        }
        self.bytes.copy_within(self.start..len, start);
        self.bytes.truncate(end);
        self.start = start;
    }

    /// Appends bytes from another buffer.
    pub(crate) fn extend(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.start);
        (self.start, self.full) = (0, 0);
        self.bytes.extend_from_slice(bytes);
    }

    /// Uses `lend` for memory, if there is none. Its content does not matter.
    pub(crate) fn lend_memory(&mut self, lend: impl FnOnce() -> Vec<u8>) {
        if self.bytes.capacity() == 0 {
            self.bytes = lend();
            self.bytes.clear();
        }
    }

    /// Takes the memory, if it is for small reads and all bytes were decoded.
    ///
    /// Memory for large reads stays, because more of them are likely to follow.
    pub(crate) fn take_memory(&mut self) -> Option<Vec<u8>> {
        if !self.is_empty() || !(1..=MIN_READ).contains(&self.bytes.capacity()) {
            return None;
        }
        (self.start, self.full) = (0, 0);
        let mut memory = std::mem::take(&mut self.bytes);
        memory.clear();
        Some(memory)
    }

    /// Releases all memory except that of the bytes that were not decoded.
    pub(crate) fn release_memory(&mut self) {
        *self = Self { bytes: self.rest().to_vec(), ..Self::default() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Simulates a read that fills all its room, and returns its size.
    fn fill(read_buffer: &mut ReadBuffer) -> usize {
        let mut buffer = read_buffer.room(0);
        let room = buffer.remaining_mut();
        buffer.put_bytes(7, room);
        room
    }

    #[test]
    fn buffer_grows_with_full_reads_and_is_released() {
        let mut read_buffer = ReadBuffer::default();
        let sizes: Vec<_> = (0..5)
            .map(|_| {
                let room = fill(&mut read_buffer);
                read_buffer.clear();
                room
            })
            .collect();
        assert_eq!(sizes, [4 << 10, 16 << 10, 64 << 10, 64 << 10, 64 << 10]);
        read_buffer.release_memory();
        assert_eq!(read_buffer.bytes.capacity(), 0);
        read_buffer.room(0).put_u8(1);
        read_buffer.clear();
        assert_eq!((read_buffer.room(0).remaining_mut(), read_buffer.bytes.capacity()), (MIN_READ, MIN_READ));
    }

    #[test]
    fn memory_of_small_reads_is_taken_once_all_is_decoded() {
        let mut read_buffer = ReadBuffer::default();
        assert_eq!(read_buffer.take_memory(), None);
        read_buffer.room(0).put_slice(b"left");
        assert_eq!(read_buffer.take_memory(), None);
        assert_eq!(read_buffer.rest(), b"left");
        read_buffer.clear();
        let memory = read_buffer.take_memory().unwrap();
        assert_eq!((memory.len(), memory.capacity()), (0, MIN_READ));
        assert_eq!((read_buffer.rest(), read_buffer.bytes.capacity()), (&b""[..], 0));

        let address = memory.as_ptr();
        read_buffer.lend_memory(|| memory);
        read_buffer.lend_memory(|| panic!("there is memory"));
        read_buffer.room(0).put_slice(b"next");
        assert_eq!((read_buffer.rest(), read_buffer.bytes.as_ptr()), (&b"next"[..], address));
        read_buffer.clear();

        assert_eq!((fill(&mut read_buffer), fill(&mut read_buffer)), (MIN_READ, 4 * MIN_READ));
        read_buffer.clear();
        assert_eq!(read_buffer.take_memory(), None);
        assert_eq!(fill(&mut read_buffer), MAX_READ);
    }

    #[test]
    fn large_read_starts_at_a_page_boundary() {
        let mut read_buffer = ReadBuffer::default();
        fill(&mut read_buffer);
        read_buffer.clear();
        for left in [0, 1, 13, 130, 4095, 4096, 5000] {
            let mut buffer = read_buffer.room(0);
            let room = buffer.remaining_mut();
            let bytes = buffer.get_ref();
            assert!(bytes.as_ptr().addr().wrapping_add(bytes.len()) % PAGE == 0);
            for i in 0..room {
                buffer.put_u8(u8::try_from(i % 251).unwrap());
            }
            let expected = read_buffer.rest()[read_buffer.rest().len() - left..].to_vec();
            read_buffer.consume(read_buffer.rest().len() - left);
            read_buffer.room(0);
            assert_eq!(read_buffer.rest(), expected);
        }
    }

    #[test]
    fn expect_small_reads_shrinks_only_the_next_read() {
        let mut read_buffer = ReadBuffer::default();
        for _ in 0..3 {
            fill(&mut read_buffer);
            read_buffer.clear();
        }
        read_buffer.expect_small_reads();
        for wanted in [4 << 10, 16 << 10, 64 << 10] {
            assert_eq!(fill(&mut read_buffer), wanted);
            read_buffer.clear();
        }
    }

    #[test]
    fn room_follows_the_bytes_that_are_left() {
        let mut read_buffer = ReadBuffer::default();
        for _ in 0..100 {
            assert!(fill(&mut read_buffer) >= MIN_READ / 2);
        }
        read_buffer.consume(10);
        read_buffer.extend(b"x");
        assert_eq!(read_buffer.rest().last(), Some(&b'x'));
    }
}
