//! Moving bytes between a stream and a connection.
//!
//! [`StreamIo`] is a stream with the state of its two directions. It reaches the connection by [`IoAccess`]:
//!
//! - [`Locked`] is for a stream of this crate, which is polled under the connection's lock without a copy.
//! - [`Unlocked`] is for a stream of the user's, which may do anything, even use its own socket. Bytes are copied out of the
//!   connection and into it.

use std::future::{Future, poll_fn};
use std::io;
use std::mem::MaybeUninit;
use std::ops::DerefMut;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::buf::Limit;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::task::coop::{has_budget_remaining, unconstrained};

use crate::platform::native::dial::io_stream::IoStream;
use crate::types::failure::Failure;

/// A stream, and the state of its two directions.
#[expect(clippy::struct_excessive_bools, reason = "the two directions change independently")]
pub(super) struct StreamIo {
    stream: Box<dyn IoStream>,
    /// Whether the stream may hold bytes that it has accepted and not passed on.
    needs_flush: bool,
    /// Whether the stream accepted less than all pending bytes. It wakes the driver when it accepts more.
    is_blocked: bool,
    /// Whether our direction was shut down, or has failed.
    write_closed: bool,
    /// Whether the peer's direction has ended, or has failed.
    read_closed: bool,
    origin: StreamOrigin,
}

/// Where a stream comes from, which decides what may run when it is polled, and when it calls a waker.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum StreamOrigin {
    /// This crate: TCP or TLS. It may be polled under the connection's lock, and it calls wakers without any lock held.
    Crate,
    /// An HTTP/2 connection. It may be polled under the connection's lock, but it calls wakers under a lock of its own, so that
    /// these must not lead to code of the user's.
    Http2,
    /// The user. It may do anything, and is polled while nothing is locked.
    User,
}

/// The part of a connection that its stream works with.
pub(super) trait IoState {
    /// Returns the next bytes to write.
    fn pending_bytes(&mut self) -> &[u8];

    /// Masks or compresses a piece of at most 64 KiB for the next write; returns whether there is another piece.
    fn prepare_bytes(&mut self) -> bool;

    /// Returns whether anything waits to be written.
    fn has_pending_bytes(&self) -> bool;

    /// Records that the stream has accepted the first `count` pending bytes.
    fn advance_written(&mut self, count: usize, now: Duration);

    /// Sets whether the stream holds bytes that it has not flushed; returns whether that matters to anyone.
    fn set_unflushed(&mut self, unflushed: bool, now: Duration) -> bool;

    /// Returns whether anyone waits until the stream has passed on what it has accepted.
    fn awaits_flush(&self) -> bool;

    /// Returns whether our direction of the stream is to be shut down, because nothing will be written any more.
    fn wants_shutdown(&self) -> bool;

    /// Records that the stream accepts nothing more; returns what has to be dropped outside the lock.
    #[must_use]
    fn on_write_failed(&mut self, error: Option<io::Error>) -> Option<Failure>;

    /// Returns the buffer to read into.
    fn read_buffer(&mut self) -> Limit<&mut Vec<u8>>;

    /// Takes bytes that were read into another buffer.
    fn receive(&mut self, bytes: &[u8]);

    /// Records that bytes were read.
    fn on_read(&mut self);

    /// Records the end of the input; returns what has to be dropped outside the lock.
    #[must_use]
    fn on_eof(&mut self, error: Option<io::Error>) -> Option<Failure>;

    /// Ends the input if messages are discarded, because nothing more has arrived; returns whether it did.
    fn end_discarded_input(&mut self) -> bool;
}

/// The lock of a connection.
pub(super) trait StateLock {
    type State: IoState;
    type Guard<'a>: DerefMut<Target = Self::State>
    where
        Self: 'a;

    fn lock(&self) -> Self::Guard<'_>;

