//! The bytes that are ready to be written to the stream.

/// A byte queue. Frames are built in place at its end, and the stream takes bytes from its front.
///
/// All of its memory is initialised, so that a frame is not zeroed before it is written.
#[derive(Debug, Default)]
pub(crate) struct WriteBuffer {
    memory: Vec<u8>,
    /// The start of the bytes that the stream has not accepted.
    start: usize,
    /// The end of the same bytes.
    end: usize,
}

/// The smallest allocation. Arbitrary.
const MIN_CAPACITY: usize = 256;

impl WriteBuffer {
    /// Returns the number of bytes that are ready.
    #[inline]
    pub(crate) const fn len(&self) -> usize {
        self.end - self.start
    }

    /// Returns whether no bytes are ready.
    pub(crate) const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the size of its memory in bytes.
    #[inline]
    pub(crate) fn capacity(&self) -> usize {
        self.memory.len()
    }

    /// Takes the memory. No bytes may be ready.
    pub(crate) fn take_memory(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.memory)
    }

    /// Uses this memory, of which the content does not matter.
    pub(crate) fn set_memory(&mut self, memory: Vec<u8>) {
        self.memory = memory;
    }

    /// Returns the bytes that are ready.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.memory[self.start..self.end]
    }

    /// Removes the first `bytes` bytes, which the stream has accepted.
    pub(crate) const fn consume(&mut self, bytes: usize) {
        self.start += bytes;
        if self.is_empty() {
            (self.start, self.end) = (0, 0);
        }
    }

    /// Appends `size` bytes of arbitrary content, and returns them to be overwritten.
    #[inline]
    pub(crate) fn append(&mut self, size: usize) -> &mut [u8] {
        if self.memory.len() - self.end < size {
            self.make_room(size);
        }
        let start = self.end;
        self.end += size;
        &mut self.memory[start..self.end]
    }

    /// Appends these bytes.
    #[inline]
    pub(crate) fn push<const SIZE: usize>(&mut self, bytes: [u8; SIZE]) {
        self.append(SIZE).copy_from_slice(&bytes);
    }

    /// Moves the bytes to the front if they fit before their old place, and else into a larger allocation.
    #[cold]
    fn make_room(&mut self, size: usize) {
        let (ready, needed) = (self.len(), self.len() + size);
        if ready <= self.start && needed <= self.memory.len() {
            self.memory.copy_within(self.start..self.end, 0);
        } else {
            let mut memory = vec![0; needed.max(2 * self.memory.len()).max(MIN_CAPACITY)];
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
        fn bytes_leave_once_and_in_order(steps in prop::collection::vec((0..2_000_usize, 0..2_000_usize), 0..50)) {
            let (mut output, mut expected, mut next) = (WriteBuffer::default(), Vec::new(), 0_u8);
            for (made, taken) in steps {
                for byte in output.append(made) {
                    *byte = next;
                    expected.push(next);
                    next = next.wrapping_add(1);
                }
                prop_assert_eq!(output.bytes(), &expected[..]);
                let taken = taken.min(expected.len());
                output.consume(taken);
                expected.drain(..taken);
                prop_assert_eq!((output.len(), output.is_empty()), (expected.len(), expected.is_empty()));
            }
        }
    }

    #[test]
    fn memory_is_reused_if_reads_keep_up() {
        let mut output = WriteBuffer::default();
        output.append(1_000);
        for _ in 0..10_000 {
            output.append(100);
            output.consume(100);
        }
        assert_eq!((output.len(), output.memory.len()), (1_000, 2_000));
    }
}
