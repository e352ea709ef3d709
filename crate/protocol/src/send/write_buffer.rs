//! What is ready for the socket.

/// Bytes in order; the first go to the socket, the last are made in place.
///
/// All of the memory holds bytes of some kind, so that a frame needs no more than its part of it.
#[derive(Debug, Default)]
pub(crate) struct WriteBuffer {
    memory: Vec<u8>,
    /// What the socket has not taken lies between these.
    start: usize,
    end: usize,
}

/// What the memory holds at least, once there is some.
const LEAST: usize = 256;

impl WriteBuffer {
    /// The number of bytes that are ready.
    #[inline]
    pub(crate) const fn len(&self) -> usize {
        self.end - self.start
    }

    /// Whether nothing is ready.
    pub(crate) const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes that are ready.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.memory[self.start..self.end]
    }

    /// Notes that the socket has taken so many of the first.
    pub(crate) const fn take(&mut self, bytes: usize) {
        self.start += bytes;
        if self.is_empty() {
            (self.start, self.end) = (0, 0);
        }
    }

    /// Makes so many bytes ready, and lends them to be written.
    #[inline]
    pub(crate) fn append(&mut self, size: usize) -> &mut [u8] {
        if self.memory.len() - self.end < size {
            self.make_room(size);
        }
        let start = self.end;
        self.end += size;
        &mut self.memory[start..self.end]
    }

    /// Makes these bytes ready.
    #[inline]
    pub(crate) fn push<const SIZE: usize>(&mut self, bytes: [u8; SIZE]) {
        self.append(SIZE).copy_from_slice(&bytes);
    }

    /// Moves what is ready to the front, where that is less than what the socket has taken, or into more memory.
    #[cold]
    fn make_room(&mut self, size: usize) {
        let (ready, needed) = (self.len(), self.len() + size);
        if ready <= self.start && needed <= self.memory.len() {
            self.memory.copy_within(self.start..self.end, 0);
        } else {
            let mut memory = vec![0; needed.max(2 * self.memory.len()).max(LEAST)];
            memory[..ready].copy_from_slice(self.bytes());
            self.memory = memory;
        }
        (self.start, self.end) = (0, ready);
    }
}

impl From<Vec<u8>> for WriteBuffer {
    fn from(memory: Vec<u8>) -> Self {
        Self { end: memory.len(), memory, start: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_was_made_ready_is_given_once_and_in_order(steps in prop::collection::vec((0..2_000_usize, 0..2_000_usize), 0..50)) {
            let (mut output, mut expected, mut next) = (WriteBuffer::default(), Vec::new(), 0_u8);
            for (made, taken) in steps {
                for byte in output.append(made) {
                    *byte = next;
                    expected.push(next);
                    next = next.wrapping_add(1);
                }
                prop_assert_eq!(output.bytes(), &expected[..]);
                let taken = taken.min(expected.len());
                output.take(taken);
                expected.drain(..taken);
                prop_assert_eq!((output.len(), output.is_empty()), (expected.len(), expected.is_empty()));
            }
        }
    }

    #[test]
    fn memory_does_not_grow_while_the_socket_takes_as_much_as_is_made() {
        let mut output = WriteBuffer::default();
        output.append(1_000);
        for _ in 0..10_000 {
            output.append(100);
            output.take(100);
        }
        assert_eq!((output.len(), output.memory.len()), (1_000, 2_000));
    }
}
