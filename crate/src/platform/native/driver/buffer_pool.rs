//! A pool of buffers for received messages of medium length.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::ops::RangeInclusive;

use bytes::{Bytes, BytesMut};

/// The lengths of messages that are copied into the pool, in bytes.
///
/// A longer message is worth an allocation of its own. A shorter one would keep too large a buffer alive. Arbitrary.
pub(super) const POOLED_LENGTHS: RangeInclusive<usize> = 1 << 10..=16 << 10;

/// The size of a buffer in bytes. Arbitrary.
const BUFFER_SIZE: usize = 64 << 10;

/// The buffers of a thread, at most. While all of them are in use, messages get allocations of their own. Arbitrary.
const MAX_BUFFERS: usize = 4;

thread_local! {
    /// The pool that all sockets of a thread share, so that ten thousand of them need no more memory than one.
    static POOL: RefCell<BufferPool> = RefCell::default();
}

/// The buffers of a thread.
#[derive(Default)]
struct BufferPool {
    /// The rest of the buffer that is being filled.
    current: Option<BytesMut>,
    /// The ends of the full buffers. The first one was filled first, so that it is likely to be free again.
    full: VecDeque<BytesMut>,
}

/// Copies a message into the pool of this thread.
///
/// Without the pool, an allocator returns memory of this size to the system as soon as some messages were dropped. The system
/// has to clear and map it again for the next ones, which takes longer than the copy.
pub(super) fn copy(message: &[u8]) -> Bytes {
    POOL.with_borrow_mut(|pool| pool.copy(message))
}

/// Frees the pool of this thread. Buffers with messages that are still in use are freed with the last message.
pub(super) fn release() {
    drop(POOL.take());
}

impl BufferPool {
    fn copy(&mut self, message: &[u8]) -> Bytes {
        let fits = self.current.as_ref().is_some_and(|buffer| buffer.capacity() >= message.len());
        let has_capacity = fits || self.next_buffer();
        let Some(buffer) = self.current.as_mut().filter(|_| has_capacity) else {
            return Bytes::copy_from_slice(message);
        };
        buffer.extend_from_slice(message);
        buffer.split().freeze()
    }

    /// Starts another buffer; returns whether there is one.
    fn next_buffer(&mut self) -> bool {
        if let (Some(oldest), Some(current)) = (self.full.front_mut(), &mut self.current)
            && oldest.try_reclaim(BUFFER_SIZE)
        {
            std::mem::swap(oldest, current);
            self.full.rotate_left(1);
            return true;
        }
        let may_grow = self.full.len() + 1 < MAX_BUFFERS;
        if may_grow {
            let former = self.current.replace(BytesMut::with_capacity(BUFFER_SIZE));
            self.full.extend(former);
        }
        may_grow
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffer_is_reused_after_all_its_messages_were_dropped() {
        let mut pool = BufferPool::default();
        let message = |fill: u8| vec![fill; *POOLED_LENGTHS.end()];
        let each = BUFFER_SIZE / POOLED_LENGTHS.end();
        let first: Vec<Bytes> =
            (0..MAX_BUFFERS * each).map(|i| pool.copy(&message(u8::try_from(i).unwrap()))).collect();
        for (i, bytes) in first.iter().enumerate() {
            assert_eq!(bytes[..], message(u8::try_from(i).unwrap()));
        }
        let place = first[0].as_ptr();
        // All buffers are in use, the first one by its last message only.
        let own = pool.copy(&message(0));
        assert!(first.iter().all(|bytes| !bytes.as_ptr_range().contains(&own.as_ptr())));
        let rest = first[each - 1..].to_vec();
        drop(first);
        assert_ne!(pool.copy(&message(1)).as_ptr(), place);
        drop(rest);
        assert_eq!(pool.copy(&message(2)).as_ptr(), place);
    }

    #[test]
    fn message_outlives_the_pool_of_its_thread() {
        let message = copy(&[7; 2000]);
        release();
        let other = copy(&[8; 2000]);
        assert!(message[..] == [7; 2000] && other[..] == [8; 2000]);
    }
}
