//! The bytes that have come and are not yet looked at.

use bytes::BufMut;
use bytes::buf::Limit;

/// The read buffer of one connection: small while little comes, and never filled with zeros.
#[derive(Debug, Default)]
pub(crate) struct ReadBuffer {
    bytes: Vec<u8>,
    start: usize,
    /// What is read at a time.
    size: usize,
    /// Where the bytes end if the last read filled all the room that it had.
    full: usize,
}

/// The size of the buffer of a quiet connection.
const SMALLEST: usize = 4 << 10;

/// What is read at a time where much comes; a response's head that is longer gets what it needs.
///
/// With more, a peer that floods waits longer for room, and what was read is no longer in the processor's nearest caches when it is
/// looked at.
const LARGEST: usize = 64 << 10;

/// Where a large buffer is read into: at a multiple of this.
///
/// The system copies from whole pages, mostly, and some processors copy several times as slowly to an address that is a few
/// bytes further on in its page, which is where allocators put large buffers.
const PAGE: usize = 4 << 10;

impl ReadBuffer {
    pub(crate) fn rest(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.start == self.bytes.len()
    }

    /// Takes away the first bytes.
    pub(crate) fn take(&mut self, bytes: usize) {
        self.start = self.bytes.len().min(self.start + bytes);
    }

    pub(crate) fn clear(&mut self) {
        self.start = self.bytes.len();
    }

    /// Gives the buffer to read into, and how much: as many bytes at least as are known to be `missing`.
    pub(crate) fn room(&mut self, missing: usize) -> Limit<&mut Vec<u8>> {
        // A read that filled all the room there was is a sign that more is to come.
        let full = self.full > 0 && self.bytes.len() >= self.full;
        self.size = if full { self.size * 4 } else { self.size }.clamp(SMALLEST, LARGEST);
        let rest = self.bytes.len() - self.start;
        // A busy connection reads as much whatever is left: else most of the buffer might be what is moved again and again.
        let less = if self.size > SMALLEST { 0 } else { rest };
        let room = self.size.saturating_sub(less).max(SMALLEST / 2).max(missing);
        let page = if self.size > SMALLEST { PAGE } else { 1 };
        if self.bytes.capacity() < rest + room + page - 1 {
            self.move_to(rest);
            self.bytes.reserve_exact(room + page - 1);
        }
        let behind = self.bytes.as_ptr().addr() + rest;
        self.move_to(rest + behind.next_multiple_of(page) - behind);
        self.full = self.bytes.len() + room;
        (&mut self.bytes).limit(room)
    }

    /// Asks for little at the next read, and for more again as reads fill it.
    pub(crate) const fn expect_small_reads(&mut self) {
        (self.size, self.full) = (SMALLEST, 0);
    }

    /// Moves the bytes to where they end at this place, which is within the buffer.
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

    /// Takes bytes that lie elsewhere.
    pub(crate) fn extend(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.start);
        (self.start, self.full) = (0, 0);
        self.bytes.extend_from_slice(bytes);
    }

    /// Gives back the memory that a quiet connection can do without.
    pub(crate) fn release_memory(&mut self) {
        *self = Self { bytes: self.rest().to_vec(), ..Self::default() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Has a read fill all its room.
    fn fill(read_buffer: &mut ReadBuffer) -> usize {
        let mut buffer = read_buffer.room(0);
        let room = buffer.remaining_mut();
        buffer.put_bytes(7, room);
        room
    }

    #[test]
    fn the_buffer_grows_while_reads_fill_it_and_goes_when_idle() {
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
        assert_eq!((read_buffer.room(0).remaining_mut(), read_buffer.bytes.capacity()), (SMALLEST, SMALLEST));
    }

    #[test]
    fn a_large_buffer_is_read_into_at_the_beginning_of_a_page_whatever_is_left_before() {
        let mut read_buffer = ReadBuffer::default();
        fill(&mut read_buffer);
        read_buffer.clear();
        for left in [0, 1, 13, 130, 4095, 4096, 5000] {
            let mut buffer = read_buffer.room(0);
            let room = buffer.remaining_mut();
            let bytes = buffer.get_ref();
            assert!(bytes.as_ptr().addr().wrapping_add(bytes.len()).is_multiple_of(PAGE));
            for i in 0..room {
                buffer.put_u8(u8::try_from(i % 251).unwrap());
            }
            let expected = read_buffer.rest()[read_buffer.rest().len() - left..].to_vec();
            read_buffer.take(read_buffer.rest().len() - left);
            read_buffer.room(0);
            assert_eq!(read_buffer.rest(), expected);
        }
    }

    #[test]
    fn little_is_asked_for_once_and_then_more_again_as_reads_fill_it() {
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
    fn there_is_room_behind_what_is_not_taken() {
        let mut read_buffer = ReadBuffer::default();
        for _ in 0..100 {
            assert!(fill(&mut read_buffer) >= SMALLEST / 2);
        }
        read_buffer.take(10);
        read_buffer.extend(b"x");
        assert_eq!(read_buffer.rest().last(), Some(&b'x'));
    }
}
