//! The read buffer: bytes of the stream that were not decoded.

use std::ops::Range;

use bytes::buf::Limit;
use bytes::{BufMut, Bytes};

use super::dialogue::Dialogue;

/// A read buffer that grows while reads fill it, and that is never zeroed.
#[derive(Debug, Default)]
pub(crate) struct ReadBuffer {
    /// The bytes that were read. Empty and without memory if they are `shared`.
    bytes: Vec<u8>,
    /// The bytes that were read, once a received message has been a part of them.
    shared: Option<Shared>,
    /// The memory that was shared before, to be used again if no message is left that has a part of it.
    lent: Option<Bytes>,
    /// The start of the bytes that were not decoded.
    start: usize,
    /// The size of the buffer for the next read.
    size: usize,
    /// The number of bytes after a read that fills its whole room.
    full: usize,
    dialogue: Dialogue,
}

#[derive(Debug)]
struct Shared {
    bytes: Bytes,
    /// The memory that is kept.
    capacity: usize,
}

/// The size of the buffer on a connection that receives little. Arbitrary.
const MIN_SIZE: usize = 4 << 10;

/// The largest size of the buffer, except within the head of a response. Arbitrary: with the space for [alignment](PAGE), it is
/// less than 128 KiB, from which on the system's allocator gets new memory each time.
const MAX_SIZE: usize = (120 << 10) - SHIFT;

/// The largest size while long messages are answered as they come. Arbitrary: four messages of 16 KiB with their headers.
const MAX_DIALOGUE_SIZE: usize = (68 << 10) - SHIFT;

/// The most memory that is used for reads. More is needed only for bytes that [`extend`](ReadBuffer::extend) appends at once.
const MAX_CAPACITY: usize = 164 << 10;

/// The alignment of large reads, whose length is [`SHIFT`] less than a multiple of it.
///
/// On AMD Zen 3 and 4, a copy is 16 times slower if the offset of the target in its page is 1 to 15 bytes larger than that of the
/// source. The source is in the kernel. Without the shift all
/// reads would have the same distances, so that after a slow one all were slow.
const PAGE: usize = 4 << 10;

/// The bytes by which the source moves within its page from one large read to the next. Arbitrary, but more than 15.
const SHIFT: usize = 64;

/// The least length of a message that may share memory with the read buffer, in bytes. Arbitrary: a shorter one is copied fast.
pub(crate) const MIN_SHARED: usize = 16 << 10;

/// The most memory that a message may keep, as a multiple of its length. Arbitrary: the largest buffer for the shortest one.
const MAX_KEPT: usize = 8;

impl ReadBuffer {
    /// Returns the bytes that were not decoded.
    #[inline]
    pub(crate) fn rest(&self) -> &[u8] {
        &self.bytes()[self.start..]
    }

    /// Returns the bytes that were read, the decoded ones included.
    #[inline]
    fn bytes(&self) -> &[u8] {
        self.shared.as_ref().map_or(&self.bytes, |shared| &shared.bytes)
    }

