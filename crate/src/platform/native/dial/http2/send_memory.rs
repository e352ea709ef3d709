//! The memory into which the streams of a connection copy what they send.

use bytes::{Bytes, BytesMut};

use crate::sync::Lock;

/// Fewer bytes get memory of their own. Arbitrary: one page.
const MIN_SIZE: usize = 4 << 10;

/// The size of a block, in bytes. Arbitrary: what a stream may have waiting for the connection.
const BLOCK: usize = 512 << 10;

/// The most blocks that are kept. Arbitrary: one is filled while the other is written.
const MAX_BLOCKS: usize = 2;

/// Blocks of memory, each of which is used again when everything in it has been written.
///
/// Measured: new memory for each copy can take twice the CPU, if the allocator asks the system for it each time (November 2026).
#[derive(Default)]
pub(super) struct SendMemory(Lock<Vec<BytesMut>>);

impl SendMemory {
    /// Returns a copy of these bytes.
    pub(super) fn copy(&self, bytes: &[u8]) -> Bytes {
        let size = bytes.len();
        if size < MIN_SIZE {
            return Bytes::copy_from_slice(bytes);
        }
        let mut blocks = self.0.lock();
        let free = blocks.iter_mut().position(|block| block.try_reclaim(size));
        let index = free.unwrap_or_else(|| {
            if blocks.len() == MAX_BLOCKS {
                // The block that has been in use for the longest time.
                blocks.remove(0);
            }
            blocks.push(BytesMut::with_capacity(size.max(BLOCK)));
            blocks.len() - 1
        });
        let block = &mut blocks[index];
        block.extend_from_slice(bytes);
        block.split().freeze()
    }

    /// Releases the memory, of which each block remains until everything in it has been written.
    pub(super) fn release(&self) {
        self.0.take();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_used_again_when_nobody_else_has_it() {
        let memory = SendMemory::default();
        let full = |byte: u8| vec![byte; BLOCK];
        let first = memory.copy(&full(1));
        let second = memory.copy(&full(2));
        assert!(first == full(1) && second == full(2));
        let place = first.as_ptr();
        drop(first);
        let third = memory.copy(&full(3)[..BLOCK / 2]);
        assert_eq!(third.as_ptr(), place);
        // The rest of the block is used, too.
        assert_eq!(memory.copy(&full(4)[..BLOCK / 2]).as_ptr(), place.wrapping_add(BLOCK / 2));
        assert!(second == full(2) && third == full(3)[..BLOCK / 2]);
    }

    #[test]
    fn few_blocks_are_kept() {
        let memory = SendMemory::default();
        let copies: Vec<_> = (0..2 * MAX_BLOCKS).map(|_| memory.copy(&vec![1; BLOCK])).collect();
        assert_eq!(memory.0.lock().len(), MAX_BLOCKS);
        memory.release();
        assert!(copies.iter().all(Bytes::is_unique));
    }
}