    /// Lets a thread that waits for the lock have it, if there is one.
    fn yield_to_waiters(guard: &mut Self::Guard<'_>);

    /// Drops payloads of the user that are not needed any more, while the connection is unlocked; returns whether there were any.
    fn drop_released_payloads(guard: &mut Self::Guard<'_>) -> bool;
}

/// The way from a stream to its connection.
pub(super) trait IoAccess {
    type State: IoState;

    /// Calls `act` with the connection, which is locked.
    fn with<R>(&mut self, act: impl FnOnce(&mut Self::State) -> R) -> R;

    /// Writes pending bytes to the stream; returns `None` if there are none.
    fn poll_write(
        &mut self,
        stream: &mut Box<dyn IoStream>,
        context: &mut Context<'_>,
    ) -> Option<Poll<io::Result<usize>>>;

    /// Reads bytes from the stream into the connection, and returns their number.
    fn poll_read(&mut self, stream: &mut Box<dyn IoStream>, context: &mut Context<'_>) -> Poll<io::Result<usize>>;

    /// Lets other threads have the connection between two writes.
    fn between_writes(&mut self);
}

/// The writes between two reads, at most: the peer is read from even while a sender never stops. Arbitrary.
const MAX_WRITES: usize = 64;

impl StreamIo {
    pub(super) fn new(stream: Box<dyn IoStream>, origin: StreamOrigin) -> Self {
        Self { stream, needs_flush: false, is_blocked: false, write_closed: false, read_closed: false, origin }
    }

    /// Returns whether the stream belongs to this crate, so that it may be polled under the connection's lock.
    pub(super) fn is_own(&self) -> bool {
        self.origin != StreamOrigin::User
    }

    /// Returns whether the receiver may read from the stream, whose waker then leads to the receiver's.
    pub(super) fn may_wake_receiver(&self) -> bool {
        self.origin == StreamOrigin::Crate
    }

    /// Returns whether the stream accepts nothing more for now.
    pub(super) const fn is_blocked(&self) -> bool {
        self.is_blocked
    }

    /// Returns whether both directions are open and everything that was written has left.
    pub(super) const fn is_quiet(&self) -> bool {
        !self.needs_flush && !self.is_blocked && !self.write_closed && !self.read_closed
    }

    /// Returns whether anything can be read.
    pub(super) const fn is_readable(&self) -> bool {
        !self.read_closed
    }

    /// Returns whether anything can be written.
    pub(super) const fn is_writable(&self) -> bool {
        !self.write_closed
    }

    /// Moves bytes in both directions, until the stream returns `Pending`; returns whether any were moved. The stream calls the
    /// waker of `reading`, which is `None` if nothing is to be read, when it has bytes.
    pub(super) fn exchange(
        &mut self,
        context: &mut Context<'_>,
        access: &mut impl IoAccess,
        reading: Option<&mut Context<'_>>,
        now: Duration,
    ) -> bool {
        let written = !self.write_closed && self.write(context, access, usize::MAX, now);
        reading.is_some_and(|reading| !self.read_closed && self.read(reading, access)) || written
    }

    /// Writes the pending bytes, and stops after the write that reaches `limit`; returns whether any were written.
    fn write<A: IoAccess>(&mut self, context: &mut Context<'_>, access: &mut A, limit: usize, now: Duration) -> bool {
        let (mut progress, mut is_drained, mut total) = (false, false, 0);
        self.is_blocked = false;
        for _ in 0..MAX_WRITES {
            let Some(written) = access.poll_write(&mut self.stream, context) else {
                is_drained = true;
                break;
            };
            match written {
                Poll::Pending => {
                    self.is_blocked = true;
                    return progress;
                }
                Poll::Ready(Ok(count @ 1..)) => {
                    total += count;
                    access.with(|state| state.advance_written(count, now));
                }
                Poll::Ready(Ok(0)) => return self.fail_writing(access, None),
                Poll::Ready(Err(error)) => return self.fail_writing(access, Some(error)),
            }
            self.needs_flush = true;
            progress = true;
            if total >= limit {
                break;
            }
            access.between_writes();
        }
        // A stream of HTTP/2 is flushed by itself, so that a flush only waits for that.
        if self.needs_flush && (self.origin != StreamOrigin::Http2 || access.with(|state| state.awaits_flush())) {
            match Pin::new(&mut self.stream).poll_flush(context) {
                Poll::Pending => {
                    access.with(|state| state.set_unflushed(true, now));
                    return progress;
                }
                Poll::Ready(Ok(())) => {
                    self.needs_flush = false;
                    progress |= access.with(|state| state.set_unflushed(false, now));
                }
                Poll::Ready(Err(error)) => return self.fail_writing(access, Some(error)),
            }
        }
        if is_drained && access.with(|state| state.wants_shutdown()) {
            // The outcome does not matter, because nothing follows.
            self.write_closed = Pin::new(&mut self.stream).poll_shutdown(context).is_ready();
        }
        progress
    }

    /// Writes pending bytes on the sender's thread, about `limit` at most; returns whether nothing is left for the driver.
    ///
    /// If the stream accepts less, it wakes the driver by `context` when it accepts more.
    pub(super) fn write_from_sender(
        &mut self,
        context: &mut Context<'_>,
        access: &mut impl IoAccess,
        limit: usize,
        now: Duration,
    ) -> bool {
        // The sender's task may have used up its budget of tokio's cooperative scheduling. The stream would accept nothing
        // then, and wake the driver only after that task yields.
        let writing = unconstrained(poll_fn(|context| {
            self.write(context, access, limit, now);
            Poll::Ready(())
        }));
        let _ = pin!(writing).poll(context);
        !self.write_closed && (self.is_blocked || access.with(|state| !state.has_pending_bytes()))
    }

    /// Closes our direction after a failed write. Bytes that the peer has sent before may still be read.
    fn fail_writing(&mut self, access: &mut impl IoAccess, error: Option<io::Error>) -> bool {
        self.write_closed = true;
        let unused = access.with(|state| state.on_write_failed(error));
        // Drop outside the lock: an error of the user's stream may own anything.
        drop(unused);
        true
    }

    /// Reads once; returns whether there was anything, or the input has ended.
    pub(super) fn read(&mut self, context: &mut Context<'_>, access: &mut impl IoAccess) -> bool {
        let Poll::Ready(read) = access.poll_read(&mut self.stream, context) else {
            // A task that has used up its budget is told to wait, too.
            self.read_closed = has_budget_remaining() && access.with(IoState::end_discarded_input);
            return self.read_closed;
        };
        if matches!(read, Ok(1..)) {
            access.with(IoState::on_read);
            return true;
        }
        self.read_closed = true;
        let unused = access.with(|state| state.on_eof(read.err()));
        // Drop outside the lock: an error of the user's stream may own anything.
        drop(unused);
        true
    }

    /// Shuts the stream down without waiting, so that TLS can send its farewell.
    pub(super) fn shut_down(&mut self, context: &mut Context<'_>) {
        let _ = Pin::new(&mut self.stream).poll_shutdown(context);
    }
}

/// Prepares the pending bytes in pieces, and lets other threads have the connection between two of them.
///
/// Payloads that were masked are dropped before their bytes are written, so that one that panics is not counted as sent. The
/// connection is unlocked meanwhile, and more may be queued. So this ends only once nothing was left to do under one lock.
fn prepare<L: StateLock>(guard: &mut L::Guard<'_>) {
    while guard.prepare_bytes() | L::drop_released_payloads(guard) {
        L::yield_to_waiters(guard);
    }
}

/// Access for a stream of this crate, under the connection's lock.
pub(super) struct Locked<'a, 'b, L: StateLock + 'b>(pub(super) &'a mut L::Guard<'b>);

impl<L: StateLock> IoAccess for Locked<'_, '_, L> {
    type State = L::State;

    #[inline]
    fn with<R>(&mut self, act: impl FnOnce(&mut L::State) -> R) -> R {
        act(self.0)
    }

    #[inline]
    fn poll_write(
        &mut self,
        stream: &mut Box<dyn IoStream>,
        context: &mut Context<'_>,
    ) -> Option<Poll<io::Result<usize>>> {
        prepare::<L>(self.0);
        let bytes = self.0.pending_bytes();
        if bytes.is_empty() { None } else { Some(Pin::new(stream).poll_write(context, bytes)) }
    }

    #[inline]
    fn poll_read(&mut self, stream: &mut Box<dyn IoStream>, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut buffer = self.0.read_buffer();
        // The future keeps nothing between polls, so that it may be dropped.
        pin!(stream.read_buf(&mut buffer)).poll(context)
    }

    fn between_writes(&mut self) {
        L::yield_to_waiters(self.0);
    }
}

/// Access for a stream of the user's, which is polled while the connection is not locked.
pub(super) struct Unlocked<'a, L>(pub(super) &'a L);

/// The bytes that are copied at a time. Arbitrary: the size of a TLS record.
const COPY_SIZE: usize = 16 << 10;

impl<L: StateLock> IoAccess for Unlocked<'_, L> {
    type State = L::State;

    fn with<R>(&mut self, act: impl FnOnce(&mut L::State) -> R) -> R {
        act(&mut self.0.lock())
    }

    fn poll_write(
        &mut self,
        stream: &mut Box<dyn IoStream>,
        context: &mut Context<'_>,
    ) -> Option<Poll<io::Result<usize>>> {
        let mut memory = [const { MaybeUninit::uninit() }; COPY_SIZE];
        let mut copy = ReadBuf::uninit(&mut memory);
        {
            let mut state = self.0.lock();
            prepare::<L>(&mut state);
            let bytes = state.pending_bytes();
            copy.put_slice(&bytes[..bytes.len().min(COPY_SIZE)]);
        }
        let copy = copy.filled();
        if copy.is_empty() {
            return None;
        }
        // Messages sent meanwhile are queued behind the copied bytes, so that these are still the first pending ones.
        let written = Pin::new(stream).poll_write(context, copy);
        Some(written.map_ok(|count| count.min(copy.len())))
    }

    fn poll_read(&mut self, stream: &mut Box<dyn IoStream>, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut memory = [const { MaybeUninit::uninit() }; COPY_SIZE];
        let mut buffer = ReadBuf::uninit(&mut memory);
        let read = Pin::new(stream).poll_read(context, &mut buffer);
        let bytes = buffer.filled();
        if let Poll::Ready(Ok(())) = read {
            self.with(|state| state.receive(bytes));
        }
        read.map_ok(|()| bytes.len())
    }

    /// The connection is unlocked between two writes in any case.
    fn between_writes(&mut self) {}
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell, RefMut};