    /// Returns whether all bytes were decoded.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.start == self.bytes().len()
    }

    /// Removes the first `bytes` bytes.
    #[inline]
    pub(crate) fn consume(&mut self, bytes: usize) {
        if bytes >= MIN_SHARED {
            self.dialogue.on_long_message(bytes);
        }
        self.start = self.bytes().len().min(self.start + bytes);
    }

    /// Records that bytes were written to the stream.
    #[inline]
    pub(crate) fn on_written(&mut self, bytes: usize) {
        self.dialogue.on_written(bytes);
    }

    /// Returns this part of the rest without copying it. Returns `None` if it would keep too much memory, or most of the memory
    /// is empty.
    pub(crate) fn share(&mut self, part: Range<usize>) -> Option<Bytes> {
        let capacity = self.shared.as_ref().map_or(self.bytes.capacity(), |shared| shared.capacity);
        if part.len() < MIN_SHARED || part.len() * MAX_KEPT < capacity || self.bytes().len() < capacity / 2 {
            return None;
        }
        let bytes = &mut self.bytes;
        let shared = self.shared.get_or_insert_with(|| Shared { bytes: std::mem::take(bytes).into(), capacity });
        Some(shared.bytes.slice(self.start + part.start..self.start + part.end))
    }

    /// Removes all bytes.
    pub(crate) fn clear(&mut self) {
        self.start = self.bytes().len();
    }

    /// Returns the buffer for the next read, with room for at least the `missing` bytes of a frame.
    pub(crate) fn room(&mut self, missing: usize) -> Limit<&mut Vec<u8>> {
        self.release_excess();
        let max_size = if self.dialogue.is_dialogue() { MAX_DIALOGUE_SIZE } else { MAX_SIZE };
        if self.size > max_size {
            // Messages share only memory that is used for the most part.
            self.leave_memory();
        }
        self.size = if self.is_full() { self.size * 4 } else { self.size }.clamp(MIN_SIZE, max_size);
        let rest = self.bytes().len() - self.start;
        // At least half of the buffer is room: the rest is moved for each read.
        let mut room = self.size.saturating_sub(rest).max(self.size / 2).max(missing);
        if self.size > MIN_SIZE {
            room = (room + SHIFT).next_multiple_of(PAGE) - SHIFT;
            self.own((rest + room).max(self.size + PAGE) + PAGE);
            let target = self.bytes.as_ptr().addr() + rest;
            self.move_to(target.next_multiple_of(PAGE) - target);
        } else {
            self.own(rest + room);
            self.move_to(0);
        }
        self.full = self.bytes.len() + room;
        (&mut self.bytes).limit(room)
    }

    /// Returns whether the last read has filled all its room, so that more bytes are likely to follow.
    fn is_full(&self) -> bool {
        self.full > 0 && self.bytes().len() >= self.full
    }

    /// Makes the next read small. Later reads grow again if they fill their room.
    pub(crate) fn expect_small_reads(&mut self) {
        (self.size, self.full) = (MIN_SIZE, 0);
        self.lent = None;
    }

    /// Releases memory that was needed for many bytes at once, if all of them were decoded.
    fn release_excess(&mut self) {
        let capacity = self.shared.as_ref().map_or(self.bytes.capacity(), |shared| shared.capacity);
        if capacity > MAX_CAPACITY && self.is_empty() {
            self.leave_memory();
        }
    }

    /// Releases the memory, and copies the bytes that were not decoded.
    #[inline(never)]
    fn leave_memory(&mut self) {
        let dialogue = std::mem::take(&mut self.dialogue);
        *self = Self { bytes: self.rest().to_vec(), size: self.size, dialogue, ..Self::default() };
    }

    /// Ends the sharing, and provides memory for `capacity` bytes. Bytes that were decoded may be removed.
    fn own(&mut self, capacity: usize) {
        if self.shared.is_some() {
            self.end_sharing(capacity);
        }
        if self.bytes.capacity() < capacity {
            self.move_to(0);
            self.bytes.reserve_exact(capacity - self.bytes.len());
        }
    }

    /// Takes the memory back if no message has a part of it. Otherwise copies the rest to the memory that was lent before, or to
    /// new memory of this capacity.
    ///
    /// Two buffers in turn cost less than a new one each time, which the system may have to clear.
    #[inline(never)]
    fn end_sharing(&mut self, capacity: usize) {
        let Some(Shared { bytes, .. }) = self.shared.take() else { return };
        if bytes.is_unique() {
            self.bytes = bytes.into();
            return;
        }
        let returned = self.lent.take().filter(Bytes::is_unique).map(Vec::from);
        self.bytes = returned.unwrap_or_else(|| Vec::with_capacity(capacity));
        self.bytes.clear();
        self.bytes.extend_from_slice(&bytes[self.start..]);
        self.start = 0;
        self.lent = Some(bytes);
    }

    /// Moves the rest within the buffer so that it begins at `start`.
    fn move_to(&mut self, start: usize) {
        if self.start == self.bytes.len() && start == 0 {
            self.bytes.clear();
            self.start = 0;
            return;
        }
        if start == self.start {
            return;
        }
        let (from, to) = (self.start..self.bytes.len(), start + self.bytes.len() - self.start);
        self.bytes.resize(to.max(from.end), 0);
        self.bytes.copy_within(from, start);
        self.bytes.truncate(to);
        self.start = start;
    }

    /// Appends bytes from another buffer.
    pub(crate) fn extend(&mut self, bytes: &[u8]) {
        self.release_excess();
        self.own(self.rest().len());
        self.move_to(0);
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

    /// Takes the memory, if it is for small reads, the last of which has not filled it, and all bytes were decoded.
    ///
    /// Memory for large reads stays, because more of them are likely to follow.
    pub(crate) fn take_memory(&mut self) -> Option<Vec<u8>> {
        if !self.is_empty() || self.is_full() || !(1..=MIN_SIZE).contains(&self.bytes.capacity()) {
            return None;
        }
        (self.start, self.full) = (0, 0);
        let mut memory = std::mem::take(&mut self.bytes);
        memory.clear();
        Some(memory)
    }

    /// Returns whether there is memory of which most is not needed for the bytes that were not decoded.
    pub(crate) fn has_spare_memory(&self) -> bool {
        self.shared.is_some() || self.lent.is_some() || self.bytes.capacity() > 2 * self.rest().len()
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
        /// Returns a buffer of the largest size that is full.
        fn filled() -> Self {
            let mut read_buffer = Self::default();
            for _ in 0..4 {
                read_buffer.clear();
                read_buffer.fill();
            }
            read_buffer
        }

        /// Simulates a read that fills all its room, and returns its size.
        fn fill(&mut self) -> usize {
            let mut buffer = self.room(0);
            let room = buffer.remaining_mut();
            let bytes: Vec<_> = (0..=250).cycle().take(room).collect();
            buffer.put_slice(&bytes);
            room
        }

        /// Consumes all but the last bytes, and returns these.
        fn leave(&mut self, bytes: usize) -> Vec<u8> {
            self.consume(self.rest().len() - bytes);
            self.rest().to_vec()
        }
    }

    #[test]
    fn buffer_grows_with_full_reads_and_is_released() {
        let mut read_buffer = ReadBuffer::default();
        let mut read = || {
            let room = read_buffer.fill();
            read_buffer.clear();
            room
        };
        let large = |size: usize| (size + SHIFT).next_multiple_of(PAGE) - SHIFT;
        let expected = [MIN_SIZE, large(4 * MIN_SIZE), large(16 * MIN_SIZE), MAX_SIZE, MAX_SIZE];
        assert_eq!([read(), read(), read(), read(), read()], expected);
        assert!((MAX_SIZE..128 << 10).contains(&read_buffer.bytes.capacity()));
        read_buffer.release_memory();
        assert_eq!(read_buffer.bytes.capacity(), 0);
        read_buffer.room(0).put_u8(1);
        read_buffer.clear();
        assert_eq!((read_buffer.room(0).remaining_mut(), read_buffer.bytes.capacity()), (MIN_SIZE, MIN_SIZE));
    }

    #[test]
    fn less_is_read_while_long_messages_are_answered() {
        let mut read_buffer = ReadBuffer::default();
        let mut sizes = |answered: bool| {
            let mut sizes = Vec::new();
            for _ in 0..30 {
                let room = read_buffer.fill();
                sizes.push(room);
                while read_buffer.rest().len() >= MIN_SHARED {
                    read_buffer.share(0..MIN_SHARED);
                    read_buffer.consume(MIN_SHARED);
                    if answered {
                        read_buffer.on_written(MIN_SHARED);
                    }
                }
                read_buffer.clear();
            }
            sizes
        };
        let large = |size: usize| (size + SHIFT).next_multiple_of(PAGE) - SHIFT;
        for (answered, max_size) in [(false, MAX_SIZE), (true, MAX_DIALOGUE_SIZE), (false, MAX_SIZE)] {
            assert_eq!(*sizes(answered).last().unwrap(), large(max_size));
        }
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

        read_buffer.fill();
        read_buffer.clear();
        assert!(read_buffer.fill() > MIN_SIZE);
        read_buffer.clear();
        assert_eq!(read_buffer.take_memory(), None);
    }

    #[test]
    fn room_follows_the_bytes_that_are_left() {
        for left in [0, 1, 13, 4095, 4096, 5000, MAX_SIZE / 2 + 1] {
            let mut read_buffer = ReadBuffer::filled();
            let expected = read_buffer.leave(left);
            assert!(read_buffer.room(0).remaining_mut() >= MAX_SIZE / 2);
            assert!(read_buffer.rest() == expected);
        }
        let mut read_buffer = ReadBuffer::default();
        for _ in 0..100 {
            assert!(read_buffer.fill() >= MIN_SIZE / 2);
        }
        read_buffer.consume(10);
        read_buffer.extend(b"x");
        assert_eq!(read_buffer.rest().last(), Some(&b'x'));
    }

    #[test]
    fn source_moves_within_its_page_from_one_large_read_to_the_next() {
        for frame in [1000, 4096, 8192, 16_384, 16_388, 20_000, 32_768] {
            let mut read_buffer = ReadBuffer::filled();
            read_buffer.clear();
            let mut position = 0;
            let mut distances = Vec::new();
            for _ in 0..10 {
                let buffer = read_buffer.room(0);
                let target = buffer.get_ref().as_ptr_range().end.addr();
                distances.push(target.wrapping_sub(position) % PAGE);
                position += read_buffer.fill();
                read_buffer.consume(read_buffer.rest().len() / frame * frame);
            }
            let moved: Vec<_> = distances.windows(2).map(|pair| (pair[1] + PAGE - pair[0]) % PAGE).collect();
            assert_eq!(moved, [SHIFT; 9], "frames of {frame} bytes");
        }
    }

    #[test]
    fn memory_does_not_change_while_reads_are_large() {
        let mut read_buffer = ReadBuffer::filled();
        let address = read_buffer.bytes.as_ptr();
        for left in [0, 1, 100, PAGE, 20_000, MAX_SIZE / 2] {
            read_buffer.leave(left);
            read_buffer.fill();
            assert_eq!(read_buffer.bytes.as_ptr(), address, "{left} bytes are left");
        }
    }

    #[test]
    fn parts_share_the_memory() {
        let mut read_buffer = ReadBuffer::filled();
        let all = read_buffer.rest().to_vec();
        let addresses = read_buffer.rest().as_ptr_range();
        let mut shared = Vec::new();
        for start in [4, 2] {
            shared.push(read_buffer.share(start..start + MIN_SHARED).unwrap());
            read_buffer.consume(start + MIN_SHARED);
        }
        assert!(shared.iter().all(|part| addresses.contains(&part.as_ptr())));
        let rest = &all[6 + 2 * MIN_SHARED..];
        assert!(read_buffer.rest() == rest);
        // The memory of the parts is not written to.
        read_buffer.fill();
        assert!(read_buffer.rest()[..rest.len()] == *rest && !addresses.contains(&read_buffer.rest().as_ptr()));
        assert!(shared[0] == all[4..4 + MIN_SHARED] && shared[1] == all[6 + MIN_SHARED..6 + 2 * MIN_SHARED]);
    }

    #[test]
    fn part_that_keeps_too_much_memory_is_not_shared() {
        let mut read_buffer = ReadBuffer::filled();
        assert_eq!(read_buffer.share(0..MIN_SHARED - 1), None);
        assert!(read_buffer.share(0..MIN_SHARED).is_some());

        // The memory of a long message.
        let mut read_buffer = ReadBuffer::default();
        read_buffer.extend(&vec![7; 480_000]);
        assert_eq!(read_buffer.share(0..59_999), None);
        assert!(read_buffer.share(0..60_000).is_some());
        assert_eq!(read_buffer.share(60_000..119_999), None);

        // Memory that is mostly empty.
        let mut read_buffer = ReadBuffer::filled();
        read_buffer.clear();
        read_buffer.room(0).put_bytes(7, MAX_SIZE / 2);
        assert_eq!(read_buffer.share(0..MIN_SHARED), None);
    }

    #[test]
    fn memory_is_reused_when_no_part_is_left() {
        let mut read_buffer = ReadBuffer::filled();
        let address = read_buffer.bytes.as_ptr();
        for left in [100, 0] {
            drop(read_buffer.share(0..MIN_SHARED).unwrap());
            let expected = read_buffer.leave(left);
            read_buffer.room(0);
            assert!((read_buffer.rest(), read_buffer.bytes.as_ptr()) == (&expected[..], address));
            read_buffer.fill();
        }
    }

    #[test]
    fn two_buffers_take_turns_while_a_part_is_kept_for_one_read() {
        let mut read_buffer = ReadBuffer::filled();
        let mut parts = Vec::new();
        // Shares a part, of which the last `kept` are not dropped, reads, and returns the address of the memory.
        let mut turn = |kept: usize| {
            let address = read_buffer.bytes.as_ptr().addr();
            let part = read_buffer.share(0..MIN_SHARED).unwrap();
            parts.push((part.to_vec(), part));
            parts.drain(..parts.len() - kept);
            let rest = read_buffer.leave(100);
            read_buffer.fill();
            assert!(read_buffer.rest()[..100] == rest && parts.iter().all(|(expected, part)| expected == part));
            address
        };
        let [first, second, third, fourth] = [1; 4].map(&mut turn);
        assert!(first == third && second == fourth && first != second);
        // While both are in use, there has to be a third one.
        assert_eq!(std::collections::BTreeSet::from([1, 2, 3].map(&mut turn)).len(), 3);
    }

    #[test]
    fn shared_memory_is_neither_taken_nor_replaced() {
        let mut read_buffer = ReadBuffer::filled();
        let part = read_buffer.share(0..MIN_SHARED).unwrap();
        let rest = read_buffer.leave(1000);
        read_buffer.lend_memory(|| panic!("there is memory"));
        assert!((read_buffer.take_memory(), read_buffer.rest()) == (None, &rest[..]));
        read_buffer.clear();
        assert_eq!((read_buffer.take_memory(), read_buffer.rest()), (None, &[][..]));
        read_buffer.extend(b"more");
        assert_eq!(read_buffer.rest(), b"more");
        assert!(part.iter().copied().eq((0..=250).cycle().take(MIN_SHARED)));
    }

    #[test]
    fn release_memory_ends_sharing() {
        let mut read_buffer = ReadBuffer::filled();
        let part = read_buffer.share(0..MIN_SHARED).unwrap();
        let rest = read_buffer.leave(1000);
        read_buffer.release_memory();
        assert!((read_buffer.rest(), read_buffer.bytes.capacity()) == (&rest[..], 1000));
        assert!(part.is_unique());

        // The memory that was shared before is released, too.
        for release in [ReadBuffer::release_memory, ReadBuffer::expect_small_reads] {
            let mut read_buffer = ReadBuffer::filled();
            let part = read_buffer.share(0..MIN_SHARED).unwrap();
            read_buffer.fill();
            assert!(!part.is_unique() && read_buffer.has_spare_memory());
            release(&mut read_buffer);
            assert!(part.is_unique());
        }
    }

    #[test]
    fn appending_byte_by_byte_seldom_allocates() {
        let mut read_buffer = ReadBuffer::default();
        let capacities: std::collections::BTreeSet<_> = (0..32_000)
            .map(|_| {
                read_buffer.extend(b"x");
                read_buffer.bytes.capacity()
            })
            .collect();
        assert!(capacities.len() < 20, "{capacities:?}");
    }

    #[test]
    fn expect_small_reads_shrinks_only_the_next_read() {
        let mut read_buffer = ReadBuffer::filled();
        read_buffer.clear();
        read_buffer.expect_small_reads();
        assert_eq!(read_buffer.fill(), MIN_SIZE);
        read_buffer.clear();
        assert!(read_buffer.fill() > MIN_SIZE);
    }
}
