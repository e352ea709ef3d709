//! The read buffer: bytes of the stream that were not decoded.

use std::ops::Range;

use bytes::buf::Limit;
use bytes::{Buf, BufMut, Bytes};

/// A read buffer that grows while reads fill it, and that is never zeroed.
#[derive(Debug, Default)]
pub(crate) struct ReadBuffer {
    bytes: Vec<u8>,
    /// The bytes in place of `bytes`, if received messages share their memory.
    shared: Option<Bytes>,
    /// The start of the bytes that were not decoded.
    start: usize,
    /// The size of the buffer for the next read.
    size: usize,
    /// The number of bytes after a read that fills its whole room.
    full: usize,
}

/// The size of the buffer on a connection that receives little. Arbitrary.
const MIN_SIZE: usize = 4 << 10;

/// The largest size of the buffer, except within the head of a response. Arbitrary, but not a multiple of a page.
///
/// With a larger buffer, the peer waits longer for room, and bytes have left the processor's nearest caches when they are
/// decoded.
///
/// Some processors (AMD Zen 4) copy 16 times more slowly if the target is 1 to 15 bytes further behind the start of a page than
/// the source. The kernel's source advances with the stream, so that after a slow read of whole pages all others are slow, too.
const MAX_SIZE: usize = (128 << 10) - 64;

/// A message that fills one of so many parts of the buffer may share its memory. Arbitrary: it keeps at most 8 times its length.
const SHARES: usize = 8;

/// The least length of a message that may share the memory of the largest buffer.
pub(crate) const MIN_SHARED: usize = MAX_SIZE / SHARES;

impl ReadBuffer {
    /// Returns the bytes that were not decoded.
    #[inline]
    pub(crate) fn rest(&self) -> &[u8] {
        &self.bytes()[self.start..]
    }

    #[inline]
    fn bytes(&self) -> &[u8] {
        self.shared.as_ref().map_or(&self.bytes, |shared| shared)
    }

