//! The bytes that have come and are not yet looked at.

/// The read buffer of one connection: small while little comes, and never filled with zeros.
#[derive(Debug, Default)]
pub struct Inbox {
    bytes: Vec<u8>,
    start: usize,
    /// What the buffer grows to.
    size: usize,
}

/// The size of the buffer of a quiet connection.
const SMALLEST: usize = 4 << 10;

/// The size of the buffer of a busy one; a response's head that is longer gets what it needs.
const LARGEST: usize = 128 << 10;

/// Where a large buffer is read into: at a multiple of this.
///
/// The system copies from whole pages, mostly, and some processors copy several times as slowly to an address that is a few
/// bytes further on in its page, which is where allocators put large buffers.
const PAGE: usize = 4 << 10;

impl Inbox {
    pub fn rest(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    pub fn is_empty(&self) -> bool {
        self.start == self.bytes.len()
    }

    /// Takes away the first bytes.
    pub fn take(&mut self, bytes: usize) {
        self.start = self.bytes.len().min(self.start + bytes);
    }

    pub fn clear(&mut self) {
        self.start = self.bytes.len();
    }

    /// Gives the buffer, with room behind its bytes.
    pub fn room(&mut self) -> &mut Vec<u8> {
        // A read that filled all the room there was is a sign that more is to come.
        let full = self.bytes.len() == self.bytes.capacity();
        self.size = if full && !self.bytes.is_empty() { self.size * 4 } else { self.size }.clamp(SMALLEST, LARGEST);
        let rest = self.bytes.len() - self.start;
        let room = self.size.saturating_sub(rest).max(SMALLEST / 2);
        let page = if self.size > SMALLEST { PAGE } else { 1 };
        if self.bytes.capacity() < rest + room + page - 1 {
            self.move_to(rest);
            self.bytes.reserve_exact(room + page - 1);
        }
        let behind = self.bytes.as_ptr().addr() + rest;
        self.move_to(rest + behind.next_multiple_of(page) - behind);
        &mut self.bytes
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
    pub fn extend(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.start);
        self.start = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// Gives back the memory that a quiet connection can do without.
    pub fn idle(&mut self) {
        if self.is_empty() {
            *self = Self::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(inbox: &mut Inbox) -> usize {
        let buffer = inbox.room();
        let room = buffer.capacity() - buffer.len();
        buffer.resize(buffer.capacity(), 7);
        room
    }

    #[test]
    fn the_buffer_grows_while_reads_fill_it_and_goes_when_idle() {
        let mut inbox = Inbox::default();
        let sizes: Vec<_> = (0..5)
            .map(|_| {
                let room = fill(&mut inbox);
                inbox.clear();
                room
            })
            .collect();
        for (found, wanted) in sizes.into_iter().zip([4 << 10, 16 << 10, 64 << 10, 128 << 10, 128 << 10]) {
            assert!((wanted..wanted + PAGE).contains(&found), "{found}");
        }
        inbox.idle();
        assert_eq!(inbox.bytes.capacity(), 0);
        inbox.room().push(1);
        inbox.clear();
        assert_eq!(inbox.room().capacity(), SMALLEST);
    }

    #[test]
    fn a_large_buffer_is_read_into_at_the_beginning_of_a_page_whatever_is_left_before() {
        let mut inbox = Inbox::default();
        fill(&mut inbox);
        inbox.clear();
        for left in [0, 1, 13, 130, 4095, 4096, 5000] {
            let buffer = inbox.room();
            assert!(buffer.as_ptr().addr().wrapping_add(buffer.len()).is_multiple_of(PAGE));
            let room = buffer.capacity() - buffer.len();
            buffer.extend((0..room).map(|i| u8::try_from(i % 251).unwrap()));
            let expected = inbox.rest()[inbox.rest().len() - left..].to_vec();
            inbox.take(inbox.rest().len() - left);
            inbox.room();
            assert_eq!(inbox.rest(), expected);
        }
    }

    #[test]
    fn there_is_room_behind_what_is_not_taken() {
        let mut inbox = Inbox::default();
        for _ in 0..100 {
            assert!(fill(&mut inbox) >= SMALLEST / 2);
        }
        inbox.take(10);
        inbox.extend(b"x");
        assert_eq!(inbox.rest().last(), Some(&b'x'));
    }
}
