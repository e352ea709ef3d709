//! Memory that messages of medium length share, and that is used again once they are gone.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::ops::RangeInclusive;

use bytes::{Bytes, BytesMut};

/// Messages of these lengths share pieces: what is longer is worth memory of its own, and what is shorter would keep too much.
pub(in crate::platform::native) const MEDIUM: RangeInclusive<usize> = 1 << 10..=16 << 10;

/// How long a piece is.
const PIECE: usize = 64 << 10;

/// How many pieces a thread has, at most. While all of them are in use, messages get memory of their own.
const MOST: usize = 4;

thread_local! {
    /// Those of all sockets on a thread, so that ten thousand of them take no more memory than one.
    static PIECES: RefCell<Pieces> = RefCell::default();
}

/// The pieces of a thread.
#[derive(Default)]
struct Pieces {
    /// What is left of the piece that is being filled, once there is one.
    current: Option<BytesMut>,
    /// The ends of the others, the one that was filled first in front: it is the likeliest to be free again.
    full: VecDeque<BytesMut>,
}

/// Copies a message into a piece of this thread's.
///
/// An allocator gives memory of this size back to the system as soon as some messages were dropped, and has to have it
/// emptied and mapped anew for the next ones, which takes longer than the copy.
pub(in crate::platform::native) fn copy(message: &[u8]) -> Bytes {
    PIECES.with_borrow_mut(|pieces| pieces.copy(message))
}

/// Gives back the memory of this thread's pieces, once the messages in them are dropped.
pub(in crate::platform::native) fn give_back() {
    drop(PIECES.take());
}

impl Pieces {
    fn copy(&mut self, message: &[u8]) -> Bytes {
        let fits = self.current.as_ref().is_some_and(|piece| piece.capacity() >= message.len());
        let has_room = fits || self.turn_over();
        let Some(piece) = self.current.as_mut().filter(|_| has_room) else { return Bytes::copy_from_slice(message) };
        piece.extend_from_slice(message);
        piece.split().freeze()
    }

    /// Begins another piece; whether there is one.
    fn turn_over(&mut self) -> bool {
        if let (Some(oldest), Some(current)) = (self.full.front_mut(), &mut self.current)
            && oldest.try_reclaim(PIECE)
        {
            std::mem::swap(oldest, current);
            self.full.rotate_left(1);
            return true;
        }
        let may_grow = self.full.len() + 1 < MOST;
        if may_grow {
            let former = self.current.replace(BytesMut::with_capacity(PIECE));
            self.full.extend(former);
        }
        may_grow
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_share_pieces_which_are_used_again_once_all_in_them_are_dropped() {
        let mut pieces = Pieces::default();
        let message = |fill: u8| vec![fill; *MEDIUM.end()];
        let each = PIECE / MEDIUM.end();
        let first: Vec<Bytes> = (0..MOST * each).map(|i| pieces.copy(&message(u8::try_from(i).unwrap()))).collect();
        for (i, bytes) in first.iter().enumerate() {
            assert_eq!(bytes[..], message(u8::try_from(i).unwrap()));
        }
        let place = first[0].as_ptr();
        // All pieces are in use, the first one by its last message only.
        let own = pieces.copy(&message(0));
        assert!(first.iter().all(|bytes| !bytes.as_ptr_range().contains(&own.as_ptr())));
        let rest = first[each - 1..].to_vec();
        drop(first);
        assert_ne!(pieces.copy(&message(1)).as_ptr(), place);
        drop(rest);
        assert_eq!(pieces.copy(&message(2)).as_ptr(), place);
    }

    #[test]
    fn a_message_outlives_the_pieces_of_its_thread() {
        let message = copy(&[7; 2000]);
        give_back();
        let other = copy(&[8; 2000]);
        assert!(message[..] == [7; 2000] && other[..] == [8; 2000]);
    }
}