    use super::*;

    /// A connection with a message that is prepared in pieces.
    #[derive(Default)]
    struct Pieces {
        unprepared: usize,
        ready: Vec<u8>,
        /// The pieces that another thread queues while a payload is dropped.
        queued_on_drop: usize,
    }

    const PIECE: usize = 64 << 10;

    impl IoState for Pieces {
        fn prepare_bytes(&mut self) -> bool {
            if self.unprepared > 0 {
                self.unprepared -= 1;
                self.ready.resize(self.ready.len() + PIECE, 7);
            }
            self.unprepared > 0
        }

        fn pending_bytes(&mut self) -> &[u8] {
            assert_eq!(self.unprepared, 0, "a piece would be prepared under one lock with the write");
            &self.ready
        }

        fn has_pending_bytes(&self) -> bool {
            self.unprepared > 0 || !self.ready.is_empty()
        }

        fn advance_written(&mut self, count: usize, _: Duration) {
            self.ready.drain(..count);
        }

        fn set_unflushed(&mut self, _: bool, _: Duration) -> bool {
            false
        }

        fn awaits_flush(&self) -> bool {
            false
        }

        fn wants_shutdown(&self) -> bool {
            false
        }

        fn on_write_failed(&mut self, _: Option<io::Error>) -> Option<Failure> {
            panic!("the stream accepts bytes")
        }

