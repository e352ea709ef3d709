//! Memory that messages of medium length share, and that is used again once they are gone.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::ops::RangeInclusive;

use bytes::{Bytes, BytesMut};

/// Messages of these lengths share pool: what is longer is worth memory of its own, and what is shorter would keep too much.
pub(super) const POOLED_LENGTHS: RangeInclusive<usize> = 1 << 10..=16 << 10;

/// How long a buffer is.
const BUFFER_SIZE: usize = 64 << 10;

/// How many pool a thread has, at most. While all of them are in use, messages get memory of their own.
const MAX_BUFFERS: usize = 4;

thread_local! {
    /// Those of all sockets on a thread, so that ten thousand of them take no more memory than one.
    static POOL: RefCell<Pool> = RefCell::default();
}

/// The pool of a thread.
#[derive(Default)]
struct Pool {
    /// What is left of the buffer that is being filled, once there is one.
    current: Option<BytesMut>,
    /// The ends of the others, the one that was filled first in front: it is the likeliest to be free again.
    full: VecDeque<BytesMut>,
}

/// Copies a message into a buffer of this thread's.
///
/// An allocator gives memory of this size back to the system as soon as some messages were dropped, and has to have it
/// emptied and mapped anew for the next ones, which takes longer than the copy.
pub(super) fn copy(message: &[u8]) -> Bytes {
    POOL.with_borrow_mut(|pool| pool.copy(message))
}

/// Gives back the memory of this thread's pool, once the messages in them are dropped.
pub(super) fn release() {
    drop(POOL.take());
}

impl Pool {
    fn copy(&mut self, message: &[u8]) -> Bytes {
        let fits = self.current.as_ref().is_some_and(|buffer| buffer.capacity() >= message.len());
        let has_room = fits || self.next_buffer();
        let Some(buffer) = self.current.as_mut().filter(|_| has_room) else { return Bytes::copy_from_slice(message) };
        buffer.extend_from_slice(message);
        buffer.split().freeze()
    }

    /// Begins another buffer; whether there is one.
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
    fn messages_share_pool_which_are_used_again_once_all_in_them_are_dropped() {
        let mut pool = Pool::default();
        let message = |fill: u8| vec![fill; *POOLED_LENGTHS.end()];
        let each = BUFFER_SIZE / POOLED_LENGTHS.end();
        let first: Vec<Bytes> =
            (0..MAX_BUFFERS * each).map(|i| pool.copy(&message(u8::try_from(i).unwrap()))).collect();
        for (i, bytes) in first.iter().enumerate() {
            assert_eq!(bytes[..], message(u8::try_from(i).unwrap()));
        }
        let place = first[0].as_ptr();
        // All pool are in use, the first one by its last message only.
        let own = pool.copy(&message(0));
        assert!(first.iter().all(|bytes| !bytes.as_ptr_range().contains(&own.as_ptr())));
        let rest = first[each - 1..].to_vec();
        drop(first);
        assert_ne!(pool.copy(&message(1)).as_ptr(), place);
        drop(rest);
        assert_eq!(pool.copy(&message(2)).as_ptr(), place);
    }

    #[test]
    fn a_message_outlives_the_pool_of_its_thread() {
        let message = copy(&[7; 2000]);
        release();
        let other = copy(&[8; 2000]);
        assert!(message[..] == [7; 2000] && other[..] == [8; 2000]);
    }
}