    /// Returns whether all bytes were decoded.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.start == self.bytes().len()
    }

    /// Removes the first `bytes` bytes.
    #[inline]
    pub(crate) fn consume(&mut self, bytes: usize) {
        self.start = self.bytes().len().min(self.start + bytes);
    }

    /// Returns this part of the rest without copying it, unless it is small compared to the memory that it would keep.
    pub(crate) fn share(&mut self, part: Range<usize>) -> Option<Bytes> {
        let kept = self.bytes.capacity().max(self.bytes().len());
        let shared = (part.len() * SHARES >= kept).then_some(&mut self.shared)?;
        let shared = shared.get_or_insert_with(|| std::mem::take(&mut self.bytes).into());
        Some(shared.slice(self.start + part.start..self.start + part.end))
    }

    /// Removes all bytes.
    pub(crate) fn clear(&mut self) {
        self.start = self.bytes().len();
    }

    /// Returns the buffer for the next read, with room for at least the `missing` bytes of a frame.
    pub(crate) fn room(&mut self, missing: usize) -> Limit<&mut Vec<u8>> {
        // A read that filled all its room indicates that more bytes follow.
        let full = self.full > 0 && self.bytes().len() >= self.full;
        self.size = if full { self.size * 4 } else { self.size }.clamp(MIN_SIZE, MAX_SIZE);
        // If the rest took most of the buffer, it would be moved again and again.
        let room = self.size.saturating_sub(self.rest().len()).max(self.size / 2).max(missing);
        self.move_to_front(room);
        self.full = self.bytes.len() + room;
        (&mut self.bytes).limit(room)
    }

    /// Makes the next read small. Later reads grow again if they fill their room.
    pub(crate) const fn expect_small_reads(&mut self) {
        (self.size, self.full) = (MIN_SIZE, 0);
    }

    /// Moves the rest to the start of memory that has room for `room` more bytes and is not shared.
    fn move_to_front(&mut self, room: usize) {
        match self.shared.take() {
            None => drop(self.bytes.drain(..self.start)),
            Some(mut shared) if shared.is_unique() => {
                shared.advance(self.start);
                self.bytes = shared.into();
            }
            Some(shared) => {
                self.bytes.reserve_exact(shared.len() - self.start + room);
                self.bytes.extend_from_slice(&shared[self.start..]);
            }
        }
        self.start = 0;
        self.bytes.reserve_exact(room);
    }

    /// Appends bytes from another buffer.
    pub(crate) fn extend(&mut self, bytes: &[u8]) {
        self.move_to_front(bytes.len());
        self.full = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// Uses `lend` for memory, if there is none. Its content does not matter.
    pub(crate) fn lend_memory(&mut self, lend: impl FnOnce() -> Vec<u8>) {
        if self.shared.is_none() && self.bytes.capacity() == 0 {
            self.bytes = lend();
            self.bytes.clear();
        }
    }

    /// Takes the memory, if it is for small reads and all bytes were decoded.
    ///
    /// Memory for large reads stays, because more of them are likely to follow.
    pub(crate) fn take_memory(&mut self) -> Option<Vec<u8>> {
        if !self.is_empty() || !(1..=MIN_SIZE).contains(&self.bytes.capacity()) {
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

    impl ReadBuffer {
        /// Simulates a read that fills all its room, and returns its size.
        fn fill(&mut self) -> usize {
            let mut buffer = self.room(0);
            let room = buffer.remaining_mut();
            for i in 0..room {
                buffer.put_u8(u8::try_from(i % 251).unwrap());
            }
            room
        }

        fn clear_and_fill(&mut self) {
            self.clear();
            self.fill();
        }

        fn address(&self) -> *const u8 {
            self.bytes().as_ptr()
        }
    }

    #[test]
    fn buffer_grows_with_full_reads_and_is_released() {
        let mut read_buffer = ReadBuffer::default();
        let sizes: Vec<_> = (0..5)
            .map(|_| {
                let room = read_buffer.fill();
                read_buffer.clear();
                room
            })
            .collect();
        assert_eq!(sizes, [4 << 10, 16 << 10, 64 << 10, MAX_SIZE, MAX_SIZE]);
        read_buffer.release_memory();
        assert_eq!(read_buffer.bytes.capacity(), 0);
        read_buffer.room(0).put_u8(1);
        read_buffer.clear();
        assert_eq!((read_buffer.room(0).remaining_mut(), read_buffer.bytes.capacity()), (MIN_SIZE, MIN_SIZE));
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
        assert_eq!((memory.len(), memory.capacity()), (0, MIN_SIZE));
        assert_eq!((read_buffer.rest(), read_buffer.bytes.capacity()), (&b""[..], 0));

        let address = memory.as_ptr();
        read_buffer.lend_memory(|| memory);
        read_buffer.lend_memory(|| panic!("there is memory"));
        read_buffer.room(0).put_slice(b"next");
        assert_eq!((read_buffer.rest(), read_buffer.bytes.as_ptr()), (&b"next"[..], address));
        read_buffer.clear();

        assert_eq!(read_buffer.fill(), MIN_SIZE);
        read_buffer.clear();
        assert_eq!(read_buffer.fill(), 4 * MIN_SIZE);
        read_buffer.clear();
        assert_eq!(read_buffer.take_memory(), None);
        assert_eq!(read_buffer.fill(), 16 * MIN_SIZE);
    }

    #[test]
    fn rest_is_kept_whatever_is_left() {
        let mut read_buffer = ReadBuffer::default();
        for left in [0, 1, 13, 4095, 4096, 5000, MAX_SIZE / 2 + 1] {
            (0..4).for_each(|_| read_buffer.clear_and_fill());
            let rest = read_buffer.rest();
            let expected = rest[rest.len() - left..].to_vec();
            read_buffer.consume(read_buffer.rest().len() - left);
            assert!(read_buffer.room(0).remaining_mut() >= MAX_SIZE / 2);
            assert!(read_buffer.rest() == expected);
        }
    }

    #[test]
    fn part_is_shared_if_it_is_not_small() {
        let mut read_buffer = ReadBuffer::default();
        (0..4).for_each(|_| read_buffer.clear_and_fill());
        let expected = read_buffer.rest().to_vec();
        let address = read_buffer.address();
        assert_eq!(read_buffer.share(0..MIN_SHARED - 1), None);
        let first = read_buffer.share(4..4 + MIN_SHARED).unwrap();
        read_buffer.consume(4 + MIN_SHARED);
        let second = read_buffer.share(2..2 + MIN_SHARED).unwrap();
        read_buffer.consume(2 + MIN_SHARED);
        let (first_end, start) = (4 + MIN_SHARED, 6 + 2 * MIN_SHARED);
        assert!((&first[..], &second[..]) == (&expected[4..first_end], &expected[first_end + 2..start]));
        assert!((first.as_ptr(), read_buffer.rest()) == (address.wrapping_add(4), &expected[start..]));

        // What others have is not written to.
        read_buffer.fill();
        assert!(read_buffer.rest()[..expected.len() - start] == expected[start..]);
        assert!(first == expected[4..first_end] && read_buffer.address() != address);
    }

    #[test]
    fn memory_is_used_again_once_nobody_shares_it() {
        let mut read_buffer = ReadBuffer::default();
        (0..4).for_each(|_| read_buffer.clear_and_fill());
        let address = read_buffer.address();
        for left in [100, 0] {
            drop(read_buffer.share(0..MIN_SHARED));
            let expected = read_buffer.rest()[read_buffer.rest().len() - left..].to_vec();
            read_buffer.consume(read_buffer.rest().len() - left);
            read_buffer.room(0);
            assert!((read_buffer.rest(), read_buffer.address()) == (&expected[..], address));
            read_buffer.fill();
        }
    }

    #[test]
    fn shared_memory_is_neither_taken_nor_replaced() {
        let mut read_buffer = ReadBuffer::default();
        (0..4).for_each(|_| read_buffer.clear_and_fill());
        let shared = read_buffer.share(0..MIN_SHARED).unwrap();
        read_buffer.consume(MIN_SHARED);
        let rest = read_buffer.rest().to_vec();
        read_buffer.lend_memory(|| panic!("there is memory"));
        assert!((read_buffer.take_memory(), read_buffer.rest()) == (None, &rest[..]));
        read_buffer.extend(b"more");
        assert!(read_buffer.rest() == [&rest, &b"more"[..]].concat());
        read_buffer.release_memory();
        assert_eq!(read_buffer.bytes.capacity(), rest.len() + 4);
        assert_eq!(shared.len(), MIN_SHARED);
    }

    #[test]
    fn expect_small_reads_shrinks_only_the_next_read() {
        let mut read_buffer = ReadBuffer::default();
        for _ in 0..3 {
            read_buffer.fill();
            read_buffer.clear();
        }
        read_buffer.expect_small_reads();
        for wanted in [4 << 10, 16 << 10, 64 << 10] {
            assert_eq!(read_buffer.fill(), wanted);
            read_buffer.clear();
        }
    }

    #[test]
    fn room_follows_the_bytes_that_are_left() {
        let mut read_buffer = ReadBuffer::default();
        for _ in 0..100 {
            assert!(read_buffer.fill() >= MIN_SIZE / 2);
        }
        read_buffer.consume(10);
        read_buffer.extend(b"x");
        assert_eq!(read_buffer.rest().last(), Some(&b'x'));
    }
}
