//! The memory into which the streams of a connection copy what they send.

use bytes::{Bytes, BytesMut};

use crate::sync::Lock;

/// The bytes of one stream that wait to be written to the connection, at most.
///
/// Small, so that `bufferedAmount` falls when bytes leave. Measured: with half of it, job `send1m` takes 1.1 times the CPU
/// (November 2026).
pub(super) const SEND_BUFFER: usize = 512 << 10;

/// Fewer bytes get memory of their own. Arbitrary.
const MIN_SIZE: usize = 8 << 10;

/// The size of all blocks that are kept, at most. Arbitrary: what two streams may have waiting for the connection.
const MAX_KEPT: usize = 2 * SEND_BUFFER;

/// Blocks of memory, each of which is used again when what it holds has been written. A block holds one copy, and is less than
/// twice as large: the server decides how long a stream has to wait, and so how long its block is in use.
///
/// Measured: new memory for each copy can take twice the CPU, if the allocator asks the system for it each time (November 2026).
#[derive(Default)]
pub(super) struct SendMemory(Lock<Vec<Bytes>>);

impl SendMemory {
    /// Returns a copy of these bytes.
    pub(super) fn copy(&self, bytes: &[u8]) -> Bytes {
        let size = bytes.len();
        if size < MIN_SIZE {
            return Bytes::copy_from_slice(bytes);
        }
        let mut block = self.take(size.next_power_of_two());
        block[..size].copy_from_slice(bytes);
        let block = block.freeze();
        self.keep(block.clone());
        block.slice(..size)
    }

    /// Takes a block of this size that nobody uses, or creates one.
    fn take(&self, size: usize) -> BytesMut {
        let unused = {
            let mut blocks = self.0.lock();
            // The last one is the most likely to be in the cache.
            let index = blocks.iter().rposition(|block| block.len() == size && block.is_unique());
            index.map(|index| blocks.remove(index))
        };
        unused.and_then(|block| block.try_into_mut().ok()).unwrap_or_else(|| BytesMut::zeroed(size))
    }

    /// Keeps a block, in place of those that were used first if there are too many.
    fn keep(&self, block: Bytes) {
        let mut blocks = self.0.lock();
        blocks.push(block);
        let mut size = 0;
        let last = blocks.iter().rev().take_while(|block| {
            size += block.len();
            size <= MAX_KEPT
        });
        let surplus = blocks.len() - last.count();
        blocks.drain(..surplus);
    }

    /// Releases the memory, of which each block remains until what it holds has been written.
    pub(super) fn release(&self) {
        self.0.take();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: usize = 100 << 10;

    #[test]
    fn memory_is_used_again_when_nobody_else_has_it() {
        let memory = SendMemory::default();
        let full = |byte: u8| vec![byte; SIZE];
        let first = memory.copy(&full(1));
        let second = memory.copy(&full(2));
        assert!(first == full(1) && second == full(2));
        let place = first.as_ptr();
        drop(first);
        let third = memory.copy(&full(3)[1..]);
        assert_eq!(third.as_ptr(), place);
        assert!(second == full(2) && third == full(3)[1..]);
    }

    #[test]
    fn small_copies_do_not_keep_large_blocks() {
        let memory = SendMemory::default();
        let large = memory.copy(&vec![1; SIZE]);
        let place = large.as_ptr();
        drop(large);
        assert_ne!(memory.copy(&vec![2; SIZE / 2]).as_ptr(), place);
        assert_eq!(memory.copy(&vec![3; SIZE]).as_ptr(), place);
        let sizes: Vec<_> = memory.0.lock().iter().map(Bytes::len).collect();
        assert_eq!(sizes, [(SIZE / 2).next_power_of_two(), SIZE.next_power_of_two()]);
    }

    #[test]
    fn limited_memory_is_kept() {
        let memory = SendMemory::default();
        let copies: Vec<_> = (0..100).map(|_| memory.copy(&vec![1; SIZE])).collect();
        assert_eq!(memory.0.lock().iter().map(Bytes::len).sum::<usize>(), MAX_KEPT);
        memory.release();
        assert!(copies.iter().all(Bytes::is_unique));
    }
}
