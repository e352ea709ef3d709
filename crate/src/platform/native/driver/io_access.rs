//! How a line gets at the channel of its socket: one of ours while it is locked, one of a user's while it is not.

use std::io;
use std::mem::MaybeUninit;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

use crate::platform::native::driver::shared::Channel;
use crate::platform::native::options::Stream;
use crate::sync::Lock;

/// The channel of a socket, for whoever polls its stream.
pub(in crate::platform::native) trait Reach {
    /// How often the stream is written to before it is read from again, at most.
    const WRITES: usize;

    /// Does something to the channel, while it is locked.
    fn with<R>(&mut self, act: impl FnOnce(&mut Channel) -> R) -> R;

    /// Has the stream take of the bytes that wait; none, if none do.
    fn poll_write(
        &mut self,
        stream: &mut Box<dyn Stream>,
        context: &mut Context<'_>,
    ) -> Option<Poll<io::Result<usize>>>;

    /// Has the stream give bytes, and the channel take them; how many.
    fn poll_read(&mut self, stream: &mut Box<dyn Stream>, context: &mut Context<'_>) -> Poll<io::Result<usize>>;
}

/// For a stream of ours: nothing of a user's runs while it is polled, so that it may be given what the channel holds.
impl Reach for Channel {
    /// Nothing more is sent meanwhile.
    const WRITES: usize = usize::MAX;

    #[inline]
    fn with<R>(&mut self, act: impl FnOnce(&mut Channel) -> R) -> R {
        act(self)
    }

    #[inline]
    fn poll_write(
        &mut self,
        stream: &mut Box<dyn Stream>,
        context: &mut Context<'_>,
    ) -> Option<Poll<io::Result<usize>>> {
        loop {
            let bytes = self.wire.pending_bytes();
            if !bytes.is_empty() {
                return Some(Pin::new(stream).poll_write(context, bytes));
            }
            if !self.wire.has_more_bytes() {
                return None;
            }
        }
    }

    #[inline]
    fn poll_read(&mut self, stream: &mut Box<dyn Stream>, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut buffer = self.wire.read_buffer();
        // It keeps nothing between polls, so one may be dropped.
        pin!(stream.read_buf(&mut buffer)).poll(context)
    }
}

/// For a stream of a user's, which may do anything, use its own socket for example: bytes are copied out of the channel and
/// into it, and it is not locked meanwhile.
pub(in crate::platform::native) struct Apart<'a>(pub(super) &'a Lock<Channel>);

/// How many bytes are copied at a time.
const PIECE: usize = 16 << 10;

impl Reach for Apart<'_> {
    /// Whoever goes on sending does not keep the peer from being heard.
    const WRITES: usize = 64;

    fn with<R>(&mut self, act: impl FnOnce(&mut Channel) -> R) -> R {
        act(&mut self.0.lock())
    }

    fn poll_write(
        &mut self,
        stream: &mut Box<dyn Stream>,
        context: &mut Context<'_>,
    ) -> Option<Poll<io::Result<usize>>> {
        let mut memory = [const { MaybeUninit::uninit() }; PIECE];
        let mut piece = ReadBuf::uninit(&mut memory);
        loop {
            let mut channel = self.0.lock();
            let bytes = channel.wire.pending_bytes();
            piece.put_slice(&bytes[..bytes.len().min(PIECE)]);
            if !piece.filled().is_empty() || !channel.wire.has_more_bytes() {
                break;
            }
        }
        let piece = piece.filled();
        if piece.is_empty() {
            return None;
        }
        // What is sent meanwhile comes behind it, so that it is still what waits first.
        let written = Pin::new(stream).poll_write(context, piece);
        Some(written.map_ok(|count| count.min(piece.len())))
    }

    fn poll_read(&mut self, stream: &mut Box<dyn Stream>, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut memory = [const { MaybeUninit::uninit() }; PIECE];
        let mut buffer = ReadBuf::uninit(&mut memory);
        let read = Pin::new(stream).poll_read(context, &mut buffer);
        let bytes = buffer.filled();
        if let Poll::Ready(Ok(())) = read {
            self.with(|channel| channel.wire.receive(bytes));
        }
        read.map_ok(|()| bytes.len())
    }
}