        fn read_buffer(&mut self) -> Limit<&mut Vec<u8>> {
            panic!("nothing is read")
        }

        fn receive(&mut self, _: &[u8]) {}

        fn on_read(&mut self) {}

        fn on_eof(&mut self, _: Option<io::Error>) -> Option<Failure> {
            None
        }

        fn end_discarded_input(&mut self) -> bool {
            false
        }
    }

    thread_local! {
        static YIELDS: Cell<usize> = const { Cell::new(0) };
    }

    struct CountingLock(RefCell<Pieces>);

    impl StateLock for CountingLock {
        type State = Pieces;
        type Guard<'a> = RefMut<'a, Pieces>;

        fn lock(&self) -> RefMut<'_, Pieces> {
            self.0.borrow_mut()
        }

        fn yield_to_waiters(_: &mut RefMut<'_, Pieces>) {
            YIELDS.set(YIELDS.get() + 1);
        }

        fn drop_released_payloads(guard: &mut RefMut<'_, Pieces>) -> bool {
            let has_released = guard.unprepared == 0 && guard.queued_on_drop > 0;
            if has_released {
                guard.unprepared = std::mem::take(&mut guard.queued_on_drop);
            }
            has_released
        }
    }

    /// A stream that accepts a quarter of a mebibyte at a time.
    struct Narrow;

    impl AsyncRead for Narrow {
        fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }
    }

    impl AsyncWrite for Narrow {
        fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
            Poll::Ready(Ok(bytes.len().min(256 << 10)))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[test]
    fn lock_is_released_after_each_piece_and_each_write() {
        let mut context = Context::from_waker(std::task::Waker::noop());
        for is_locked in [true, false] {
            YIELDS.set(0);
            let lock = CountingLock(RefCell::new(Pieces { unprepared: 12, ready: Vec::new(), queued_on_drop: 4 }));
            let mut stream = StreamIo::new(Box::new(Narrow), StreamOrigin::Crate);
            let progress = if is_locked {
                stream.exchange(&mut context, &mut Locked::<CountingLock>(&mut lock.lock()), None, Duration::ZERO)
            } else {
                stream.exchange(&mut context, &mut Unlocked(&lock), None, Duration::ZERO)
            };
            assert!(progress && lock.lock().ready.is_empty());
            // Each of the two groups of pieces has a gap less than it has pieces, and the drop between them unlocks as well. A
            // stream of the user's is written to while nothing is locked.
            let writes = if is_locked { 4 } else { 0 };
            assert_eq!(YIELDS.get(), 11 + 1 + 3 + writes);
        }
    }
}
